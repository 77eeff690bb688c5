//! What is known of a client.

use super::watching::Watch;
use crate::id::PartitionId;
use crate::limits::{WATCH_ACK_BYTES, WATCH_FLIGHT_BYTES_MAX};
use crate::selector::Span;
use crate::wire::{FrameKind, WatchEvent, WatchEvents, put_message};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// A client of an edge node.
#[derive(Debug, Default)]
pub(super) struct Served {
    pub(super) is_greeted: bool,
    /// Whose writes have come over its connection.
    pub(super) makers: Vec<u64>,
    pub(super) watches: Vec<Watch>,
    /// Requests without an answer.
    pub(super) open: usize,
    /// The number of the events that were sent last.
    number: u64,
    /// Events that it has not acknowledged: their numbers and bytes.
    flight: VecDeque<(u64, usize)>,
    flight_bytes: usize,
    /// It was not told something that it watches: it must read anew.
    pub(super) is_behind: bool,
    /// What it is sent next.
    pub(super) message: Vec<u8>,
    /// There is more than is remembered.
    pub(super) is_changed: bool,
}

/// What is remembered of a client as long as its socket lives.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Remembered {
    pub(super) makers: Vec<u64>,
    /// Its numbers of what it watches, and whether it was told that it does.
    pub(super) watches: Vec<(u64, Span, bool)>,
    pub(super) is_behind: bool,
}

impl Served {
    /// Sends something.
    pub(super) fn say<T: Serialize>(&mut self, kind: FrameKind, message: &T) {
        put_message(&mut self.message, kind, PartitionId(0), message);
    }

    /// Tells of watches.
    pub(super) fn tell(&mut self, events: Vec<WatchEvent>) {
        let before = self.message.len();
        self.number += 1;
        let number = self.number;
        self.say(FrameKind::Events, &WatchEvents { number, events });
        let bytes = self.message.len() - before;
        self.flight.push_back((number, bytes));
        self.flight_bytes += bytes;
    }

    /// Whether it has so much to take in that it is told no more for now.
    pub(super) const fn is_slow(&self) -> bool {
        self.flight_bytes > WATCH_FLIGHT_BYTES_MAX
    }

    /// It has all events up to those of this number. Whether it may be told again what it was not.
    pub(super) fn acknowledge(&mut self, number: u64) -> bool {
        while let Some((_, bytes)) = self.flight.pop_front_if(|(sent, _)| *sent <= number) {
            self.flight_bytes -= bytes;
        }
        self.is_behind && self.flight_bytes <= 2 * WATCH_ACK_BYTES
    }
}
