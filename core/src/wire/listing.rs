//! Lists of keys: what a client is told, and what a coordinator asks of the owners of a partition
//! (`docs/listing.md`).

use crate::causality::{Hlc, Value};
use crate::encoded::encoded;
use crate::id::BucketId;
use crate::selector::Span;
use crate::wire::Failure;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// A key with its value as a reader sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// The key.
    #[serde(with = "serde_bytes")]
    pub key: Vec<u8>,
    /// The winner: the value that every replica would pick.
    pub value: Value,
    /// The winner's version.
    pub version: Hlc,
    /// Values concurrent to the winner, in the same order everywhere.
    pub siblings: Vec<Value>,
    /// When the winner cannot be read any more, in milliseconds since the Unix epoch; `None` for never.
    pub expires_at_ms: Option<u64>,
    /// Hand it back in a write that resolves what was read; encoded.
    #[serde(with = "serde_bytes")]
    pub context: Vec<u8>,
}

/// Which keys of a partition an owner is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageQuestion {
    /// Their bucket.
    pub bucket: BucketId,
    /// Those of it.
    pub span: Span,
    /// Those behind this key in the order of the list; empty for all.
    #[serde(with = "serde_bytes")]
    pub after: Vec<u8>,
    /// From the last key to the first.
    pub is_reverse: bool,
    /// At most so many, from 1 to [`crate::limits::LIST_ENTRIES_MAX`].
    pub limit: u32,
    /// Digest of the asker's own page ([`StatePage::digest`]), to spare sending the same back; `None`:
    /// it has none.
    pub have: Option<u64>,
}

/// What an owner has of the keys that it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PageAnswer {
    /// Just what the asker has.
    Same,
    /// This.
    Page(StatePage),
    /// It cannot say.
    Failed(Failure),
}

/// The states of some keys, in the order in which they were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatePage {
    /// Everything that is stored for the keys that were asked for, up to [`Self::upto`]: deleted keys
    /// too.
    pub states: Vec<StoredState>,
    /// There may be more behind this key; `None` if there is not.
    #[serde(with = "serde_bytes")]
    pub upto: Option<Vec<u8>>,
}

/// A key and its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredState {
    /// The key.
    #[serde(with = "serde_bytes")]
    pub key: Vec<u8>,
    /// An encoded version set.
    #[serde(with = "serde_bytes")]
    pub set: Vec<u8>,
}

impl StatePage {
    /// The xxh3-64 of the encoding: equal pages have equal digests on every node.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let bytes = encoded(self);
        crate::hash::hash64(&bytes)
    }
}
