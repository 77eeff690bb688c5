//! A leaf with its disk and its connection, beside a [`Cluster`] on the same virtual clock.
//!
//! The driver of a real leaf is played here: it dials when it is told to, says when the connection is
//! lost, and can be killed at any moment. A connection ends with whom it leads to; answers to what was
//! asked over an earlier one are nobody's.

use crate::Cluster;
use crate::line::{Line, NEVER};
use crate::medium::Medium;
use crate::world::disk::{Disk, answer};
use henge_core::causality::Value;
use henge_core::client::ConnectionState;
use henge_core::leaf::{
    Answer, Leaf, LeafOutput, LeafSettings, ListId, ListPage, ListSpec, Progress, ReadFrom, ReadId,
    SubscriptionId, Write, WriteId,
};
use henge_core::replication::Level;
use henge_core::rng::Rng;
use henge_core::selector::Span;
use henge_core::time::{Duration, Instant};
use henge_core::wire::{ErrorCode, Failure, edge};
use std::collections::BTreeMap;

/// One leaf.
#[derive(Debug)]
pub struct Device {
    leaf: Option<Leaf>,
    settings: LeafSettings,
    medium: Medium,
    rng: Rng,
    line: Line,
    /// The number of the edge node that it dials instead; what it has said there since the last time.
    pub post: Option<usize>,
    edge: EdgeLink,
    /// The seat that it dials; none answers without one.
    pub server: Option<usize>,
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
}

/// The connection to an edge node.
#[derive(Debug)]
enum EdgeLink {
    Down { redial_at: Instant },
    Up { is_new: bool, sent: Vec<Vec<u8>> },
}

impl Device {
    /// A leaf that runs, and dials `server` if there is one.
    #[must_use]
    pub fn new(cluster: &Cluster, seed: u64, server: Option<usize>) -> Self {
        let mut rng = Rng::new(seed);
        let mut device = Self {
            leaf: None,
            settings: LeafSettings::new(1),
            medium: Medium::new(rng.next_u64()),
            rng,
            line: Line::new(cluster.now, seed),
            post: None,
            edge: EdgeLink::Down {
                redial_at: cluster.now,
            },
            server,
            progress: BTreeMap::new(),
            answers: BTreeMap::new(),
            found: None,
            failed: None,
            is_online: false,
            pages: BTreeMap::new(),
            told: BTreeMap::new(),
            expired: BTreeMap::new(),
            synced: BTreeMap::new(),
        };
        device.start(cluster);
        device
    }

    /// Starts it from what its disk holds.
    pub fn start(&mut self, cluster: &Cluster) {
        self.settings.session = self.rng.next_u64() | 1;
        let mut leaf = Leaf::new(self.settings.clone());
        leaf.open(cluster.now, &self.medium.disk.files());
        self.leaf = Some(leaf);
        self.line.forget(cluster.now);
        self.edge = EdgeLink::Down {
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
        self.medium.crash();
        self.is_online = false;
    }

    /// The settings of its next start.
    pub const fn settings(&mut self) -> &mut LeafSettings {
        &mut self.settings
    }

    /// Its disk.
    pub const fn disk(&mut self) -> &mut Disk {
        &mut self.medium.disk
    }

    /// Empties its disk.
    pub(crate) fn wipe(&mut self) {
        self.medium = Medium::new(self.rng.next_u64());
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
        let leaf = self.leaf.as_mut().expect("it runs");
        self.line.cut(cluster, leaf);
    }

    /// From now on it dials the edge node of this number, or `server` without one.
    pub fn move_to(&mut self, cluster: &mut Cluster, post: Option<usize>) {
        let was_at = std::mem::replace(&mut self.post, post);
        if was_at == post {
            return;
        }
        match was_at {
            Some(_) => self.lose(cluster),
            None => self.cut(cluster),
        }
        // Whatever it was about to dial, it dials the other.
        self.edge = EdgeLink::Down {
            redial_at: cluster.now,
        };
        self.line.forget(cluster.now);
    }

    /// What servers say of themselves to this one.
    pub const fn line(&mut self) -> &mut Line {
        &mut self.line
    }

    /// Its connection to an edge node is lost.
    pub fn lose(&mut self, cluster: &Cluster) {
        if matches!(self.edge, EdgeLink::Up { .. }) {
            self.edge = EdgeLink::Down { redial_at: NEVER };
            if let Some(leaf) = &mut self.leaf {
                leaf.handle_disconnected(cluster.now);
            }
        }
    }

    /// Whether it has dialled an edge node since the last time.
    pub const fn has_dialled_edge(&mut self) -> bool {
        match &mut self.edge {
            EdgeLink::Up { is_new, .. } => std::mem::replace(is_new, false),
            EdgeLink::Down { .. } => false,
        }
    }

    /// What it has said to an edge node since the last time.
    pub fn take_sent(&mut self) -> Vec<Vec<u8>> {
        match &mut self.edge {
            EdgeLink::Up { sent, .. } => std::mem::take(sent),
            EdgeLink::Down { .. } => Vec::new(),
        }
    }

    /// An edge node has said something.
    ///
    /// # Panics
    /// If servers do not say that.
    pub fn take(&mut self, cluster: &mut Cluster, message: &[u8]) {
        if matches!(self.edge, EdgeLink::Up { .. }) && self.leaf.is_some() {
            let heard = self.leaf().handle_message(cluster.now, message);
            heard.expect("what an edge node says");
            self.drain(cluster);
        }
    }

    /// Writes text, or deletes.
    pub fn write(
        &mut self,
        now: Instant,
        key: &str,
        value: Option<&str>,
    ) -> Result<WriteId, Failure> {
        self.write_after(now, key, value, &[])
    }

    /// The same by who has seen what `context` says.
    pub fn write_after(
        &mut self,
        now: Instant,
        key: &str,
        value: Option<&str>,
        context: &[u8],
    ) -> Result<WriteId, Failure> {
        let value = value.map(|text| Value {
            encoding: 1,
            bytes: text.as_bytes().to_vec(),
        });
        let write = Write {
            key: key.as_bytes().to_vec(),
            value,
            context: context.to_vec(),
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
                is_of_copies: false,
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
        self.dial(cluster);
        self.hear(cluster);
        self.drain(cluster);
        while let Some((operation, result)) = self.medium.take_done(now) {
            self.leaf().handle_done(now, operation, answer(&result));
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

    fn dial(&mut self, cluster: &mut Cluster) {
        let now = cluster.now;
        let leaf = self.leaf.as_mut().expect("it runs");
        if self.post.is_none() {
            return self.line.dial(cluster, self.server, leaf);
        }
        if matches!(self.edge, EdgeLink::Down { redial_at } if redial_at <= now) {
            leaf.handle_dialing(now);
            self.edge = EdgeLink::Up {
                is_new: true,
                sent: Vec::new(),
            };
            leaf.handle_connected(now);
        }
    }

    /// Hands on what the server has answered.
    fn hear(&mut self, cluster: &mut Cluster) {
        let leaf = self.leaf.as_mut().expect("it runs");
        self.line.hear_for(cluster, leaf);
    }

    fn drain(&mut self, cluster: &mut Cluster) {
        while let Some(output) = self.leaf().poll_output() {
            match output {
                LeafOutput::Storage { operation, request } => {
                    self.medium.submit(cluster.now, operation, request);
                }
                LeafOutput::Send(message) => self.send(cluster, message),
                LeafOutput::Ping(text) => {
                    assert_eq!(text, edge::PING);
                    let now = cluster.now;
                    self.leaf().handle_text(now, edge::PONG).expect("an answer");
                }
                LeafOutput::Redial { at } => match self.post.is_some() {
                    true => self.edge = EdgeLink::Down { redial_at: at },
                    false => self.line.drop_until(cluster, at),
                },
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
                LeafOutput::Passed { .. } | LeafOutput::Swept { .. } => {
                    panic!("only an edge node is told that")
                }
                LeafOutput::Progress {
                    write, progress, ..
                } => {
                    self.progress.entry(write).or_default().push(progress);
                }
                LeafOutput::Read { read, result } => {
                    self.answers.insert(read, result);
                }
                LeafOutput::State(state) => {
                    self.is_online = matches!(state, ConnectionState::Online { .. });
                }
                LeafOutput::Refused(_) => {
                    self.line.drop_until(cluster, NEVER);
                }
            }
        }
    }

    fn send(&mut self, cluster: &mut Cluster, message: Vec<u8>) {
        if let EdgeLink::Up { sent, .. } = &mut self.edge {
            return sent.push(message);
        }
        let leaf = self.leaf.as_mut().expect("it runs");
        self.line.send_for(cluster, &message, leaf);
    }
}

/// How far time goes at once.
const STEP: Duration = Duration::from_micros(200);
