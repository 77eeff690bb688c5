//! Which keys there are copies of, by when they were used last.

use crate::storage::StoredKey;
use alloc::collections::BTreeMap;

/// The keys with copies.
#[derive(Debug)]
pub(super) struct Copies {
    uses: BTreeMap<StoredKey, u64>,
    by_use: BTreeMap<u64, StoredKey>,
    next_use: u64,
    max: usize,
}

impl Copies {
    /// None yet, and `max` at most.
    pub(super) const fn new(max: usize) -> Self {
        Self {
            uses: BTreeMap::new(),
            by_use: BTreeMap::new(),
            next_use: 0,
            max,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.uses.len()
    }

    pub(super) fn contains(&self, key: &StoredKey) -> bool {
        self.uses.contains_key(key)
    }

    /// The copy of `key` is used. Returns the one to drop for it, if there are too many.
    pub(super) fn touch(&mut self, key: &StoredKey) -> Option<StoredKey> {
        self.next_use += 1;
        self.by_use.insert(self.next_use, key.clone());
        if let Some(before) = self.uses.insert(key.clone(), self.next_use) {
            self.by_use.remove(&before);
        }
        if self.uses.len() <= self.max {
            return None;
        }
        let (_, oldest) = self.by_use.pop_first()?;
        self.uses.remove(&oldest);
        Some(oldest)
    }
}
