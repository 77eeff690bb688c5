//! What two replicas of a partition say to find out where they differ.

use crate::limits::SYNC_KEYS_MAX;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// One step of an exchange. Who began it asks, the other answers; the answerer keeps nothing.
///
/// Keys are stored keys: partition, bucket and key, as in `docs/file-format.md`. States are named by
/// their causal digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SyncMessage {
    /// Asks: this is the root of my tree.
    Root(u64),
    /// Answers [`Self::Root`]: mine is the same.
    Same,
    /// Answers anything: I cannot compare this partition now.
    NotReady,
    /// Answers [`Self::Root`]: mine differs, and these are my branches.
    Branches(Vec<u64>),
    /// Asks for the leaves of these branches: bit `n` stands for branch `n`.
    PickBranches(u32),
    /// Answers [`Self::PickBranches`]: the leaves, branch after branch.
    Leaves(Vec<u64>),
    /// Asks for the keys of some leaves.
    List {
        /// A [`crate::sync::tree::LeafSet`].
        #[serde(with = "serde_bytes")]
        leaves: Vec<u8>,
        /// Only keys behind this one; empty for all.
        #[serde(with = "serde_bytes")]
        after: Vec<u8>,
    },
    /// Answers [`Self::List`]: at most [`SYNC_KEYS_MAX`] keys, in order.
    Listed {
        /// The keys and the digests of their states.
        entries: Vec<ListedKey>,
        /// All keys up to this one are among them; empty if there are no others.
        #[serde(with = "serde_bytes")]
        upto: Vec<u8>,
    },
    /// Asks for the states of these keys, at most [`SYNC_KEYS_MAX`].
    Fetch(Vec<KeyBytes>),
    /// Answers [`Self::Fetch`], once for each key: its durable state.
    State {
        /// The key.
        #[serde(with = "serde_bytes")]
        key: Vec<u8>,
        /// An encoded version set; empty if there is nothing any more.
        #[serde(with = "serde_bytes")]
        set: Vec<u8>,
    },
}

/// A key and the digest of its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedKey {
    /// The stored key.
    #[serde(with = "serde_bytes")]
    pub key: Vec<u8>,
    /// The causal digest of its state.
    pub state: u64,
}

/// A stored key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyBytes(#[serde(with = "serde_bytes")] pub Vec<u8>);

const _: () = assert!(SYNC_KEYS_MAX <= 4_096);
