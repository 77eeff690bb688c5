//! What the storage must know of a state that is opaque to it.

use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// What the storage must know of an opaque state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// When the newest thing in it was written, in milliseconds since the Unix epoch.
    pub written_at_ms: u64,
    /// Whether there is nothing to read in it.
    pub is_tombstone: bool,
    /// From when on there is nothing to read in it, in milliseconds since the Unix epoch.
    pub expires_at_ms: Option<u64>,
}

impl Facts {
    /// Whether there is nothing to read in the state at `now_ms`, though there was.
    #[must_use]
    pub fn has_expired(&self, now_ms: u64) -> bool {
        self.expires_at_ms.is_some_and(|at| at <= now_ms)
    }
}

/// How states are understood: handed in by whoever knows what they are.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// The facts of a state, or `None` for bytes that are no state.
    pub facts: fn(&[u8]) -> Option<Facts>,
    /// A state whose time is over at this time, as the tombstone that it is now.
    pub expire: fn(&[u8], u64) -> Vec<u8>,
}

impl Reading {
    /// States that are bytes and nothing else: never a tombstone, without an end.
    pub const OPAQUE: Self = Self {
        facts: |_| {
            Some(Facts {
                written_at_ms: 0,
                is_tombstone: false,
                expires_at_ms: None,
            })
        },
        expire: |state, _| state.to_vec(),
    };
}
