//! The tables in their levels.
//!
//! Level 0 has tables as they were flushed: their ranges overlap, and of a key the one with the
//! highest number has the newest state. In each level below, ranges do not overlap, and a key's
//! state is older than in any level above.

use super::format::Table;
use crate::limits::LEVELS;
use crate::sorted::Set;
use crate::storage::key::compare;
use alloc::vec::Vec;
use core::cmp::Ordering;
use serde::{Deserialize, Serialize};

/// The tables of a storage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Levels(
    /// Level 0 from the newest to the oldest table, the others in key order.
    [Vec<Table>; LEVELS],
);

/// What a flush, a compaction or an ingestion does to the levels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Tables that go, by number.
    pub remove: Set<u64>,
    /// Tables that come, all into this level.
    pub add: Vec<Table>,
    /// Which one.
    pub level: usize,
}

impl Levels {
    /// The tables of `level`.
    #[must_use]
    pub fn level(&self, level: usize) -> &[Table] {
        &self.0[level]
    }

    /// All levels, from the newest to the oldest.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (usize, &[Table])> {
        self.0.iter().map(|level| &**level).enumerate()
    }

    /// All tables.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.0.iter().flatten()
    }

    /// Length of the tables of `level`, in bytes.
    #[must_use]
    pub fn bytes(&self, level: usize) -> u64 {
        self.0[level].iter().map(|table| table.length).sum()
    }

    /// Applies `change`.
    pub fn apply(&mut self, change: Change) {
        for level in &mut self.0 {
            level.retain(|table| !change.remove.contains(table.number));
        }
        let level = &mut self.0[change.level];
        for table in change.add {
            let is_before = |other: &Table| match change.level {
                0 => other.number > table.number,
                _ => compare(&other.properties.first, &table.properties.first).is_lt(),
            };
            level.insert(level.partition_point(is_before), table);
        }
    }

    /// Whether ranges are as they must be: in order, and below level 0 without overlaps.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let is_range = |table: &Table| {
            let properties = &table.properties;
            properties.entries > 0
                && compare(&properties.first, &properties.last) != Ordering::Greater
        };
        let is_apart = |pair: &[Table]| {
            compare(&pair[0].properties.last, &pair[1].properties.first) == Ordering::Less
        };
        let mut numbers = Set::new();
        self.tables()
            .all(|table| is_range(table) && numbers.insert(table.number))
            && self.0[0].is_sorted_by(|a, b| a.number > b.number)
            && self.0[1..]
                .iter()
                .all(|level| level.windows(2).all(is_apart))
    }

    /// The tables of `level` that may hold keys from `first` to `last`.
    #[must_use]
    pub fn overlapping(&self, level: usize, first: &[u8], last: &[u8]) -> &[Table] {
        debug_assert!(level > 0, "level 0 is in no key order");
        let tables = &self.0[level];
        let begin = tables
            .partition_point(|table| compare(&table.properties.last, first) == Ordering::Less);
        let length = tables[begin..]
            .partition_point(|table| compare(&table.properties.first, last) != Ordering::Greater);
        &tables[begin..begin + length]
    }

    /// The tables that may hold `key`, from the newest state to the oldest.
    pub fn holding(&self, key: &[u8]) -> impl Iterator<Item = &Table> {
        let newest = self.0[0].iter().filter(move |table| {
            compare(&table.properties.first, key) != Ordering::Greater
                && compare(key, &table.properties.last) != Ordering::Greater
        });
        let below = (1..LEVELS).filter_map(move |level| self.overlapping(level, key, key).first());
        newest.chain(below)
    }

    /// Whether a level below `level` may hold keys from `first` to `last`.
    #[must_use]
    pub fn is_covered_below(&self, level: usize, first: &[u8], last: &[u8]) -> bool {
        (level + 1..LEVELS).any(|below| !self.overlapping(below, first, last).is_empty())
    }
}
