//! The loop of a shard: wait, batch, step, carry out.

use super::batch::Batch;
use super::care::Care;
use super::handle::{Entry, ShardHandle, Siblings};
use super::rebirth::{Fatal, Life};
use super::sink::ClientSink;
use super::status::ShardStatus;
use crate::clock::Clock;
use crate::cluster::News;
use crate::disk::{Completion, DiskAnswer, DiskQueue, Files};
use crate::engine::{Engine, Guest, Trap};
use crate::net::PeerTable;
use crate::shutdown::Stop;
use henge_core::config::Config;
use henge_core::id::MemberId;
use henge_core::node::{Input, Output, Report};
use henge_core::storage::StorageAnswer;
use henge_core::time::Instant;
use henge_core::wire::{ClientId, FrameKind};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;

/// What a shard needs to begin.
pub struct ShardSettings {
    /// The node's settings, with the shard's number.
    pub config: Config,
    /// The compiled guest.
    pub engine: Engine,
    /// The shard's files.
    pub files: Files,
    /// The other members.
    pub peers: Arc<PeerTable>,
    /// All shards of the stone.
    pub siblings: Siblings,
    /// Who hears what the shard has to say about the cluster.
    pub news: UnboundedSender<News>,
    /// The stone's clock.
    pub clock: Clock,
    /// Ends the stone.
    pub stop: Stop,
    /// Bytes of memory that a guest may take.
    pub memory_bytes_max: usize,
}

/// Starts the shard's thread and those of its disk. The node replays its log in the background.
///
/// # Errors
/// If no thread can be had.
pub fn start(settings: ShardSettings) -> io::Result<(ShardHandle, JoinHandle<()>)> {
    let name = format!("shard-{}", settings.config.shard);
    let status = Arc::new(ShardStatus::new(settings.config.shard));
    let (handle, inbox) = ShardHandle::new(Arc::clone(&status));
    let thread = std::thread::Builder::new()
        .name(name.clone())
        .spawn(move || {
            let stop = settings.stop.clone();
            if let Err(why) = run(&name, settings, inbox, status) {
                stop.fail(format!("{name}: {why}"));
            }
        })?;
    Ok((handle, thread))
}

fn run(
    name: &str,
    settings: ShardSettings,
    inbox: mpsc::Receiver<Entry>,
    status: Arc<ShardStatus>,
) -> Result<(), Fatal> {
    // Its timers and wake-ups are this thread's own, so a busy socket does not delay a shard.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    let mut worker = Worker::new(name, settings, inbox, status)?;
    let mut guest = worker.first_guest()?;
    while !worker.closing {
        let Some(mut alive) = guest.take() else {
            guest = worker.reborn()?;
            continue;
        };
        runtime.block_on(worker.wait());
        worker.fill();
        match worker.step(&mut alive) {
            Ok(()) => guest = Some(alive),
            Err(trap) => {
                drop(alive);
                worker.note_trap(&trap)?;
            }
        }
    }
    worker.disk.close();
    Ok(())
}

pub(super) struct Worker {
    pub(super) name: String,
    pub(super) life: Life,
    inbox: mpsc::Receiver<Entry>,
    pub(super) completions: UnboundedReceiver<Vec<Completion>>,
    pub(super) disk: DiskQueue,
    pub(super) peers: Arc<PeerTable>,
    pub(super) siblings: Siblings,
    pub(super) news: UnboundedSender<News>,
    pub(super) clock: Clock,
    pub(super) status: Arc<ShardStatus>,
    pub(super) clients: BTreeMap<ClientId, ClientSink>,
    /// Those of them that watch.
    pub(super) watchers: BTreeSet<ClientId>,
    pub(super) peers_up: BTreeSet<MemberId>,
    pub(super) inspections: BTreeMap<u64, oneshot::Sender<Report>>,
    inspected: u64,
    pub(super) care: Care,
    pub(super) batch: Batch,
    pub(super) outputs: Vec<Output>,
    timeout: Option<Instant>,
    /// Until when a replaced guest is left alone with its log: what it is asked before it is ready
    /// it would refuse, and mostly that is a matter of milliseconds.
    pub(super) held_until: Option<Instant>,
    /// When people were told last that the disk is full.
    pub(super) full_told_at: Option<Instant>,
    closing: bool,
}

impl Worker {
    /// A shard's thread with its disk, and no guest yet.
    fn new(
        name: &str,
        settings: ShardSettings,
        inbox: mpsc::Receiver<Entry>,
        status: Arc<ShardStatus>,
    ) -> io::Result<Self> {
        let ShardSettings {
            config,
            engine,
            files,
            peers,
            siblings,
            news,
            clock,
            stop,
            memory_bytes_max,
        } = settings;
        let (done, completions) = mpsc::unbounded_channel();
        let disk = DiskQueue::start(name, files, &done, &stop)?;
        let life = Life {
            config,
            engine,
            memory_bytes_max,
            traps: VecDeque::new(),
            trapped_at: None,
        };
        Ok(Self {
            name: name.to_owned(),
            life,
            inbox,
            completions,
            disk,
            peers,
            siblings,
            news,
            clock,
            status,
            clients: BTreeMap::new(),
            watchers: BTreeSet::new(),
            peers_up: BTreeSet::new(),
            inspections: BTreeMap::new(),
            inspected: 0,
            care: Care::default(),
            batch: Batch::default(),
            outputs: Vec::new(),
            timeout: None,
            held_until: None,
            full_told_at: None,
            closing: false,
        })
    }

    /// Waits until there is something to do, and puts the first of it into the batch.
    async fn wait(&mut self) {
        self.batch.clear();
        let held = self.is_held();
        let next = self.next_moment(held);
        if next.is_some_and(|at| at <= self.clock.now()) {
            // A timer would round this up to its next millisecond, and a node that works in steps
            // would sleep between them.
            return;
        }
        let timeout = next.map(|at| self.clock.deadline(at));
        let expired = async {
            match timeout {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            Some(ended) = self.completions.recv() => self.put_completions(ended),
            entry = self.inbox.recv(), if !held && self.care.has_room() => self.put_entry(entry.unwrap_or(Entry::Close)),
            () = expired => {}
        }
    }

    /// When there is something to do, whatever comes until then.
    fn next_moment(&mut self, held: bool) -> Option<Instant> {
        let request = if held {
            None
        } else {
            self.care.due(self.clock.now())
        };
        let moments = [self.timeout, self.held_until, request];
        moments.into_iter().flatten().min()
    }

    /// Adds what else is ready, up to the bounds of a batch. The timeout comes last, and whatever
    /// else there is: neither waits for more than a step of the other.
    fn fill(&mut self) {
        while !self.batch.is_full()
            && let Ok(ended) = self.completions.try_recv()
        {
            self.put_completions(ended);
        }
        if !self.is_held() {
            self.fill_from_inbox();
        }
        if self.timeout.is_some_and(|at| at <= self.clock.now()) {
            self.batch.put(&Input::Timeout);
        }
    }

    fn fill_from_inbox(&mut self) {
        self.hand_over_requests();
        while !self.batch.is_full() && !self.closing && self.care.has_room() {
            match self.inbox.try_recv() {
                Ok(entry) => self.put_entry(entry),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => self.put_entry(Entry::Close),
            }
            self.hand_over_requests();
        }
    }

    fn hand_over_requests(&mut self) {
        let now = self.clock.now();
        while !self.batch.is_full()
            && let Some((client, frame)) = self.care.next(now)
        {
            let frame = &frame;
            self.batch.put(&Input::Client { client, frame });
        }
    }

    fn is_held(&mut self) -> bool {
        self.held_until = self.held_until.filter(|&until| self.clock.now() < until);
        self.held_until.is_some()
    }

    fn put_completions(&mut self, ended: Vec<Completion>) {
        for Completion { operation, result } in ended {
            let result = match &result {
                Ok(DiskAnswer::Done) => Ok(StorageAnswer::Done),
                Ok(DiskAnswer::Bytes(bytes)) => Ok(StorageAnswer::Bytes(bytes)),
                Err(fault) => Err(fault.clone()),
            };
            self.batch.put(&Input::StorageDone { operation, result });
        }
    }

    fn put_entry(&mut self, entry: Entry) {
        match entry {
            Entry::Client {
                client,
                sink,
                frames,
                room,
            } => {
                for frame in frames {
                    if is_watch(&frame) {
                        // Nothing is lost with one that traps the guest: a client begins its
                        // watches again.
                        self.watchers.insert(client);
                        let frame = &frame;
                        self.batch.put(&Input::Client { client, frame });
                    } else {
                        self.care.put(client, frame);
                    }
                }
                self.clients.entry(client).or_insert(sink);
                drop(room);
            }
            Entry::ClientGone(client) => {
                self.clients.remove(&client);
                self.care.gone(client);
                if self.watchers.remove(&client) {
                    self.batch.put(&Input::ClientGone(client));
                }
            }
            Entry::Peer { from, frames, room } => {
                for frame in &frames {
                    self.batch.put(&Input::Peer { from, frame });
                }
                drop(room);
            }
            Entry::PeerUp(member) => {
                self.peers_up.insert(member);
                self.batch.put(&Input::PeerUp(member));
            }
            Entry::PeerDown(member) => {
                self.peers_up.remove(&member);
                self.batch.put(&Input::PeerDown(member));
            }
            Entry::Inspect(answer) => {
                self.inspected += 1;
                self.inspections.insert(self.inspected, answer);
                self.batch.put(&Input::Inspect(self.inspected));
            }
            Entry::Cluster(state) => self.batch.put(&Input::Cluster(state)),
            Entry::Wish(change) => self.batch.put(&Input::Wish(change)),
            Entry::Close => self.closing = true,
        }
    }

    /// One call into the guest with the batch, and all that comes of it.
    pub(super) fn step(&mut self, guest: &mut Guest) -> Result<(), Trap> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        let mut outputs = std::mem::take(&mut self.outputs);
        let stepped = guest.step(now, self.batch.bytes(), &mut outputs);
        if let Ok(timeout) = stepped {
            self.timeout = timeout;
            self.dispatch(&mut outputs);
        }
        self.status.stepped(guest.memory_bytes(), self.care.count());
        // After a trap the answer is half read at best: the next instance says all of it again.
        outputs.clear();
        self.outputs = outputs;
        stepped.map(|_| ())
    }
}

/// Whether a frame, which was checked when it came, is about a watch.
fn is_watch(frame: &[u8]) -> bool {
    frame.get(1) == Some(&(FrameKind::Watch as u8))
}

#[cfg(test)]
mod tests;
