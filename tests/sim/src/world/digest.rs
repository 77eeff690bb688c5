//! One number for everything that every node was given and gave.

use super::Seat;
use henge_core::hash::hash64;
use henge_core::node::{Event, Input, Output};
use henge_core::storage::{StorageAnswer, StorageRequest};
use henge_core::time::Instant;
use std::fmt::Write;
use xxhash_rust::xxh3::Xxh3;

/// A running xxh3-64. Two runs with one digest have been the same, on any machine.
#[derive(Clone)]
pub(crate) struct Digest(Xxh3);

impl Digest {
    pub(crate) fn new() -> Self {
        Self(Xxh3::new())
    }

    /// The digest of all that has been added.
    pub(crate) fn value(&self) -> u64 {
        self.0.digest()
    }

    pub(crate) fn input(&mut self, now: Instant, seat: Seat, input: &Input<'_>) {
        let (kind, detail) = match input {
            Input::Opened(files) => (1, files.len() as u64),
            Input::StorageDone { operation, result } => {
                let bytes = match result {
                    Ok(StorageAnswer::Done) => 1,
                    Ok(StorageAnswer::Bytes(bytes)) => hash64(bytes),
                    Err(_) => 2,
                };
                (2, operation.0 ^ bytes)
            }
            Input::PeerUp(peer) => (3, peer.0),
            Input::PeerDown(peer) => (4, peer.0),
            Input::Peer { from, frame } => (5, from.0 ^ frame_digest(frame)),
            Input::Client { client, frame } => (6, client.0 ^ frame_digest(frame)),
            Input::Timeout => (7, 0),
            Input::Inspect(id) => (8, *id),
            Input::Cluster(state) => (9, state.digest()),
            Input::Wish(change) => (10, hash64(format!("{change:?}").as_bytes())),
            Input::ClientGone(client) => (18, client.0),
        };
        self.words([now.as_micros(), seat as u64, kind, detail]);
    }

    pub(crate) fn output(&mut self, seat: Seat, output: &Output) {
        let (kind, a, b) = match output {
            Output::Peer { to, frame } => (11, to.0, frame_digest(frame)),
            Output::Client { client, frame } => (12, client.0, frame_digest(frame)),
            Output::Storage { operation, request } => (13, operation.0, request_digest(request)),
            Output::Report { id, .. } => (14, *id, 0),
            Output::Event(event) => (15, event_digest(event), 0),
            Output::Cluster(state) => (16, state.digest(), 0),
            Output::Wish(change) => (17, hash64(format!("{change:?}").as_bytes()), 0),
        };
        self.words([seat as u64, kind, a, b]);
    }

    fn words(&mut self, words: [u64; 4]) {
        let mut bytes = [0; 32];
        for (at, word) in bytes.chunks_exact_mut(8).zip(words) {
            at.copy_from_slice(&word.to_le_bytes());
        }
        self.0.update(&bytes);
    }
}

/// A frame's header holds the checksum of all of it.
fn frame_digest(frame: &[u8]) -> u64 {
    frame.get(8..16).map_or_else(
        || hash64(frame),
        |sum| hash64(sum).wrapping_add(frame.len() as u64),
    )
}

fn request_digest(request: &StorageRequest) -> u64 {
    let file = request.file();
    let (kind, detail) = match request {
        StorageRequest::Append { offset, bytes, .. } => (1, hash64(bytes) ^ *offset),
        StorageRequest::Sync { .. } => (2, 0),
        StorageRequest::Read { offset, length, .. } => (3, offset << 32 | u64::from(*length)),
        StorageRequest::Replace { bytes, .. } => (4, hash64(bytes)),
        StorageRequest::Truncate { length, .. } => (5, *length),
        StorageRequest::Delete { .. } => (6, 0),
    };
    detail
        .wrapping_add(file.number << 8)
        .wrapping_add(kind << 4)
        .wrapping_add(file.kind as u64)
}

fn event_digest(event: &Event) -> u64 {
    let mut text = String::new();
    write!(text, "{event:?}").expect("writing to memory cannot fail");
    hash64(text.as_bytes())
}
