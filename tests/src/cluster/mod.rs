//! Real nodes in one process, on a virtual clock.

mod due;
mod medium;

pub use medium::Medium;

use crate::trace::Trace;
use due::Due;
use henge_core::config::Config;
use henge_core::id::{BucketId, MemberId, PartitionId, RequestId};
use henge_core::node::{Event, Input, Node, Output, Report, batch};
use henge_core::replication::Level;
use henge_core::ring::{Member, Members, Placement, Zone};
use henge_core::rng::Rng;
use henge_core::time::{Duration, Instant};
use henge_core::wire::{self, ClientId, FrameKind, Frames, Operation, Request, Response};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// How long a frame is under way, at least.
const NETWORK_MICROS: u64 = 200;
/// How long the medium takes.
const STORAGE_MICROS: u64 = 300;

/// A member's place in the cluster.
pub type Seat = usize;

/// Members of one cluster with everything between them.
pub struct Cluster {
    /// The virtual clock.
    pub now: Instant,
    /// The seats, running or not.
    pub seats: Vec<Member>,
    placement: Placement,
    machines: Vec<Machine>,
    agenda: BTreeMap<(Instant, u64), Due>,
    next_due: u64,
    rng: Rng,
    cuts: BTreeSet<(Seat, Seat)>,
    responses: BTreeMap<u64, Response>,
    next_request: u64,
    /// What the nodes refused to clients.
    pub refusals: Vec<wire::Refusal>,
    /// What the nodes said to people.
    pub events: Vec<(Seat, Event)>,
    configure: fn(&mut Config),
}

struct Machine {
    medium: Medium,
    node: Option<Node>,
    /// Which run of the node this is: what was due for an earlier one is dropped.
    life: u64,
    trace: Option<Trace>,
}

impl Cluster {
    /// `count` members in as many zones of one region, all running.
    #[must_use]
    pub fn new(count: usize, seed: u64) -> Self {
        Self::with(count, seed, |_| {})
    }

    /// The same with settings that `configure` changes.
    #[must_use]
    pub fn with(count: usize, seed: u64, configure: fn(&mut Config)) -> Self {
        let zone = |index| format!("eu/{index}").parse::<Zone>().expect("a zone");
        let seats: Vec<_> = (0..count)
            .map(|index| Member::new(&format!("stone-{}", index + 1), zone(index), 1))
            .collect();
        let mut config = Config::new(1, seats[0].id, seats.clone());
        configure(&mut config);
        let members = Members::new(seats.clone()).expect("distinct names");
        let placement =
            Placement::new(members, config.partitions, config.replicas).expect("a ring");
        let machine = |index: usize| Machine {
            medium: Medium::new(seed ^ index as u64),
            node: None,
            life: 0,
            trace: None,
        };
        let mut cluster = Self {
            now: Instant::from_micros(1_700_000_000_000_000),
            machines: (0..count).map(machine).collect(),
            seats,
            placement,
            agenda: BTreeMap::new(),
            next_due: 0,
            rng: Rng::new(seed),
            cuts: BTreeSet::new(),
            responses: BTreeMap::new(),
            next_request: 1,
            refusals: Vec::new(),
            events: Vec::new(),
            configure,
        };
        for seat in 0..count {
            cluster.start(seat);
        }
        cluster.run_for(Duration::from_millis(20));
        cluster
    }

    /// Starts the node of `seat` from what its medium holds.
    pub fn start(&mut self, seat: Seat) {
        let config = self.config(seat);
        let (seed, now) = (self.rng.next_u64(), self.now);
        let machine = &mut self.machines[seat];
        machine.life += 1;
        machine.node = Some(Node::new(config.clone(), seed, now).expect("settings are good"));
        if machine.trace.is_some() {
            let trace = Trace {
                config,
                seed,
                began: now,
                batches: Vec::new(),
            };
            machine.trace = Some(trace);
        }
        let life = machine.life;
        self.plan(1, Due::Opened { to: seat, life });
        for other in 0..self.seats.len() {
            self.update_link(seat, other);
        }
    }

    /// Kills the node of `seat`; its medium keeps what was durable and any part of the rest.
    pub fn crash(&mut self, seat: Seat) {
        self.machines[seat].node = None;
        self.machines[seat].medium.crash();
        for other in 0..self.seats.len() {
            self.update_link(seat, other);
        }
    }

    /// Loses the medium of a seat that does not run.
    pub fn wipe(&mut self, seat: Seat) {
        assert!(self.machines[seat].node.is_none(), "seat {seat} is running");
        let seed = self.rng.next_u64();
        self.machines[seat].medium = Medium::new(seed);
    }

    /// Cuts, or joins again, the two ways between two seats.
    pub fn cut(&mut self, a: Seat, b: Seat, is_cut: bool) {
        for pair in [(a, b), (b, a)] {
            if is_cut {
                self.cuts.insert(pair);
            } else {
                self.cuts.remove(&pair);
            }
        }
        self.update_link(a, b);
    }

    /// Records what the node of `seat` is given from its next start on.
    pub fn record(&mut self, seat: Seat) {
        let trace = Trace {
            config: self.config(seat),
            seed: 0,
            began: self.now,
            batches: vec![],
        };
        self.machines[seat].trace = Some(trace);
    }

    /// What was recorded of `seat`.
    pub fn take_trace(&mut self, seat: Seat) -> Option<Trace> {
        self.machines[seat].trace.take()
    }

    /// The medium of `seat`.
    pub fn medium(&mut self, seat: Seat) -> &mut Medium {
        &mut self.machines[seat].medium
    }

    /// The numbers of the node of `seat`, which must run.
    #[must_use]
    pub fn report(&self, seat: Seat) -> Report {
        self.machines[seat]
            .node
            .as_ref()
            .expect("the seat is running")
            .report()
    }

    /// The seats that own `key`, in order of preference.
    #[must_use]
    pub fn owners(&self, key: &str) -> Vec<Seat> {
        let members = self.placement.members();
        let seat = |id: MemberId| self.seats.iter().position(|member| member.id == id);
        let owners = self.placement.owners(self.partition(key)).iter();
        owners
            .filter_map(|index| members.at(*index).and_then(|member| seat(member.id)))
            .collect()
    }

    /// Hands a request to `seat`. Returns its number.
    pub fn request(&mut self, seat: Seat, key: &str, operation: Operation) -> u64 {
        let id = self.next_request;
        self.next_request += 1;
        let key = key.as_bytes().to_vec();
        let partition = self
            .placement
            .partition_of(henge_core::hash::position(BucketId(0), &key));
        let request = Request {
            id,
            timeout_ms: 1_000,
            bucket: BucketId(0),
            key,
            operation,
        };
        let frame = wire::message_frame(FrameKind::Request, partition, &request);
        self.hand(seat, frame);
        id
    }

    /// Hands a frame of a client to `seat`, whatever is in it.
    pub fn hand(&mut self, seat: Seat, frame: Vec<u8>) {
        self.plan(
            NETWORK_MICROS,
            Due::Request {
                to: seat,
                client: ClientId(7),
                frame,
            },
        );
    }

    /// The response to request `id`, once it is there.
    pub fn take_response(&mut self, id: u64) -> Option<Response> {
        self.responses.remove(&id)
    }

    /// Runs until request `id` is answered.
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
        let id = self.request(seat, key, Operation::Get { level });
        self.wait(id)
    }

    /// Writes `key` through `seat` and waits for the answer.
    pub fn put(&mut self, seat: Seat, key: &str, value: &str, level: Option<Level>) -> Response {
        let operation = self.write(value, level);
        let id = self.request(seat, key, operation);
        self.wait(id)
    }

    /// A blind write of `value` under a new request id.
    pub fn write(&mut self, value: &str, level: Option<Level>) -> Operation {
        let request = RequestId {
            client: 1,
            sequence: self.rng.next_u64(),
        };
        let value = henge_core::causality::Value {
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
        while self
            .agenda
            .first_key_value()
            .is_some_and(|((at, _), _)| *at <= end)
        {
            self.turn();
        }
        self.now = end;
    }

    /// Moves the clock to what is due next and lets it happen: all that is due for one seat at
    /// that moment as one batch. Says whether anything was due.
    pub fn turn(&mut self) -> bool {
        let Some(&(at, _)) = self.agenda.keys().next() else {
            return false;
        };
        self.now = at;
        let mut batches: BTreeMap<Seat, VecDeque<Due>> = BTreeMap::new();
        while let Some(entry) = self.agenda.first_entry()
            && entry.key().0 == at
        {
            let due = entry.remove();
            batches.entry(due.seat()).or_default().push_back(due);
        }
        for (seat, dues) in batches {
            self.give(seat, &dues);
        }
        true
    }

    fn give(&mut self, seat: Seat, dues: &VecDeque<Due>) {
        let mut inputs = Vec::new();
        let mut count = 0;
        for due in dues {
            if let Some(input) = self.input(due) {
                batch::put_input(&mut inputs, &input);
                count += 1;
            }
        }
        let (now, machine) = (self.now, &mut self.machines[seat]);
        let Some(node) = machine.node.as_mut().filter(|_| count > 0) else {
            return;
        };
        let mut outputs = Vec::new();
        batch::step(node, now, &inputs, &mut outputs).expect("one build on both sides");
        if let Some(trace) = &mut machine.trace {
            trace.batches.push((now, count, inputs));
        }
        let life = machine.life;
        let (timeout, mut outputs) = batch::split_outputs(&outputs).expect("a header");
        while let Some(output) = batch::take_output(&mut outputs).expect("one build on both sides")
        {
            self.carry_out(seat, output);
        }
        if let Some(at) = timeout {
            self.plan(
                at.since(now).as_micros().max(1),
                Due::Timeout { to: seat, life },
            );
        }
    }

    /// The input that `due` is, unless whom it was for is gone.
    fn input<'a>(&self, due: &'a Due) -> Option<Input<'a>> {
        let is_current = |seat: Seat, life: u64| self.machines[seat].life == life;
        Some(match due {
            Due::Frame { from, frame, .. } => Input::Peer {
                from: self.seats[*from].id,
                frame,
            },
            Due::Request { client, frame, .. } => Input::Client {
                client: *client,
                frame,
            },
            Due::Peer { to, life, peer, up } if is_current(*to, *life) => {
                let id = self.seats[*peer].id;
                if *up {
                    Input::PeerUp(id)
                } else {
                    Input::PeerDown(id)
                }
            }
            Due::Opened { to, life } if is_current(*to, *life) => {
                Input::Opened(self.machines[*to].medium.files())
            }
            Due::Timeout { to, life } if is_current(*to, *life) => Input::Timeout,
            Due::Storage {
                to,
                life,
                operation,
                result,
            } if is_current(*to, *life) => Input::StorageDone {
                operation: *operation,
                result: medium::answer(result),
            },
            _ => return None,
        })
    }

    fn carry_out(&mut self, seat: Seat, output: Output) {
        match output {
            Output::Peer { to, frame } => {
                let to = self
                    .seats
                    .iter()
                    .position(|member| member.id == to)
                    .expect("a member");
                if self.is_linked(seat, to) {
                    let delay = NETWORK_MICROS + 50 * self.rng.below(8);
                    self.plan(
                        delay,
                        Due::Frame {
                            to,
                            from: seat,
                            frame,
                        },
                    );
                }
            }
            Output::Client { frame, .. } => {
                for frame in Frames::new(&frame) {
                    let frame = frame.expect("a node sends whole frames");
                    if frame.kind == FrameKind::Refusal {
                        self.refusals
                            .push(wire::decode_body(frame.body).expect("a refusal"));
                        continue;
                    }
                    let response: Response = wire::decode_body(frame.body).expect("a response");
                    self.responses.insert(response.id, response);
                }
            }
            Output::Storage { operation, request } => {
                let machine = &mut self.machines[seat];
                let (life, result) = (machine.life, machine.medium.carry_out(request));
                self.plan(
                    STORAGE_MICROS,
                    Due::Storage {
                        to: seat,
                        life,
                        operation,
                        result,
                    },
                );
            }
            Output::Event(event) => self.events.push((seat, event)),
            Output::Report { .. } => {}
        }
    }

    fn plan(&mut self, micros: u64, due: Due) {
        let at = self.now + Duration::from_micros(micros);
        self.agenda.insert((at, self.next_due), due);
        self.next_due += 1;
    }

    fn update_link(&mut self, a: Seat, b: Seat) {
        if a == b {
            return;
        }
        let up = self.is_linked(a, b);
        for (to, peer) in [(a, b), (b, a)] {
            let life = self.machines[to].life;
            self.plan(NETWORK_MICROS, Due::Peer { to, life, peer, up });
        }
    }

    fn is_linked(&self, a: Seat, b: Seat) -> bool {
        let runs = |seat: Seat| self.machines[seat].node.is_some();
        runs(a) && runs(b) && !self.cuts.contains(&(a, b))
    }

    fn partition(&self, key: &str) -> PartitionId {
        self.placement
            .partition_of(henge_core::hash::position(BucketId(0), key.as_bytes()))
    }

    fn config(&self, seat: Seat) -> Config {
        let mut config = Config::new(1, self.seats[seat].id, self.seats.clone());
        (self.configure)(&mut config);
        config
    }
}
