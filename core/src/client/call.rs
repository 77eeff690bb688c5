//! What an application asks of a [`super::Client`], and what the client asks of its driver.

use super::naming::BucketRef;
use crate::causality::Value;
use crate::id::{PartitionId, RequestId};
use crate::replication::Level;
use crate::selector::Span;
use crate::time::Instant;
use crate::wire::{Failure, FrameError, FrameKind, Refusal, Reply};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// A call of one client, numbered from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// One request of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The bucket.
    pub bucket: BucketRef,
    /// The key; empty in a list, and only there.
    pub key: Vec<u8>,
    /// Replicas that must have answered; `None` takes the bucket's level.
    pub level: Option<Level>,
    /// How long the application waits, in milliseconds, with all retries: 0 takes the default,
    /// more than [`crate::limits::TIMEOUT_MAX_MS`] waits as long as that.
    pub timeout_ms: u32,
    /// Whether a read must cover what this client has read and written of the key before, and whether
    /// the client remembers the answer for that.
    pub in_session: bool,
    /// The id of a write that may have been sent before; `None` for one that is new.
    pub request: Option<RequestId>,
    /// What its reader has seen of the key elsewhere, as an encoded token: a read covers it. What this client
    /// has seen takes its place in a session.
    pub seen: Vec<u8>,
    /// For an edge node, which shows what it has: see [`Call::at_edge`].
    pub is_for_edge: bool,
    /// The write before it that its maker has seen and that an edge node has.
    pub after: Option<RequestId>,
    /// What to do.
    pub action: Action,
}

impl Call {
    const fn new(bucket: BucketRef, key: Vec<u8>, action: Action) -> Self {
        Self {
            bucket,
            key,
            level: None,
            timeout_ms: 0,
            in_session: true,
            request: None,
            seen: Vec::new(),
            is_for_edge: false,
            after: None,
            action,
        }
    }

    /// Reads `key`.
    #[must_use]
    pub fn get(bucket: impl Into<BucketRef>, key: Vec<u8>) -> Self {
        Self::new(bucket.into(), key, Action::Get)
    }

    /// Writes `value`, knowing nothing of what is there.
    #[must_use]
    pub fn put(bucket: impl Into<BucketRef>, key: Vec<u8>, value: Value) -> Self {
        let action = Action::Put {
            value,
            ttl_ms: None,
            context: Vec::new(),
        };
        Self::new(bucket.into(), key, action)
    }

    /// Deletes `key`, knowing nothing of what is there.
    #[must_use]
    pub fn delete(bucket: impl Into<BucketRef>, key: Vec<u8>) -> Self {
        let action = Action::Delete {
            context: Vec::new(),
        };
        Self::new(bucket.into(), key, action)
    }

    /// Lists the keys of `span` in one partition, those behind `after` (empty to begin), at most `limit` of
    /// them ([`crate::limits::LIST_ENTRIES_MAX`] if it is 0). It can be submitted once a server has said how
    /// many partitions there are ([`super::Client::welcome`]). The answer is a [`Reply::Listed`], and has no
    /// part in the client's session. [`super::Listing`] says what to ask for a list over all partitions.
    #[must_use]
    pub fn list(
        bucket: impl Into<BucketRef>,
        span: Span,
        partition: PartitionId,
        after: Vec<u8>,
        limit: u32,
    ) -> Self {
        let action = Action::List {
            span,
            partition,
            after,
            is_reverse: false,
            limit,
        };
        Self::new(bucket.into(), Vec::new(), action).without_session()
    }

    /// The same list from the last key to the first, if `is_so`: those behind a key come before it.
    #[must_use]
    pub fn in_reverse(mut self, is_so: bool) -> Self {
        if let Action::List { is_reverse, .. } = &mut self.action {
            *is_reverse = is_so;
        }
        self
    }

    /// The same call at `level`.
    #[must_use]
    pub fn with_level(mut self, level: Option<Level>) -> Self {
        self.level = level;
        self
    }

    /// The same call outside of the client's session: its answer may be older than what the client has
    /// seen.
    #[must_use]
    pub const fn without_session(mut self) -> Self {
        self.in_session = false;
        self
    }

    /// The same write under an id of the caller's, who uses it for nothing else.
    #[must_use]
    pub const fn with_request(mut self, request: RequestId) -> Self {
        self.request = Some(request);
        self
    }

    /// The same call to an edge node: a read that may show what waits there; a write that is over when it is
    /// durable there, whose maker has seen the write `after` before it; a list of its copies of all
    /// partitions. Other servers refuse it.
    #[must_use]
    pub const fn at_edge(mut self, after: Option<RequestId>) -> Self {
        self.is_for_edge = true;
        self.after = after;
        self
    }

    /// The same read outside of the client's session, by one who has seen `seen`, an encoded
    /// [`crate::causality::Token`].
    #[must_use]
    pub fn with_seen(mut self, seen: Vec<u8>) -> Self {
        self.in_session = false;
        self.seen = seen;
        self
    }

    /// The same call within `timeout_ms` milliseconds.
    #[must_use]
    pub fn with_timeout_ms(mut self, timeout_ms: u32) -> Self {
        self.timeout_ms = timeout_ms;
        self
    }

    /// The same put with a value that can be read for `ttl` milliseconds; for ever without it.
    #[must_use]
    pub fn with_ttl_ms(mut self, ttl: Option<u64>) -> Self {
        if let Action::Put { ttl_ms, .. } = &mut self.action {
            *ttl_ms = ttl;
        }
        self
    }

    /// The same write by one who has read `seen`, an encoded [`crate::causality::Token`]. A read and a
    /// list have none.
    #[must_use]
    pub fn with_context(mut self, seen: Vec<u8>) -> Self {
        match &mut self.action {
            Action::Get | Action::List { .. } => {}
            Action::Put { context, .. } | Action::Delete { context } => *context = seen,
        }
        self
    }
}

/// What to do with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Read it.
    Get,
    /// Write a value.
    Put {
        /// The value.
        value: Value,
        /// How long it can be read, in milliseconds; `None` for ever.
        ttl_ms: Option<u64>,
        /// The token of what was read, encoded; empty for a blind write.
        context: Vec<u8>,
    },
    /// Delete it.
    Delete {
        /// The token of what was read, encoded; empty for a blind write.
        context: Vec<u8>,
    },
    /// List keys of one partition.
    List {
        /// Which keys of the bucket.
        span: Span,
        /// The partition.
        partition: PartitionId,
        /// Those behind this key in the order of the list; empty to begin.
        after: Vec<u8>,
        /// From the last key to the first.
        is_reverse: bool,
        /// At most so many; 0 takes [`crate::limits::LIST_ENTRIES_MAX`].
        limit: u32,
    },
}

/// What the driver of a client must do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientOutput {
    /// Send these bytes as one binary WebSocket message.
    Send(Vec<u8>),
    /// A call has its outcome.
    Done {
        /// The call.
        call: CallId,
        /// How it went.
        result: Result<Reply, Failure>,
    },
    /// The connection is in another state.
    State(ConnectionState),
    /// Send this text message: an edge node's sign of life is asked for.
    Ping(&'static str),
    /// An edge node has heard what has become of a write that was lodged there.
    Settled {
        /// The id of the write.
        request: RequestId,
        /// How it went.
        result: Result<Reply, Failure>,
    },
    /// Drop the socket, if there is one, without reporting it, and dial again at this moment.
    Redial {
        /// When.
        at: Instant,
    },
    /// The server does not take this client; drop the socket. No call will succeed any more.
    Refused(Refusal),
}

/// How the connection is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionState {
    /// A socket is being opened, or the greeting is under way.
    Connecting,
    /// Requests are answered.
    Online {
        /// Name of the member that answers.
        member: String,
        /// Replicas of a key.
        replicas: u8,
    },
    /// There is no connection; calls wait for the next.
    Offline {
        /// When it is dialled again.
        redial_at: Instant,
        /// What the server said, if it sent the client away for now.
        failure: Option<Failure>,
    },
}

/// What a server sent that it must not. The calls are as they were: drop the socket and report it
/// with [`super::Client::handle_disconnected`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientError {
    /// Bytes that are not a frame, or not the message they promise.
    Frame(FrameError),
    /// A frame that has no place at this point.
    Unexpected(FrameKind),
    /// A welcome whose protocol version or number of partitions cannot be.
    Welcome {
        /// Its protocol version.
        version: u8,
        /// Its number of partitions.
        partitions: u16,
    },
    /// Text, where an edge node answers a ping.
    Text,
    /// A notice of a server with no shards.
    NoShards,
    /// An answer that does not fit the call.
    WrongReply(CallId),
}

impl From<FrameError> for ClientError {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame(error) => write!(f, "the server sent a broken message: {error}"),
            Self::Unexpected(kind) => write!(f, "the server sent a {kind:?} frame out of turn"),
            Self::Welcome {
                version,
                partitions,
            } => write!(
                f,
                "the server's welcome names protocol version {version} and {partitions} \
                 partitions, which this client cannot use"
            ),
            Self::Text => f.write_str("the server sent text"),
            Self::NoShards => f.write_str("the server says that it has no shards"),
            Self::WrongReply(call) => {
                write!(
                    f,
                    "the server's answer to call {} does not fit what was asked",
                    call.0
                )
            }
        }
    }
}

impl core::error::Error for ClientError {}
