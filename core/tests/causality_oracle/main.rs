//! Version sets against an oracle that knows the exact causal history of every write.
//!
//! Replicas, clients and a network that loses, repeats and reorders run random operations. The
//! oracle keeps, as explicit sets of write events, what each replica and client knows and what each
//! write has replaced, and derives from these sets alone which versions a replica must keep.
//! `PROPTEST_CASES` sets how many runs are tried.

mod operation;

use henge_core::causality::{Clock, Context, Dot, Hlc, Policy, Value, Version, VersionSet};
use henge_core::id::{ActorId, RequestId};
use henge_core::limits::SIBLINGS_MAX;
use henge_core::time::{Duration, Instant};
use operation::{Operation, run_strategy};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::cell::Cell;

#[test]
fn replicas_keep_what_the_causal_histories_say() {
    check(cases(), 1..48, run_strategy(6, 5));
}

#[test]
fn replicas_keep_what_the_causal_histories_say_at_the_sibling_cap() {
    check(cases() / 10, 60..100, run_strategy(30, 1));
}

/// Runs to try, for each test: `PROPTEST_CASES`, or enough to find every planted bug at once.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(20_000)
}

fn check(cases: u32, operations: std::ops::Range<usize>, operation: BoxedStrategy<Operation>) {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let run = (any::<bool>(), any::<bool>(), vec(operation, operations));
    let (tried, events) = (Cell::new(0_u32), Cell::new(0_usize));
    let outcome = TestRunner::new(config).run(&run, |(lww, observes, operations)| {
        let policy = if lww { Policy::Lww } else { Policy::Siblings };
        let mut cluster = Cluster::new(policy, observes);
        operations
            .iter()
            .for_each(|operation| cluster.apply(operation));
        cluster.converge();
        tried.set(tried.get() + 1);
        events.set(events.get() + cluster.oracle.events.len());
        Ok(())
    });
    println!("{} runs, {} write events", tried.get(), events.get());
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

/// A set of write events: bit `n` is the `n`-th event of the run.
type Events = u128;

/// One write event as it truly happened.
struct Event {
    dot: Dot,
    hlc: Hlc,
    request: RequestId,
    delete: bool,
    /// The events that this one replaces: all that its author knew of, and no others.
    replaces: Events,
}

impl Event {
    fn rank(&self) -> (Hlc, Dot) {
        (self.hlc, self.dot)
    }
}

/// Everything that has happened in a run, whoever knows of it.
struct Oracle {
    policy: Policy,
    events: Vec<Event>,
}

impl Oracle {
    fn members(&self, set: Events) -> impl Iterator<Item = (usize, &Event)> {
        self.events
            .iter()
            .enumerate()
            .filter(move |(at, _)| set & (1 << at) != 0)
    }

    /// The events that someone who knows `known` must keep.
    fn kept(&self, known: Events) -> Events {
        match self.policy {
            Policy::Lww => {
                let highest = self.members(known).max_by_key(|(_, event)| event.rank());
                highest.map_or(0, |(at, _)| 1 << at)
            }
            Policy::Siblings => {
                let replaced = self
                    .members(known)
                    .fold(0, |all, (_, event)| all | event.replaces);
                known & !replaced
            }
        }
    }

    /// Of `kept`, each client write once: by its smallest dot, the highest clock first.
    fn distinct(&self, kept: Events) -> Vec<&Event> {
        let is_spare = |event: &Event| {
            event.request != UNNUMBERED
                && self
                    .members(kept)
                    .any(|(_, other)| other.request == event.request && other.dot < event.dot)
        };
        let events = self.members(kept).map(|(_, event)| event);
        let mut distinct: Vec<&Event> = events.filter(|event| !is_spare(event)).collect();
        distinct.sort_by_key(|event| std::cmp::Reverse(event.rank()));
        distinct
    }

    /// What a write at a replica that knows `known` replaces, when its client has seen `seen`.
    fn replaced_by_write(&self, known: Events, seen: Events) -> Events {
        match self.policy {
            Policy::Lww => known,
            Policy::Siblings => {
                let mut beside: Vec<_> = self.members(self.kept(known) & !seen).collect();
                beside.sort_by_key(|(_, event)| std::cmp::Reverse(event.rank()));
                beside
                    .iter()
                    .skip(SIBLINGS_MAX - 1)
                    .fold(seen, |all, (at, _)| all | (1 << at))
            }
        }
    }

    /// Panics unless `set` is what a replica that knows `known` must hold.
    fn check(&self, set: &VersionSet, known: Events) {
        let kept = self.kept(known);
        for (at, event) in self.members(known) {
            let is_stored = set
                .versions()
                .iter()
                .any(|version| version.dot == event.dot);
            let must_be = kept & (1 << at) != 0;
            assert!(
                is_stored || !must_be,
                "lost a version that nothing replaced: {:?}",
                event.dot
            );
            assert!(
                !is_stored || must_be,
                "a false sibling: {:?} was replaced",
                event.dot
            );
            assert!(set.context().contains(event.dot), "forgot {:?}", event.dot);
        }
        assert_eq!(
            set.versions().len(),
            kept.count_ones() as usize,
            "a version of no event"
        );
        let covered: u64 = set.context().iter().map(|(_, counter)| counter).sum();
        assert_eq!(
            covered,
            u64::from(known.count_ones()),
            "claims dots that it has not seen"
        );

        let distinct = self.distinct(kept);
        assert_eq!(
            set.winner().map(|v| v.dot),
            distinct.first().map(|e| e.dot),
            "winner"
        );
        let live: Vec<Dot> = set.live(0).map(|version| version.dot).collect();
        let values = distinct
            .iter()
            .filter(|event| !event.delete)
            .map(|event| event.dot);
        assert_eq!(live, values.take(SIBLINGS_MAX).collect::<Vec<_>>(), "live");
    }
}

struct Replica {
    actor: ActorId,
    clock: Clock,
    now: Instant,
    set: VersionSet,
    known: Events,
}

impl Replica {
    fn new(actor: u64, now: Instant) -> Self {
        // Scattered ids: the order of actors must not be the order of their birth.
        let actor = ActorId(actor.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let clock = Clock::new(Hlc::default(), Duration::from_millis(1_000_000));
        Self {
            actor,
            clock,
            now,
            set: VersionSet::new(),
            known: 0,
        }
    }
}

#[derive(Clone, Default)]
struct Client {
    context: Context,
    seen: Events,
    writes: u64,
    last: Option<Request>,
}

/// A write as a client sends it, and sends it again.
#[derive(Clone)]
struct Request {
    id: RequestId,
    value: Option<Value>,
    context: Option<Context>,
    seen: Events,
}

struct Message {
    bytes: Vec<u8>,
    known: Events,
}

struct Cluster {
    oracle: Oracle,
    /// Whether replicas' clocks observe what arrives, as they should.
    observes: bool,
    replicas: Vec<Replica>,
    clients: Vec<Client>,
    network: Vec<Message>,
    actors: u64,
}

impl Cluster {
    fn new(policy: Policy, observes: bool) -> Self {
        let actors = REPLICAS as u64;
        let start = |n| Instant::from_micros((1_000 + 7 * (n % 3)) * 1_000);
        Self {
            oracle: Oracle {
                policy,
                events: Vec::new(),
            },
            observes,
            replicas: (1..=actors).map(|n| Replica::new(n, start(n))).collect(),
            clients: vec![Client::default(); CLIENTS],
            network: Vec::new(),
            actors,
        }
    }

    fn apply(&mut self, operation: &Operation) {
        match *operation {
            Operation::Read {
                client,
                replica,
                keep,
            } => self.read(client, replica, keep),
            Operation::Write {
                client,
                replica,
                blind,
                delete,
                numbered,
            } => {
                let request = self.clients[client].request(client, blind, delete, numbered);
                self.clients[client].last = Some(request.clone());
                self.write(replica, &request);
            }
            Operation::Retry { client, replica } => {
                if let Some(request) = self.clients[client].last.clone() {
                    self.write(replica, &request);
                }
            }
            Operation::Send { replica } => {
                let Replica { set, known, .. } = &self.replicas[replica];
                self.network.push(Message {
                    bytes: set.encode(),
                    known: *known,
                });
            }
            Operation::Deliver { message, replica } => self.deliver(message, replica),
            Operation::Lose { replica } => {
                self.actors += 1;
                self.replicas[replica] = Replica::new(self.actors, self.replicas[replica].now);
            }
            Operation::Wait { replica, ms } => {
                let replica = &mut self.replicas[replica];
                replica.now = replica.now + Duration::from_millis(ms);
            }
        }
    }

    fn read(&mut self, client: usize, replica: usize, keep: bool) {
        let (client, replica) = (&mut self.clients[client], &self.replicas[replica]);
        let token = Context::decode(&replica.set.context().encode()).expect("a context decodes");
        if keep {
            client.context.join(&token);
            client.seen |= replica.known;
        } else {
            client.context = token;
            client.seen = replica.known;
        }
    }

    fn write(&mut self, replica: usize, request: &Request) {
        let policy = self.oracle.policy;
        let replica = &mut self.replicas[replica];
        let kept = self.oracle.kept(replica.known);
        let is_retry = |event: &Event| request.id != UNNUMBERED && event.request == request.id;
        let copies = self
            .oracle
            .members(kept)
            .filter(|(_, event)| is_retry(event));
        let known = copies.map(|(_, event)| event.dot).min();

        let before = replica.set.clone();
        let tick = replica.clock.tick(replica.now);
        let (value, context) = (request.value.clone(), request.context.as_ref());
        let dot = replica
            .set
            .write(replica.actor, tick, request.id, value, context, policy);
        if let Some(known) = known {
            assert_eq!(
                (dot, &replica.set),
                (known, &before),
                "a known retry was applied"
            );
            return;
        }

        let minted = self
            .oracle
            .events
            .iter()
            .filter(|e| e.dot.actor == replica.actor)
            .count();
        assert_eq!(
            dot,
            Dot {
                actor: replica.actor,
                counter: minted as u64 + 1
            },
            "one put, one dot"
        );
        let replaces = self.oracle.replaced_by_write(replica.known, request.seen);
        let version = stored(&replica.set, dot);
        let dropped = self
            .oracle
            .members(kept & replaces)
            .map(|(_, event)| event.hlc);
        assert!(
            dropped.max() < Some(version.hlc),
            "not later than what it replaces"
        );
        assert!(
            version.hlc == tick || !self.observes,
            "moved the time of an observing clock"
        );

        let hlc = version.hlc;
        let delete = request.value.is_none();
        if policy == Policy::Siblings {
            replica.known |= request.seen;
        }
        replica.known |= 1 << self.oracle.events.len();
        self.oracle.events.push(Event {
            dot,
            hlc,
            request: request.id,
            delete,
            replaces,
        });
        self.oracle.check(&replica.set, replica.known);
    }

    fn deliver(&mut self, message: usize, replica: usize) {
        if self.network.is_empty() {
            return;
        }
        let message = &self.network[message % self.network.len()];
        let arrived = VersionSet::decode(&message.bytes).expect("a set decodes");
        let replica = &mut self.replicas[replica];
        if self.observes {
            for version in arrived.versions() {
                replica
                    .clock
                    .observe(replica.now, version.hlc)
                    .expect("within the skew");
            }
        }
        receive(&self.oracle, replica, &arrived, message.known);
    }

    /// Lets everyone hear from everyone, and then they must agree.
    fn converge(&mut self) {
        for _round in 0..2 {
            for from in 0..REPLICAS {
                let (set, known) = (self.replicas[from].set.clone(), self.replicas[from].known);
                for replica in &mut self.replicas {
                    receive(&self.oracle, replica, &set, known);
                }
            }
        }
        let first = &self.replicas[0];
        for replica in &self.replicas {
            assert_eq!(
                replica.set, first.set,
                "no convergence after a full exchange"
            );
            assert_eq!(replica.set.digest(), first.set.digest());
        }
    }
}

impl Client {
    fn request(&mut self, client: usize, blind: bool, delete: bool, numbered: bool) -> Request {
        self.writes += 1;
        let id = RequestId {
            client: client as u64 + 1,
            sequence: self.writes,
        };
        let bytes = self.writes.to_le_bytes().to_vec();
        Request {
            id: if numbered { id } else { UNNUMBERED },
            value: (!delete).then_some(Value { encoding: 0, bytes }),
            context: (!blind).then(|| self.context.clone()),
            seen: if blind { 0 } else { self.seen },
        }
    }
}

fn receive(oracle: &Oracle, replica: &mut Replica, arrived: &VersionSet, known: Events) {
    let is_news = known & !replica.known != 0;
    assert_eq!(replica.set.covers(arrived), !is_news, "covers");
    let mut other_way = arrived.clone();
    other_way.merge(&replica.set, oracle.policy);
    assert_eq!(
        replica.set.merge(arrived, oracle.policy),
        is_news,
        "merge says whether it changed"
    );
    assert_eq!(replica.set, other_way, "merge is not commutative");
    assert!(
        !replica.set.merge(arrived, oracle.policy),
        "merge is not idempotent"
    );
    replica.known |= known;
    oracle.check(&replica.set, replica.known);
}

fn stored(set: &VersionSet, dot: Dot) -> &Version {
    set.versions()
        .iter()
        .find(|version| version.dot == dot)
        .expect("a write keeps its version")
}

const REPLICAS: usize = 4;
const CLIENTS: usize = 3;
const UNNUMBERED: RequestId = RequestId {
    client: 0,
    sequence: 0,
};
