//! What clients and edge nodes say to each other beside what every server says (`docs/edge.md`).

use crate::causality::{Dot, Hlc, Token, Value};
use crate::id::{ActorId, RequestId};
use crate::selector::Span;
use crate::watch::Change;
use crate::wire::{Failure, Reply};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// What a client asks an edge node as text when it has heard nothing for a while. The runtime answers it
/// without waking the node.
pub const PING: &str = "ping";
/// The answer to [`PING`].
pub const PONG: &str = "pong";

/// What only an edge node does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EdgeOperation {
    /// Read a key as the node shows it: a write that waits there, a copy, or what the ring has.
    Read {
        /// What the reader has seen of the key before, as an encoded [`crate::causality::Token`]: unless a
        /// write waits there, the answer covers it.
        #[serde(with = "serde_bytes")]
        seen: Vec<u8>,
    },
    /// Take a write to the ring. It is answered with [`EdgeReply::Lodged`]; what the ring says comes as
    /// [`EdgeNotice::Settled`].
    Lodge {
        /// The same id again is the same write again.
        request: RequestId,
        /// The write before it that its maker has seen, if the ring has not said anything of that.
        after: Option<RequestId>,
        /// What its maker had read, as an encoded causal context; empty for a blind write.
        #[serde(with = "serde_bytes")]
        context: Vec<u8>,
        /// The value; `None` deletes the key.
        value: Option<Value>,
        /// How long the value can be read, in milliseconds from when it is coordinated; `None` for ever.
        ttl_ms: Option<u64>,
    },
    /// List the copies of all partitions, whatever the frame says, in the order of the keys.
    Copies {
        /// Which keys.
        span: Span,
        /// Those behind this key; empty to begin.
        #[serde(with = "serde_bytes")]
        after: Vec<u8>,
        /// At most so many; 0 and more than [`crate::limits::LISTING_ENTRIES_MAX`] take that.
        limit: u32,
    },
}

/// What only an edge node answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EdgeReply {
    /// A write is durable at the node.
    Lodged,
    /// A read found a write that waits there for the ring: it has no version yet.
    Waiting {
        /// The value; `None` if it deletes.
        value: Option<Value>,
        /// What its maker had seen, encoded.
        #[serde(with = "serde_bytes")]
        context: Vec<u8>,
    },
}

/// What an edge node tells its clients unasked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EdgeNotice {
    /// What has become of a write that was lodged.
    Settled {
        /// Which.
        request: RequestId,
        /// What the ring has said: [`Reply::Written`], or why it will never take it.
        result: Result<Reply, Failure>,
    },
}

/// A key as an edge node shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The key.
    #[serde(with = "serde_bytes")]
    pub key: Vec<u8>,
    /// Where it has it from.
    pub state: ShownState,
    /// The value; `None` if there is none.
    pub value: Option<Value>,
    /// The value's version; a write that waits has none.
    pub version: Option<Hlc>,
    /// Values concurrent to it.
    pub siblings: Vec<Value>,
    /// When it cannot be read any more, in milliseconds since the Unix epoch; `None` for never.
    pub expires_at_ms: Option<u64>,
    /// The causal context, encoded.
    #[serde(with = "serde_bytes")]
    pub context: Vec<u8>,
}

impl Shown {
    /// The change that it is to who hears of changes only: what waits is none yet.
    #[must_use]
    pub fn into_change(self) -> Option<Change> {
        if self.state != ShownState::Copy {
            return None;
        }
        let newest = || Token::decode(&self.context).ok().map(|token| token.newest);
        Some(Change {
            version: self.version.or_else(newest)?,
            // Which write it was the node does not know.
            dot: Dot {
                actor: ActorId(0),
                counter: 0,
            },
            key: self.key,
            value: self.value,
            expires_at_ms: self.expires_at_ms,
            siblings: self.siblings,
            context: self.context,
        })
    }
}

/// Where an edge node has a value from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ShownState {
    /// A write that waits there.
    Waiting,
    /// What the ring has.
    Copy,
    /// The ring has no such key any more; the node had seen this of it.
    Gone,
}
