//! What is due, and when.

use super::Seat;
use henge_core::cluster::Change;
use henge_core::storage::OperationId;
use henge_core::time::Instant;
use henge_core::wire::ClientId;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// One thing that will happen. What names a life is dropped if the seat has begun another one by
/// then.
#[derive(Debug)]
pub(crate) enum Due {
    /// A frame of another member arrives.
    Frame {
        to: Seat,
        from: Seat,
        frame: Vec<u8>,
    },
    /// A frame of a client arrives.
    Request {
        to: Seat,
        client: ClientId,
        frame: Vec<u8>,
    },
    /// A client's connection is gone.
    ClientGone { to: Seat, client: ClientId },
    /// The disk has carried a request out.
    Storage {
        to: Seat,
        life: u64,
        operation: OperationId,
    },
    /// A seat hears that another can be reached, or no longer.
    Peer {
        to: Seat,
        life: u64,
        peer: Seat,
        up: bool,
    },
    /// Somebody wants the state of the cluster changed.
    Wish { to: Seat, change: Change },
    /// The disk is open.
    Opened { to: Seat, life: u64 },
    /// The time that the node has asked for.
    Timeout { to: Seat, life: u64 },
    /// Whoever runs the world wanted to be told.
    Wake(u64),
}

impl Due {
    /// To whom it will happen; what happens to nobody comes last.
    pub(crate) const fn seat(&self) -> Seat {
        match self {
            Self::Frame { to, .. }
            | Self::Request { to, .. }
            | Self::ClientGone { to, .. }
            | Self::Storage { to, .. }
            | Self::Peer { to, .. }
            | Self::Wish { to, .. }
            | Self::Opened { to, .. }
            | Self::Timeout { to, .. } => *to,
            Self::Wake(_) => Seat::MAX,
        }
    }
}

/// Everything that is due, the earliest first, and in the order of planning where times are equal.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    heap: BinaryHeap<Entry>,
    next: u64,
}

impl Agenda {
    /// At `at`, `due` happens.
    pub(crate) fn plan(&mut self, at: Instant, due: Due) {
        let number = self.next;
        self.next += 1;
        self.heap.push(Entry { at, number, due });
    }

    /// When the next thing happens.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.heap.peek().map(|entry| entry.at)
    }

    /// Takes out the next thing if it happens at `at` or before.
    pub(crate) fn take(&mut self, at: Instant) -> Option<Due> {
        if self.next_at()? > at {
            return None;
        }
        self.heap.pop().map(|entry| entry.due)
    }
}

#[derive(Debug)]
struct Entry {
    at: Instant,
    number: u64,
    due: Due,
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Entry {}
