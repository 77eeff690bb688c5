//! The newest state of each key, in key order.

use super::store::BatchNumber;
use crate::id::{BucketId, PartitionId};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// A key as it is stored: partition (2 bytes, big-endian), bucket (4 bytes, big-endian), key.
///
/// So a partition is one contiguous range, and a bucket one inside it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoredKey(Box<[u8]>);

impl StoredKey {
    /// The stored form of `key`.
    #[must_use]
    pub fn new(partition: PartitionId, bucket: BucketId, key: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(6 + key.len());
        bytes.extend_from_slice(&partition.0.to_be_bytes());
        bytes.extend_from_slice(&bucket.0.to_be_bytes());
        bytes.extend_from_slice(key);
        Self(bytes.into_boxed_slice())
    }

    /// A stored key that was read back; `None` if it is too short to be one.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        (bytes.len() > 6).then(|| Self(bytes.into()))
    }

    /// The xxh3-64 of the bytes.
    #[must_use]
    pub fn digest(&self) -> u64 {
        crate::hash::hash64(&self.0)
    }

    /// The bytes as stored.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What the memtable holds for a key.
#[derive(Clone, Debug)]
pub struct Slot {
    /// An encoded version set.
    pub set: Box<[u8]>,
    /// The log batch with which it becomes durable.
    pub batch: BatchNumber,
}

/// The newest state of each key.
#[derive(Debug, Default)]
pub struct Memtable {
    slots: BTreeMap<StoredKey, Slot>,
    bytes: u64,
}

/// What a slot costs beside its key and its set: tree node, allocations, batch number.
const SLOT_OVERHEAD_BYTES: u64 = 80;

impl Memtable {
    /// The state of `key`.
    #[must_use]
    pub fn get(&self, key: &StoredKey) -> Option<&Slot> {
        self.slots.get(key)
    }

    /// Makes `slot` the state of `key`.
    pub fn insert(&mut self, key: StoredKey, slot: Slot) {
        let key_bytes = key.0.len() as u64 + SLOT_OVERHEAD_BYTES;
        self.bytes += slot.set.len() as u64;
        match self.slots.insert(key, slot) {
            Some(old) => self.bytes -= old.set.len() as u64,
            None => self.bytes += key_bytes,
        }
    }

    /// Keys held.
    #[must_use]
    pub fn keys(&self) -> u64 {
        self.slots.len() as u64
    }

    /// Bytes held, with what the tree costs.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_keys_sort_by_partition_then_bucket_then_key() {
        let key = |p, b, k: &[u8]| StoredKey::new(PartitionId(p), BucketId(b), k);
        let sorted = [
            key(1, 9, b"z"),
            key(2, 0, b"a"),
            key(2, 0, b"ab"),
            key(2, 1, b""),
            key(256, 0, b"a"),
        ];
        assert!(sorted.is_sorted());
    }

    #[test]
    fn bytes_follow_what_is_held() {
        let mut table = Memtable::default();
        let key = StoredKey::new(PartitionId(0), BucketId(0), b"k");
        for length in [10, 1_000, 0] {
            let set = alloc::vec![0; length].into_boxed_slice();
            table.insert(
                key.clone(),
                Slot {
                    set,
                    batch: BatchNumber(1),
                },
            );
            assert_eq!(table.bytes(), 7 + SLOT_OVERHEAD_BYTES + length as u64);
        }
        assert_eq!(table.keys(), 1);
    }
}
