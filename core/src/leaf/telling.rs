//! What becomes of keys that are subscribed to is told: each time that a reader would see another value.

use super::reading::{of_copy, of_waiting};
use super::record::{self, Copy};
use super::{Answer, Leaf, LeafOutput, Source, Waiter};
use crate::storage::Newest;
use alloc::vec::Vec;

impl Leaf {
    /// `key` may show another value than before.
    pub(super) fn tell(&mut self, key: &[u8]) {
        if !self.is_heard(key) {
            return;
        }
        let answer = match self.outbox.newest(key) {
            Some(waiting) => of_waiting(waiting, self.now.as_millis()),
            None => match self.store.newest(&record::copy_key(key)) {
                Newest::State(bytes) => record::decode::<Copy>(bytes).map_or_else(gone, |copy| {
                    of_copy(copy, Source::Copy, self.now.as_millis())
                }),
                Newest::Unloaded(wanted) => {
                    self.untold.push(key.to_vec());
                    return self.load(wanted, Waiter::Telling);
                }
                Newest::Absent | Newest::Damaged(_) => gone(),
            },
        };
        self.outputs.push_back(LeafOutput::Changed {
            key: key.to_vec(),
            answer,
            is_expiry: false,
        });
    }

    /// Tells what had to wait for a block.
    pub(super) fn tell_untold(&mut self) {
        let untold: Vec<Vec<u8>> = core::mem::take(&mut self.untold);
        for key in untold {
            self.tell(&key);
        }
    }
}

/// There is no value.
pub(super) const fn gone() -> Answer {
    Answer {
        source: Source::Copy,
        value: None,
        version: None,
        expires_at_ms: None,
        siblings: Vec::new(),
        context: Vec::new(),
    }
}
