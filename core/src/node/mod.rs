//! The node: one deterministic state machine out of ring, replication and storage.
//!
//! **Hand over every input that is ready with [`Node::handle`], then drain [`Node::poll_output`]
//! until it says `None`, then sleep until [`Node::poll_timeout`] or the next input.** Draining once
//! for a batch of inputs lets their writes share one sync.
//!
//! * [`input`], [`output`]: everything that can happen, everything that can be wanted.
//! * [`batch`]: both as bytes, for a guest's memory.
//! * `client`, `peer`, `storage`, `timer`: one file for each source of inputs.
//! * `reading`, `writing`, `forwarding`: the operations that a node coordinates.
//! * `listing`: what is different when a page of keys is read.
//! * `buckets`: how the keys of each bucket are treated.
//! * `hinting`, `handing`: what is held for absent members.
//! * `sync`, `sync_peer`: anti-entropy, begun here and begun by others.
//! * `collecting`: what is deleted is forgotten when every owner knows it.
//! * `sifting`: what a member has of a partition that comes to it anew.
//! * `own`: what a node stores for itself.
//! * `watching`: who is told what has changed.
//! * `gossip`: who is alive.
//! * `agreement`: who the members are and who owns what. `moving`: owners that change; `turning`: the
//!   operations that this befalls.

mod agreement;
pub mod batch;
mod buckets;
mod client;
mod collecting;
mod error;
mod forwarding;
mod gossip;
mod handing;
mod hinting;
pub mod input;
mod listing;
mod moving;
pub mod output;
mod own;
mod peer;
mod reading;
mod sifting;
mod storage;
mod sync;
mod sync_peer;
pub mod timer;
mod turning;
mod watching;
mod writing;

pub use error::InputError;
pub use gossip::{GossipReport, MemberReport};
pub use input::Input;
pub use output::{Event, HintReport, Output, Report, SyncReport};
pub use timer::TimerKind;

use crate::causality::{Clock, Hlc, VersionSet};
use crate::cluster::ClusterState;
use crate::config::{Config, ConfigError};
use crate::id::{MemberId, PartitionId};
use crate::limits::CLOCK_SKEW_MAX_MS;
use crate::planted::{Bug, is_planted};
use crate::replication::{Level, LevelError};
use crate::replication::{Owners, Quorum, ReadOperation, RequestWindow, WriteOperation};
use crate::ring::{Members, Placement};
use crate::rng::Rng;
use crate::storage::{BatchNumber, OperationId, Store, StoreReport, StoreSettings, StoredKey};
use crate::time::{Duration, Instant};
use crate::watch::{Gateway, Source};
use crate::wire::{self, ClientId, ErrorCode, Failure, FrameKind, PeerMessage, Reply, Response};
use agreement::Agreement;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use collecting::Collecting;
use forwarding::ForwardOperation;
use gossip::Gossip;
use handing::Handing;
use moving::Moving;
use own::Partitions;
use storage::Waiter;
use sync::Syncing;
use timer::Timers;

/// One shard of one member.
///
/// Call [`Node::handle`] for what happened, then [`Node::poll_output`] until `None`, then
/// [`Node::poll_timeout`] to know when to hand in [`Input::Timeout`].
#[derive(Debug)]
pub struct Node {
    config: Config,
    agreement: Agreement,
    gossip: Gossip,
    moving: Moving,
    region: String,
    clock: Clock,
    store: Store,
    window: RequestWindow,
    peers_up: BTreeSet<MemberId>,
    operations: BTreeMap<u64, Operation>,
    next_operation: u64,
    waiters: BTreeMap<BatchNumber, Vec<Waiter>>,
    /// What waits for blocks.
    loading: BTreeMap<OperationId, Vec<Waiter>>,
    /// Requests and merges among that, which are no operations yet.
    parked: usize,
    timers: Timers,
    syncing: Syncing,
    handing: Handing,
    collecting: Collecting,
    partitions: Partitions,
    source: Source,
    gateway: Gateway,
    /// Who stands in for the owners of a partition, once that was asked for.
    stand_in_lists: BTreeMap<PartitionId, Vec<MemberId>>,
    outputs: VecDeque<Output>,
    report: Report,
}

#[derive(Debug)]
enum Operation {
    Read(ReadOperation<Origin>),
    Write(WriteOperation<Origin>),
    Forward(ForwardOperation),
}

/// Who asked for an operation.
#[derive(Clone, Copy, Debug)]
enum Origin {
    /// A client, and its number for the request.
    Client { client: ClientId, id: u64 },
    /// A member that does not own the key, and its number for the request.
    Member { member: MemberId, operation: u64 },
}

impl Node {
    /// A node that waits for [`Input::Opened`]. `seed` must be random, and another one each time:
    /// the incarnation of a new storage comes from it.
    pub fn new(config: Config, seed: u64, now: Instant) -> Result<Self, ConfigError> {
        let me = config.check()?.clone();
        let first = match &config.state {
            Some(state) => state.clone(),
            None => Members::new(config.members.clone())
                .and_then(|members| Placement::new(members, config.partitions, config.replicas))
                .map(ClusterState::new)
                .map_err(|error| ConfigError::Ring(error.to_string()))?,
        };
        let region = me.zone.region().to_string();
        let mut rng = Rng::new(seed ^ now.as_micros());
        // An answer to an earlier life must not be taken for one to this.
        let first_operation = if is_planted(Bug::OperationsReused) {
            1
        } else {
            (rng.next_u64() >> 24) | 1
        };
        let mut fresh = rng.next_u64() | 1;
        if is_planted(Bug::IncarnationReused) {
            fresh = config.me.0 | 1;
        }
        let store = Store::new(StoreSettings {
            memory_bytes_max: config.memory_bytes_max,
            ..StoreSettings::new(fresh, storage::VERSION_SETS)
        });
        let skew_max = if is_planted(Bug::SkewAccepted) {
            Duration::from_millis(u64::MAX)
        } else {
            Duration::from_millis(CLOCK_SKEW_MAX_MS)
        };
        Ok(Self {
            agreement: Agreement::new(first, me, rng.next_u64()),
            moving: Moving::default(),
            region,
            clock: Clock::new(Hlc::default(), skew_max),
            store,
            window: RequestWindow::default(),
            peers_up: BTreeSet::new(),
            operations: BTreeMap::new(),
            next_operation: first_operation,
            waiters: BTreeMap::new(),
            loading: BTreeMap::new(),
            parked: 0,
            timers: Timers::default(),
            syncing: Syncing::new(rng.next_u64() >> 24),
            gossip: Gossip::new(rng.next_u64()),
            handing: Handing::default(),
            collecting: Collecting::default(),
            partitions: Partitions::default(),
            source: Source::new(config.shard, config.shards, config.watch_tail_bytes_max),
            gateway: Gateway::new(
                config.me,
                config.shard,
                config.shards,
                (rng.next_u64() >> 24) | 1,
            ),
            stand_in_lists: BTreeMap::new(),
            outputs: VecDeque::new(),
            report: Report::default(),
            config,
        })
    }

    /// Takes in one thing that happened. Bounded work.
    pub fn handle(&mut self, now: Instant, input: Input<'_>) -> Result<(), InputError> {
        self.gateway.begin_turn(now);
        let result = match input {
            Input::Opened(files) => {
                self.handle_opened(&files);
                Ok(())
            }
            Input::StorageDone { operation, result } => {
                self.handle_storage_done(now, operation, result);
                Ok(())
            }
            Input::PeerUp(peer) => {
                self.handle_peer_up(now, peer);
                Ok(())
            }
            Input::PeerDown(peer) => {
                self.handle_peer_down(now, peer);
                Ok(())
            }
            Input::Peer { from, frame } => self.handle_peer_frame(now, from, frame),
            Input::Client { client, frame } => {
                let result = self.handle_client_frame(now, client, frame);
                result.inspect_err(|error| self.refuse(client, error))
            }
            Input::Timeout => {
                self.handle_timeout(now);
                Ok(())
            }
            Input::Cluster(state) => {
                self.take_state(now, *state);
                Ok(())
            }
            Input::Wish(change) => {
                self.want(now, change);
                Ok(())
            }
            Input::ClientGone(client) => {
                self.gateway.client_gone(client);
                Ok(())
            }
            Input::Inspect(id) => {
                let report = self.report().into();
                self.outputs.push_back(Output::Report { id, report });
                Ok(())
            }
        };
        self.drain_watching(now);
        if let Err(error) = &result {
            self.report.refused += 1;
            self.outputs
                .push_back(Output::Event(Event::Refused(error.to_string())));
        }
        result
    }

    /// The next thing to do. Drain it until `None` after each batch of inputs.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output> {
        if let Some(output) = self.outputs.pop_front() {
            return Some(output);
        }
        // What is to be told goes out together, once all that was ready is handled.
        if let Some((client, frame)) = self.gateway.poll_client() {
            return Some(Output::Client { client, frame });
        }
        let (operation, request) = self.store.poll_request()?;
        Some(Output::Storage { operation, request })
    }

    /// When [`Input::Timeout`] is wanted, and what for.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, TimerKind)> {
        let storage = self.store.poll_timeout().map(|at| (at, TimerKind::Storage));
        let sync = self.next_sync().map(|at| (at, TimerKind::Sync));
        let handing = self.next_handing().map(|at| (at, TimerKind::HandBack));
        let collecting = self.next_collecting().map(|at| (at, TimerKind::Collect));
        let moving = self.next_moving().map(|at| (at, TimerKind::Moving));
        let agreement = self.next_agreement().map(|at| (at, TimerKind::Agreement));
        let gossip = self.next_gossip().map(|at| (at, TimerKind::Gossip));
        let watching = self.gateway.poll_timeout();
        let watching = watching.map(|at| (at, TimerKind::Watching));
        let all = [
            self.timers.next(),
            storage,
            sync,
            handing,
            collecting,
            moving,
            agreement,
            gossip,
            watching,
        ];
        all.into_iter().flatten().min()
    }

    /// The node's numbers.
    #[must_use]
    pub fn report(&self) -> Report {
        Report {
            epoch: self.agreement.state.epoch,
            storage: StoreReport {
                keys: self.pairs(),
                ..self.store.report()
            },
            operations: (self.operations.len() + self.parked) as u64,
            sync: SyncReport {
                growing: self.syncing.forest.unfinished() as u64,
                ..self.report.sync
            },
            hints: HintReport {
                held: self.hinted_keys(),
                ..self.report.hints
            },
            gossip: self.gossip.report(),
            members: self.gossip.members(),
            watch: self.watch_report(),
            ..self.report.clone()
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.store.handle_timeout(now);
        self.drain_store(now);
        while let Some((operation, kind)) = self.timers.take_due(now) {
            match kind {
                TimerKind::Deadline => self.expire(operation),
                TimerKind::Hedge => self.hedge(now, operation),
                TimerKind::Storage
                | TimerKind::Sync
                | TimerKind::HandBack
                | TimerKind::Collect
                | TimerKind::Moving
                | TimerKind::Agreement
                | TimerKind::Gossip
                | TimerKind::Watching => {}
            }
        }
        self.tick_agreement(now);
        self.tick_gossip(now);
        if self.next_moving().is_some_and(|at| at <= now) {
            self.tick_moving(now);
        }
        self.tick_sync(now);
        self.tick_handing(now);
        self.tick_collecting(now);
        self.tick_watching(now);
    }

    /// The operation's time is over: who asked is told, if that was not done before.
    fn expire(&mut self, operation: u64) {
        match self.operations.remove(&operation) {
            Some(Operation::Read(read)) => self.expire_read(&read),
            Some(Operation::Write(write)) => self.expire_write(write),
            Some(Operation::Forward(forward)) => self.expire_forward(&forward),
            None => {}
        }
    }

    fn handle_peer_up(&mut self, now: Instant, peer: MemberId) {
        if peer != self.config.me && self.peers_up.insert(peer) {
            self.register_hears(now, peer, true);
            self.gossip_hears(now, peer);
            self.resend_writes(peer);
            self.hurry_sync(peer);
            self.watching_hears(now, peer, true);
        }
    }

    fn handle_peer_down(&mut self, now: Instant, peer: MemberId) {
        if self.peers_up.remove(&peer) {
            self.register_hears(now, peer, false);
            self.watching_hears(now, peer, false);
            let numbers: Vec<_> = self.operations.keys().copied().collect();
            for number in numbers {
                match self.operations.get(&number) {
                    Some(Operation::Read(_)) => self.read_lost_peer(now, number, peer),
                    Some(Operation::Write(_)) => {
                        self.send_hints(number);
                        self.finish_write(number);
                    }
                    Some(Operation::Forward(_)) => self.forward_lost_peer(now, number, peer),
                    None => {}
                }
            }
        }
    }

    /// The state of the cluster that this node goes by.
    #[must_use]
    pub const fn cluster(&self) -> &ClusterState {
        &self.agreement.state
    }

    fn serves(&self, partition: PartitionId) -> bool {
        partition.0 < self.config.partitions
            && partition.0 % self.config.shards == self.config.shard
    }

    /// Everybody who gets the writes to `partition`, those who are read from first.
    fn owners(&self, partition: PartitionId) -> Owners {
        let ownership = self.agreement.state.ownership(partition);
        let holders = ownership.map_or_else(Vec::new, |it| it.holders().collect());
        Owners::new(holders, self.config.me, self.view(partition))
    }

    /// Those from whom `partition` is read.
    fn readers(&self, partition: PartitionId) -> Owners {
        let ownership = self.agreement.state.ownership(partition);
        let readers = ownership.map_or_else(Vec::new, |it| it.readers().to_vec());
        Owners::new(readers, self.config.me, self.view(partition))
    }

    /// Whether this member gets the writes to `partition`.
    fn holds(&self, partition: PartitionId) -> bool {
        let ownership = self.agreement.state.ownership(partition);
        ownership.is_some_and(|it| it.holds(self.config.me))
    }

    fn read_quorum(&self, level: Level, partition: PartitionId) -> Result<Quorum, LevelError> {
        let state = &self.agreement.state;
        let readers = state
            .ownership(partition)
            .map_or(&[][..], |it| it.readers());
        let members = readers.iter().filter_map(|reader| state.member(*reader));
        let regions: Vec<_> = members.map(|member| member.zone.region()).collect();
        Quorum::new(level, &regions, &self.region)
    }

    fn is_up(&self, member: MemberId) -> bool {
        member == self.config.me || self.peers_up.contains(&member)
    }

    /// Takes a number for `operation` and sets its deadline.
    fn begin(&mut self, now: Instant, timeout_ms: u32, operation: Operation) -> u64 {
        let number = self.next_operation;
        self.next_operation += 1;
        let deadline = now + Duration::from_millis(u64::from(timeout_ms));
        self.timers.set(deadline, number, TimerKind::Deadline);
        self.operations.insert(number, operation);
        number
    }

    fn answer(&mut self, partition: PartitionId, origin: Origin, result: Result<Reply, Failure>) {
        self.report.failures += u64::from(result.is_err());
        match origin {
            Origin::Client { client, id } => {
                let response = Response { id, result };
                let frame = wire::message_frame(FrameKind::Response, partition, &response);
                self.outputs.push_back(Output::Client { client, frame });
            }
            Origin::Member { member, operation } => {
                self.send(
                    member,
                    partition,
                    &PeerMessage::Forwarded {
                        op: operation,
                        result,
                    },
                );
            }
        }
    }

    fn send(&mut self, to: MemberId, partition: PartitionId, message: &PeerMessage) {
        let frame = wire::message_frame(FrameKind::Peer, partition, message);
        self.outputs.push_back(Output::Peer { to, frame });
    }

    /// Takes in the versions of a state of `key` that is about to be stored here.
    fn learn(&mut self, key: &StoredKey, set: &VersionSet) {
        self.window.learn(key.digest(), set);
    }

    fn unavailable(&self, owners: &Owners, quorum: &Quorum) -> Failure {
        let name = |id: MemberId| {
            let found = self.agreement.state.member(id);
            found.map_or("?", |member| &member.name)
        };
        let down: Vec<_> = owners
            .others()
            .filter(|(_, member)| !self.is_up(*member))
            .map(|(_, member)| name(member))
            .collect();
        let message = format!(
            "{} of {} replicas are needed, but {} cannot be reached; try again later or ask for a \
             lower level",
            quorum.needed(),
            owners.len(),
            if down.is_empty() {
                "enough".to_string()
            } else {
                down.join(", ")
            }
        );
        Failure::new(ErrorCode::Unavailable, message)
    }
}
