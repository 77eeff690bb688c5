//! What a leaf wants done, and what it tells.

use super::{Answer, ListId, ListPage, PassId, Progress, ReadId, SubscriptionId, WriteId};
use crate::client::ConnectionState;
use crate::id::RequestId;
use crate::storage::{OperationId, StorageRequest};
use crate::time::Instant;
use crate::wire::{Failure, Refusal, Reply};
use alloc::string::String;
use alloc::vec::Vec;

/// What the driver must do, or tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeafOutput {
    /// Ask the medium. The answer goes to [`super::Leaf::handle_done`].
    Storage {
        /// The number of the request.
        operation: OperationId,
        /// What to do.
        request: StorageRequest,
    },
    /// Send these bytes as one binary WebSocket message.
    Send(Vec<u8>),
    /// Send this as one text message.
    Ping(&'static str),
    /// Drop the socket, if there is one, without reporting it, and dial again at this moment.
    Redial {
        /// When.
        at: Instant,
    },
    /// The leaf is open; so many writes wait from before.
    Opened {
        /// Writes that wait.
        pending: usize,
    },
    /// Nothing more can be stored: no write is taken any more, and those that are not durable may be
    /// lost. The words are the medium's.
    Failed(String),
    /// The medium is full; what waits is tried again later.
    Full,
    /// A write has come further.
    Progress {
        /// Which.
        write: WriteId,
        /// The id that it keeps through all sends.
        request: RequestId,
        /// How far.
        progress: Progress,
    },
    /// A read has its answer.
    Read {
        /// Which.
        read: ReadId,
        /// The answer.
        result: Result<Answer, Failure>,
    },
    /// A listing has its page.
    Listed {
        /// Which.
        list: ListId,
        /// The page.
        result: Result<ListPage, Failure>,
    },
    /// A key of a subscription shows another value than before, written here or elsewhere.
    Changed {
        /// The key.
        key: Vec<u8>,
        /// What a reader here sees now.
        answer: Answer,
    },
    /// The copy of a key was removed, for the ring has it no more; only an edge node is told.
    Swept {
        /// The key.
        key: Vec<u8>,
        /// The context of that copy, encoded.
        context: Vec<u8>,
    },
    /// All that the ring has of a subscription is here: for the first time, or again.
    Synced {
        /// Which.
        subscription: SubscriptionId,
    },
    /// The ring does not let these keys be watched; the subscription has ended.
    Unsubscribed {
        /// Which.
        subscription: SubscriptionId,
        /// Why.
        failure: Failure,
    },
    /// What a client of an edge node has asked the ring.
    Passed {
        /// Which call.
        pass: PassId,
        /// What it has said.
        result: Result<Reply, Failure>,
    },
    /// The connection is in another state.
    State(ConnectionState),
    /// The server does not take this leaf; drop the socket. Writes wait on.
    Refused(Refusal),
}
