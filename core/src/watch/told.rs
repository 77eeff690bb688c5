//! What was told lately, so that nothing is told twice and nothing old after something new.
//!
//! It remembers a bounded number of keys. Of a key that it has forgotten it can say one thing only:
//! whether a change is so old that it may have been told ([`Told::is_late`]). Changes of one partition
//! come in about the order of their versions, because its owners have seen each other's, so that this
//! befalls what comes very late and nothing else.

use super::change::Rank;
use crate::causality::Hlc;
use crate::hash::hash64;
use crate::id::PartitionId;
use crate::sorted::Map;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// Keys by the change that was told of them last.
#[derive(Debug)]
pub struct Told {
    /// By whom it was told, and the hash of the key: of two keys with one hash the one is remembered that
    /// was told last.
    keys: Map<(u64, u64), Entry>,
    /// The same in the order in which that was.
    order: Map<u64, (u64, u64)>,
    newest: u64,
    /// The highest number that was forgotten.
    forgotten: u64,
    /// The highest version that was forgotten of each partition.
    floors: Map<PartitionId, Hlc>,
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

#[derive(Debug)]
struct Entry {
    key: Box<[u8]>,
    partition: PartitionId,
    telling: Telling,
}

impl Told {
    /// Remembers `keys_max` keys.
    #[must_use]
    pub const fn new(keys_max: usize) -> Self {
        Self {
            keys: Map::new(),
            order: Map::new(),
            newest: 0,
            forgotten: 0,
            floors: Map::new(),
            keys_max,
        }
    }

    /// What `whom` was told of `key` last, if it is remembered.
    #[must_use]
    pub fn last(&self, whom: u64, key: &[u8]) -> Option<&Telling> {
        let entry = self.keys.get((whom, hash64(key)))?;
        (*entry.key == *key).then_some(&entry.telling)
    }

    /// Whether a key of `partition` that is not remembered may have been told in `version`.
    #[must_use]
    pub fn is_late(&self, partition: PartitionId, version: Hlc) -> bool {
        let floor = self.floors.get(partition);
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

    /// `whom` is told of `key` of `partition` in `rank`, as `stream` brings it.
    pub fn tell(&mut self, whom: u64, key: &[u8], partition: PartitionId, rank: Rank, stream: u32) {
        self.newest += 1;
        let name = (whom, hash64(key));
        let entry = Entry {
            key: key.into(),
            partition,
            telling: Telling {
                rank,
                number: self.newest,
                streams: Vec::from([stream]),
            },
        };
        if let Some(before) = self.keys.insert(name, entry) {
            self.order.remove(before.telling.number);
            if *before.key != *key {
                self.forgot(&before);
            }
        }
        self.order.insert(self.newest, name);
        while self.keys.len() > self.keys_max
            && let Some((_, oldest)) = self.order.pop_first()
        {
            if let Some(gone) = self.keys.remove(oldest) {
                self.forgot(&gone);
            }
        }
    }

    /// `stream` brings what `whom` was told of `key` last.
    pub fn brings(&mut self, whom: u64, key: &[u8], stream: u32) {
        if let Some(entry) = self.keys.get_mut((whom, hash64(key)))
            && *entry.key == *key
            && !entry.telling.streams.contains(&stream)
        {
            entry.telling.streams.push(stream);
        }
    }

    /// Forgets `whom`, who is told nothing any more.
    pub fn forget(&mut self, whom: u64) {
        let all = self.keys.range((whom, 0)..=(whom, u64::MAX));
        for name in all.collect::<Vec<_>>() {
            if let Some(entry) = self.keys.remove(name) {
                self.order.remove(entry.telling.number);
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

    /// What `gone` says is not known any more.
    fn forgot(&mut self, gone: &Entry) {
        self.forgotten = self.forgotten.max(gone.telling.number);
        let floor = self.floors.get_or_default(gone.partition);
        *floor = gone.telling.rank.version.max(*floor);
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
            told.tell(7, &[key], PartitionId(partition), rank(version), 0);
        }
        assert!(told.last(7, &[2]).is_none(), "it was told longest ago");
        assert_eq!(told.last(7, &[1]).map(|it| it.rank), Some(rank(30)));
        assert_eq!((told.newest(), told.forgotten()), (4, 2));
        let is_late =
            |partition, version| told.is_late(PartitionId(partition), Hlc::from_u64(version));
        assert!(is_late(1, 20) && is_late(1, 3));
        assert!(!is_late(1, 21) && !is_late(0, 1));
    }

    #[test]
    fn of_two_keys_with_one_hash_the_older_is_forgotten() {
        let mut told = Told::new(9);
        told.tell(7, b"a", PartitionId(0), rank(10), 0);
        told.tell(7, b"b", PartitionId(1), rank(20), 0);
        let name = (7, hash64(b"a"));
        let entry = told.keys.get_mut(name).expect("it was told");
        entry.key = b"c".as_slice().into();
        assert!(told.last(7, b"a").is_none(), "the hash is not the key");
        told.brings(7, b"a", 1);
        told.tell(7, b"a", PartitionId(0), rank(30), 0);
        assert_eq!(
            told.last(7, b"a").map(|it| it.streams.clone()),
            Some(Vec::from([0]))
        );
        assert!(told.is_late(PartitionId(0), Hlc::from_u64(10)));
        assert_eq!((told.len(), told.forgotten(), told.newest()), (2, 1, 3));
        told.forget(7);
        assert!(told.is_empty() && told.order.is_empty());
    }

    #[test]
    fn who_is_forgotten_leaves_the_others() {
        let mut told = Told::new(9);
        told.tell(7, b"a", PartitionId(0), rank(10), 0);
        told.tell(8, b"a", PartitionId(0), rank(20), 0);
        told.forget(7);
        assert!(told.last(7, b"a").is_none());
        assert_eq!(told.last(8, b"a").map(|it| it.rank), Some(rank(20)));
    }
}
