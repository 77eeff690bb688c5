//! Real nodes between a network, disks and clocks that are not: everything that happens follows
//! from one seed, on a virtual clock.
//!
//! * [`network`], [`disk`], `clock`: what can fail.
//! * [`traffic`]: what members say to each other, counted.
//! * `agenda`: what is due. `turning`: it happens. `machine`: one seat. `digest`: all as one number.

mod agenda;
mod clock;
mod digest;
pub mod disk;
mod machine;
pub mod network;
pub mod traffic;
mod turning;

pub use disk::{Disk, DiskSettings};
pub use network::LinkSettings;
pub use traffic::Traffic;

use crate::trace::Trace;
use agenda::{Agenda, Due};
use digest::Digest;
use henge_core::cluster::{Change, ClusterState};
use henge_core::config::Config;
use henge_core::id::{BucketId, MemberId, PartitionId};
use henge_core::node::{Event, Node, Report};
use henge_core::ring::{Member, Members, Placement};
use henge_core::rng::Rng;
use henge_core::storage::FileId;
use henge_core::time::{Duration, Instant};
use henge_core::wire::{self, ClientId, FrameKind, Refusal, Request, Response};
use machine::Machine;
use network::Network;
use std::collections::VecDeque;

/// A member's place in the cluster.
pub type Seat = usize;

/// When every world begins.
pub const BEGIN: Instant = Instant::from_micros(1_700_000_000_000_000);

/// How long a client's frame is under way, in microseconds.
const CLIENT_MICROS: u64 = 200;

/// Something that whoever runs the world hears of.
#[derive(Debug)]
pub enum Notice {
    /// A node has answered a client.
    Response(Seat, Response),
    /// A node has refused a client's frame.
    Refusal(Seat, Refusal),
    /// A node tells a client of changes: a whole frame.
    Events(Seat, ClientId, Vec<u8>),
    /// A node says something to people.
    Event(Seat, Event),
    /// The number that was given to [`World::wake_at`].
    Wake(u64),
}

/// What a world is made of.
#[derive(Clone, Debug)]
pub struct WorldSettings {
    /// The settings of every node; `me` is replaced.
    pub config: Config,
    /// Members that are not in the cluster at its beginning; they join when they are started.
    pub others: Vec<Member>,
    /// The links.
    pub links: LinkSettings,
    /// The disks.
    pub disks: DiskSettings,
    /// What each seat's clock is wrong by, in microseconds; seats beyond the end are right.
    pub offsets_micros: Vec<i64>,
    /// And how it drifts, in microseconds a second.
    pub drifts_ppm: Vec<i64>,
    /// Everything else follows from this.
    pub seed: u64,
}

/// Members of one cluster with everything between them.
pub struct World {
    now: Instant,
    config: Config,
    /// Everybody, by seat.
    members: Vec<Member>,
    /// The newest state that any node has gone by.
    cluster: ClusterState,
    machines: Vec<Machine>,
    network: Network,
    agenda: Agenda,
    rng: Rng,
    notices: VecDeque<Notice>,
    digest: Digest,
    story: Option<Vec<(Instant, String)>>,
    traffic: Option<Traffic>,
    batch: Vec<Due>,
    record: Vec<u8>,
}

impl World {
    /// A world at [`BEGIN`] in which nothing runs yet.
    #[must_use]
    pub fn new(settings: WorldSettings) -> Self {
        let WorldSettings { config, seed, .. } = settings;
        let members = Members::new(config.members.clone()).expect("distinct names");
        let placement =
            Placement::new(members, config.partitions, config.replicas).expect("a ring");
        let founders = config.members.iter().cloned();
        let all: Vec<Member> = founders.chain(settings.others).collect();
        let count = all.len();
        let machine = |seat: usize| {
            let disk = Disk::new(settings.disks, seed ^ seat as u64);
            let offset = settings.offsets_micros.get(seat).copied().unwrap_or(0);
            let drift = settings.drifts_ppm.get(seat).copied().unwrap_or(0);
            Machine::new(disk, offset, drift)
        };
        Self {
            now: BEGIN,
            machines: (0..count).map(machine).collect(),
            network: Network::new(count, settings.links, seed),
            config,
            members: all,
            cluster: ClusterState::new(placement),
            agenda: Agenda::default(),
            rng: Rng::new(seed),
            notices: VecDeque::new(),
            digest: Digest::new(),
            story: None,
            traffic: None,
            batch: Vec::new(),
            record: Vec::new(),
        }
    }

    /// The world's time.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// The latest that the clock of a seat has ever said: it may be set back between two lives.
    #[must_use]
    pub fn latest_at(&self, seat: Seat) -> Instant {
        self.machines[seat].said.max(self.now_at(seat))
    }

    /// What the clock of a seat says now.
    #[must_use]
    pub fn now_at(&self, seat: Seat) -> Instant {
        self.machines[seat].clock.at(self.now)
    }

    /// The members, by seat.
    #[must_use]
    pub fn seats(&self) -> &[Member] {
        &self.members
    }

    /// The newest state of the cluster that any node has gone by.
    #[must_use]
    pub const fn cluster(&self) -> &ClusterState {
        &self.cluster
    }

    /// Tells the node of `seat` that somebody wants `change`.
    pub fn wish(&mut self, seat: Seat, change: Change) {
        let to = seat;
        self.say(|| format!("seat {seat}  is to see to {change:?}"));
        self.plan(CLIENT_MICROS, Due::Wish { to, change });
    }

    /// One number for everything that every node was given and gave.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.digest.value()
    }

    /// Writes down from now on what happens, for people.
    pub fn tell_story(&mut self) {
        self.story = Some(Vec::new());
    }

    /// What was written down, with the time since [`BEGIN`] in front.
    #[must_use]
    pub fn story(&self) -> Vec<String> {
        let line = |(at, what): &(Instant, String)| {
            let micros = at.since(BEGIN).as_micros();
            format!(
                "{:>6}.{:06}  {what}",
                micros / 1_000_000,
                micros % 1_000_000
            )
        };
        self.story.iter().flatten().map(line).collect()
    }

    /// Adds a line to the story, if one is written.
    pub fn say(&mut self, what: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            story.push((self.now, what()));
        }
    }

    /// Counts from now on what members say to each other. Returns what was counted so far.
    pub fn count_traffic(&mut self) -> Option<Traffic> {
        self.traffic.replace(Traffic::default())
    }

    /// What was counted since the last [`Self::count_traffic`].
    #[must_use]
    pub const fn traffic(&self) -> Option<&Traffic> {
        self.traffic.as_ref()
    }

    /// Takes the time that nodes work by `clock`, which counts nanoseconds from anywhere.
    pub fn time_nodes(&mut self, clock: fn() -> u64) {
        for machine in &mut self.machines {
            machine.stopwatch = Some(clock);
        }
    }

    /// How long the nodes of `seat` have worked since their time is taken, in nanoseconds.
    #[must_use]
    pub fn worked_nanos(&self, seat: Seat) -> u64 {
        self.machines[seat].worked_nanos
    }

    /// Starts the node of `seat` from what its disk holds.
    pub fn start(&mut self, seat: Seat) {
        let (seed, config) = (self.rng.next_u64(), self.config_of(seat));
        self.say(|| format!("seat {seat}  starts"));
        self.machines[seat].start(config, seed, self.now);
        let life = self.machines[seat].life;
        self.plan(1, Due::Opened { to: seat, life });
        for other in 0..self.machines.len() {
            self.network.link(seat, other).forget();
            self.update_link(seat, other);
            self.update_link(other, seat);
        }
    }

    /// Kills the node of `seat`; its disk keeps what was durable and any part of the rest.
    pub fn crash(&mut self, seat: Seat) {
        self.say(|| format!("seat {seat}  crashes"));
        self.machines[seat].node = None;
        self.machines[seat].disk.crash();
        for other in 0..self.machines.len() {
            self.update_link(other, seat);
        }
    }

    /// Loses the disk of a seat that does not run.
    ///
    /// # Panics
    /// If it runs.
    pub fn wipe(&mut self, seat: Seat) {
        assert!(self.machines[seat].node.is_none(), "seat {seat} is running");
        self.say(|| format!("seat {seat}  loses its disk"));
        self.machines[seat].disk.wipe();
    }

    /// Turns over one bit in a table of `seat`. Says in which, if it has one.
    pub fn damage(&mut self, seat: Seat) -> Option<FileId> {
        let table = self.machines[seat].disk.damage();
        self.say(|| format!("seat {seat}  one bit of {table:?} is another"));
        table
    }

    /// Cuts, or joins again, the way from one seat to another.
    pub fn cut(&mut self, from: Seat, to: Seat, is_cut: bool) {
        self.network.link(from, to).is_cut = is_cut;
        self.update_link(from, to);
    }

    /// Lets frames from one seat to another wait, or go on.
    pub fn clog(&mut self, from: Seat, to: Seat, is_clogged: bool) {
        let link = self.network.link(from, to);
        link.is_clogged = is_clogged;
        if !is_clogged {
            for (at, frame) in link.release(self.now) {
                self.agenda.plan(at, Due::Frame { to, from, frame });
            }
        }
    }

    /// Gives a link other settings.
    pub fn set_link(&mut self, from: Seat, to: Seat, settings: LinkSettings) {
        self.network.link(from, to).settings = settings;
    }

    /// Tells a seat that another is gone, and then that it is back, though it never was.
    pub fn flap(&mut self, seat: Seat, peer: Seat) {
        if seat == peer || !self.is_open(seat, peer) {
            return;
        }
        for up in [false, true] {
            self.tell(seat, peer, up);
        }
    }

    /// What the clock of `seat` is wrong by from its next start on, in microseconds.
    pub fn set_offset(&mut self, seat: Seat, micros: i64) {
        self.machines[seat].offset_micros = micros;
    }

    /// Whether the node of `seat` runs.
    #[must_use]
    pub fn is_running(&self, seat: Seat) -> bool {
        self.machines[seat].node.is_some()
    }

    /// The disk of `seat`.
    pub fn disk(&mut self, seat: Seat) -> &mut Disk {
        &mut self.machines[seat].disk
    }

    /// The node of `seat`, if it runs.
    #[must_use]
    pub fn node(&self, seat: Seat) -> Option<&Node> {
        self.machines[seat].node.as_ref()
    }

    /// The numbers of the node of `seat`, if it runs.
    #[must_use]
    pub fn report(&self, seat: Seat) -> Option<Report> {
        self.node(seat).map(Node::report)
    }

    /// Records what the node of `seat` is given from its next start on.
    pub fn record(&mut self, seat: Seat) {
        self.machines[seat].trace = Some(Trace {
            config: self.config_of(seat),
            seed: 0,
            began: self.now,
            batches: vec![],
        });
    }

    /// What was recorded of `seat`.
    pub fn take_trace(&mut self, seat: Seat) -> Option<Trace> {
        self.machines[seat].trace.take()
    }

    /// The partition of `key` of `bucket`.
    #[must_use]
    pub fn partition(&self, bucket: BucketId, key: &[u8]) -> PartitionId {
        let position = henge_core::hash::position(bucket, key);
        self.cluster.target().partition_of(position)
    }

    /// The seats from which `key` of `bucket` is read, in order of preference.
    #[must_use]
    pub fn owners(&self, bucket: BucketId, key: &[u8]) -> Vec<Seat> {
        let ownership = self.cluster.ownership(self.partition(bucket, key));
        let readers = ownership.map_or(&[][..], |it| it.readers());
        readers.iter().filter_map(|id| self.seat_of(*id)).collect()
    }

    /// Sends a request to `seat`; its response is a [`Notice`].
    pub fn request(&mut self, seat: Seat, client: ClientId, request: &Request) {
        let partition = self.partition(request.bucket, &request.key);
        let frame = wire::message_frame(FrameKind::Request, partition, request);
        self.hand(seat, client, frame);
    }

    /// Hands a frame of a client to `seat`, whatever is in it.
    pub fn hand(&mut self, seat: Seat, client: ClientId, frame: Vec<u8>) {
        let to = seat;
        self.plan(CLIENT_MICROS, Due::Request { to, client, frame });
    }

    /// Tells `seat` that a client's connection is gone.
    pub fn client_gone(&mut self, seat: Seat, client: ClientId) {
        let to = seat;
        self.plan(CLIENT_MICROS, Due::ClientGone { to, client });
    }

    /// Gives [`Notice::Wake`] with `number` at `at`.
    pub fn wake_at(&mut self, at: Instant, number: u64) {
        self.agenda.plan(at.max(self.now), Due::Wake(number));
    }

    /// What is to be heard.
    pub fn take_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    /// When the next thing happens.
    #[must_use]
    pub fn next_at(&self) -> Option<Instant> {
        self.agenda.next_at()
    }

    /// Lets time pass in which nothing happens.
    ///
    /// # Panics
    /// If something happens before `until`.
    pub fn skip_to(&mut self, until: Instant) {
        assert!(self.next_at().is_none_or(|at| at >= until));
        self.now = self.now.max(until);
    }

    fn plan(&mut self, micros: u64, due: Due) {
        self.agenda
            .plan(self.now + Duration::from_micros(micros), due);
    }

    /// Tells `from` of `to`, if what it was told last is not so.
    fn update_link(&mut self, from: Seat, to: Seat) {
        if from != to && self.is_running(from) {
            let up = self.is_open(from, to);
            self.tell(from, to, up);
        }
    }

    fn tell(&mut self, seat: Seat, peer: Seat, up: bool) {
        if let Some(at) = self.network.link(seat, peer).tell(self.now, up) {
            let life = self.machines[seat].life;
            let due = Due::Peer {
                to: seat,
                life,
                peer,
                up,
            };
            self.agenda.plan(at, due);
        }
    }

    fn is_open(&mut self, from: Seat, to: Seat) -> bool {
        self.is_running(from) && self.is_running(to) && !self.network.link(from, to).is_cut
    }

    fn seat_of(&self, id: MemberId) -> Option<Seat> {
        self.members.iter().position(|member| member.id == id)
    }

    fn config_of(&self, seat: Seat) -> Config {
        let mut config = self.config.clone();
        config.me = self.members[seat].id;
        if seat >= self.config.members.len() {
            config.members = vec![self.members[seat].clone()];
            config.state = Some(self.cluster.clone());
        }
        config
    }
}
