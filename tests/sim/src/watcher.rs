//! A client that watches, beside a [`Cluster`] on the same virtual clock.
//!
//! It keeps the last state that it heard of each key, reads everything anew when it is told to, and
//! checks what every watcher is promised: nothing twice, and nothing old after something new.

use crate::Cluster;
use henge_core::client::{Client, ClientOutput, WatchId, WatchOutput, WatchSpec};
use henge_core::id::{BucketId, PartitionId};
use henge_core::limits::PROTOCOL_VERSION;
use henge_core::selector::Span;
use henge_core::time::{Duration, Instant};
use henge_core::watch::{Change, Rank};
use henge_core::wire::{self, ClientId, Features, FrameKind, Frames, Hello, Welcome};
use std::collections::BTreeMap;

/// One client with its watches.
#[derive(Debug)]
pub struct Watcher {
    /// The client.
    pub client: Client,
    /// What it is called by the seat that it is connected to; another one for each connection.
    id: ClientId,
    link: Link,
    /// The seat that it dials; none answers without one.
    pub server: Option<usize>,
    /// Whether it reads what comes.
    pub reads: bool,
    /// What was told and is not taken yet.
    pub heard: Vec<(Instant, WatchOutput)>,
    /// What each watch was told last of each key.
    pub last: BTreeMap<(WatchId, Vec<u8>), Change>,
    /// What was told wrongly.
    pub wrongs: Vec<String>,
    /// How many changes were told.
    pub changes: u64,
    /// How often it was told to read anew.
    pub resyncs: u64,
}

#[derive(Clone, Copy, Debug)]
enum Link {
    Down { redial_at: Instant },
    Up { seat: usize },
}

impl Watcher {
    /// Client number `number` of the cluster, which dials `server` if there is one.
    #[must_use]
    pub fn new(cluster: &Cluster, number: u64, server: Option<usize>) -> Self {
        Self {
            client: Client::new(number + 1),
            id: ClientId((number + 1) << 32),
            link: Link::Down {
                redial_at: cluster.now,
            },
            server,
            reads: true,
            heard: Vec::new(),
            last: BTreeMap::new(),
            wrongs: Vec::new(),
            changes: 0,
            resyncs: 0,
        }
    }

    /// Begins to watch keys of the default bucket.
    ///
    /// # Panics
    /// If they cannot be watched.
    pub fn watch(&mut self, cluster: &Cluster, span: Span) -> WatchId {
        self.watch_from(cluster, span, Vec::new())
    }

    /// The same from a token.
    ///
    /// # Panics
    /// If they cannot be watched.
    pub fn watch_from(&mut self, cluster: &Cluster, span: Span, token: Vec<u8>) -> WatchId {
        let bucket = BucketId(0).into();
        let spec = WatchSpec {
            bucket,
            span,
            token,
        };
        self.client.watch(cluster.now, spec).expect("a good watch")
    }

    /// Takes what was told.
    pub fn take(&mut self) -> Vec<WatchOutput> {
        let heard = self.heard.drain(..);
        heard.map(|(_, output)| output).collect()
    }

    /// Whether it is connected.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        matches!(self.link, Link::Up { .. })
    }

    /// Does what is to be done now.
    ///
    /// # Panics
    /// If a node says what a client cannot understand.
    pub fn step(&mut self, cluster: &mut Cluster) {
        let now = cluster.now;
        match self.link {
            Link::Up { seat } => {
                let is_there = cluster.is_running(seat) && self.server == Some(seat);
                if !is_there {
                    cluster.client_gone(seat, self.id);
                    self.lose(now);
                } else if self.reads {
                    for frame in cluster.take_told(self.id) {
                        let heard = self.client.handle_message(now, &frame);
                        heard.expect("what a node says");
                    }
                }
            }
            Link::Down { redial_at } => {
                let seat = self.server.filter(|seat| cluster.is_running(*seat));
                if let Some(seat) = seat
                    && redial_at <= now
                {
                    self.id.0 += 1;
                    self.link = Link::Up { seat };
                    self.client.handle_dialing(now);
                    self.client.handle_connected(now);
                }
            }
        }
        if self.client.poll_timeout().is_some_and(|at| at <= now) {
            self.client.handle_timeout(now);
        }
        self.drain(cluster);
    }

    fn lose(&mut self, now: Instant) {
        self.link = Link::Down { redial_at: now };
        self.client.handle_disconnected(now);
    }

    fn drain(&mut self, cluster: &mut Cluster) {
        while let Some(output) = self.client.poll_output() {
            match output {
                ClientOutput::Send(message) => self.send(cluster, &message),
                ClientOutput::Redial { at } => {
                    if let Link::Up { seat } = self.link {
                        cluster.client_gone(seat, self.id);
                    }
                    self.link = Link::Down { redial_at: at };
                }
                ClientOutput::Done { .. }
                | ClientOutput::State(_)
                | ClientOutput::Ping(_)
                | ClientOutput::Settled { .. } => {}
                ClientOutput::Refused(refusal) => self.wrongs.push(refusal.message),
            }
        }
        while let Some(output) = self.client.poll_watch() {
            match &output {
                WatchOutput::Changes { watch, changes } => {
                    for change in changes {
                        self.note(*watch, change);
                    }
                }
                WatchOutput::Resync { .. } => self.resyncs += 1,
                WatchOutput::Watching { .. }
                | WatchOutput::Resumed { .. }
                | WatchOutput::Shown { .. }
                | WatchOutput::Failed { .. } => {}
            }
            self.heard.push((cluster.now, output));
        }
    }

    fn note(&mut self, watch: WatchId, change: &Change) {
        self.changes += 1;
        let name = (watch, change.key.clone());
        let rank = change.rank();
        let before: Option<Rank> = self.last.get(&name).map(Change::rank);
        if before.is_some_and(|before| before >= rank) {
            let key = change.key.escape_ascii();
            self.wrongs.push(format!(
                "{watch:?} hears of {key} in {rank:?} after {before:?}"
            ));
        }
        self.last.insert(name, change.clone());
    }

    fn send(&mut self, cluster: &mut Cluster, message: &[u8]) {
        let Link::Up { seat } = self.link else { return };
        for frame in Frames::new(message) {
            let frame = frame.expect("what a client says");
            if frame.kind == FrameKind::Hello {
                let hello: Hello = wire::decode_body(frame.body).expect("a greeting");
                assert!(hello.check(1).is_ok());
                let welcome = Welcome {
                    version: PROTOCOL_VERSION,
                    cluster: 1,
                    member: cluster.seats[seat].id,
                    name: cluster.seats[seat].name.clone(),
                    partitions: cluster.state().target().partitions(),
                    replicas: 3,
                    pair_bytes_max: 10_240,
                    features: Features::ALL,
                };
                let welcome = wire::message_frame(FrameKind::Welcome, PartitionId(0), &welcome);
                let heard = self.client.handle_message(cluster.now, &welcome);
                heard.expect("a greeting");
            } else {
                cluster.hand_from(seat, self.id, frame.bytes.to_vec());
            }
        }
    }
}

/// Lets virtual time pass for a cluster and those who watch it.
pub fn run(cluster: &mut Cluster, watchers: &mut [Watcher], span: Duration) {
    let end = cluster.now + span;
    loop {
        for watcher in watchers.iter_mut() {
            watcher.step(cluster);
        }
        if cluster.now >= end {
            return;
        }
        cluster.run_for(STEP);
    }
}

/// How far time goes at once.
const STEP: Duration = Duration::from_micros(200);
