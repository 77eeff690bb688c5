//! What waits for clients. A client gets so much at a time, and more when it has said that it has that;
//! what waits meanwhile is bounded for each watch and for all together. So a client that does not keep
//! up costs a bounded amount of memory, and nobody waits for it.

use super::{Gateway, Waiting};
use crate::id::PartitionId;
use crate::limits::{
    WATCH_ACK_BYTES, WATCH_FLIGHT_BYTES_MAX, WATCH_FLIGHT_BYTES_MIN, WATCH_FLIGHTS_BYTES_MAX,
    WATCH_FRAME_BYTES, WATCH_QUEUE_BYTES_MAX, WATCH_QUEUE_ENTRIES_MAX, WATCH_QUEUES_BYTES_MAX,
    WATCH_TURN_BYTES, WATCHES_PER_CLIENT_MAX,
};
use crate::time::Instant;
use crate::watch::change::Change;
use crate::watch::position::Position;
use crate::wire::{self, ClientId, Failure, FrameKind, WatchEvent, WatchEvents};
use alloc::boxed::Box;
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
    /// The number of the last frame, and those that it has not acknowledged, with their lengths; small
    /// ones are counted with the next.
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

    /// Something has happened: frames can be given out again.
    pub const fn begin_turn(&mut self, now: Instant) {
        self.turned_at = now;
        self.turn_bytes = 0;
    }

    /// The next frame that is ready for a client. Where there are many, some are left for the next turn,
    /// which [`Self::poll_timeout`] wants at once.
    #[must_use]
    pub fn poll_client(&mut self) -> Option<(ClientId, Vec<u8>)> {
        while self.turn_bytes < WATCH_TURN_BYTES {
            let behind = self.busy.range(self.next_client..).next();
            let client = *behind.or_else(|| self.busy.first())?;
            if let Some(frame) = self.next_frame(client) {
                self.next_client = client;
                self.turn_bytes += frame.len();
                return Some((client, frame));
            }
            self.busy.remove(&client);
        }
        None
    }

    /// Whether this turn was too short for all that is ready.
    pub(super) fn has_more(&self) -> bool {
        self.turn_bytes >= WATCH_TURN_BYTES && !self.busy.is_empty()
    }

    /// Whether so many bytes more may wait for a watch.
    pub(super) fn has_room(&self, number: u64, bytes: usize) -> bool {
        let watch = self.watches.get(&number);
        watch.is_none_or(|watch| {
            watch.queue.len() < WATCH_QUEUE_ENTRIES_MAX
                && watch.queue_bytes + bytes <= WATCH_QUEUE_BYTES_MAX
                && self.queued_bytes <= WATCH_QUEUES_BYTES_MAX
        })
    }

    /// Lets an event wait for the client of a watch.
    pub(super) fn put_event(&mut self, number: u64, event: WatchEvent) {
        self.put(number, Waiting::Event(Box::new(event)));
    }

    /// Lets something wait for the client of a watch.
    pub(super) fn put(&mut self, number: u64, what: Waiting) {
        let Some(watch) = self.watches.get_mut(&number) else {
            return;
        };
        self.queued_bytes += size_of::<Waiting>();
        watch.queue.push_back(what);
        if let Some(connection) = self.clients.get_mut(&watch.client) {
            if !core::mem::replace(&mut watch.is_ready, true) {
                connection.ready.push_back(number);
            }
            self.busy.insert(watch.client);
        }
    }

    fn next_frame(&mut self, client: ClientId) -> Option<Vec<u8>> {
        let window = window(self.clients.len());
        let connection = self.clients.get_mut(&client)?;
        if connection.flight_bytes >= window {
            return None;
        }
        let room = WATCH_FRAME_BYTES.min(window - connection.flight_bytes);
        let mut events = core::mem::take(&mut connection.failed);
        let mut bytes = 0;
        // The same change for several watches of a connection goes out once.
        let mut last: Option<(Arc<Change>, Vec<u64>)> = None;
        while bytes < room
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
            self.queued_bytes -= size_of::<Waiting>();
            match what {
                Waiting::Change(change) => {
                    let size = change.bytes();
                    watch.queue_bytes -= size;
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
                    if let WatchEvent::Joined { stream, mark, .. } = &*event {
                        connection.marks.entry(*stream).or_insert(mark.position);
                    }
                    bytes += 32;
                    events.push(*event);
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
        let told = WatchEvents { number, events };
        let frame = wire::message_frame(FrameKind::Events, PartitionId(self.shard), &told);
        connection.sent(number, frame.len());
        for event in told.events {
            if let WatchEvent::Changed { change, .. } = event {
                let_go(&mut self.queued_bytes, change);
            }
        }
        Some(frame)
    }
}

impl Connection {
    /// A frame is on its way. One entry stands for several small ones: what it says late is little.
    fn sent(&mut self, number: u64, bytes: usize) {
        self.flight_bytes += bytes;
        match self.flight.back_mut() {
            Some(last) if last.1 < WATCH_ACK_BYTES / 8 => *last = (number, last.1 + bytes),
            _ => self.flight.push_back((number, bytes)),
        }
    }
}

/// Bytes that may be on their way to each of so many clients.
fn window(clients: usize) -> usize {
    let fair = WATCH_FLIGHTS_BYTES_MAX / clients.max(1);
    fair.clamp(WATCH_FLIGHT_BYTES_MIN, WATCH_FLIGHT_BYTES_MAX)
}

fn changed((change, watches): (Arc<Change>, Vec<u64>)) -> WatchEvent {
    WatchEvent::Changed { watches, change }
}

/// Something does not wait for a watch any more; `held` is what all wait for.
pub(super) fn drop_waiting(held: &mut usize, what: Waiting) {
    *held -= size_of::<Waiting>();
    if let Waiting::Change(change) = what {
        let_go(held, change);
    }
}

/// One fewer has a change. The last one frees its memory.
pub(super) fn let_go(held: &mut usize, change: Arc<Change>) {
    if let Some(change) = Arc::into_inner(change) {
        *held -= change.bytes();
    }
}
