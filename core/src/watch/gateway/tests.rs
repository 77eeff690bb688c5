//! A shard that is both halves for itself, and what many clients cost it.

use super::*;
use crate::causality::{Dot, Hlc, Value};
use crate::cluster::ClusterState;
use crate::id::{ActorId, BucketId};
use crate::limits::{
    WATCH_FLIGHT_BYTES_MAX, WATCH_FLIGHT_BYTES_MIN, WATCH_TAIL_BYTES_MAX, WATCH_TURN_BYTES,
};
use crate::ring::{Member, Members, Placement};
use crate::storage::BatchNumber;
use crate::watch::Source;
use crate::wire::{Frame, WatchEvents, decode_body};
use alloc::vec;

struct Shard {
    gateway: Gateway,
    source: Source,
    state: ClusterState,
    now: Instant,
    written: u64,
}

impl Shard {
    fn new() -> Self {
        let me = Member::new("m", "eu".parse().unwrap(), 1);
        let (id, members) = (me.id, Members::new(vec![me]).unwrap());
        let mut source = Source::new(0, 1, WATCH_TAIL_BYTES_MAX);
        source.opened(1, 7);
        Self {
            gateway: Gateway::new(id, 0, 1, 1),
            source,
            state: ClusterState::new(Placement::new(members, 16, 3).unwrap()),
            now: Instant::from_micros(1_000_000),
            written: 0,
        }
    }

    /// A shard that `clients` clients watch a prefix at.
    fn watched_by(clients: u64) -> Self {
        let mut shard = Self::new();
        for client in 0..clients {
            let up = BTreeSet::new();
            let view = View {
                state: &shard.state,
                up: &up,
            };
            let selector = Selector {
                bucket: BucketId(0),
                span: Span::Prefix(b"k".to_vec()),
            };
            let client = ClientId(client);
            shard
                .gateway
                .begin(shard.now, view, client, 1, selector, vec![]);
            shard.settle();
        }
        while !shard.turn().is_empty() {}
        shard
    }

    /// Lets the halves speak with each other.
    fn settle(&mut self) {
        loop {
            let next = self.source.poll_output();
            let Some((to, _, message)) = next.or_else(|| self.gateway.poll_output()) else {
                return;
            };
            match message {
                FeedMessage::Subscribe { .. }
                | FeedMessage::Unsubscribe { .. }
                | FeedMessage::Ping { .. } => self.source.handle(self.now, to, message),
                _ => {
                    let up = BTreeSet::new();
                    let view = View {
                        state: &self.state,
                        up: &up,
                    };
                    self.gateway.handle(self.now, view, to, message);
                }
            }
        }
    }

    /// A key is written, with a value of so many bytes.
    fn write(&mut self, bytes: usize) {
        self.written += 1;
        let (actor, counter) = (ActorId(1), self.written);
        let change = Change {
            key: format!("k{counter}").into_bytes(),
            version: Hlc::from_u64(counter),
            dot: Dot { actor, counter },
            value: Some(Value {
                encoding: 0,
                bytes: vec![0; bytes],
            }),
            expires_at_ms: None,
            siblings: vec![],
            context: vec![],
        };
        let batch = BatchNumber(counter);
        self.source.wrote(1, batch, Some((BucketId(0), change)));
        self.source.durable(batch);
        self.settle();
    }

    /// What one turn gives out.
    fn turn(&mut self) -> Vec<(ClientId, Vec<u8>)> {
        self.now = self.now + Duration::from_micros(1);
        self.gateway.begin_turn(self.now);
        core::iter::from_fn(|| self.gateway.poll_client()).collect()
    }

    /// Bytes that each client is given while none says that it has them.
    fn give_out(&mut self) -> BTreeMap<ClientId, usize> {
        let mut given: BTreeMap<ClientId, usize> = BTreeMap::new();
        loop {
            let frames = self.turn();
            if frames.is_empty() {
                return given;
            }
            for (client, frame) in frames {
                *given.entry(client).or_default() += frame.len();
            }
        }
    }
}

/// The number of a frame, and how many changes are in it.
fn read(frame: &[u8]) -> (u64, usize) {
    let (frame, _) = Frame::take(frame).unwrap();
    let told: WatchEvents = decode_body(frame.body).unwrap();
    let is_change = |event: &&WatchEvent| matches!(event, WatchEvent::Changed { .. });
    (told.number, told.events.iter().filter(is_change).count())
}

#[test]
fn one_turn_gives_out_so_much_and_the_next_is_wanted_at_once() {
    let mut shard = Shard::watched_by(300);
    shard.write(20_000);
    let mut told = BTreeMap::new();
    let mut turns = 0;
    loop {
        let frames = shard.turn();
        if frames.is_empty() {
            break;
        }
        let bytes: usize = frames.iter().map(|(_, frame)| frame.len()).sum();
        assert!(bytes < WATCH_TURN_BYTES + 21_000, "{bytes} in one turn");
        turns += 1;
        for (client, frame) in frames {
            *told.entry(client).or_insert(0) += read(&frame).1;
        }
        if told.len() < 300 {
            assert_eq!(shard.gateway.poll_timeout(), Some(shard.now));
        }
    }
    assert!(turns > 300 * 20_000 / WATCH_TURN_BYTES, "{turns} turns");
    assert!(told.len() == 300 && told.values().all(|count| *count == 1));
    assert!(shard.gateway.poll_timeout() > Some(shard.now));
}

#[test]
fn who_has_read_nothing_yet_begins_although_what_it_would_hear_first_was_lost() {
    let mut shard = Shard::watched_by(1);
    let (number, watch) = { shard.gateway.watches.iter_mut() }.next().unwrap();
    let (number, stream) = (*number, watch.qualified[0]);
    watch.phase = Phase::Begun(shard.now);
    shard.gateway.leave(number, stream);
    let mut events = Vec::new();
    for _ in 0..100 {
        shard.now = shard.now + Duration::from_millis(WATCH_TICK_MS);
        let up = BTreeSet::new();
        let view = View {
            state: &shard.state,
            up: &up,
        };
        shard.gateway.handle_timeout(shard.now, view);
        shard.settle();
        for (_, frame) in shard.turn() {
            let (frame, _) = Frame::take(&frame).unwrap();
            let told: WatchEvents = decode_body(frame.body).unwrap();
            events.extend(told.events);
        }
    }
    let watching = WatchEvent::Watching { watch: 1 };
    assert_eq!(events.iter().filter(|event| **event == watching).count(), 1);
    let joined = |event: &WatchEvent| matches!(event, WatchEvent::Joined { .. });
    let of_joined = events.iter().position(joined);
    assert!(of_joined < events.iter().position(|event| *event == watching));
}

#[test]
fn a_change_that_waits_for_many_is_counted_once_and_not_when_nobody_waits() {
    let mut shard = Shard::watched_by(100);
    assert_eq!(shard.gateway.report().queued_bytes, 0);
    let full = 2 * WATCH_FLIGHT_BYTES_MAX / 9_000;
    for _ in 0..full {
        shard.write(9_000);
    }
    let given = shard.give_out();
    let most = WATCH_FLIGHT_BYTES_MAX + 10_000;
    assert!(given.values().all(|bytes| *bytes < most), "{given:?}");
    let report = shard.gateway.report();
    let all = full * 9_300 + 100 * full * size_of::<Waiting>();
    assert!(report.queued_bytes < all as u64, "{report:?}");
    assert_eq!(report.resyncs, 0, "there is room");

    for client in 0..50 {
        shard.gateway.client_gone(ClientId(client));
    }
    for client in 50..100 {
        shard.gateway.acknowledge(ClientId(client), u64::MAX);
    }
    shard.give_out();
    assert_eq!(shard.gateway.report().queued_bytes, 0);
}

#[test]
fn where_there_are_many_few_bytes_are_on_their_way_to_each_and_who_reads_gets_all() {
    let mut shard = Shard::watched_by(3_000);
    let (reader, mut told) = (ClientId(1_234), 0);
    for _ in 0..100 {
        shard.write(1_000);
    }
    let mut given: BTreeMap<ClientId, usize> = BTreeMap::new();
    loop {
        let frames = shard.turn();
        if frames.is_empty() {
            break;
        }
        for (client, frame) in frames {
            *given.entry(client).or_default() += frame.len();
            if client == reader {
                let (number, changes) = read(&frame);
                told += changes;
                shard.gateway.acknowledge(reader, number);
            }
        }
    }
    assert_eq!(told, 100);
    given.remove(&reader);
    let most = given.values().max().copied().unwrap_or(0);
    assert!(most <= WATCH_FLIGHT_BYTES_MIN + 2_000, "{most}");
    assert_eq!(shard.gateway.report().resyncs, 0);
}

#[test]
fn one_that_never_says_it_has_something_is_told_to_read_anew_and_costs_no_more() {
    let mut shard = Shard::watched_by(2);
    let mut told = 0;
    for _ in 0..2_000 {
        shard.write(9_000);
        for (client, frame) in shard.turn() {
            if client == ClientId(1) {
                let (number, changes) = read(&frame);
                told += changes;
                shard.gateway.acknowledge(client, number);
            }
        }
    }
    assert_eq!(told, 2_000, "the other one waits for nobody");
    let report = shard.gateway.report();
    assert!(report.resyncs > 0, "{report:?}");
    assert!(
        report.queued_bytes <= u64::from(WATCH_TAIL_BYTES_MAX),
        "{report:?}"
    );
}
