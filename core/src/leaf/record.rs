//! What a leaf stores: see `docs/leaf.md`.

use crate::causality::{Hlc, Value};
use crate::id::{BucketId, PartitionId, RequestId};
use crate::storage::{Facts, Reading, StoredKey};
use crate::wire::Entry;
use alloc::string::String;
use alloc::vec::Vec;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Where copies are.
pub(super) const COPIES: PartitionId = PartitionId(0);
/// Where writes wait.
pub(super) const OUTBOX: PartitionId = PartitionId(1);
/// Where the leaf keeps what it knows of itself.
const OWN: PartitionId = PartitionId(2);

/// What is stored for a record that was removed.
pub(super) const REMOVED: &[u8] = &[];

/// Records as the storage sees them.
pub(super) const RECORDS: Reading = Reading {
    facts: |bytes| Some(facts(bytes)),
    expire: |bytes, _| bytes.to_vec(),
};

/// The facts of a record. Removed ones were all written at the first millisecond, so merges drop them.
pub(super) const fn facts(bytes: &[u8]) -> Facts {
    Facts {
        written_at_ms: 1,
        is_tombstone: bytes.is_empty(),
        expires_at_ms: None,
    }
}

/// What was known of a key when something was last heard of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Copy {
    /// `None`: there was no value.
    pub(super) found: Option<Found>,
    /// The causal context, encoded.
    #[serde(with = "serde_bytes")]
    pub(super) context: Vec<u8>,
}

/// The value of a copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Found {
    pub(super) value: Value,
    pub(super) version: Hlc,
    pub(super) siblings: Vec<Value>,
    /// In milliseconds since the Unix epoch, if that is known and there is an end.
    pub(super) expires_at_ms: Option<u64>,
}

impl Copy {
    /// What a reader of the ring has been told.
    pub(super) fn of(entry: &Entry) -> Self {
        Self {
            found: Some(Found {
                value: entry.value.clone(),
                version: entry.version,
                siblings: entry.siblings.clone(),
                expires_at_ms: None,
            }),
            context: entry.context.clone(),
        }
    }
}

/// A write that the ring has not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Waiting {
    /// Its id through all sends.
    pub(super) request: RequestId,
    #[serde(with = "serde_bytes")]
    pub(super) key: Vec<u8>,
    /// `None` deletes.
    pub(super) value: Option<Value>,
    pub(super) ttl_ms: Option<u64>,
    /// What its writer has seen, encoded.
    #[serde(with = "serde_bytes")]
    pub(super) context: Vec<u8>,
    /// In milliseconds since the Unix epoch.
    pub(super) written_at_ms: u64,
}

/// What a leaf knows of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Own {
    /// The bucket that everything here belongs to.
    pub(super) bucket: String,
    /// The cluster that everything here belongs to, once one has greeted.
    pub(super) cluster: Option<u64>,
}

/// The bytes of a record.
pub(super) fn encode(record: &impl Serialize) -> Vec<u8> {
    postcard::to_allocvec(record).expect("writing to memory cannot fail")
}

/// The record of these bytes; `None` if they are none.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    postcard::from_bytes(bytes).ok()
}

/// Where the copy of `key` is.
pub(super) fn copy_key(key: &[u8]) -> StoredKey {
    StoredKey::new(COPIES, BucketId(0), key)
}

/// Where write `number` waits.
pub(super) fn outbox_key(number: u64) -> StoredKey {
    StoredKey::new(OUTBOX, BucketId(0), &number.to_be_bytes())
}

/// The number of the write that waits at `key`.
pub(super) fn outbox_number(key: &StoredKey) -> Option<u64> {
    let bytes = key.as_bytes().last_chunk::<8>()?;
    Some(u64::from_be_bytes(*bytes))
}

/// Where the leaf's own record is.
pub(super) fn own_key() -> StoredKey {
    StoredKey::new(OWN, BucketId(0), b"leaf")
}
