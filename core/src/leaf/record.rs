//! What a leaf stores: see `docs/leaf.md`.

use super::Before;
use crate::causality::{Hlc, Value};
use crate::encoded::encoded;
use crate::id::{BucketId, PartitionId, RequestId};
use crate::selector::Span;
use crate::storage::key::STORED_KEY_PREFIX_BYTES;
use crate::storage::{Facts, Reading, StoredKey};
use crate::wire::Reply;
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// When its value ends, in milliseconds since the Unix epoch, if it does.
    pub(super) fn expires_at_ms(&self) -> Option<u64> {
        self.found.as_ref()?.expires_at_ms
    }

    /// Whether its value has ended at `now_ms`.
    pub(super) fn is_over(&self, now_ms: u64) -> bool {
        self.expires_at_ms().is_some_and(|at| at <= now_ms)
    }

    /// What a reader of the ring was told; `None` if that is no answer to a read.
    pub(super) fn of_reply(reply: Reply) -> Option<Self> {
        match reply {
            Reply::Found(entry) => Some(Self {
                found: Some(Found {
                    value: entry.value,
                    version: entry.version,
                    siblings: entry.siblings,
                    expires_at_ms: entry.expires_at_ms,
                }),
                context: entry.context,
            }),
            Reply::Missing { context } => Some(Self {
                found: None,
                context,
            }),
            Reply::Written { .. } | Reply::Listed { .. } | Reply::Edge(_) => None,
        }
    }
}

/// A write that the ring has not acknowledged. Behind it stands what its maker had seen of those before it,
/// if that is not all ([`Before`]).
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

impl Waiting {
    /// When its value ends, in milliseconds since the Unix epoch, if it does.
    pub(super) fn expires_at_ms(&self) -> Option<u64> {
        self.ttl_ms
            .map(|ttl_ms| self.written_at_ms.saturating_add(ttl_ms))
    }

    /// The value that is left of it at `now_ms`, and how long it has to live, in milliseconds.
    pub(super) fn left(&self, now_ms: u64) -> (Option<&Value>, Option<u64>) {
        let left_ms = self.expires_at_ms().map(|at| at.saturating_sub(now_ms));
        match left_ms {
            Some(0) => (None, None),
            _ => (self.value.as_ref(), left_ms),
        }
    }
}

/// The bytes of a write that waits.
pub(super) fn encode_waiting(waiting: &Waiting, before: Before) -> Vec<u8> {
    let mut bytes = encode(waiting);
    if before != Before::All {
        bytes.extend(encode(&before));
    }
    bytes
}

/// The write of these bytes, and what its maker had seen of those before it.
pub(super) fn decode_waiting(bytes: &[u8]) -> Option<(Waiting, Before)> {
    let (waiting, rest) = postcard::take_from_bytes(bytes).ok()?;
    let before = match rest {
        [] => Before::All,
        _ => decode(rest)?,
    };
    Some((waiting, before))
}

/// What a leaf knows of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Own {
    /// The bucket that everything here belongs to.
    pub(super) bucket: String,
    /// The cluster that everything here belongs to, once one has greeted.
    pub(super) cluster: Option<u64>,
    /// No write with a lower number waits.
    pub(super) oldest_write: u64,
}

/// How the ring has greeted an edge node, which greets its own clients so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Greeting {
    pub(super) partitions: u16,
    pub(super) replicas: u8,
    pub(super) pair_bytes_max: u32,
    /// The number of the bucket that everything here belongs to.
    pub(super) bucket: BucketId,
}

/// A subscription, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) span: Span,
    /// Where in the changes of these keys the copies are; empty if that is not known.
    #[serde(with = "serde_bytes")]
    pub(super) token: Vec<u8>,
    /// All keys that the ring has of these are here.
    pub(super) is_whole: bool,
    /// When it was wanted last, in milliseconds since the Unix epoch.
    pub(super) used_at_ms: u64,
}

/// The bytes of a record.
pub(super) fn encode(record: &impl Serialize) -> Vec<u8> {
    encoded(record)
}

/// The record of these bytes; `None` if they are none.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    postcard::from_bytes(bytes).ok()
}

/// Where the copy of `key` is.
pub(super) fn copy_key(key: &[u8]) -> StoredKey {
    StoredKey::new(COPIES, BucketId(0), key)
}

/// The key whose copy is at `stored`.
pub(super) fn key_of(stored: &StoredKey) -> &[u8] {
    &stored.as_bytes()[STORED_KEY_PREFIX_BYTES..]
}

/// Where the copies of the keys of `span` begin, and what comes behind them.
pub(super) fn bounds(span: &Span) -> (Vec<u8>, Vec<u8>) {
    let at = |key: &[u8]| copy_key(key).as_bytes().to_vec();
    match span {
        Span::Key(key) => {
            let mut behind = at(key);
            behind.push(0);
            (at(key), behind)
        }
        Span::Prefix(prefix) => (at(prefix), behind(at(prefix))),
        Span::Range { from, to } if to.is_empty() => (at(from), behind(at(&[]))),
        Span::Range { from, to } => (at(from), at(to)),
    }
}

/// What comes behind all that begins with `prefix`, which has a byte that is not the highest.
fn behind(mut prefix: Vec<u8>) -> Vec<u8> {
    while let Some(last) = prefix.pop() {
        if let Some(next) = last.checked_add(1) {
            prefix.push(next);
            break;
        }
    }
    prefix
}

/// Where write `number` waits.
pub(super) fn outbox_key(number: u64) -> StoredKey {
    StoredKey::new(OUTBOX, BucketId(0), &number.to_be_bytes())
}

/// Where the leaf's own record is.
pub(super) fn own_key() -> StoredKey {
    StoredKey::new(OWN, BucketId(0), b"leaf")
}

/// Where an edge node keeps how the ring has greeted it.
pub(super) fn greeting_key() -> StoredKey {
    StoredKey::new(OWN, BucketId(0), b"greeting")
}

/// Where subscription `number` is: behind the leaf's own record.
pub(super) fn kept_key(number: u64) -> StoredKey {
    let mut key = b"subscription".to_vec();
    key.extend_from_slice(&number.to_be_bytes());
    StoredKey::new(OWN, BucketId(0), &key)
}

/// The number at the end of the key of a record.
pub(super) fn number(key: &StoredKey) -> Option<u64> {
    let bytes = key.as_bytes().last_chunk::<8>()?;
    Some(u64::from_be_bytes(*bytes))
}
