//! Which keys are watched or listed: one key, the keys that begin so, or the keys of a range.

use crate::hash::{hash64, partition_at, placement_tag, position};
use crate::id::{BucketId, PartitionId};
use crate::limits::KEY_BYTES_MAX;
use crate::wire::{ErrorCode, Failure};
use alloc::format;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Keys of one bucket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Selector {
    /// The bucket.
    pub bucket: BucketId,
    /// Which of its keys.
    pub span: Span,
}

/// Some of a bucket's keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Span {
    /// This key.
    Key(#[serde(with = "serde_bytes")] Vec<u8>),
    /// The keys that begin with this; empty for all.
    Prefix(#[serde(with = "serde_bytes")] Vec<u8>),
    /// The keys from one on and before another.
    Range {
        /// The first.
        #[serde(with = "serde_bytes")]
        from: Vec<u8>,
        /// Behind the last; empty for no end.
        #[serde(with = "serde_bytes")]
        to: Vec<u8>,
    },
}

impl Selector {
    /// Whether it selects `key`, which is one of its bucket.
    #[must_use]
    pub fn selects(&self, key: &[u8]) -> bool {
        self.span.holds(key)
    }

    /// The one partition of all that it selects, if there is one: that of a key, or of the tag that a
    /// prefix has.
    #[must_use]
    pub fn partition(&self, partitions: u16) -> Option<PartitionId> {
        let one = match &self.span {
            Span::Key(key) => key,
            Span::Prefix(prefix) if placement_tag(prefix).is_some() => prefix,
            Span::Prefix(_) | Span::Range { .. } => return None,
        };
        Some(partition_at(position(self.bucket, one), partitions))
    }

    /// The partition whose shard keeps the watch: its own, or one that follows from its bytes, so that
    /// the shards of a stone share the work.
    #[must_use]
    pub fn home(&self, partitions: u16) -> PartitionId {
        let bytes = match &self.span {
            Span::Key(bytes) | Span::Prefix(bytes) | Span::Range { from: bytes, .. } => bytes,
        };
        let any = || partition_at(hash64(bytes), partitions);
        self.partition(partitions).unwrap_or_else(any)
    }

    /// Bytes of its bounds.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.span.bytes()
    }

    /// Checks what somebody else has sent: see [`Span::check`].
    ///
    /// # Errors
    ///
    /// If its bounds are longer than a key can be, or nothing lies between them.
    pub fn check(&self) -> Result<(), Failure> {
        self.span.check()
    }
}

impl Span {
    /// Whether `key` is one of them.
    #[must_use]
    pub fn holds(&self, key: &[u8]) -> bool {
        match self {
            Self::Key(name) => name == key,
            Self::Prefix(prefix) => key.starts_with(prefix),
            Self::Range { from, to } => {
                key >= from.as_slice() && (to.is_empty() || key < to.as_slice())
            }
        }
    }

    /// Bytes of its bounds.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        match self {
            Self::Key(bytes) | Self::Prefix(bytes) => bytes.len(),
            Self::Range { from, to } => from.len() + to.len(),
        }
    }

    /// Checks what somebody else has sent.
    ///
    /// # Errors
    ///
    /// If its bounds are longer than a key can be, or nothing lies between them.
    pub fn check(&self) -> Result<(), Failure> {
        let (first, second): (&[u8], &[u8]) = match self {
            Self::Key(bytes) | Self::Prefix(bytes) => (bytes, &[]),
            Self::Range { from, to } => (from, to),
        };
        let longest = first.len().max(second.len());
        if longest > KEY_BYTES_MAX || matches!(self, Self::Key(key) if key.is_empty()) {
            let message = format!(
                "what selects the keys has {longest} bytes; allowed are 1 to {KEY_BYTES_MAX} for a \
                 key, and up to as many for a prefix and for each end of a range"
            );
            return Err(Failure::new(ErrorCode::KeyTooLarge, message));
        }
        if !second.is_empty() && first >= second {
            let message =
                "the range of keys ends before it begins; its end must be behind its first key";
            return Err(Failure::new(ErrorCode::Protocol, message));
        }
        Ok(())
    }
}

/// Whether `a` comes before `b` in a list of keys, which may run from the last key to the first.
#[must_use]
pub fn comes_before(is_reverse: bool, a: &[u8], b: &[u8]) -> bool {
    if is_reverse { a > b } else { a < b }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn selector(span: Span) -> Selector {
        let bucket = BucketId(0);
        Selector { bucket, span }
    }

    #[test]
    fn a_prefix_with_a_whole_tag_has_one_partition_and_others_have_none() {
        let place = |text: &str| selector(Span::Prefix(text.into())).partition(256);
        let key = selector(Span::Key(b"a{tag}b/c".to_vec())).partition(256);
        assert!(key.is_some());
        assert_eq!(place("a{tag}b"), key);
        assert_eq!(place("a{ta"), None);
        assert_eq!(place("a{}{tag}"), None);
    }

    #[test]
    fn a_range_has_its_first_key_and_not_its_end() {
        let range = |from: &[u8], to: &[u8]| {
            selector(Span::Range {
                from: from.to_vec(),
                to: to.to_vec(),
            })
        };
        let keys = [&b"a"[..], b"b", b"bz", b"c"];
        let selected = keys.map(|key| range(b"b", b"c").selects(key));
        assert_eq!(selected, [false, true, true, false]);
        assert!(range(b"b", b"").selects(b"zzz"));
        assert!(range(b"b", b"b").check().is_err());
        assert!(range(b"b", b"").check().is_ok());
        assert!(selector(Span::Key(vec![])).check().is_err());
        assert!(
            selector(Span::Prefix(vec![0; KEY_BYTES_MAX + 1]))
                .check()
                .is_err()
        );
    }
}
