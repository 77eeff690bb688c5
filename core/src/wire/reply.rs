//! What a request has come to. On the wire a value that ends is another message than one that does not, which
//! is as it was before there were any.

use super::{EdgeReply, Listed};
use crate::causality::{Hlc, Value};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize, Serializer};

/// A request that was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "Received")]
pub enum Reply {
    /// What a read found.
    Found(Entry),
    /// A write is durable on as many replicas as were asked.
    Written {
        /// Its version.
        version: Hlc,
        /// The causal context after it, encoded.
        context: Vec<u8>,
        /// Whether the key shows this write and nothing else, where its coordinator looks: the context has
        /// seen no other that its writer might not have.
        is_alone: bool,
    },
    /// A read found no value: none was written, or it is deleted, or its time is over.
    Missing {
        /// The causal context of that, encoded.
        context: Vec<u8>,
    },
    /// What a list found: every key with a value from where it was to begin up to its end, in order.
    Listed {
        /// The keys; there may be none although there are more behind.
        entries: Vec<Listed>,
        /// The list goes on behind this key; `None` if there is nothing more.
        next: Option<Vec<u8>>,
    },
    /// What only an edge node answers.
    Edge(EdgeReply),
}

/// A key's value as a reader sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The winner: the value that every replica would pick.
    pub value: Value,
    /// The winner's version.
    pub version: Hlc,
    /// Values concurrent to the winner, in the same order everywhere.
    pub siblings: Vec<Value>,
    /// Hand it back in a write that resolves what was read; encoded.
    #[serde(with = "serde_bytes")]
    pub context: Vec<u8>,
    /// When the winner cannot be read any more, in milliseconds since the Unix epoch; `None` for never.
    #[serde(skip)]
    pub expires_at_ms: Option<u64>,
}

impl Serialize for Reply {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let sent = match self {
            Self::Found(entry) => match entry.expires_at_ms {
                Some(expires_at_ms) => Sent::FoundUntil(entry, expires_at_ms),
                None => Sent::Found(entry),
            },
            Self::Written {
                version,
                context,
                is_alone,
            } => {
                let version = *version;
                match is_alone {
                    true => Sent::Written { version, context },
                    false => Sent::WrittenBeside { version, context },
                }
            }
            Self::Missing { context } => Sent::Missing { context },
            Self::Listed { entries, next } => Sent::Listed {
                entries,
                next: next.as_deref(),
            },
            Self::Edge(reply) => Sent::Edge(reply),
        };
        sent.serialize(serializer)
    }
}

impl From<Received> for Reply {
    fn from(received: Received) -> Self {
        match received {
            Received::Found(entry) => Self::Found(entry),
            Received::Written { version, context } => Self::Written {
                version,
                context,
                is_alone: true,
            },
            Received::WrittenBeside { version, context } => Self::Written {
                version,
                context,
                is_alone: false,
            },
            Received::Missing { context } => Self::Missing { context },
            Received::Listed { entries, next } => Self::Listed { entries, next },
            Received::FoundUntil(entry, expires_at_ms) => Self::Found(Entry {
                expires_at_ms: Some(expires_at_ms),
                ..entry
            }),
            Received::Edge(reply) => Self::Edge(reply),
        }
    }
}

/// A reply as it is sent.
#[derive(Serialize)]
enum Sent<'a> {
    Found(&'a Entry),
    Written {
        version: Hlc,
        #[serde(with = "serde_bytes")]
        context: &'a [u8],
    },
    Missing {
        #[serde(with = "serde_bytes")]
        context: &'a [u8],
    },
    Listed {
        entries: &'a [Listed],
        #[serde(with = "serde_bytes")]
        next: Option<&'a [u8]>,
    },
    FoundUntil(&'a Entry, u64),
    Edge(&'a EdgeReply),
    WrittenBeside {
        version: Hlc,
        #[serde(with = "serde_bytes")]
        context: &'a [u8],
    },
}

/// The same, as it is received.
#[derive(Deserialize)]
enum Received {
    Found(Entry),
    Written {
        version: Hlc,
        #[serde(with = "serde_bytes")]
        context: Vec<u8>,
    },
    Missing {
        #[serde(with = "serde_bytes")]
        context: Vec<u8>,
    },
    Listed {
        entries: Vec<Listed>,
        #[serde(with = "serde_bytes")]
        next: Option<Vec<u8>>,
    },
    FoundUntil(Entry, u64),
    Edge(EdgeReply),
    WrittenBeside {
        version: Hlc,
        #[serde(with = "serde_bytes")]
        context: Vec<u8>,
    },
}
