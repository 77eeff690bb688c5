//! What is on the cluster's agenda.

use super::Seat;
use henge_core::storage::{OperationId, StorageFault};
use henge_core::wire::ClientId;

/// One thing that will happen to one seat. What names a life is dropped if the seat has begun
/// another one by then.
#[derive(Debug)]
pub(super) enum Due {
    Frame {
        to: Seat,
        from: Seat,
        frame: Vec<u8>,
    },
    Request {
        to: Seat,
        client: ClientId,
        frame: Vec<u8>,
    },
    Storage {
        to: Seat,
        life: u64,
        operation: OperationId,
        result: Result<Option<Vec<u8>>, StorageFault>,
    },
    Peer {
        to: Seat,
        life: u64,
        peer: Seat,
        up: bool,
    },
    Opened {
        to: Seat,
        life: u64,
    },
    Timeout {
        to: Seat,
        life: u64,
    },
}

impl Due {
    /// To whom it will happen.
    pub(super) const fn seat(&self) -> Seat {
        match self {
            Self::Frame { to, .. }
            | Self::Request { to, .. }
            | Self::Storage { to, .. }
            | Self::Peer { to, .. }
            | Self::Opened { to, .. }
            | Self::Timeout { to, .. } => *to,
        }
    }
}
