//! What waits for clients. A client gets so much at a time, and more when it has said that it has that;
//! what waits meanwhile is bounded for each watch and for all together. So a client that does not keep
//! up costs a bounded amount of memory, and nobody waits for it.

use super::{Gateway, Waiting};
use crate::id::PartitionId;
use crate::limits::{
    WATCH_FLIGHT_BYTES_MAX, WATCH_FRAME_BYTES, WATCH_QUEUE_BYTES_MAX, WATCH_QUEUE_ENTRIES_MAX,
    WATCH_QUEUES_BYTES_MAX, WATCHES_PER_CLIENT_MAX,
};
use crate::watch::change::Change;
use crate::watch::position::Position;
use crate::wire::{self, ClientId, Failure, FrameKind, WatchEvent, WatchEvents};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// One client.
#[derive(Debug, Default)]
pub(super) struct Connection {
    /// Its watches, by its own numbers.
    pub(super) names: BTreeMap<u64, u64>,
    /// Its watches for which something waits.
    pub(super) ready: VecDeque<u64>,
    /// What is to be said of watches that there are not.
    failed: Vec<WatchEvent>,
    /// The number of the last frame, and those that it has not acknowledged, with their lengths.
    number: u64,
    flight: VecDeque<(u64, usize)>,
    flight_bytes: usize,
    /// How far it has heard that each stream is.
    marks: BTreeMap<u32, Position>,
    is_probed: bool,
}

impl Gateway {
    /// A client has all frames up to the one of this number.
    pub fn acknowledge(&mut self, client: ClientId, number: u64) {
        let Some(connection) = self.clients.get_mut(&client) else {
            return;
        };
        while let Some((_, bytes)) = connection.flight.pop_front_if(|(it, _)| *it <= number) {
            connection.flight_bytes -= bytes;
        }
        self.busy.insert(client);
    }

    /// A client wants a sign of life.
    pub fn probe(&mut self, client: ClientId) {
        self.clients.entry(client).or_default().is_probed = true;
        self.busy.insert(client);
    }

    /// A client wants what cannot be.
    pub fn refuse(&mut self, client: ClientId, watch: u64, failure: Failure) {
        let event = WatchEvent::Failed { watch, failure };
        let connection = self.clients.entry(client).or_default();
        if connection.failed.len() < WATCHES_PER_CLIENT_MAX {
            connection.failed.push(event);
        }
        self.busy.insert(client);
    }

    /// The next frame that is ready for a client.
    #[must_use]
    pub fn poll_client(&mut self) -> Option<(ClientId, Vec<u8>)> {
        while let Some(&client) = self.busy.first() {
            if let Some(frame) = self.next_frame(client) {
                return Some((client, frame));
            }
            self.busy.remove(&client);
        }
        None
    }

    /// Whether so many bytes more may wait for a watch.
    pub(super) fn has_room(&self, number: u64, bytes: usize) -> bool {
        let watch = self.watches.get(&number);
        watch.is_none_or(|watch| {
            watch.queue.len() < WATCH_QUEUE_ENTRIES_MAX
                && watch.queue_bytes + bytes <= WATCH_QUEUE_BYTES_MAX
                && self.queued_bytes + bytes <= WATCH_QUEUES_BYTES_MAX
        })
    }

    /// Lets something wait for the client of a watch.
    pub(super) fn put(&mut self, number: u64, what: Waiting) {
        let Some(watch) = self.watches.get_mut(&number) else {
            return;
        };
        watch.queue.push_back(what);
        if let Some(connection) = self.clients.get_mut(&watch.client) {
            if !core::mem::replace(&mut watch.is_ready, true) {
                connection.ready.push_back(number);
            }
            self.busy.insert(watch.client);
        }
    }

    fn next_frame(&mut self, client: ClientId) -> Option<Vec<u8>> {
        let connection = self.clients.get_mut(&client)?;
        if connection.flight_bytes >= WATCH_FLIGHT_BYTES_MAX {
            return None;
        }
        let mut events = core::mem::take(&mut connection.failed);
        let mut bytes = 0;
        // The same change for several watches of a connection goes out once.
        let mut last: Option<(Arc<Change>, Vec<u64>)> = None;
        while bytes < WATCH_FRAME_BYTES
            && let Some(number) = connection.ready.pop_front()
        {
            let Some(watch) = self.watches.get_mut(&number) else {
                continue;
            };
            let Some(what) = watch.queue.pop_front() else {
                watch.is_ready = false;
                continue;
            };
            // Those with the same changes take turns, so that each goes out once.
            if watch.queue.is_empty() {
                watch.is_ready = false;
            } else {
                connection.ready.push_back(number);
            }
            match what {
                Waiting::Change(change) => {
                    let size = change.bytes();
                    watch.queue_bytes -= size;
                    self.queued_bytes -= size;
                    self.changes_told += 1;
                    match &mut last {
                        Some((it, watches)) if Arc::ptr_eq(it, &change) => {
                            watches.push(watch.name);
                            bytes += 8;
                        }
                        _ => {
                            events.extend(last.take().map(changed));
                            last = Some((change, Vec::from([watch.name])));
                            bytes += size;
                        }
                    }
                }
                Waiting::Event(event) => {
                    events.extend(last.take().map(changed));
                    if let WatchEvent::Joined { stream, mark, .. } = &event {
                        connection.marks.entry(*stream).or_insert(mark.position);
                    }
                    bytes += 32;
                    events.push(event);
                }
            }
        }
        events.extend(last.take().map(changed));
        if connection.ready.is_empty() {
            let feeds = &self.feeds;
            connection
                .marks
                .retain(|stream, _| feeds.contains_key(stream));
            let mut moved = Vec::new();
            for (stream, told) in &mut connection.marks {
                let safe = feeds.get(stream).map_or(*told, |feed| feed.safe);
                if safe > *told {
                    *told = safe;
                    moved.push((*stream, safe));
                }
            }
            let is_probed = core::mem::take(&mut connection.is_probed);
            if is_probed || (!events.is_empty() && !moved.is_empty()) {
                events.push(WatchEvent::Marks(moved));
            }
        }
        if events.is_empty() {
            return None;
        }
        connection.number += 1;
        let number = connection.number;
        let frame = wire::message_frame(
            FrameKind::Events,
            PartitionId(self.shard),
            &WatchEvents { number, events },
        );
        connection.flight.push_back((number, frame.len()));
        connection.flight_bytes += frame.len();
        Some(frame)
    }
}

fn changed((change, watches): (Arc<Change>, Vec<u64>)) -> WatchEvent {
    WatchEvent::Changed {
        watches,
        change: Change::clone(&change),
    }
}
