//! A leaf with its disk and its connection, beside a [`Cluster`] on the same virtual clock.
//!
//! The driver of a real leaf is played here: it dials when it is told to, says when the connection is
//! lost, and can be killed at any moment. A connection ends with whom it leads to; answers to what was
//! asked over an earlier one are nobody's.

use crate::Cluster;
use crate::world::disk::{Disk, DiskSettings};
use henge_core::causality::Value;
use henge_core::client::ConnectionState;
use henge_core::leaf::{
    Answer, Leaf, LeafOutput, LeafSettings, ListId, ListPage, ListSpec, Progress, ReadFrom, ReadId,
    SubscriptionId, Write, WriteId,
};
use henge_core::limits::{PAIR_BYTES_MAX, PROTOCOL_VERSION};
use henge_core::replication::Level;
use henge_core::rng::Rng;
use henge_core::selector::Span;
use henge_core::storage::{OperationId, StorageAnswer};
use henge_core::time::{Duration, Instant};
use henge_core::wire::ClientId;
use henge_core::wire::{
    self, ErrorCode, Failure, Features, FrameKind, Frames, Hello, Refusal, Request, Response,
    Welcome,
};
use std::collections::{BTreeMap, BTreeSet};

/// One leaf.
#[derive(Debug)]
pub struct Device {
    leaf: Option<Leaf>,
    settings: LeafSettings,
    disk: Disk,
    rng: Rng,
    /// What its disk is busy with.
    due: BTreeSet<(Instant, OperationId)>,
    link: Link,
    /// The seat that it dials; none answers without one.
    pub server: Option<usize>,
    /// What servers let a pair have, in bytes.
    pub pair_bytes_max: u32,
    /// What servers say that they serve.
    pub features: Features,
    /// The cluster's id, as servers say it.
    pub cluster: u64,
    /// What was told of each write of this run.
    pub progress: BTreeMap<WriteId, Vec<Progress>>,
    /// The answers to the reads of this run that nobody has taken.
    pub answers: BTreeMap<ReadId, Result<Answer, Failure>>,
    /// Writes that waited when it was opened last.
    pub found: Option<usize>,
    /// Why its storage has failed.
    pub failed: Option<String>,
    /// Whether it has a connection and was greeted.
    pub is_online: bool,
    /// The pages of this run that nobody has taken.
    pub pages: BTreeMap<ListId, Result<ListPage, Failure>>,
    /// What it was told of keys of subscriptions, the newest of each key.
    pub told: BTreeMap<Vec<u8>, Answer>,
    /// How often it was told of each key that its value has ended.
    pub expired: BTreeMap<Vec<u8>, u32>,
    /// How often each subscription of this run was all here.
    pub synced: BTreeMap<SubscriptionId, u32>,
    /// What its servers know it by; another one with each connection.
    client: ClientId,
}

#[derive(Debug)]
enum Link {
    Down {
        redial_at: Instant,
    },
    /// To this seat, with what was asked: our number and the leaf's.
    Up {
        seat: usize,
        asked: BTreeMap<u64, u64>,
    },
}

impl Device {
    /// A leaf that runs, and dials `server` if there is one.
    #[must_use]
    pub fn new(cluster: &Cluster, seed: u64, server: Option<usize>) -> Self {
        let mut rng = Rng::new(seed);
        let mut device = Self {
            leaf: None,
            settings: LeafSettings::new(1),
            disk: Disk::new(DiskSettings::CALM, rng.next_u64()),
            rng,
            due: BTreeSet::new(),
            link: Link::Down {
                redial_at: cluster.now,
            },
            server,
            pair_bytes_max: 10_240,
            features: Features::ALL,
            cluster: 1,
            progress: BTreeMap::new(),
            answers: BTreeMap::new(),
            found: None,
            failed: None,
            is_online: false,
            pages: BTreeMap::new(),
            told: BTreeMap::new(),
            expired: BTreeMap::new(),
            synced: BTreeMap::new(),
            client: ClientId((seed | 1) << 16),
        };
        device.start(cluster);
        device
    }

    /// Starts it from what its disk holds.
    pub fn start(&mut self, cluster: &Cluster) {
        self.settings.session = self.rng.next_u64() | 1;
        let mut leaf = Leaf::new(self.settings.clone());
        leaf.open(cluster.now, &self.disk.files());
        self.leaf = Some(leaf);
        self.link = Link::Down {
            redial_at: cluster.now,
        };
        self.progress.clear();
        self.answers.clear();
        self.pages.clear();
        self.told.clear();
        self.expired.clear();
        self.synced.clear();
        self.found = None;
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        self.leaf = None;
        self.due.clear();
        self.disk.crash();
        self.is_online = false;
    }

    /// The settings of its next start.
    pub const fn settings(&mut self) -> &mut LeafSettings {
        &mut self.settings
    }

    /// Its disk.
    pub const fn disk(&mut self) -> &mut Disk {
        &mut self.disk
    }

    /// The leaf.
    ///
    /// # Panics
    /// If it does not run.
    pub const fn leaf(&mut self) -> &mut Leaf {
        self.leaf.as_mut().expect("it runs")
    }

    /// Its connection is lost; `server` says where it finds the next.
    pub fn cut(&mut self, cluster: &mut Cluster) {
        if let Link::Up { seat, .. } = self.link {
            cluster.client_gone(seat, self.client);
            self.link = Link::Down {
                redial_at: Instant::from_micros(u64::MAX),
            };
            self.leaf().handle_disconnected(cluster.now);
        }
    }

    /// Writes text, or deletes.
    pub fn write(
        &mut self,
        now: Instant,
        key: &str,
        value: Option<&str>,
    ) -> Result<WriteId, Failure> {
        let value = value.map(|text| Value {
            encoding: 1,
            bytes: text.as_bytes().to_vec(),
        });
        let write = Write {
            key: key.as_bytes().to_vec(),
            value,
            ..Write::default()
        };
        self.leaf().write(now, write)
    }

    /// Reads `key` and runs until there is an answer.
    ///
    /// # Panics
    /// If there is none after 20 s.
    pub fn read(
        &mut self,
        cluster: &mut Cluster,
        key: &str,
        from: ReadFrom,
    ) -> Result<Answer, Failure> {
        let key = key.as_bytes().to_vec();
        let level = (from == ReadFrom::Ring).then_some(Level::Quorum);
        let id = self.leaf().read(cluster.now, key, from, level, 0)?;
        for _ in 0..20_000 {
            if let Some(answer) = self.answers.remove(&id) {
                return answer;
            }
            self.run(cluster, Duration::from_millis(1));
        }
        panic!("no answer after 20 s");
    }

    /// Keeps the keys that begin so.
    ///
    /// # Panics
    /// If it cannot.
    pub fn subscribe(&mut self, now: Instant, prefix: &str) -> SubscriptionId {
        let span = Span::Prefix(prefix.as_bytes().to_vec());
        let subscribed = self.leaf().subscribe(now, span);
        subscribed.expect("it is open, and there are few")
    }

    /// Lists the keys that begin so, page by page of `limit`, and their texts.
    ///
    /// # Panics
    /// If there is no page after 20 s, or it is not one.
    pub fn list(
        &mut self,
        cluster: &mut Cluster,
        prefix: &str,
        limit: usize,
        is_reverse: bool,
    ) -> Vec<(String, String)> {
        let mut listed = Vec::new();
        let mut after = Vec::new();
        loop {
            let spec = ListSpec {
                span: Span::Prefix(prefix.as_bytes().to_vec()),
                after,
                limit,
                is_reverse,
            };
            let id = self.leaf().list(cluster.now, spec).expect("a good listing");
            let page = self.wait_for_page(cluster, id).expect("a page");
            assert!(page.entries.len() <= limit);
            for (key, answer) in page.entries {
                let value = answer.value.expect("only keys with values are listed");
                let text = |bytes| String::from_utf8(bytes).expect("text");
                listed.push((text(key), text(value.bytes)));
            }
            match page.next {
                Some(next) => after = next,
                None => return listed,
            }
        }
    }

    fn wait_for_page(&mut self, cluster: &mut Cluster, id: ListId) -> Result<ListPage, Failure> {
        for _ in 0..20_000 {
            self.turn(cluster);
            if let Some(page) = self.pages.remove(&id) {
                return page;
            }
            self.run(cluster, Duration::from_millis(1));
        }
        panic!("no page after 20 s");
    }

    /// How far a write of this run has come.
    #[must_use]
    pub fn last(&self, write: WriteId) -> Option<&Progress> {
        self.progress.get(&write)?.last()
    }

    /// Lets virtual time pass for both.
    pub fn run(&mut self, cluster: &mut Cluster, span: Duration) {
        let end = cluster.now + span;
        while cluster.now < end {
            cluster.run_for(STEP.min(end.since(cluster.now)));
            self.turn(cluster);
        }
    }

    /// Does what is due.
    pub fn turn(&mut self, cluster: &mut Cluster) {
        let now = cluster.now;
        if self.leaf.is_none() {
            return;
        }
        self.dial(now);
        self.hear(cluster);
        self.drain(cluster);
        while let Some((at, operation)) = self.due.first().copied()
            && at <= now
        {
            self.due.pop_first();
            let result = self.disk.complete(operation);
            let answer = match &result {
                Ok(None) => Ok(StorageAnswer::Done),
                Ok(Some(bytes)) => Ok(StorageAnswer::Bytes(bytes)),
                Err(fault) => Err(fault.clone()),
            };
            self.leaf().handle_done(now, operation, answer);
            self.drain(cluster);
        }
        // Work in the background is done a step at a time.
        for _ in 0..100 {
            if self.leaf().poll_timeout().is_none_or(|at| at > now) {
                break;
            }
            self.leaf().handle_timeout(now);
            self.drain(cluster);
        }
    }

    fn dial(&mut self, now: Instant) {
        let Link::Down { redial_at } = self.link else {
            return;
        };
        if redial_at > now {
            return;
        }
        self.leaf().handle_dialing(now);
        match self.server {
            Some(seat) => {
                self.client.0 += 1;
                let asked = BTreeMap::new();
                self.link = Link::Up { seat, asked };
                self.leaf().handle_connected(now);
            }
            None => {
                self.link = Link::Down {
                    redial_at: Instant::from_micros(u64::MAX),
                };
                self.leaf().handle_disconnected(now);
            }
        }
    }

    /// Hands on what the server has answered.
    fn hear(&mut self, cluster: &mut Cluster) {
        let Link::Up { asked, .. } = &mut self.link else {
            return;
        };
        let mut message = Vec::new();
        asked.retain(|number, own| match cluster.take_response(*number) {
            Some(response) => {
                let response = Response {
                    id: *own,
                    ..response
                };
                let partition = henge_core::id::PartitionId(0);
                wire::put_message(&mut message, FrameKind::Response, partition, &response);
                false
            }
            None => true,
        });
        for frame in cluster.take_told(self.client) {
            message.extend_from_slice(&frame);
        }
        if !message.is_empty() {
            let heard = self.leaf().handle_message(cluster.now, &message);
            heard.expect("what a node says");
        }
    }

    fn drain(&mut self, cluster: &mut Cluster) {
        while let Some(output) = self.leaf().poll_output() {
            match output {
                LeafOutput::Storage { operation, request } => {
                    let at = self.disk.submit(cluster.now, operation, request);
                    self.due.insert((at, operation));
                }
                LeafOutput::Send(message) => self.send(cluster, &message),
                LeafOutput::Redial { at } => {
                    if let Link::Up { seat, .. } = self.link {
                        cluster.client_gone(seat, self.client);
                    }
                    self.link = Link::Down { redial_at: at };
                }
                LeafOutput::Listed { list, result } => {
                    self.pages.insert(list, result);
                }
                LeafOutput::Changed {
                    key,
                    answer,
                    is_expiry,
                } => {
                    if is_expiry {
                        *self.expired.entry(key.clone()).or_default() += 1;
                    }
                    self.told.insert(key, answer);
                }
                LeafOutput::Synced { subscription } => {
                    *self.synced.entry(subscription).or_default() += 1;
                }
                // Only servers of an older version refuse it.
                LeafOutput::Unsubscribed { failure, .. } => {
                    assert_eq!(failure.code, ErrorCode::Protocol, "{failure:?}");
                }
                LeafOutput::Opened { pending } => self.found = Some(pending),
                LeafOutput::Failed(why) => self.failed = Some(why),
                LeafOutput::Full => {}
                LeafOutput::Progress { write, progress } => {
                    self.progress.entry(write).or_default().push(progress);
                }
                LeafOutput::Read { read, result } => {
                    self.answers.insert(read, result);
                }
                LeafOutput::State(state) => {
                    self.is_online = matches!(state, ConnectionState::Online { .. });
                }
                LeafOutput::Refused(_) => {
                    self.link = Link::Down {
                        redial_at: Instant::from_micros(u64::MAX),
                    };
                }
            }
        }
    }

    fn send(&mut self, cluster: &mut Cluster, message: &[u8]) {
        for frame in Frames::new(message) {
            let frame = frame.expect("what a leaf says");
            match frame.kind {
                FrameKind::Hello => {
                    let hello: Hello = wire::decode_body(frame.body).expect("a greeting");
                    let answer = self.greet(cluster, &hello);
                    let heard = self.leaf().handle_message(cluster.now, &answer);
                    heard.expect("a greeting");
                }
                FrameKind::Request => {
                    let mut request: Request = wire::decode_body(frame.body).expect("a request");
                    let Link::Up { seat, asked } = &mut self.link else {
                        return;
                    };
                    let number = cluster.take_number();
                    asked.insert(number, request.id);
                    request.id = number;
                    let frame = wire::message_frame(frame.kind, frame.partition, &request);
                    cluster.hand(*seat, frame);
                }
                FrameKind::Watch => {
                    if let Link::Up { seat, .. } = self.link {
                        cluster.hand_from(seat, self.client, frame.bytes.to_vec());
                    }
                }
                kind => panic!("a leaf says no {kind:?}"),
            }
        }
    }

    /// What a server says to a greeting.
    fn greet(&self, cluster: &Cluster, hello: &Hello) -> Vec<u8> {
        let partition = henge_core::id::PartitionId(0);
        if hello.cluster.is_some_and(|asked| asked != self.cluster) {
            let refusal = Refusal {
                code: ErrorCode::Protocol,
                message: "another cluster".into(),
            };
            return wire::message_frame(FrameKind::Refusal, partition, &refusal);
        }
        let seat = self.server.unwrap_or_default();
        let welcome = Welcome {
            version: PROTOCOL_VERSION,
            cluster: self.cluster,
            member: cluster.seats[seat].id,
            name: cluster.seats[seat].name.clone(),
            partitions: cluster.state().target().partitions(),
            replicas: 3,
            pair_bytes_max: self
                .pair_bytes_max
                .min(u32::try_from(PAIR_BYTES_MAX).unwrap_or(u32::MAX)),
            features: self.features,
        };
        wire::message_frame(FrameKind::Welcome, partition, &welcome)
    }
}

/// How far time goes at once.
const STEP: Duration = Duration::from_micros(200);
