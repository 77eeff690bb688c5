//! The messages behind the header, encoded as postcard. Variants are only ever added at the end.

use crate::causality::{Hlc, Value};
use crate::cluster::RegisterMessage;
use crate::id::{BucketId, RequestId};
use crate::replication::Level;
use crate::selector::Span;
use crate::wire::{
    CollectMessage, EdgeNotice, EdgeOperation, EdgeReply, FeedMessage, Listed, PageAnswer,
    PageQuestion, SyncMessage,
};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Serialize};

/// A client's connection, as the driver numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClientId(pub u64);

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Comes back in the response; unique among the connection's open requests.
    pub id: u64,
    /// How long the client waits, in milliseconds; 0 takes the server's default.
    pub timeout_ms: u32,
    /// The bucket.
    pub bucket: BucketId,
    /// The key; empty in a list, which has none: the frame names the partition.
    #[serde(with = "serde_bytes")]
    pub key: Vec<u8>,
    /// What to do with it.
    pub operation: Operation,
}

/// What to do with a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// Read it.
    Get {
        /// Replicas that must agree on the answer; `None` takes the bucket's level.
        level: Option<Level>,
        /// What the reader has seen of the key before, as an encoded [`crate::causality::Token`]:
        /// the answer covers it, or there is none. Empty for nothing.
        #[serde(with = "serde_bytes")]
        seen: Vec<u8>,
    },
    /// Write it: a value, or `None` to delete.
    Write {
        /// Replicas on which it must be durable; `None` takes the bucket's level.
        level: Option<Level>,
        /// The same id again is the same write again.
        request: RequestId,
        /// What the writer had read, as an encoded causal context; empty for a blind write.
        #[serde(with = "serde_bytes")]
        context: Vec<u8>,
        /// The value; `None` deletes the key.
        value: Option<Value>,
        /// How long the value can be read, in milliseconds from when it is coordinated; `None` for
        /// ever.
        ttl_ms: Option<u64>,
    },
    /// List keys of the frame's partition, in their order, with their values.
    List {
        /// Which keys of the bucket.
        span: Span,
        /// Those behind this key in the order of the list; empty to begin.
        #[serde(with = "serde_bytes")]
        after: Vec<u8>,
        /// From the last key to the first.
        is_reverse: bool,
        /// At most so many; 0 and more than [`crate::limits::LIST_ENTRIES_MAX`] take that.
        limit: u32,
        /// Replicas that must agree on the answer; `None` takes the bucket's level of reads.
        r: Option<Level>,
    },
    /// What only an edge node does.
    Edge(EdgeOperation),
}

/// The answer to the request of the same `id`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// The request's id.
    pub id: u64,
    /// How it went.
    pub result: Result<Reply, Failure>,
}

/// A request that was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// What a read found.
    Found(Entry),
    /// A write is durable on as many replicas as were asked.
    Written {
        /// Its version.
        version: Hlc,
        /// The causal context after it, encoded.
        #[serde(with = "serde_bytes")]
        context: Vec<u8>,
    },
    /// A read found no value: none was written, or it is deleted, or its time is over.
    Missing {
        /// The causal context of that, encoded.
        #[serde(with = "serde_bytes")]
        context: Vec<u8>,
    },
    /// What a list found: every key with a value from where it was to begin up to its end, in order.
    Listed {
        /// The keys; there may be none although there are more behind.
        entries: Vec<Listed>,
        /// The list goes on behind this key; `None` if there is nothing more.
        #[serde(with = "serde_bytes")]
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
}

/// A request that was not carried out, or whose outcome is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of error it is.
    pub code: ErrorCode,
    /// What was wrong, what is allowed, what to do.
    pub message: String,
}

impl Failure {
    /// A failure of `code`, told in `message`.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// Nobody here knows a bucket called `wanted`; `known` are the names of those that there are.
    pub fn no_such_bucket<'a>(
        wanted: impl fmt::Display,
        known: impl Iterator<Item = &'a str>,
    ) -> Self {
        let mut known = known.peekable();
        let some: Vec<&str> = known.by_ref().take(NAMED_BUCKETS_MAX).collect();
        let rest = if known.peek().is_some() {
            " and more"
        } else {
            ""
        };
        let message = format!(
            "there is no bucket {wanted}; there are {}{rest}; make it first, or if that was just \
             now, try again",
            some.join(", ")
        );
        Self::new(ErrorCode::NoSuchBucket, message)
    }
}

/// Buckets that an error names.
const NAMED_BUCKETS_MAX: usize = 16;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.name(), self.message)
    }
}

impl core::error::Error for Failure {}

/// Kinds of failure. The names are those of the JavaScript SDK's error codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ErrorCode {
    /// The key is empty or too long.
    KeyTooLarge,
    /// Key and value together are too long.
    ValueTooLarge,
    /// A level that does not exist or asks for more replicas than there are.
    Level,
    /// Too few replicas are reachable; a write was **not** applied.
    Unavailable,
    /// The outcome is not known: a write may or may not have been applied. A retry with the same
    /// request id is applied at most once.
    Indeterminate,
    /// A read found too few replicas in time.
    Timeout,
    /// A queue or the memory is full; try again later. A write was **not** applied.
    RateLimited,
    /// The request came to a partition or member where it has no place.
    Misrouted,
    /// A replica's clock is too far off; a write was **not** applied.
    ClockSkew,
    /// The other side broke the protocol.
    Protocol,
    /// The storage failed or is damaged.
    Corrupt,
    /// A mistake of the server.
    Internal,
    /// No bucket is called so, as far as is known where it was asked; a write was **not** applied.
    NoSuchBucket,
}

impl ErrorCode {
    /// The name that applications see.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::KeyTooLarge => "KEY_TOO_LARGE",
            Self::ValueTooLarge => "VALUE_TOO_LARGE",
            Self::Level => "LEVEL",
            Self::Unavailable => "UNAVAILABLE",
            Self::Indeterminate => "INDETERMINATE",
            Self::Timeout => "TIMEOUT",
            Self::RateLimited => "RATE_LIMITED",
            Self::Misrouted => "MISROUTED",
            Self::ClockSkew => "CLOCK_SKEW",
            Self::Protocol => "PROTOCOL",
            Self::Corrupt => "CORRUPT",
            Self::Internal => "INTERNAL",
            Self::NoSuchBucket => "NO_SUCH_BUCKET",
        }
    }

    /// Whether the same request can succeed later without being changed.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::Unavailable | Self::Indeterminate | Self::Timeout | Self::RateLimited
        )
    }
}

/// What a server tells its clients unasked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notice {
    /// The shard of the partitions with `partition % modulus == remainder` was built anew: what is
    /// under way there must be sent again, under the same request ids.
    ShardRestarted {
        /// Shards of the server.
        modulus: u16,
        /// The shard.
        remainder: u16,
    },
    /// These are the buckets that can be used here, besides the default one. It is said once a
    /// connection is open, and again when there are others.
    Buckets(Vec<NamedBucket>),
    /// What only an edge node says.
    Edge(EdgeNotice),
}

/// A bucket by its two names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedBucket {
    /// What requests say.
    pub id: BucketId,
    /// What people say.
    pub name: String,
}

/// What members say to each other about one key, one partition, or the cluster. `op` numbers the
/// sender's operation and comes back in the answer; `view` is the version of the partition's
/// ownership that the sender goes by, and whoever goes by another one says so with
/// [`PeerMessage::Cluster`] instead of doing what is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PeerMessage {
    /// Merge this state, make it durable, then say [`PeerMessage::Merged`].
    Merge(KeyState),
    /// The state of that operation is durable here, or was refused.
    Merged {
        /// The asker's operation.
        op: u64,
        /// Why not, if not.
        result: Result<(), Failure>,
    },
    /// Say what you have of this key.
    Read {
        /// The sender's view of the partition.
        view: u64,
        /// The sender's operation.
        op: u64,
        /// The bucket.
        bucket: BucketId,
        /// The key.
        #[serde(with = "serde_bytes")]
        key: Vec<u8>,
        /// Digest of the sender's own state, to spare sending the same back; `None`: it has none.
        have: Option<u64>,
    },
    /// The answer to a read.
    State {
        /// The asker's operation.
        op: u64,
        /// What is there.
        answer: ReadAnswer,
    },
    /// A client's request, for a member that owns the key.
    Forward {
        /// The sender's operation.
        op: u64,
        /// The request; its `timeout_ms` is what is left of it.
        request: Request,
    },
    /// The answer to a forwarded request.
    Forwarded {
        /// The asker's operation.
        op: u64,
        /// How it went.
        result: Result<Reply, Failure>,
    },
    /// Hold this state for an owner that the sender cannot reach, make it durable, then say
    /// [`PeerMessage::Merged`].
    Hint(KeyState),
    /// A step of a comparison of the frame's partition.
    Sync {
        /// The sender's view of the partition.
        view: u64,
        /// The number that the member who began it has given it.
        exchange: u64,
        /// The step.
        message: SyncMessage,
    },
    /// About the state of the cluster: `docs/cluster-state.md`.
    Cluster(RegisterMessage),
    /// A step of a collection of deleted keys of the frame's partition.
    Collect {
        /// The sender's view of the partition.
        view: u64,
        /// The first owner's number for it.
        op: u64,
        /// The step.
        message: CollectMessage,
    },
    /// A packet of the membership protocol: `docs/membership.md`.
    Gossip(#[serde(with = "serde_bytes")] Vec<u8>),
    /// About changes that a member's clients watch: `docs/watch.md`. The frame's partition names the
    /// shard that it is for.
    Feed(FeedMessage),
    /// Say what you have of some keys of the frame's partition.
    List {
        /// The sender's view of the partition.
        view: u64,
        /// The sender's operation.
        op: u64,
        /// Of which.
        question: PageQuestion,
    },
    /// The answer to [`PeerMessage::List`].
    Page {
        /// The asker's operation.
        op: u64,
        /// What is there.
        answer: PageAnswer,
    },
}

/// The state of a key, to be made durable by another member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyState {
    /// The sender's view of the partition.
    pub view: u64,
    /// The sender's operation; 0 wants no answer (repair), and is taken in any view.
    pub op: u64,
    /// The bucket.
    pub bucket: BucketId,
    /// The key.
    #[serde(with = "serde_bytes")]
    pub key: Vec<u8>,
    /// An encoded version set.
    #[serde(with = "serde_bytes")]
    pub set: Vec<u8>,
}

/// What a replica has of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReadAnswer {
    /// Just what the asker has.
    Same,
    /// This encoded version set; empty bytes for nothing at all.
    Set(#[serde(with = "serde_bytes")] Vec<u8>),
    /// It cannot say.
    Failed(Failure),
}
