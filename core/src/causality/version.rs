//! One write event with what it wrote.

use super::dot::Dot;
use super::hlc::Hlc;
use crate::id::RequestId;
use core::fmt;
use serde::{Deserialize, Serialize};

/// What a client stored, opaque to the core.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Value {
    /// How the client encoded it, by the client's own numbering.
    pub encoding: u8,
    /// The bytes, at most [`PAIR_BYTES_MAX`](crate::limits::PAIR_BYTES_MAX).
    #[serde(with = "serde_bytes")]
    pub bytes: alloc::vec::Vec<u8>,
}

/// One write event of a key, with its value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version {
    /// The event's name; no two writes of a key share one.
    pub dot: Dot,
    /// When it was coordinated. Ranks concurrent versions.
    pub hlc: Hlc,
    /// The client's number for it; the default (all zero) stands for none.
    pub request: RequestId,
    /// When it stops being readable, in milliseconds since the Unix epoch.
    pub expires_at_ms: Option<u64>,
    /// `None` is a tombstone: the event was a delete.
    pub value: Option<Value>,
}

impl Version {
    /// The order in which the winner is the greatest: by clock, and by dot where clocks are equal.
    pub(super) fn rank(&self) -> (Hlc, Dot) {
        (self.hlc, self.dot)
    }

    /// Whether there was a value whose time is over at `now_ms`.
    #[must_use]
    pub fn has_expired(&self, now_ms: u64) -> bool {
        self.expires_at_ms.is_some_and(|at| at <= now_ms)
    }

    /// Whether both are the same write of a client, coordinated twice.
    pub(super) fn is_retry_of(&self, other: &Self) -> bool {
        self.request != RequestId::default() && self.request == other.request
    }
}

/// What a bucket does with concurrent writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Policy {
    /// The last writer wins: the version of the highest clock is kept, alone.
    Lww,
    /// All concurrent versions are kept until a write that has seen them replaces them.
    Siblings,
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lww => "lww",
            Self::Siblings => "siblings",
        })
    }
}
