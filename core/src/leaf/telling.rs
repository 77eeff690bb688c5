//! What becomes of keys that are subscribed to is told: each time that a reader would see another value.

use super::reading::{of_copy, of_waiting};
use super::record::{self, Copy};
use super::{Answer, Leaf, LeafOutput, Source, Waiter};
use crate::causality::Value;
use crate::storage::Newest;
use crate::storage::table::reader::Wanted;
use alloc::vec::Vec;

impl Leaf {
    /// `key` may show another value than before.
    pub(super) fn tell(&mut self, key: &[u8]) {
        self.tell_if(key, |_| true);
    }

    /// `key` may show another value than this one.
    pub(super) fn tell_unless(&mut self, key: &[u8], value: &Option<Value>) {
        self.tell_if(key, |answer| answer.value != *value);
    }

    fn tell_if(&mut self, key: &[u8], is_news: impl FnOnce(&Answer) -> bool) {
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
        if is_news(&answer) {
            let key = key.to_vec();
            self.outputs.push_back(LeafOutput::Changed { key, answer });
        }
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
