//! The storage of one node: commit log, memtables, tables and cache together.
//!
//! Hand in what the medium answers with [`Store::handle_done`] and the time with
//! [`Store::handle_timeout`]; then drain [`Store::poll_event`] and [`Store::poll_request`].
//!
//! * [`settings`]: memory and how it is divided.
//! * `opening`: manifest and log are read.
//! * `writing`: group commit, and what becomes durable.
//! * `reading`: one key, with the blocks that are in memory, and the loading of others.
//! * [`scanning`]: many keys in order.
//! * `background`: flushes and merges, in steps.
//! * `installing`: the manifest follows.
//! * [`partition`]: a partition as a whole: counted, digested, dropped, taken in.
//! * [`lane`]: requests one after another.

mod background;
mod installing;
pub mod lane;
mod opening;
pub mod partition;
mod reading;
pub mod scanning;
pub mod settings;
mod writing;

pub use lane::Lane;
pub use opening::Replayed;
pub use partition::{DigestOf, IngestError};
pub use reading::{Lookup, Newest};
pub use scanning::{Page, Scan, Scanned, ScannedEntry};
pub use settings::StoreSettings;
pub use writing::WriteRefused;

use super::cache::Cache;
use super::compaction::merge::Merge;
use super::contract::{OperationId, StorageAnswer, StorageFault, StorageRequest};
use super::log::LogWriter;
use super::log::recovery::Tail;
use super::manifest::Manifest;
use super::memtable::Memtable;
use super::table::block::BlockError;
use crate::id::PartitionId;
use crate::sorted::{Map, Set};
use crate::time::Instant;
use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use background::Flush;
use installing::Installation;
use opening::Opening;
use partition::Ingestion;
use reading::Loads;
use serde::{Deserialize, Serialize};
use settings::Sizes;
use writing::Commit;

/// A batch of the log; they are numbered from 1 in each run of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct BatchNumber(pub u64);

/// The storage of one node.
#[derive(Debug)]
pub struct Store {
    settings: StoreSettings,
    sizes: Sizes,
    phase: Phase,
    active: Memtable,
    /// Memtables that take nothing any more, from the oldest.
    frozen: VecDeque<Memtable>,
    /// The tables that are read: what the durable manifest says.
    manifest: Manifest,
    /// The same with all that is on its way in `lane`.
    planned: Manifest,
    cache: Cache,
    loads: Loads,
    lane: Lane,
    installations: VecDeque<Installation>,
    /// The batch of the last note.
    noted: BatchNumber,
    flush: Option<Flush>,
    ingestion: Option<Ingestion>,
    merge: Option<Merge>,
    /// The merge waits for a read.
    merge_waits: bool,
    /// The levels have changed since the last choice of a merge.
    may_merge: bool,
    /// When that choice was made.
    merge_checked_ms: u64,
    /// Tables that could not be read: they are left as they are.
    resting: Set<u64>,
    forget_ms: Map<PartitionId, u64>,
    /// Tables that go when nobody reads them any more.
    doomed: Set<u64>,
    /// Bytes of background work that writes have made and that was not done yet.
    owed: usize,
    requests: VecDeque<(OperationId, StorageRequest)>,
    next_operation: OperationId,
    events: VecDeque<StoreEvent>,
    counters: Counters,
}

#[derive(Debug)]
enum Phase {
    /// Before `open`.
    Closed,
    /// Manifest and log are being read.
    Opening(Opening),
    /// The log is read, and is being made durable up to where it was read.
    Settling {
        writer: LogWriter,
        operation: OperationId,
        records: u64,
    },
    Open {
        writer: LogWriter,
        commit: Commit,
    },
    Failed,
}

/// Something that whoever uses the storage must hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreEvent {
    /// Everything is read: so many records of the log were replayed.
    Opened {
        /// Records replayed.
        records: u64,
        /// The notes of the open log segment may not be complete: they are to be written again.
        lacks_note: bool,
    },
    /// All batches up to this one are durable.
    Durable(BatchNumber),
    /// The block that this operation has read is in memory, or never will be: reads that waited
    /// for it run again.
    Loaded(OperationId),
    /// The medium is full; what waits is tried again later.
    Full,
    /// Nothing more can be stored or trusted.
    Failed(String),
    /// The log ended in bytes that were never durable.
    TailCut(Tail),
    /// What was taken in of this partition is durable and there to be read.
    Ingested(PartitionId),
    /// A table holds bytes that are not what was written.
    Damaged {
        /// The table.
        table: u64,
        /// Where, in bytes.
        offset: u64,
        /// What is wrong.
        error: BlockError,
    },
}

/// What a storage has and has done, since it was made unless said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreReport {
    /// Keys now, tombstones included.
    pub keys: u64,
    /// Bytes in memory now.
    pub memory_bytes: u64,
    /// Bytes of the block cache now.
    pub cache_bytes: u64,
    /// Durable bytes of the log now.
    pub log_bytes: u64,
    /// Tables now.
    pub tables: u64,
    /// Bytes of the tables now.
    pub table_bytes: u64,
    /// Tables of level 0 now.
    pub level_0_tables: u64,
    /// Log syncs.
    pub syncs: u64,
    /// Bytes of keys and states that were written by callers.
    pub written_bytes: u64,
    /// Bytes that were written into tables, by flushes and merges.
    pub table_bytes_written: u64,
    /// Flushes.
    pub flushes: u64,
    /// Merges, moves included.
    pub merges: u64,
    /// Blocks found in the cache.
    pub cache_hits: u64,
    /// Blocks read from the medium.
    pub blocks_read: u64,
    /// Blocks known to be damaged now.
    pub damaged_blocks: u64,
    /// Writes refused because the medium or the merging did not keep up.
    pub stalls: u64,
}

#[derive(Debug, Default)]
struct Counters {
    syncs: u64,
    written_bytes: u64,
    flushes: u64,
    merges: u64,
    blocks_read: u64,
    stalls: core::cell::Cell<u64>,
}

impl Store {
    /// A storage that is not open yet.
    #[must_use]
    pub fn new(settings: StoreSettings) -> Self {
        let sizes = Sizes::new(settings.memory_bytes_max);
        Self {
            settings,
            sizes,
            phase: Phase::Closed,
            active: Memtable::new(1),
            frozen: VecDeque::new(),
            manifest: Manifest::new(settings.fresh),
            planned: Manifest::new(settings.fresh),
            cache: Cache::new(sizes.memory / 2),
            loads: Loads::default(),
            lane: Lane::default(),
            installations: VecDeque::new(),
            noted: BatchNumber(0),
            flush: None,
            ingestion: None,
            merge: None,
            merge_waits: false,
            may_merge: true,
            merge_checked_ms: 0,
            resting: Set::new(),
            forget_ms: Map::new(),
            doomed: Set::new(),
            owed: 0,
            requests: VecDeque::new(),
            next_operation: OperationId(1),
            events: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// The medium's answer to `operation`. Answers that nobody waits for are passed over.
    pub fn handle_done(
        &mut self,
        now: Instant,
        operation: OperationId,
        result: Result<StorageAnswer<'_>, StorageFault>,
        replay: &mut dyn FnMut(Replayed<'_>) -> bool,
    ) {
        if matches!(self.phase, Phase::Failed) {
            return;
        }
        if self.loads.awaits(operation) {
            self.loaded(operation, &result);
        } else if self.lane.awaits(operation) {
            self.lane_ended(now, result.err());
        } else if self
            .merge
            .as_ref()
            .is_some_and(|merge| merge.awaits(operation))
        {
            self.merge_fed(operation, &result);
        } else if matches!(self.phase, Phase::Open { .. }) {
            self.committed(now, operation, result.err());
        } else {
            self.opening_done(operation, result, replay);
        }
    }

    /// Something that has happened. Drain it until `None` after every call that changes anything.
    pub fn poll_event(&mut self) -> Option<StoreEvent> {
        self.events.pop_front()
    }

    /// The next thing that the medium is to do.
    pub fn poll_request(&mut self) -> Option<(OperationId, StorageRequest)> {
        self.start_commit();
        if let Some(request) = self.requests.pop_front() {
            return Some(request);
        }
        if let Some(load) = self.loads.start() {
            return Some(load);
        }
        if matches!(self.phase, Phase::Failed) {
            return None;
        }
        let next = &mut self.next_operation;
        self.lane.start(|| take_number(next))
    }

    /// When `handle_timeout` wants to be called: at once if there is background work to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let Phase::Open { commit, .. } = &self.phase else {
            return None;
        };
        if self.has_work() {
            return Some(Instant::default());
        }
        [commit.retry_at(), self.lane.retry_at(), self.next_expiry()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Tries again what a full medium did not take, and does one step of background work.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.retry_commit(now);
        self.lane.handle_timeout(now);
        self.work(now);
    }

    /// Which life of the storage this is; 0 before it is open.
    #[must_use]
    pub const fn incarnation(&self) -> u64 {
        match &self.phase {
            Phase::Open { writer, .. } => writer.incarnation(),
            _ => 0,
        }
    }

    /// The storage's numbers.
    #[must_use]
    pub fn report(&self) -> StoreReport {
        let levels = &self.manifest.levels;
        StoreReport {
            keys: self.keys(),
            memory_bytes: self.memory() as u64,
            cache_bytes: self.cache.bytes() as u64,
            log_bytes: match &self.phase {
                Phase::Open { writer, .. } => writer.bytes(),
                _ => 0,
            },
            tables: levels.tables().count() as u64,
            table_bytes: levels.tables().map(|table| table.length).sum(),
            level_0_tables: levels.level(0).len() as u64,
            syncs: self.counters.syncs,
            written_bytes: self.counters.written_bytes,
            table_bytes_written: self.lane.appended(),
            flushes: self.counters.flushes,
            merges: self.counters.merges,
            cache_hits: self.cache.hits(),
            blocks_read: self.counters.blocks_read,
            damaged_blocks: self.cache.damaged() as u64,
            stalls: self.counters.stalls.get(),
        }
    }

    /// The tables that are read.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Keys, tombstones included. Exact, except that a tombstone that was forgotten after its key
    /// was written again counts for one less.
    #[must_use]
    pub fn keys(&self) -> u64 {
        let in_tables: u64 = self.manifest.keys.iter().map(|(_, keys)| keys).sum();
        let memtables = self.frozen.iter().chain([&self.active]);
        let new = memtables.flat_map(|memtable| memtable.new_keys().iter());
        in_tables + new.map(|(_, keys)| keys).sum::<u64>()
    }

    /// Bytes in memory.
    fn memory(&self) -> usize {
        self.cache.bytes() + self.fixed_memory()
    }

    /// Bytes in memory that eviction cannot free.
    fn fixed_memory(&self) -> usize {
        let frozen: usize = self.frozen.iter().map(Memtable::bytes).sum();
        let flush = self.flush.as_ref().map_or(0, Flush::memory);
        let merge = self.merge.as_ref().map_or(0, Merge::memory);
        let ingestion = self.ingestion.as_ref().map_or(0, Ingestion::memory);
        self.active.bytes() + frozen + self.lane.bytes() + flush + merge + ingestion
    }

    /// Gives the cache what the rest leaves.
    fn balance(&mut self) {
        let rest = self.sizes.memory.saturating_sub(self.fixed_memory());
        self.cache.set_capacity(rest.max(self.sizes.memory / 8));
    }

    fn request(&mut self, request: StorageRequest) -> OperationId {
        let operation = take_number(&mut self.next_operation);
        self.requests.push_back((operation, request));
        operation
    }

    fn fail(&mut self, why: &dyn ToString) {
        self.phase = Phase::Failed;
        self.requests.clear();
        self.events.push_back(StoreEvent::Failed(why.to_string()));
        // Reads that wait for a block end with the failure.
        let waiting = self.loads.abandon();
        self.events
            .extend(waiting.into_iter().map(StoreEvent::Loaded));
    }
}

fn take_number(next: &mut OperationId) -> OperationId {
    let number = *next;
    next.0 += 1;
    number
}
