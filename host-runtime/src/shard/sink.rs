//! Where a client's answers go.

use crate::http::Calls;
use crate::net::outbox::{Outbox, Pushed};
use bytes::Bytes;
use henge_core::id::PartitionId;
use henge_core::wire::{FrameKind, Notice, message_frame};
use std::sync::Arc;

/// The place for frames to one client.
#[derive(Clone)]
pub enum ClientSink {
    /// A WebSocket connection.
    Socket(Arc<Outbox>),
    /// The HTTP requests of this stone, which share one client.
    Http(Arc<Calls>),
}

impl ClientSink {
    /// Takes one frame; never waits. True if [`Self::wake`] is due.
    pub(super) fn push(&self, frame: Vec<u8>) -> bool {
        match self {
            Self::Socket(outbox) => match outbox.push(frame) {
                Pushed::Wake => true,
                Pushed::Queued | Pushed::Closed => false,
                Pushed::Full => {
                    // Whoever does not read what it asked for would have the stone hold it.
                    outbox.break_off();
                    false
                }
            },
            Self::Http(calls) => {
                calls.answer(&frame);
                false
            }
        }
    }

    pub(super) fn wake(&self) {
        if let Self::Socket(outbox) = self {
            outbox.wake();
        }
    }

    /// The shard's guest was replaced. Returns frames to be sent to it again: a WebSocket client
    /// knows itself what to send again, the HTTP requests are ours.
    pub(super) fn restarted(&self, shard: u16, shards: u16) -> Vec<Bytes> {
        match self {
            Self::Socket(_) => {
                let notice = Notice::ShardRestarted {
                    modulus: shards,
                    remainder: shard,
                };
                if self.push(message_frame(
                    FrameKind::Notice,
                    PartitionId(shard),
                    &notice,
                )) {
                    self.wake();
                }
                Vec::new()
            }
            Self::Http(calls) => calls.restarted(shard),
        }
    }
}
