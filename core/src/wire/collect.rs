//! What the owners of a partition say to each other before they forget deleted keys.

use crate::limits::COLLECT_KEYS_MAX;
use crate::wire::ListedKey;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// One step of a collection. The first owner asks, the others answer and keep nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CollectMessage {
    /// Asks: have you just these states of these keys, durably, and have they been deleted for longer
    /// than the horizon by your clock too? At most [`COLLECT_KEYS_MAX`] keys.
    Ask(Vec<ListedKey>),
    /// Answers [`Self::Ask`]: bit `n` stands for key `n`.
    Same(u64),
    /// All owners have these states: forget those that are still the same.
    Forget(Vec<ListedKey>),
}

const _: () = assert!(COLLECT_KEYS_MAX <= u64::BITS as usize);
