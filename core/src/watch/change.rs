//! What is told: the newest state of a key, as a reader would see it.

use crate::causality::{Dot, Hlc, Token, Value, VersionSet};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// A key that has another state than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The key.
    #[serde(with = "serde_bytes")]
    pub key: Vec<u8>,
    /// The version of the newest write.
    pub version: Hlc,
    /// Which write that was.
    pub dot: Dot,
    /// The value that every replica would pick; `None` if the key is deleted.
    pub value: Option<Value>,
    /// When the value stops being readable, in milliseconds since the Unix epoch.
    pub expires_at_ms: Option<u64>,
    /// Values concurrent to it, where the change comes from.
    pub siblings: Vec<Value>,
    /// What has been seen by who is told: the context of a write that resolves it, encoded.
    #[serde(with = "serde_bytes")]
    pub context: Vec<u8>,
}

/// The order of a key's changes: whatever replica tells of them, the last one has the highest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rank {
    /// The version of the newest write.
    pub version: Hlc,
    /// Which write that was.
    pub dot: Dot,
}

impl Change {
    /// What there is to tell of a key whose state is `set`; nothing if it was never written.
    #[must_use]
    pub fn of(key: &[u8], set: &VersionSet) -> Option<Self> {
        let newest = set.winner()?;
        // Where a delete and a value are concurrent, a reader gets the value.
        let mut live = set.live(0);
        let shown = live.next();
        let siblings = live.filter_map(|version| version.value.clone());
        Some(Self {
            key: key.to_vec(),
            version: newest.hlc,
            dot: newest.dot,
            value: shown.and_then(|version| version.value.clone()),
            expires_at_ms: shown.and_then(|version| version.expires_at_ms),
            siblings: siblings.collect(),
            context: Token::of(set).encode(),
        })
    }

    /// Its place in the order of the key's changes.
    #[must_use]
    pub const fn rank(&self) -> Rank {
        let (version, dot) = (self.version, self.dot);
        Rank { version, dot }
    }

    /// Bytes that it takes, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let values = self.value.iter().chain(&self.siblings);
        let values = values.map(|value| size_of::<Value>() + value.bytes.len());
        size_of::<Self>() + self.key.len() + self.context.len() + values.sum::<usize>()
    }
}
