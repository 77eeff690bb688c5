//! Watches: frames of clients, and what shards tell each other of changes (`crate::watch`).

use super::{InputError, Node};
use crate::causality::VersionSet;
use crate::id::{MemberId, PartitionId};
use crate::limits::PARTITIONS_MAX;
use crate::storage::StoredKey;
use crate::storage::key::STORED_KEY_PREFIX_BYTES;
use crate::time::Instant;
use crate::watch::gateway::WatchReport;
use crate::watch::{Change, View};
use crate::wire::{self, ClientId, FeedMessage, FrameKind, PeerMessage, WatchRequest};

impl Node {
    pub(super) fn handle_watch_frame(
        &mut self,
        now: Instant,
        client: ClientId,
        bytes: &[u8],
    ) -> Result<(), InputError> {
        let frame = self.take_frame(bytes, FrameKind::Watch)?;
        let request: WatchRequest = wire::decode_body(frame.body).map_err(InputError::Frame)?;
        match request {
            WatchRequest::Begin {
                watch,
                selector,
                token,
            } => {
                if let Err(failure) = self.settings_of(selector.bucket) {
                    self.gateway.refuse(client, watch, failure);
                    return Ok(());
                }
                let view = View {
                    state: &self.agreement.state,
                    up: &self.peers_up,
                };
                self.gateway
                    .begin(now, view, client, watch, selector, token);
            }
            WatchRequest::End { watch } => self.gateway.end(client, watch),
            WatchRequest::Ack { number } => self.gateway.acknowledge(client, number),
            WatchRequest::Probe => self.gateway.probe(client),
        }
        Ok(())
    }

    /// Another shard has said something of changes, or asked for them.
    pub(super) fn handle_feed(&mut self, now: Instant, from: MemberId, message: FeedMessage) {
        match message {
            FeedMessage::Subscribe { .. }
            | FeedMessage::Unsubscribe { .. }
            | FeedMessage::Ping { .. } => self.source.handle(now, from, message),
            FeedMessage::Subscribed { .. }
            | FeedMessage::Changes { .. }
            | FeedMessage::Unknown { .. } => {
                let view = View {
                    state: &self.agreement.state,
                    up: &self.peers_up,
                };
                self.gateway.handle(now, view, from, message);
            }
        }
    }

    /// Frames can be sent to `peer`, or no longer.
    pub(super) fn watching_hears(&mut self, now: Instant, peer: MemberId, is_up: bool) {
        let view = View {
            state: &self.agreement.state,
            up: &self.peers_up,
        };
        if is_up {
            self.gateway.peer_up(now, view, peer);
        } else {
            self.gateway.peer_down(peer);
        }
    }

    /// The members or the owners have changed.
    pub(super) fn turn_watching(&mut self, now: Instant) {
        let view = View {
            state: &self.agreement.state,
            up: &self.peers_up,
        };
        self.gateway.turn(now, view);
    }

    pub(super) fn tick_watching(&mut self, now: Instant) {
        let view = View {
            state: &self.agreement.state,
            up: &self.peers_up,
        };
        self.gateway.handle_timeout(now, view);
    }

    /// Sends what both halves have to say. What is for this shard comes at once.
    pub(super) fn drain_watching(&mut self, now: Instant) {
        loop {
            let next = (self.source.poll_output()).or_else(|| self.gateway.poll_output());
            let Some((to, partition, message)) = next else {
                return;
            };
            if to == self.config.me && self.serves(partition) {
                self.handle_feed(now, to, message);
            } else if partition.0 < PARTITIONS_MAX {
                self.send(to, partition, &PeerMessage::Feed(message));
            }
        }
    }

    pub(super) fn watch_report(&self) -> WatchReport {
        WatchReport {
            feeds: self.source.feeds() as u64,
            tail: self.source.tail().len() as u64,
            ..self.gateway.report()
        }
    }
}

/// What there is to tell of `key` now that its state is `set`; nothing of a node's own records.
pub(super) fn change_of(key: &StoredKey, set: &VersionSet) -> Option<Change> {
    if key.partition() > PartitionId(PARTITIONS_MAX) {
        return None;
    }
    Change::of(&key.as_bytes()[STORED_KEY_PREFIX_BYTES..], set)
}
