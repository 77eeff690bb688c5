//! A world in which nothing fails by itself: for tests that say what happens.

use crate::trace::Trace;
use crate::world::{
    BEGIN, Disk, DiskSettings, LinkSettings, Notice, Seat, Traffic, World, WorldSettings,
};
use henge_core::causality::Value;
use henge_core::client::PageWanted;
use henge_core::cluster::{Change, ClusterState};
use henge_core::config::Config;
use henge_core::id::{BucketId, RequestId};
use henge_core::node::{Event, Report};
use henge_core::replication::Level;
use henge_core::ring::{Member, Zone};
use henge_core::rng::Rng;
use henge_core::selector::Span;
use henge_core::time::{Duration, Instant};
use henge_core::wire::{ClientId, FrameKind, Operation, Refusal, Request, Response, message_frame};
use std::collections::BTreeMap;

/// Members of one cluster, with a calm network, calm disks and right clocks.
pub struct Cluster {
    /// The virtual clock.
    pub now: Instant,
    /// The seats, running or not.
    pub seats: Vec<Member>,
    world: World,
    rng: Rng,
    responses: BTreeMap<u64, Response>,
    next_request: u64,
    /// What the nodes refused to clients.
    pub refusals: Vec<Refusal>,
    /// What they tell clients of changes: whole frames.
    told: BTreeMap<ClientId, Vec<Vec<u8>>>,
    /// What the nodes said to people.
    pub events: Vec<(Seat, Event)>,
}

impl Cluster {
    /// `count` members in as many zones of one region, all running.
    #[must_use]
    pub fn new(count: usize, seed: u64) -> Self {
        Self::with(count, seed, |_| {})
    }

    /// The same with settings that `configure` changes.
    #[must_use]
    pub fn with(count: usize, seed: u64, configure: impl FnOnce(&mut Config)) -> Self {
        Self::with_others(count, 0, seed, configure)
    }

    /// The same with clocks that are wrong by so many microseconds.
    #[must_use]
    pub fn with_clocks(
        offsets_micros: Vec<i64>,
        seed: u64,
        configure: impl FnOnce(&mut Config),
    ) -> Self {
        Self::build(offsets_micros.len(), 0, offsets_micros, seed, configure)
    }

    /// The same with `others` more seats whose members are to join: they do so when they are started.
    #[must_use]
    pub fn with_others(
        count: usize,
        others: usize,
        seed: u64,
        configure: impl FnOnce(&mut Config),
    ) -> Self {
        Self::build(count, others, vec![], seed, configure)
    }

    fn build(
        count: usize,
        others: usize,
        offsets_micros: Vec<i64>,
        seed: u64,
        configure: impl FnOnce(&mut Config),
    ) -> Self {
        let zone = |index| format!("eu/{index}").parse::<Zone>().expect("a zone");
        let seats: Vec<_> = (0..count + others)
            .map(|index| Member::new(&format!("stone-{}", index + 1), zone(index), 1))
            .collect();
        let mut config = Config::new(1, seats[0].id, seats[..count].to_vec());
        configure(&mut config);
        let mut cluster = Self {
            now: BEGIN,
            world: World::new(WorldSettings {
                config,
                others: seats[count..].to_vec(),
                links: LinkSettings::CALM,
                disks: DiskSettings::CALM,
                offsets_micros,
                drifts_ppm: vec![],
                seed,
            }),
            seats,
            rng: Rng::new(seed),
            responses: BTreeMap::new(),
            next_request: 1,
            refusals: Vec::new(),
            told: BTreeMap::new(),
            events: Vec::new(),
        };
        for seat in 0..count {
            cluster.start(seat);
        }
        cluster.run_for(Duration::from_millis(20));
        cluster
    }

    /// Starts the node of `seat` from what its disk holds.
    pub fn start(&mut self, seat: Seat) {
        self.world.start(seat);
    }

    /// Kills the node of `seat`; its disk keeps what was durable and any part of the rest.
    pub fn crash(&mut self, seat: Seat) {
        self.world.crash(seat);
    }

    /// Loses the disk of a seat that does not run.
    pub fn wipe(&mut self, seat: Seat) {
        self.world.wipe(seat);
    }

    /// Tells the node of `seat` that somebody wants `change`.
    pub fn wish(&mut self, seat: Seat, change: Change) {
        self.world.wish(seat, change);
    }

    /// The newest state of the cluster that any node has gone by.
    #[must_use]
    pub const fn state(&self) -> &ClusterState {
        self.world.cluster()
    }

    /// Cuts, or joins again, the two ways between two seats.
    pub fn cut(&mut self, a: Seat, b: Seat, is_cut: bool) {
        self.world.cut(a, b, is_cut);
        self.world.cut(b, a, is_cut);
    }

    /// Loses everything that goes one way between two seats, or no more; nobody is told.
    pub fn lose(&mut self, from: Seat, to: Seat, is_lost: bool) {
        let settings = LinkSettings {
            loss_permille: if is_lost { 1_000 } else { 0 },
            ..LinkSettings::CALM
        };
        self.world.set_link(from, to, settings);
    }

    /// Makes all links between seats like this.
    pub fn link_all(&mut self, settings: LinkSettings) {
        let seats = self.seats.len();
        for from in 0..seats {
            for to in (0..seats).filter(|to| *to != from) {
                self.world.set_link(from, to, settings);
            }
        }
    }

    /// Counts from now on what members say to each other. Returns what was counted so far.
    pub fn count_traffic(&mut self) -> Option<Traffic> {
        self.world.count_traffic()
    }

    /// What was counted since the last [`Self::count_traffic`].
    #[must_use]
    pub const fn traffic(&self) -> Option<&Traffic> {
        self.world.traffic()
    }

    /// Takes the time that nodes work by `clock`, which counts nanoseconds from anywhere.
    pub fn time_nodes(&mut self, clock: fn() -> u64) {
        self.world.time_nodes(clock);
    }

    /// How long the nodes of `seat` have worked since their time is taken, in nanoseconds.
    #[must_use]
    pub fn worked_nanos(&self, seat: Seat) -> u64 {
        self.world.worked_nanos(seat)
    }

    /// Records what the node of `seat` is given from its next start on.
    pub fn record(&mut self, seat: Seat) {
        self.world.record(seat);
    }

    /// What was recorded of `seat`.
    pub fn take_trace(&mut self, seat: Seat) -> Option<Trace> {
        self.world.take_trace(seat)
    }

    /// The disk of `seat`.
    pub fn medium(&mut self, seat: Seat) -> &mut Disk {
        self.world.disk(seat)
    }

    /// The numbers of the node of `seat`.
    ///
    /// # Panics
    /// If it does not run.
    #[must_use]
    pub fn report(&self, seat: Seat) -> Report {
        self.world.report(seat).expect("the seat is running")
    }

    /// The seats that own `key`, in order of preference.
    #[must_use]
    pub fn owners(&self, key: &str) -> Vec<Seat> {
        self.world.owners(BucketId(0), key.as_bytes())
    }

    /// Hands a request to `seat`. Returns its number.
    pub fn request(&mut self, seat: Seat, key: &str, operation: Operation) -> u64 {
        self.request_in(BucketId(0), seat, key, operation)
    }

    /// The same for a key of `bucket`.
    pub fn request_in(
        &mut self,
        bucket: BucketId,
        seat: Seat,
        key: &str,
        operation: Operation,
    ) -> u64 {
        let id = self.take_number();
        let request = Request {
            id,
            timeout_ms: 1_000,
            bucket,
            key: key.as_bytes().to_vec(),
            operation,
        };
        self.world.request(seat, CLIENT, &request);
        id
    }

    /// A number for a request that nobody else has.
    pub const fn take_number(&mut self) -> u64 {
        let id = self.next_request;
        self.next_request += 1;
        id
    }

    /// Hands a frame of a client to `seat`, whatever is in it.
    pub fn hand(&mut self, seat: Seat, frame: Vec<u8>) {
        self.world.hand(seat, CLIENT, frame);
    }

    /// The same for a frame of `client`.
    pub fn hand_from(&mut self, seat: Seat, client: ClientId, frame: Vec<u8>) {
        self.world.hand(seat, client, frame);
    }

    /// Tells `seat` that the connection of `client` is gone. What it was told and has not taken is lost.
    pub fn client_gone(&mut self, seat: Seat, client: ClientId) {
        self.told.remove(&client);
        self.world.client_gone(seat, client);
    }

    /// What `client` was told of changes since this was asked last.
    pub fn take_told(&mut self, client: ClientId) -> Vec<Vec<u8>> {
        self.told.remove(&client).unwrap_or_default()
    }

    /// Whether the node of `seat` runs.
    #[must_use]
    pub fn is_running(&self, seat: Seat) -> bool {
        self.world.is_running(seat)
    }

    /// The response to request `id`, once it is there.
    pub fn take_response(&mut self, id: u64) -> Option<Response> {
        self.responses.remove(&id)
    }

    /// The response to some request, if one is there: that to the oldest request.
    pub fn take_any_response(&mut self) -> Option<Response> {
        self.responses.pop_first().map(|(_, response)| response)
    }

    /// Runs until request `id` is answered.
    ///
    /// # Panics
    /// If it has no answer after ten seconds.
    pub fn wait(&mut self, id: u64) -> Response {
        let limit = self.now + Duration::from_millis(10_000);
        while self.now < limit {
            if let Some(response) = self.take_response(id) {
                return response;
            }
            assert!(
                self.turn(),
                "nothing is due, and request {id} has no answer"
            );
        }
        panic!("request {id} has no answer after 10 s");
    }

    /// Reads `key` through `seat` and waits for the answer.
    pub fn get(&mut self, seat: Seat, key: &str, level: Option<Level>) -> Response {
        let id = self.request(
            seat,
            key,
            Operation::Get {
                level,
                seen: Vec::new(),
            },
        );
        self.wait(id)
    }

    /// Writes `key` through `seat` and waits for the answer.
    pub fn put(&mut self, seat: Seat, key: &str, value: &str, level: Option<Level>) -> Response {
        let operation = self.write(value, level);
        let id = self.request(seat, key, operation);
        self.wait(id)
    }

    /// Asks `seat` for a page of the keys of `span` in the default bucket. Returns the request's number.
    pub fn request_page(
        &mut self,
        seat: Seat,
        span: &Span,
        wanted: &PageWanted,
        r: Option<Level>,
    ) -> u64 {
        let id = self.take_number();
        let request = Request {
            id,
            timeout_ms: 1_000,
            bucket: BucketId(0),
            key: vec![],
            operation: Operation::List {
                span: span.clone(),
                after: wanted.after.clone(),
                is_reverse: wanted.is_reverse,
                limit: wanted.limit,
                r,
            },
        };
        let frame = message_frame(FrameKind::Request, wanted.partition, &request);
        self.hand(seat, frame);
        id
    }

    /// A blind write of `value` under a new request id.
    pub fn write(&mut self, value: &str, level: Option<Level>) -> Operation {
        let request = RequestId {
            client: 1,
            sequence: self.rng.next_u64(),
        };
        let value = Value {
            encoding: 1,
            bytes: value.as_bytes().to_vec(),
        };
        Operation::Write {
            level,
            request,
            context: vec![],
            value: Some(value),
            ttl_ms: None,
        }
    }

    /// Lets virtual time pass.
    pub fn run_for(&mut self, span: Duration) {
        let end = self.now + span;
        while self.world.next_at().is_some_and(|at| at <= end) {
            self.turn();
        }
        self.world.skip_to(end);
        self.now = end;
    }

    /// Moves the clock to what is due next and lets it happen. Says whether anything was due.
    pub fn turn(&mut self) -> bool {
        let turned = self.world.turn();
        self.now = self.world.now();
        while let Some(notice) = self.world.take_notice() {
            match notice {
                Notice::Response(_, response) => {
                    self.responses.insert(response.id, response);
                }
                Notice::Refusal(_, refusal) => self.refusals.push(refusal),
                Notice::Events(_, client, frame) => {
                    self.told.entry(client).or_default().push(frame);
                }
                Notice::Event(seat, event) => self.events.push((seat, event)),
                Notice::Wake(_) => {}
            }
        }
        turned
    }
}

const CLIENT: ClientId = ClientId(7);
