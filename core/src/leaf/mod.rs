//! The leaf: writes that wait for the ring on the device that made them, and copies of what was read.
//! What it promises and what it stores is in `docs/leaf.md`.
//!
//! Like the node it does no I/O. The driver opens it with the files that its medium has, dials when it
//! is told to, and after every call that takes `&mut self` drains [`Leaf::poll_output`]; then it sleeps
//! until [`Leaf::poll_timeout`] or the next event.
//!
//! * `record`: what is stored.
//! * `output`: what its driver must do.
//! * `outbox`: the writes that wait, and which of them may be sent.
//! * `copies`: which copies there are.
//! * `connection`: what its driver says of the socket.
//! * `opening`: what is stored is read.
//! * `writing`: writes are taken.
//! * `draining`: they go to the ring.
//! * `reading`: reads from here and there.
//! * `subscribing`: keys that are kept as the ring has them. `filling`: all of them are fetched. `taking`:
//!   what the ring says of them is taken in. `jobs`: work on all copies of a span.
//! * `listing`: keys in order. `telling`: what becomes of keys is told. `expiring`: values end with their
//!   time to live.
//! * `overlay`: what waits at an edge node. `passing`: what only an edge node needs of its leaf.
//! * `waiter`: what goes on when a block is in memory. `resting`: what is done when nothing is asked.

mod connection;
mod copies;
mod doubting;
mod draining;
mod expiring;
mod filling;
mod jobs;
mod listing;
mod opening;
mod outbox;
mod output;
mod overlay;
mod passing;
mod reading;
mod record;
mod resting;
mod settings;
mod subscribing;
mod taking;
mod telling;
mod waiter;
mod writing;

pub use listing::{ListId, ListPage, ListSpec};
pub use output::LeafOutput;
pub use passing::{Greeted, PassId};
pub use reading::{Answer, ReadFrom, ReadId, Source};
pub use settings::LeafSettings;
pub use subscribing::SubscriptionId;
pub use writing::{Before, Progress, Write, WriteId};

use crate::causality::Hlc;
use crate::client::{CallId, Client, ClientOutput};
use crate::id::RequestId;
use crate::sorted::{Map, Set};
use crate::storage::{
    BatchNumber, OperationId, StorageAnswer, StorageFault, Store, StoreEvent, StoreSettings,
    StoredFile, StoredKey, WriteRefused,
};
use crate::time::Instant;
use crate::wire::{ErrorCode, Failure};
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use copies::Copies;
use doubting::{Doubts, Inquiry};
use expiring::Expiring;
use filling::PageAsked;
use jobs::Job;
use outbox::Outbox;
use overlay::Overlay;
use reading::Read;
use record::{Copy, Greeting, Own, RECORDS, REMOVED};
use resting::Rest;
use subscribing::Subscription;
use taking::{Acknowledged, Intake};
use waiter::Waiter;

/// Why a leaf is not open.
#[derive(Debug)]
enum Phase {
    /// The storage is being opened.
    Opening,
    /// What waits and what is subscribed to is read, behind this key.
    Reading(Option<StoredKey>),
    Open,
    Failed(String),
}

/// A leaf of the ring.
#[derive(Debug)]
pub struct Leaf {
    settings: LeafSettings,
    now: Instant,
    phase: Phase,
    store: Store,
    client: Client,
    own: Own,
    outbox: Outbox,
    copies: Copies,
    next_write: u64,
    /// Writes and the batches with which they are durable, in their order.
    unsynced: VecDeque<(BatchNumber, WriteId)>,
    /// Writes and the batches with which those before them are gone for good, in their order.
    held: VecDeque<(BatchNumber, WriteId)>,
    /// Writes that are gone, and the batches with which they are for good, in their order; and the same by
    /// the hashes of their keys.
    left: VecDeque<(BatchNumber, (u64, WriteId))>,
    leaving: Set<(u64, WriteId)>,
    /// What waits for a block.
    loading: Set<(OperationId, Waiter)>,
    calls: Map<CallId, Purpose>,
    /// How many of them are writes.
    writes_under_way: usize,
    /// Some were sent to an edge node over the present connection.
    was_at_edge: bool,
    /// How many connections there have been.
    connections: u64,
    /// What waits at an edge node, over the copies here.
    overlay: Overlay,
    /// How the ring has greeted an edge node.
    greeting: Option<Greeting>,
    reads: Map<ReadId, Read>,
    /// Until when reads wait for the writes to their keys.
    behind: Set<(Instant, ReadId)>,
    next_read: u64,
    lists: Vec<(ListId, ListSpec)>,
    /// By their numbers.
    subscriptions: Vec<Subscription>,
    /// What the ring has said of kept keys, and writes to them that it has taken, until they are stored.
    incoming: Intake,
    acknowledged: VecDeque<Acknowledged>,
    /// Those before which others of their keys have to be taken in.
    early: Map<WriteId, Acknowledged>,
    /// Keys that an edge node has no more, and the ring may have.
    doubts: Doubts,
    /// Both wait for a block.
    is_loading: bool,
    /// Both, or a job, wait until the storage takes writes.
    is_stalled: bool,
    /// The medium has no more room, and nothing was stored since.
    is_full: bool,
    jobs: VecDeque<Job>,
    /// Keys of which is to be told when a block is in memory.
    untold: Vec<Vec<u8>>,
    /// When it is stored how far the subscriptions are.
    keep_at: Option<Instant>,
    expiring: Expiring,
    rest: Rest,
    is_online: bool,
    first_dial: FirstDial,
    outputs: VecDeque<LeafOutput>,
}

/// How the first connection of a run comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FirstDial {
    /// None was dialled for.
    Ahead,
    /// It is on its way.
    UnderWay,
    /// It was had, or could not be.
    Over,
}

/// What a call to the ring is for.
#[derive(Clone, Debug)]
enum Purpose {
    Write(WriteId),
    /// What the key of a write shows that the ring has taken before.
    Confirm(WriteId, Hlc),
    Read(ReadId),
    Page(PageAsked),
    /// What others have of a key in doubt.
    Doubt(Inquiry),
    /// Of a client of an edge node; the key, if it reads one.
    Passed(PassId, Option<Vec<u8>>),
}

impl Leaf {
    /// A leaf that is not open yet.
    #[must_use]
    pub fn new(settings: LeafSettings) -> Self {
        let mut storage = StoreSettings::new(settings.session, RECORDS);
        storage.memory_bytes_max = settings.memory_bytes_max;
        Self {
            now: Instant::default(),
            phase: Phase::Opening,
            store: Store::new(storage),
            client: Client::new(settings.session),
            own: Own::default(),
            outbox: Outbox::default(),
            copies: Copies::new(settings.copies_max),
            next_write: 1,
            unsynced: VecDeque::new(),
            held: VecDeque::new(),
            left: VecDeque::new(),
            leaving: Set::new(),
            loading: Set::new(),
            calls: Map::new(),
            writes_under_way: 0,
            was_at_edge: false,
            connections: 0,
            overlay: Overlay::default(),
            greeting: None,
            reads: Map::new(),
            behind: Set::new(),
            next_read: 1,
            lists: Vec::new(),
            subscriptions: Vec::new(),
            incoming: Intake::default(),
            acknowledged: VecDeque::new(),
            early: Map::new(),
            doubts: Doubts::default(),
            is_loading: false,
            is_stalled: false,
            is_full: false,
            jobs: VecDeque::new(),
            untold: Vec::new(),
            keep_at: None,
            expiring: Expiring::default(),
            rest: Rest::default(),
            is_online: false,
            first_dial: FirstDial::Ahead,
            outputs: VecDeque::new(),
            settings,
        }
    }

    /// Begins to open what the medium has.
    pub fn open(&mut self, now: Instant, files: &[StoredFile]) {
        self.now = now;
        self.store.open(files, &mut |_| true);
    }

    /// Writes without an outcome.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.outbox.len()
    }

    /// The writes without an outcome, the oldest first: what another leaf takes over from one whose storage
    /// has failed.
    pub fn waiting(&self) -> impl Iterator<Item = (WriteId, Write)> + '_ {
        self.outbox.all(self.now.as_millis())
    }

    /// Whether a write is refused because the storage has too much to do, which passes.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        !self.is_full && self.store.can_write() == Err(WriteRefused::Queue)
    }

    /// Bytes that the ring has told of keys that are kept here, and that are not stored yet.
    #[must_use]
    pub const fn untaken_bytes(&self) -> usize {
        self.incoming.bytes()
    }

    /// Copies of what the ring has.
    #[must_use]
    pub fn copies(&self) -> usize {
        self.copies.len()
    }

    /// The medium's answer to a request.
    pub fn handle_done(
        &mut self,
        now: Instant,
        operation: OperationId,
        result: Result<StorageAnswer<'_>, StorageFault>,
    ) {
        self.now = now;
        (self.store).handle_done(now, operation, result, &mut |_| true);
        if core::mem::take(&mut self.is_stalled) {
            self.take_in();
            self.go_on_with_jobs();
        }
    }

    /// Time has come to what [`Leaf::poll_timeout`] said.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        self.store.handle_timeout(now);
        self.client.handle_timeout(now);
        self.outbox.wake(now);
        self.send_writes();
        self.expire_reads();
        self.look_into_doubts();
        self.keep_all();
        self.go_on_filling();
        self.expire();
        self.rest_on();
    }

    /// When to call [`Leaf::handle_timeout`] next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let resting = self.outbox.next_ready().filter(|_| self.is_online);
        [
            self.store.poll_timeout(),
            self.client.poll_timeout(),
            resting,
            self.keep_at.filter(|_| self.incoming.is_empty()),
            self.next_retry(),
            self.doubts.next_retry().filter(|_| self.is_online),
            self.behind.first().map(|(at, _)| at),
            self.next_expiry(),
            self.rest.next(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// The next thing to do or to tell; `None` until something happens.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<LeafOutput> {
        loop {
            if let Some(output) = self.outputs.pop_front() {
                return Some(output);
            }
            if let Some(event) = self.store.poll_event() {
                self.handle_store_event(event);
            } else if let Some((operation, request)) = self.store.poll_request() {
                return Some(LeafOutput::Storage { operation, request });
            } else {
                match self.client.poll_output() {
                    Some(output) => self.handle_client_output(output),
                    None => {
                        let output = self.client.poll_watch()?;
                        self.hear(output);
                    }
                }
            }
        }
    }

    fn handle_client_output(&mut self, output: ClientOutput) {
        match output {
            ClientOutput::Send(message) => self.outputs.push_back(LeafOutput::Send(message)),
            ClientOutput::Ping(text) => self.outputs.push_back(LeafOutput::Ping(text)),
            ClientOutput::Settled { request, result } => self.settled(request, result),
            ClientOutput::Redial { at } => self.outputs.push_back(LeafOutput::Redial { at }),
            ClientOutput::Refused(refusal) => {
                self.outputs.push_back(LeafOutput::Refused(refusal));
            }
            ClientOutput::State(state) => self.turn_to(state),
            ClientOutput::Done { call, result } => match self.calls.remove(call) {
                Some(Purpose::Write(write)) => self.written(write, result),
                Some(Purpose::Confirm(write, version)) => self.confirmed(write, version, result),
                Some(Purpose::Read(read)) => self.answered(read, result),
                Some(Purpose::Page(page)) => self.listed(page, result),
                Some(Purpose::Doubt(inquiry)) => self.inquired(inquiry, result),
                Some(Purpose::Passed(pass, key)) => self.passed(pass, key, result),
                None => {}
            },
        }
    }

    fn handle_store_event(&mut self, event: StoreEvent) {
        match event {
            StoreEvent::Opened { lacks_note, .. } => {
                if lacks_note {
                    self.store.note(&[]);
                }
                self.go_on_opening();
            }
            StoreEvent::Durable(batch) => {
                self.is_full = false;
                while let Some(write) = take_until(&mut self.unsynced, batch) {
                    // The ring can be faster than the medium: then it is over, and that was said.
                    if let Some(waiting) = self.outbox.get(write) {
                        let request = waiting.request;
                        self.say(write, request, Progress::Local);
                    }
                }
                while let Some(gone) = take_until(&mut self.left, batch) {
                    self.leaving.remove(gone);
                }
                while let Some(write) = take_until(&mut self.held, batch) {
                    self.outbox.release(write);
                }
                self.send_writes();
            }
            StoreEvent::Loaded(operation) => {
                let all = (operation, Waiter::Opening)..=(operation, Waiter::LAST);
                for (of, waiter) in self.loading.range(all).collect::<Vec<_>>() {
                    self.loading.remove((of, waiter));
                    match waiter {
                        Waiter::Opening => self.go_on_opening(),
                        Waiter::Read(read) => self.go_on_reading(read),
                        Waiter::List(list) => self.go_on_listing(list),
                        Waiter::Taking => {
                            self.is_loading = false;
                            self.take_in();
                        }
                        Waiter::Job => self.go_on_with_jobs(),
                        Waiter::Telling => self.tell_untold(),
                    }
                }
            }
            StoreEvent::Full => {
                self.is_full = true;
                self.outputs.push_back(LeafOutput::Full);
                self.take_in();
            }
            StoreEvent::Failed(why) => self.fail(why),
            // A damaged copy reads as none; the log, which has the writes, fails as a whole.
            StoreEvent::Damaged { .. } | StoreEvent::TailCut(_) | StoreEvent::Ingested(_) => {}
        }
    }

    fn fail(&mut self, why: String) {
        self.phase = Phase::Failed(why.clone());
        self.outputs.push_back(LeafOutput::Failed(why));
        self.fail_reads();
    }

    fn check_open(&self) -> Result<(), Failure> {
        let failed = |code, why: String| Err(Failure::new(code, why));
        match &self.phase {
            Phase::Open => Ok(()),
            Phase::Opening | Phase::Reading(_) => failed(
                ErrorCode::Unavailable,
                "the store is being opened; wait for that".into(),
            ),
            Phase::Failed(why) => failed(
                ErrorCode::Corrupt,
                format!("the local storage has failed ({why}); open the store again"),
            ),
        }
    }

    /// Makes `bytes` what is stored at `key`, also in a storage that is busy; not in one that has failed.
    fn put(&mut self, key: StoredKey, bytes: &[u8], is_new: bool) -> Option<BatchNumber> {
        if self.store.can_write() == Err(WriteRefused::NotOpen) {
            return None;
        }
        if self.store.wants_rotation() {
            self.rotate();
        }
        self.rest.stored(self.now);
        Some((self.store).write(key, bytes, record::facts(bytes), is_new))
    }

    /// Makes `bytes` the copy at `key`. A storage that is busy goes without, unless it has an older one.
    fn put_copy(&mut self, key: StoredKey, copy: &Copy) {
        let is_new = !self.copies.may_contain(&key);
        if is_new && self.store.can_write().is_err() {
            return;
        }
        let dropped = self.copies.touch(&key);
        self.put(key, &record::encode(copy), is_new);
        if let Some(oldest) = dropped {
            self.put(oldest, REMOVED, false);
        }
    }

    fn say(&mut self, write: WriteId, request: RequestId, progress: Progress) {
        self.outputs.push_back(LeafOutput::Progress {
            write,
            request,
            progress,
        });
    }
}

/// Takes out the next of what is durable with `batch`.
fn take_until<T>(waiting: &mut VecDeque<(BatchNumber, T)>, batch: BatchNumber) -> Option<T> {
    let (_, it) = waiting.pop_front_if(|(with, _)| *with <= batch)?;
    Some(it)
}
