//! What was told lately, so that nothing is told twice and nothing old after something new.
//!
//! It remembers a bounded number of keys. Of a key that it has forgotten it can say one thing only:
//! whether a change is so old that it may have been told ([`Told::is_late`]). Changes of one partition
//! come in about the order of their versions, because its owners have seen each other's, so that this
//! befalls what comes very late and nothing else.

use super::change::Rank;
use crate::causality::Hlc;
use crate::id::PartitionId;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Range;

/// Keys by the change that was told of them last.
#[derive(Debug)]
pub struct Told<K> {
    keys: BTreeMap<K, Telling>,
    /// The same keys in the order in which that was.
    order: BTreeMap<u64, (K, PartitionId)>,
    newest: u64,
    /// The highest number that was forgotten.
    forgotten: u64,
    /// The highest version that was forgotten of each partition.
    floors: BTreeMap<PartitionId, Hlc>,
    keys_max: usize,
}

/// What was told of a key last.
#[derive(Clone, Debug)]
pub struct Telling {
    /// Which change.
    pub rank: Rank,
    /// Counts up with all that is told.
    pub number: u64,
    /// The streams that have brought it so far.
    pub streams: Vec<u32>,
}

impl<K: Ord + Clone> Told<K> {
    /// Remembers `keys_max` keys.
    #[must_use]
    pub const fn new(keys_max: usize) -> Self {
        Self {
            keys: BTreeMap::new(),
            order: BTreeMap::new(),
            newest: 0,
            forgotten: 0,
            floors: BTreeMap::new(),
            keys_max,
        }
    }

    /// What was told of `key` last, if it is remembered.
    #[must_use]
    pub fn last(&self, key: &K) -> Option<&Telling> {
        self.keys.get(key)
    }

    /// Whether a key of `partition` that is not remembered may have been told in `version`.
    #[must_use]
    pub fn is_late(&self, partition: PartitionId, version: Hlc) -> bool {
        let floor = self.floors.get(&partition);
        floor.is_some_and(|floor| version <= *floor)
    }

    /// The number of what was told last.
    #[must_use]
    pub const fn newest(&self) -> u64 {
        self.newest
    }

    /// The highest number that is not remembered any more.
    #[must_use]
    pub const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// `key` of `partition` is told in `rank`, as `stream` brings it.
    pub fn tell(&mut self, key: K, partition: PartitionId, rank: Rank, stream: u32) {
        self.newest += 1;
        let telling = Telling {
            rank,
            number: self.newest,
            streams: Vec::from([stream]),
        };
        if let Some(before) = self.keys.insert(key.clone(), telling) {
            self.order.remove(&before.number);
        }
        self.order.insert(self.newest, (key, partition));
        while self.keys.len() > self.keys_max
            && let Some((number, (oldest, partition))) = self.order.pop_first()
        {
            self.forgotten = number;
            if let Some(gone) = self.keys.remove(&oldest) {
                let floor = self.floors.entry(partition).or_default();
                *floor = gone.rank.version.max(*floor);
            }
        }
    }

    /// `stream` brings what was told of `key` last.
    pub fn brings(&mut self, key: &K, stream: u32) {
        if let Some(telling) = self.keys.get_mut(key)
            && !telling.streams.contains(&stream)
        {
            telling.streams.push(stream);
        }
    }

    /// Forgets the keys of a range: nobody is told of them any more.
    pub fn forget(&mut self, range: Range<K>) {
        let gone: Vec<K> = self.keys.range(range).map(|(key, _)| key.clone()).collect();
        for key in gone {
            if let Some(telling) = self.keys.remove(&key) {
                self.order.remove(&telling.number);
            }
        }
    }

    /// Keys remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether none are remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::causality::Dot;
    use crate::id::ActorId;

    fn rank(version: u64) -> Rank {
        let (actor, counter) = (ActorId(1), 1);
        let version = Hlc::from_u64(version);
        let dot = Dot { actor, counter };
        Rank { version, dot }
    }

    #[test]
    fn what_is_forgotten_is_late_in_its_partition_and_nothing_else_is() {
        let mut told = Told::new(2);
        for (key, partition, version) in [(1, 0, 10), (2, 1, 20), (1, 0, 30), (3, 0, 40)] {
            told.tell(key, PartitionId(partition), rank(version), 0);
        }
        assert!(told.last(&2).is_none(), "it was told longest ago");
        assert_eq!(told.last(&1).map(|it| it.rank), Some(rank(30)));
        assert_eq!((told.newest(), told.forgotten()), (4, 2));
        let is_late =
            |partition, version| told.is_late(PartitionId(partition), Hlc::from_u64(version));
        assert!(is_late(1, 20) && is_late(1, 3));
        assert!(!is_late(1, 21) && !is_late(0, 1));
    }
}
