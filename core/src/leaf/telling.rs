//! What becomes of keys that are subscribed to is told: each time that a reader would see another value, and
//! when the ring has taken what was written here.

use super::reading::{of_copy, of_waiting};
use super::record::{self, Copy};
use super::{Answer, Leaf, LeafOutput, Source, Waiter};
use crate::storage::Newest;
use crate::storage::table::reader::Wanted;
use alloc::vec::Vec;

impl Leaf {
    /// `key` may show another value than before.
    pub(super) fn tell(&mut self, key: &[u8]) {
        if !self.is_heard(key) {
            return;
        }
        let answer = match self.shown(key) {
            Ok(answer) => answer,
            Err(wanted) => {
                self.untold.push(key.to_vec());
                return self.load(wanted, Waiter::Telling);
            }
        };
        let key = key.to_vec();
        self.outputs.push_back(LeafOutput::Changed { key, answer });
    }

    /// What a reader here sees of `key`, or the block that must be loaded first.
    fn shown(&self, key: &[u8]) -> Result<Answer, Wanted> {
        if let Some(waiting) = self.outbox.newest(key) {
            return Ok(of_waiting(waiting));
        }
        if let Some(over) = self.overlay.get(key) {
            return Ok(over.answer());
        }
        Ok(match self.store.newest(&record::copy_key(key)) {
            Newest::State(bytes) => record::decode::<Copy>(bytes).map_or_else(gone, |copy| {
                of_copy(copy, Source::Copy, self.now.as_millis())
            }),
            Newest::Unloaded(wanted) => return Err(wanted),
            Newest::Absent | Newest::Damaged(_) => gone(),
        })
    }

    /// The copy of `key` may show another value than before. A write that waits is shown until it is over.
    pub(super) fn tell_copy(&mut self, key: &[u8]) {
        if self.outbox.newest(key).is_none() && self.overlay.get(key).is_none() {
            self.tell(key);
        }
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
const fn gone() -> Answer {
    Answer {
        source: Source::Copy,
        value: None,
        version: None,
        siblings: Vec::new(),
        expires_at_ms: None,
        context: Vec::new(),
    }
}
