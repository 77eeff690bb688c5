//! What crosses a WebSocket: `docs/wire-protocol.md` is the normative page.
//!
//! * [`frame`]: the fixed header, its checksum, and batches of frames.
//! * [`message`]: what stands behind the header, as postcard. [`reply`]: what a request has come to.
//! * [`sync`]: what replicas say to find out where they differ.
//! * [`listing`]: lists of keys.
//! * [`collect`]: what owners say before they forget deleted keys.
//! * [`watch`]: who is told what has changed.
//! * [`edge`]: what only edge nodes are asked and say.
//! * [`handshake`]: the first frames of a connection.

pub mod collect;
pub mod edge;
pub mod frame;
pub mod handshake;
pub mod listing;
pub mod message;
pub mod reply;
pub mod sync;
pub mod watch;

pub use collect::CollectMessage;
pub use edge::{EdgeNotice, EdgeOperation, EdgeReply, Shown, ShownState};
pub use frame::{Frame, FrameError, FrameKind, Frames};
pub use handshake::{Features, Hello, Refusal, Role, Welcome};
pub use listing::{Listed, PageAnswer, PageQuestion, StatePage, StoredState};
pub use message::{
    ClientId, ErrorCode, Failure, KeyState, NamedBucket, Notice, Operation, PeerMessage,
    ReadAnswer, Request, Response,
};
pub use reply::{Entry, Reply};
pub use sync::{KeyBytes, ListedKey, SyncMessage};
pub use watch::{FeedChange, FeedItem, FeedMessage, Ticket, WatchEvent, WatchEvents, WatchRequest};

use crate::encoded::encoded;
use crate::id::PartitionId;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// The WebSocket subprotocol that both sides must name.
pub const SUBPROTOCOL: &str = "henge.v1";

/// Encodes `message` as one frame of `kind` for `partition`, behind what `out` already holds.
pub fn put_message<T: Serialize>(
    out: &mut Vec<u8>,
    kind: FrameKind,
    partition: PartitionId,
    message: &T,
) {
    let body = encoded(message);
    frame::put_frame(out, kind, partition, &body);
}

/// One frame of `kind` with `message` in it.
#[must_use]
pub fn message_frame<T: Serialize>(
    kind: FrameKind,
    partition: PartitionId,
    message: &T,
) -> Vec<u8> {
    let mut out = Vec::new();
    put_message(&mut out, kind, partition, message);
    out
}

/// Decodes the body of a frame; bytes left over are an error.
pub fn decode_body<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, FrameError> {
    match postcard::take_from_bytes(body) {
        Ok((message, [])) => Ok(message),
        Ok((_, rest)) => Err(FrameError::TrailingBytes(rest.len())),
        Err(_) => Err(FrameError::Malformed),
    }
}

#[cfg(test)]
mod tests;
