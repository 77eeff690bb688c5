//! The newest states, in key order.

use super::facts::Facts;
use super::key::{StoredKey, compare, head};
use super::store::BatchNumber;
use crate::id::PartitionId;
use crate::sorted::Map;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use core::borrow::Borrow;
use core::cmp::Ordering;
use core::ops::Bound;

/// What the memtable holds for a key.
#[derive(Clone, Debug)]
pub struct Slot {
    /// An encoded version set.
    pub set: Box<[u8]>,
    /// The log batch with which it becomes durable.
    pub batch: BatchNumber,
    /// What is known of it.
    pub facts: Facts,
}

/// The states that were written since a log segment began.
#[derive(Debug)]
pub struct Memtable {
    slots: BTreeMap<Ordered, Slot>,
    bytes: usize,
    segment: u64,
    last_batch: BatchNumber,
    new_keys: Map<PartitionId, u64>,
}

/// A key whose first bytes are at hand: they decide most comparisons.
#[derive(Debug, PartialEq, Eq)]
struct Ordered {
    head: [u64; 2],
    key: StoredKey,
}

/// What a slot costs beside its key and its set: its share of the tree, two allocations.
const SLOT_OVERHEAD_BYTES: usize = 160;

impl Memtable {
    /// An empty memtable for what is written into log segment `segment`.
    #[must_use]
    pub const fn new(segment: u64) -> Self {
        Self {
            slots: BTreeMap::new(),
            bytes: 0,
            segment,
            last_batch: BatchNumber(0),
            new_keys: Map::new(),
        }
    }

    /// The log segment that has the same states.
    #[must_use]
    pub const fn segment(&self) -> u64 {
        self.segment
    }

    /// The state of the stored key `key`.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&Slot> {
        self.slots.get(&Sought::new(key) as &dyn Keyed)
    }

    /// Makes `slot` the state of `key`. `is_new` says that the key was not there before, here or
    /// in a table.
    pub fn insert(&mut self, key: StoredKey, slot: Slot, is_new: bool) {
        if is_new {
            *self.new_keys.get_or_default(key.partition()) += 1;
        }
        self.last_batch = self.last_batch.max(slot.batch);
        let key_bytes = key.as_bytes().len() + SLOT_OVERHEAD_BYTES;
        self.bytes += slot.set.len();
        match self.slots.insert(Ordered::new(key), slot) {
            Some(old) => self.bytes -= old.set.len(),
            None => self.bytes += key_bytes,
        }
    }

    /// Removes everything of `partition`.
    pub fn remove_partition(&mut self, partition: PartitionId) {
        self.new_keys.remove(partition);
        let bytes = &mut self.bytes;
        self.slots.retain(|key, slot| {
            let stays = key.key.partition() != partition;
            if !stays {
                *bytes -= key.key.as_bytes().len() + SLOT_OVERHEAD_BYTES + slot.set.len();
            }
            stays
        });
    }

    /// The states of the keys in a range, in key order.
    pub fn range<'a>(
        &'a self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
    ) -> impl DoubleEndedIterator<Item = (&'a StoredKey, &'a Slot)> + use<'a> {
        let (from, to) = (from.map(Sought::new), to.map(Sought::new));
        let bounds = (keyed(&from), keyed(&to));
        let range = (!is_empty(bounds)).then(|| self.slots.range::<dyn Keyed, _>(bounds));
        range
            .into_iter()
            .flatten()
            .map(|(key, slot)| (&key.key, slot))
    }

    /// Keys held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Bytes held, with what the tree costs.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The log batch with which all of it is durable.
    #[must_use]
    pub const fn last_batch(&self) -> BatchNumber {
        self.last_batch
    }

    /// Keys that were not there before, by partition.
    #[must_use]
    pub const fn new_keys(&self) -> &Map<PartitionId, u64> {
        &self.new_keys
    }
}

/// A key that is looked for.
struct Sought<'a> {
    head: [u64; 2],
    key: &'a [u8],
}

/// What keys that are held and keys that are looked for are compared by.
trait Keyed {
    fn head(&self) -> [u64; 2];
    fn bytes(&self) -> &[u8];
}

impl Keyed for Ordered {
    fn head(&self) -> [u64; 2] {
        self.head
    }

    fn bytes(&self) -> &[u8] {
        self.key.as_bytes()
    }
}

impl Keyed for Sought<'_> {
    fn head(&self) -> [u64; 2] {
        self.head
    }

    fn bytes(&self) -> &[u8] {
        self.key
    }
}

impl Ordered {
    fn new(key: StoredKey) -> Self {
        Self {
            head: head(key.as_bytes()),
            key,
        }
    }
}

impl<'a> Sought<'a> {
    fn new(key: &'a [u8]) -> Self {
        Self {
            head: head(key),
            key,
        }
    }
}

impl<'a> Borrow<dyn Keyed + 'a> for Ordered {
    fn borrow(&self) -> &(dyn Keyed + 'a) {
        self
    }
}

impl PartialEq for dyn Keyed + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for dyn Keyed + '_ {}

impl PartialOrd for dyn Keyed + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for dyn Keyed + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_head = self.head().cmp(&other.head());
        by_head.then_with(|| compare(self.bytes(), other.bytes()))
    }
}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> Ordering {
        (self as &dyn Keyed).cmp(other as &dyn Keyed)
    }
}

fn keyed<'a>(bound: &'a Bound<Sought<'_>>) -> Bound<&'a dyn Keyed> {
    bound.as_ref().map(|sought| sought as &dyn Keyed)
}

/// Whether there can be nothing between the bounds; a tree does not take such a range.
fn is_empty(bounds: (Bound<&dyn Keyed>, Bound<&dyn Keyed>)) -> bool {
    match bounds {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        (Bound::Included(from), Bound::Included(to)) => from > to,
        (
            Bound::Included(from) | Bound::Excluded(from),
            Bound::Excluded(to) | Bound::Included(to),
        ) => from >= to,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::BucketId;

    fn key(partition: u16) -> StoredKey {
        StoredKey::new(PartitionId(partition), BucketId(0), b"k")
    }

    fn slot(length: usize) -> Slot {
        Slot {
            set: alloc::vec![0; length].into_boxed_slice(),
            batch: BatchNumber(length as u64),
            facts: Facts::default(),
        }
    }

    #[test]
    fn bytes_and_new_keys_follow_what_is_held() {
        let mut table = Memtable::new(1);
        for (at, length) in [10, 1_000, 0].into_iter().enumerate() {
            table.insert(key(0), slot(length), at == 0);
            assert_eq!(table.bytes(), 7 + SLOT_OVERHEAD_BYTES + length);
        }
        assert_eq!((table.len(), table.last_batch()), (1, BatchNumber(1_000)));
        table.insert(key(1), slot(5), true);
        table.remove_partition(PartitionId(0));
        assert_eq!(table.bytes(), 7 + SLOT_OVERHEAD_BYTES + 5);
        assert_eq!(
            table.new_keys().iter().collect::<alloc::vec::Vec<_>>(),
            [(PartitionId(1), &1)]
        );
        assert!(table.get(key(0).as_bytes()).is_none() && table.get(key(1).as_bytes()).is_some());
    }
}
