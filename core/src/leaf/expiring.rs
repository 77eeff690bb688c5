//! Values end when their time to live does: then they are stored as gone, and who subscribes to their keys
//! is told, once.
//!
//! Only the ends that come first are in memory. When those are through, the next ones are looked for in what
//! is stored.

use super::jobs::{Done, Job};
use super::reading::of_waiting;
use super::record::{self, Copy};
use super::telling::gone;
use super::{Leaf, LeafOutput, Waiter};
use crate::hash::hash64;
use crate::limits::EXPIRING_MAX;
use crate::selector::Span;
use crate::sorted::Map;
use crate::storage::Newest;
use crate::time::{Duration, Instant};
use alloc::vec::Vec;

/// The keys whose copies end next. One that has another value since is recognised when its time comes.
#[derive(Debug, Default)]
pub(super) struct Expiring {
    /// By when they end and the hashes of the keys.
    keys: Map<(u64, u64), Vec<u8>>,
    /// Those that end later are not all here: too many were known.
    complete_until_ms: Option<u64>,
    /// A job does what is due.
    is_busy: bool,
}

impl Expiring {
    /// The copy of `key` ends at `at_ms`.
    pub(super) fn add(&mut self, at_ms: u64, key: &[u8]) {
        if self.complete_until_ms.is_some_and(|until| at_ms > until) {
            return;
        }
        self.keys.insert((at_ms, hash64(key)), key.to_vec());
        if self.keys.len() <= EXPIRING_MAX {
            return;
        }
        let last = self.keys.keys().next_back();
        if let Some(last) = last {
            self.keys.remove(last);
            self.complete_until_ms = Some(last.0.saturating_sub(1));
        }
    }

    fn first(&self) -> Option<(u64, u64)> {
        self.keys.keys().next()
    }

    /// When something is to be done, in milliseconds since the Unix epoch.
    fn next_ms(&self) -> Option<u64> {
        let first = self.first().map(|(at_ms, _)| at_ms);
        first.into_iter().chain(self.next_search_ms()).min()
    }

    /// When those that are not here are looked for: as soon as there is room for many of them.
    fn next_search_ms(&self) -> Option<u64> {
        self.complete_until_ms
            .filter(|_| self.keys.len() <= EXPIRING_MAX / 2)
    }
}

impl Leaf {
    /// When the next value ends that is to be told of, or that waits.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        let waiting = self.outbox.next_expiry_ms();
        let next_ms = waiting.into_iter().chain(self.expiring.next_ms()).min();
        let at = next_ms.map(|at_ms| Instant::default() + Duration::from_millis(at_ms));
        at.filter(|_| !self.expiring.is_busy)
    }

    /// Ends what is due.
    pub(super) fn expire(&mut self) {
        if self.next_expiry().is_none_or(|at| at > self.now) {
            return;
        }
        let now_ms = self.now.as_millis();
        if self
            .expiring
            .next_search_ms()
            .is_some_and(|at_ms| at_ms <= now_ms)
        {
            self.expiring.complete_until_ms = None;
            self.begin_job(Job::note_expiring(Span::Prefix(Vec::new())));
        }
        self.expiring.is_busy = true;
        self.begin_job(Job::expire());
    }

    /// Ends one value after another that is due, as far as the storage takes it and blocks are in memory.
    pub(super) fn expire_some(&mut self) -> Done {
        let now_ms = self.now.as_millis();
        while let Some(write) = self.outbox.next_expired(now_ms) {
            if self.store.can_write().is_err() {
                return self.stall();
            }
            let Some(waiting) = self.outbox.expire(write) else {
                continue;
            };
            let (key, bytes) = (waiting.key.clone(), record::encode(waiting));
            self.put(record::outbox_key(write.0), &bytes, false);
            if self.outbox.newest_id_of(&key) == Some(write) {
                self.tell_expired(key);
            }
        }
        while let Some(due) = self.expiring.first().filter(|(at_ms, _)| *at_ms <= now_ms) {
            if self.store.can_write().is_err() {
                return self.stall();
            }
            let key = self.expiring.keys.get(due).cloned().unwrap_or_default();
            if let Newest::Unloaded(wanted) = self.store.newest(&record::copy_key(&key)) {
                self.load(wanted, Waiter::Job);
                return Done::Waits;
            }
            self.expiring.keys.remove(due);
            self.expire_copy(key);
        }
        self.expiring.is_busy = false;
        Done::All
    }

    /// Ends the copy of `key`, which is in memory, if its time is over and somebody is to be told.
    fn expire_copy(&mut self, key: Vec<u8>) {
        let stored = record::copy_key(&key);
        let Newest::State(bytes) = self.store.newest(&stored) else {
            return;
        };
        let Some(copy) = record::decode::<Copy>(bytes) else {
            return;
        };
        if !copy.is_over(self.now.as_millis()) || !self.is_heard(&key) {
            return;
        }
        // What it has seen stays: it keeps the value from being taken in again.
        let copy = Copy {
            found: None,
            context: copy.context,
        };
        self.store_copy(stored, &copy, false);
        if self.outbox.newest(&key).is_none() {
            self.tell_expired(key);
        }
    }

    /// The value of `key` has ended.
    pub(super) fn tell_expired(&mut self, key: Vec<u8>) {
        if !self.is_heard(&key) {
            return;
        }
        let now_ms = self.now.as_millis();
        let waiting = self.outbox.newest(&key);
        let answer = waiting.map_or_else(gone, |it| of_waiting(it, now_ms));
        self.outputs.push_back(LeafOutput::Changed {
            key,
            answer,
            is_expiry: true,
        });
    }

    /// Notes when the copy of `key` ends, if it does and somebody is to be told.
    pub(super) fn note_expiry(&mut self, key: &[u8], copy: &Copy) {
        if let Some(at_ms) = copy.expires_at_ms()
            && self.is_heard(key)
        {
            self.expiring.add(at_ms, key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_those_that_end_first_are_kept_and_the_others_are_looked_for_in_time() {
        let mut expiring = Expiring::default();
        let count = EXPIRING_MAX as u64 + 10;
        for at_ms in (1..=count).rev() {
            expiring.add(at_ms, &at_ms.to_be_bytes());
        }
        assert_eq!(expiring.keys.len(), EXPIRING_MAX);
        let all: Vec<u64> = expiring.keys.keys().map(|(at_ms, _)| at_ms).collect();
        assert!(all.iter().copied().eq(1..=EXPIRING_MAX as u64));
        assert_eq!(expiring.next_ms(), Some(1));
        assert_eq!(expiring.complete_until_ms, Some(EXPIRING_MAX as u64));
        // One behind the end of what is known is looked for later, one before it is known now.
        expiring.add(count, b"late");
        assert_eq!(expiring.keys.len(), EXPIRING_MAX);
        assert_eq!(expiring.next_search_ms(), None, "there is no room yet");
        while expiring.keys.len() > 1 {
            let first = expiring.keys.keys().next().unwrap();
            expiring.keys.remove(first);
        }
        assert_eq!(expiring.next_ms(), Some(EXPIRING_MAX as u64));
        let last = expiring.keys.keys().next().unwrap();
        expiring.keys.remove(last);
        assert_eq!(
            expiring.next_ms(),
            Some(EXPIRING_MAX as u64),
            "of the search"
        );
    }
}
