//! Which keys there are copies of, by when they were used last.

use crate::hash::hash64;
use crate::sorted::{Map, Set};
use crate::storage::StoredKey;

/// The keys with copies.
#[derive(Debug)]
pub(super) struct Copies {
    by_use: Map<u64, StoredKey>,
    /// The hash of each key, and its last use.
    uses: Set<(u64, u64)>,
    /// The newest use in this run, and the oldest one in earlier runs, whose order is not known.
    newest: u64,
    oldest: u64,
    /// Those of earlier runs are among them.
    is_complete: bool,
    max: usize,
}

impl Copies {
    /// None yet, and `max` at most.
    pub(super) const fn new(max: usize) -> Self {
        Self {
            by_use: Map::new(),
            uses: Set::new(),
            newest: FIRST_USE,
            oldest: FIRST_USE,
            is_complete: false,
            max,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_use.len()
    }

    pub(super) fn contains(&self, key: &StoredKey) -> bool {
        self.last_use(key).is_some()
    }

    /// Whether there may be a copy of `key`.
    pub(super) fn may_contain(&self, key: &StoredKey) -> bool {
        !self.is_complete || self.contains(key)
    }

    /// There is a copy of `key`, which an earlier run has left. False if it has to be dropped, because
    /// there are too many.
    pub(super) fn note(&mut self, key: &StoredKey) -> bool {
        if self.contains(key) {
            return true;
        }
        if self.by_use.len() >= self.max {
            return false;
        }
        self.oldest -= 1;
        self.insert(key, self.oldest);
        true
    }

    /// All that earlier runs have left were noted.
    pub(super) fn all_are_noted(&mut self) {
        self.is_complete = true;
    }

    /// The copy of `key` is gone, or is kept for another reason than its use.
    pub(super) fn remove(&mut self, key: &StoredKey) {
        if let Some(before) = self.last_use(key) {
            self.by_use.remove(before);
            self.uses.remove((hash64(key.as_bytes()), before));
        }
    }

    /// The copy of `key` is used. Returns the one to drop for it, if there are too many.
    pub(super) fn touch(&mut self, key: &StoredKey) -> Option<StoredKey> {
        self.remove(key);
        self.newest += 1;
        self.insert(key, self.newest);
        if self.by_use.len() <= self.max {
            return None;
        }
        let (last_use, oldest) = self.by_use.pop_first()?;
        self.uses.remove((hash64(oldest.as_bytes()), last_use));
        Some(oldest)
    }

    fn insert(&mut self, key: &StoredKey, last_use: u64) {
        self.by_use.insert(last_use, key.clone());
        self.uses.insert((hash64(key.as_bytes()), last_use));
    }

    fn last_use(&self, key: &StoredKey) -> Option<u64> {
        let hash = hash64(key.as_bytes());
        let same_hash = self.uses.range((hash, 0)..=(hash, u64::MAX));
        let mut uses = same_hash.map(|(_, last_use)| last_use);
        uses.find(|it| self.by_use.get(*it) == Some(key))
    }
}

/// Half of what there is to count with is for earlier runs.
const FIRST_USE: u64 = u64::MAX / 2;
