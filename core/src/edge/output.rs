//! What an edge node wants done, and what it tells.

use crate::client::ConnectionState;
use crate::storage::{OperationId, StorageRequest};
use crate::time::Instant;
use crate::wire::{ClientId, Refusal};
use alloc::string::String;
use alloc::vec::Vec;

/// What the driver must do, or tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EdgeOutput {
    /// Ask the medium. The answer goes to [`super::Edge::handle_done`].
    Storage {
        /// The number of the request.
        operation: OperationId,
        /// What to do.
        request: StorageRequest,
    },
    /// Send these bytes to the ring as one binary message.
    Backbone(Vec<u8>),
    /// Send this to the ring as one text message.
    Ping(&'static str),
    /// Drop the socket to the ring, if there is one, without reporting it. Who dials out dials again at this
    /// moment.
    Redial {
        /// When.
        at: Instant,
    },
    /// Send these bytes to a client as one binary message.
    Client {
        /// To which.
        client: ClientId,
        /// What.
        message: Vec<u8>,
    },
    /// Close the socket of a client when all is sent, without reporting it.
    Close {
        /// Which.
        client: ClientId,
    },
    /// Keep this for [`super::Edge::restore`], as long as the client's socket lives.
    Remember {
        /// Of which client.
        client: ClientId,
        /// At most [`crate::limits::EDGE_REMEMBERED_BYTES_MAX`].
        bytes: Vec<u8>,
    },
    /// The node is open; so many writes wait from before.
    Opened {
        /// Writes that wait.
        pending: usize,
    },
    /// Nothing more can be stored: no write is taken any more. The words are the medium's.
    Failed(String),
    /// The medium is full; what waits is tried again later.
    Full,
    /// The connection to the ring is in another state.
    State(ConnectionState),
    /// The ring does not take this node; drop the socket. Writes wait on.
    Refused(Refusal),
}
