//! xxh3-64, the one hash: placement, checksums and ids.

use crate::id::{BucketId, PartitionId};
use xxhash_rust::xxh3::{Xxh3, xxh3_64_with_seed};

/// The xxh3-64 of `bytes`, seed 0. Blocks have other seeds: one function for both is less to download.
#[must_use]
pub fn hash64(bytes: &[u8]) -> u64 {
    xxh3_64_with_seed(bytes, 0)
}

/// The part of `key` that decides its place: the text inside the first `{...}` if that is there
/// and not empty (the hash tag of Redis Cluster).
///
/// Keys with one tag share a partition, whatever their bucket.
#[must_use]
pub fn placement_tag(key: &[u8]) -> Option<&[u8]> {
    let open = key.iter().position(|&b| b == b'{')?;
    let inside = &key[open + 1..];
    let close = inside.iter().position(|&b| b == b'}')?;
    (close > 0).then(|| &inside[..close])
}

/// Where `key` of `bucket` lies in the hash space: the hash of its tag, or else of the bucket
/// (little-endian) followed by the key.
#[must_use]
pub fn position(bucket: BucketId, key: &[u8]) -> u64 {
    if let Some(tag) = placement_tag(key) {
        return hash64(tag);
    }
    let mut hasher = Xxh3::new();
    hasher.update(&bucket.0.to_le_bytes());
    hasher.update(key);
    hasher.digest()
}

/// The partition of a ring of `partitions` (a power of two) in which `position` lies: its highest
/// bits.
#[must_use]
pub const fn partition_at(position: u64, partitions: u16) -> PartitionId {
    let Some(high) = position.checked_shr(u64::BITS - partitions.trailing_zeros()) else {
        return PartitionId(0);
    };
    let [low, next, ..] = high.to_le_bytes();
    PartitionId(u16::from_le_bytes([low, next]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_with_one_tag_share_a_position_and_an_empty_tag_is_none() {
        assert_eq!(
            position(BucketId(0), b"{user:1}/a"),
            position(BucketId(7), b"b{user:1}")
        );
        assert_eq!(placement_tag(b"{}x{y}"), None);
        assert_eq!(placement_tag(b"a{b"), None);
        assert_ne!(position(BucketId(0), b"a"), position(BucketId(1), b"a"));
    }

    #[test]
    fn streamed_and_whole_hashes_agree() {
        assert_eq!(position(BucketId(0), b"key"), hash64(b"\0\0\0\0key"));
    }
}
