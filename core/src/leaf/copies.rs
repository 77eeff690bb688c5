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
    next_use: u64,
    max: usize,
}

impl Copies {
    /// None yet, and `max` at most.
    pub(super) const fn new(max: usize) -> Self {
        Self {
            by_use: Map::new(),
            uses: Set::new(),
            next_use: 0,
            max,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_use.len()
    }

    pub(super) fn contains(&self, key: &StoredKey) -> bool {
        self.last_use(key).is_some()
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
        let hash = hash64(key.as_bytes());
        self.next_use += 1;
        self.by_use.insert(self.next_use, key.clone());
        self.uses.insert((hash, self.next_use));
        if self.by_use.len() <= self.max {
            return None;
        }
        let (last_use, oldest) = self.by_use.pop_first()?;
        self.uses.remove((hash64(oldest.as_bytes()), last_use));
        Some(oldest)
    }

    fn last_use(&self, key: &StoredKey) -> Option<u64> {
        let hash = hash64(key.as_bytes());
        let same_hash = self.uses.range((hash, 0)..=(hash, u64::MAX));
        let mut uses = same_hash.map(|(_, last_use)| last_use);
        uses.find(|it| self.by_use.get(*it) == Some(key))
    }
}
