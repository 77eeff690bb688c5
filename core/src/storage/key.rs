//! Keys as they are stored, and how two of them compare.

use crate::id::{BucketId, PartitionId};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cmp::Ordering;

/// Bytes in front of the key itself: its partition and its bucket.
pub const STORED_KEY_PREFIX_BYTES: usize = 6;

/// A key as it is stored: partition (2 bytes, big-endian), bucket (4 bytes, big-endian), key.
///
/// So a partition is one contiguous range, and a bucket one inside it. Keys sort by their bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredKey(Box<[u8]>);

impl StoredKey {
    /// The stored form of `key`.
    #[must_use]
    pub fn new(partition: PartitionId, bucket: BucketId, key: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(STORED_KEY_PREFIX_BYTES + key.len());
        bytes.extend_from_slice(&partition.0.to_be_bytes());
        bytes.extend_from_slice(&bucket.0.to_be_bytes());
        bytes.extend_from_slice(key);
        Self(bytes.into_boxed_slice())
    }

    /// A stored key that was read back; `None` if it is too short to be one.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        (bytes.len() > STORED_KEY_PREFIX_BYTES).then(|| Self(bytes.into()))
    }

    /// The partition that the key lies in.
    #[must_use]
    pub fn partition(&self) -> PartitionId {
        partition_of(&self.0)
    }

    /// The bucket that the key belongs to.
    #[must_use]
    pub fn bucket(&self) -> BucketId {
        let bucket = self.0.get(2..).and_then(<[u8]>::first_chunk);
        BucketId(u32::from_be_bytes(bucket.copied().unwrap_or_default()))
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

impl core::fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "StoredKey({})", self.0.escape_ascii())
    }
}

impl PartialOrd for StoredKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for StoredKey {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(&self.0, &other.0)
    }
}

/// The partition of a stored key's bytes; 0 for bytes that are too short.
#[must_use]
pub fn partition_of(stored: &[u8]) -> PartitionId {
    let [high, low] = stored.first_chunk().copied().unwrap_or_default();
    PartitionId(u16::from_be_bytes([high, low]))
}

/// The order of stored keys, that of their bytes, compared eight at a time: a byte-wise `memcmp`,
/// as WebAssembly has it, costs twice as much.
#[must_use]
pub fn compare(one: &[u8], other: &[u8]) -> Ordering {
    let (ones, one_rest) = one.as_chunks::<8>();
    let (others, other_rest) = other.as_chunks::<8>();
    for (a, b) in ones.iter().zip(others) {
        if a != b {
            return u64::from_be_bytes(*a).cmp(&u64::from_be_bytes(*b));
        }
    }
    match ones.len().cmp(&others.len()) {
        Ordering::Equal => one_rest.cmp(other_rest),
        Ordering::Less => short(one_rest, &others[ones.len()], Ordering::Less),
        Ordering::Greater => short(other_rest, &ones[others.len()], Ordering::Less).reverse(),
    }
}

/// How `rest`, of less than eight bytes, compares with `whole`, and `ended` if it is its beginning.
fn short(rest: &[u8], whole: &[u8; 8], ended: Ordering) -> Ordering {
    rest.cmp(&whole[..rest.len()]).then(ended)
}

/// The first 16 bytes of a key as numbers, with zeros behind a shorter one. Where the heads of two
/// keys differ they are in the order of the keys.
#[must_use]
pub fn head(key: &[u8]) -> [u64; 2] {
    let mut bytes = [0; 16];
    let length = key.len().min(16);
    bytes[..length].copy_from_slice(&key[..length]);
    let [a, b] = bytes.as_chunks::<8>().0 else {
        return [0; 2];
    };
    [u64::from_be_bytes(*a), u64::from_be_bytes(*b)]
}

/// Bytes that `one` and `other` have in common at their fronts.
#[must_use]
pub fn common_prefix(one: &[u8], other: &[u8]) -> usize {
    let mut length = 0;
    for (a, b) in one.as_chunks::<8>().0.iter().zip(other.as_chunks::<8>().0) {
        let differing = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        if differing != 0 {
            return length + differing.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    let rest = one[length..].iter().zip(&other[length..]);
    length + rest.take_while(|(a, b)| a == b).count()
}

/// The shortest bytes that are not below `before` and below `after`, so that a block index needs
/// no whole keys. `before` must be less than `after`.
#[must_use]
pub fn separator<'a>(before: &'a [u8], after: &[u8]) -> alloc::borrow::Cow<'a, [u8]> {
    let common = common_prefix(before, after);
    if let (Some(&low), Some(&high)) = (before.get(common), after.get(common))
        && low.checked_add(1).is_some_and(|next| next < high)
    {
        let mut short = before[..=common].to_vec();
        short[common] += 1;
        return short.into();
    }
    before.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(partition: u16, bucket: u32, key: &[u8]) -> StoredKey {
        StoredKey::new(PartitionId(partition), BucketId(bucket), key)
    }

    #[test]
    fn stored_keys_sort_by_partition_then_bucket_then_key() {
        let sorted = [
            key(1, 9, b"z"),
            key(2, 0, b"a"),
            key(2, 0, b"ab"),
            key(2, 1, b""),
            key(256, 0, b"a"),
        ];
        assert!(sorted.is_sorted());
        assert_eq!(sorted[4].partition(), PartitionId(256));
    }

    /// Bytes with long common beginnings.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(0_u8..3, 0..40)
    }

    proptest! {
        #[test]
        fn keys_compare_as_their_bytes_do(one in bytes(), other in bytes()) {
            prop_assert_eq!(compare(&one, &other), one.cmp(&other));
            let heads = head(&one).cmp(&head(&other));
            prop_assert!(heads.is_eq() || heads == one.cmp(&other));
        }

        #[test]
        fn the_common_prefix_is_what_a_byte_wise_search_finds(one in bytes(), other in bytes()) {
            let slow = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
            prop_assert_eq!(common_prefix(&one, &other), slow);
        }

        #[test]
        fn a_separator_lies_between(one in bytes(), other in bytes()) {
            prop_assume!(one < other);
            let between = separator(&one, &other);
            prop_assert!(*one <= *between && *between < *other);
            prop_assert!(between.len() <= one.len());
        }
    }
}
