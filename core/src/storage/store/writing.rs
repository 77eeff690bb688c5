//! Writes: into the memtable and the log, which is made durable batch by batch.

use super::{BatchNumber, Phase, Store, StoreEvent};
use crate::limits::{
    FROZEN_MAX, LEVEL_0_TABLES, LEVEL_0_TABLES_MAX, LOG_SEGMENT_BYTES, SET_BYTES_MAX,
    STEP_BYTES_MAX, STORAGE_RETRY_MS, TABLES_MAX,
};
use crate::storage::contract::{OperationId, StorageFault, StorageRequest};
use crate::storage::facts::Facts;
use crate::storage::key::StoredKey;
use crate::storage::log::Record;
use crate::storage::memtable::{Memtable, Slot};
use crate::time::{Duration, Instant};
use core::fmt;

/// The batch of the log that is being made durable.
#[derive(Debug, Default)]
pub(super) struct Commit {
    flight: Option<Flight>,
    retry_at: Option<Instant>,
}

/// The append and the sync of the batch under way.
#[derive(Clone, Copy, Debug)]
struct Flight {
    /// `None` if an earlier flight of this batch has appended it.
    append: Option<OperationId>,
    sync: OperationId,
    is_appended: bool,
    is_full: bool,
}

impl Commit {
    pub(super) const fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }
}

/// Why a write cannot be taken now. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteRefused {
    /// The log is still being replayed, or has failed.
    NotOpen,
    /// The medium, or the merging of tables, does not keep up.
    Queue,
    /// What is stored for the key cannot be read.
    Damaged,
    /// The key's concurrent values are too large together.
    Siblings {
        /// How large, in bytes.
        bytes: usize,
    },
}

impl fmt::Display for WriteRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOpen => f.write_str("the log is being replayed; try again in a moment"),
            Self::Queue => {
                f.write_str("the storage does not keep up; try again later, or slow down")
            }
            Self::Damaged => f.write_str(
                "what is stored for the key is damaged on this replica; write through another one",
            ),
            Self::Siblings { bytes } => write!(
                f,
                "the key's concurrent values take {bytes} bytes together; at most {SET_BYTES_MAX} \
                 are allowed: read it and write one value with the context that comes back"
            ),
        }
    }
}

impl Store {
    /// Whether a write can be taken now.
    pub fn can_write(&self) -> Result<(), WriteRefused> {
        let Phase::Open { writer, .. } = &self.phase else {
            return Err(WriteRefused::NotOpen);
        };
        // What a full memtable may grow by while those before it are being flushed.
        let is_overfull = self.active.bytes() >= self.sizes.memtable + self.sizes.memtable / 2
            && !self.wants_rotation();
        let levels = &self.manifest.levels;
        let is_behind =
            levels.level(0).len() >= LEVEL_0_TABLES_MAX || levels.tables().count() >= TABLES_MAX;
        if writer.is_full() || is_overfull || is_behind {
            self.counters.stalls.set(self.counters.stalls.get() + 1);
            return Err(WriteRefused::Queue);
        }
        Ok(())
    }

    /// Makes `set` the state of `key`. `is_new` says that the key was not there before. Returns
    /// the batch with which that is durable.
    ///
    /// # Panics
    /// If `can_write` says [`WriteRefused::NotOpen`].
    pub fn write(&mut self, key: StoredKey, set: &[u8], facts: Facts, is_new: bool) -> BatchNumber {
        let batch = self.log(&Record::State {
            key: key.as_bytes(),
            set,
            is_new,
        });
        let bytes = key.as_bytes().len() + set.len();
        self.counters.written_bytes += bytes as u64;
        self.owe(bytes);
        let slot = Slot {
            set: set.into(),
            batch,
            facts,
        };
        self.active.insert(key, slot, is_new);
        batch
    }

    /// Whether `rotate` should be called before the next write.
    #[must_use]
    pub fn wants_rotation(&self) -> bool {
        let is_full = self.active.bytes() >= self.sizes.memtable;
        self.may_rotate(if is_full { 0 } else { LOG_SEGMENT_BYTES })
    }

    /// Whether `rotate` can be called, and the open segment of the log has at least `bytes`.
    #[must_use]
    pub fn may_rotate(&self, bytes: u64) -> bool {
        let Phase::Open { writer, .. } = &self.phase else {
            return false;
        };
        let is_worth_it = writer.open_bytes() >= bytes && !self.active.is_empty();
        is_worth_it && self.frozen.len() < FROZEN_MAX
    }

    /// Closes memtable and log segment and begins new ones. The caller writes its notes then.
    pub fn rotate(&mut self) {
        let Phase::Open { writer, .. } = &mut self.phase else {
            return;
        };
        writer.roll();
        let next = Memtable::new(writer.open_segment());
        self.frozen
            .push_back(core::mem::replace(&mut self.active, next));
        self.balance();
    }

    /// Writes a note into the log. It comes back when the storage is opened: what the caller needs
    /// of the segments before, which go only when it is durable.
    ///
    /// # Panics
    /// If the storage is not open.
    pub fn note(&mut self, note: &[u8]) {
        self.noted = self.log(&Record::Note { bytes: note });
    }

    /// The segment of the log that what is written now goes to; 0 before the storage is open.
    #[must_use]
    pub fn open_segment(&self) -> u64 {
        match &self.phase {
            Phase::Open { writer, .. } => writer.open_segment(),
            _ => 0,
        }
    }

    /// The newest batch that is durable.
    #[must_use]
    pub fn durable(&self) -> BatchNumber {
        match &self.phase {
            Phase::Open { writer, .. } => writer.durable(),
            _ => BatchNumber(0),
        }
    }

    /// The newest batch that something was written into.
    #[must_use]
    pub fn newest_batch(&self) -> BatchNumber {
        match &self.phase {
            Phase::Open { writer, .. } => writer.newest(),
            _ => BatchNumber(0),
        }
    }

    /// Adds `record` to the log.
    pub(super) fn log(&mut self, record: &Record<'_>) -> BatchNumber {
        let Phase::Open { writer, .. } = &mut self.phase else {
            panic!("a write into a storage that is not open");
        };
        writer.push(record)
    }

    /// Writes pay for the background work that they make, so that it never falls behind for good.
    fn owe(&mut self, bytes: usize) {
        let for_flush = if self.frozen.is_empty() { 0 } else { 4 };
        let level_0 = self.manifest.levels.level(0).len();
        let for_merge = if level_0 < LEVEL_0_TABLES { 2 } else { level_0 };
        self.owed = (self.owed + bytes * (for_flush + for_merge)).min(4 * STEP_BYTES_MAX);
    }

    /// Sends the next batch on its way if none is.
    pub(super) fn start_commit(&mut self) {
        if let Phase::Open { writer, commit } = &mut self.phase
            && commit.flight.is_none()
            && commit.retry_at.is_none()
            && let Some(requests) = writer.start()
        {
            self.launch(requests, false);
        }
    }

    /// The append or the sync of the batch under way has ended.
    pub(super) fn committed(
        &mut self,
        now: Instant,
        operation: OperationId,
        fault: Option<StorageFault>,
    ) {
        let Phase::Open { writer, commit } = &mut self.phase else {
            return;
        };
        let Some(flight) = &mut commit.flight else {
            return;
        };
        let is_append = flight.append == Some(operation);
        if !is_append && operation != flight.sync {
            return;
        }
        match fault {
            Some(StorageFault::Full) => flight.is_full = true,
            Some(StorageFault::Failed(why)) => return self.fail(&why),
            None if is_append => flight.is_appended = true,
            None => {}
        }
        if is_append {
            return;
        }
        if flight.is_full {
            commit.retry_at = Some(now + Duration::from_millis(STORAGE_RETRY_MS));
            self.events.push_back(StoreEvent::Full);
            return;
        }
        commit.flight = None;
        self.counters.syncs += 1;
        let durable = writer.finish();
        self.events.push_back(StoreEvent::Durable(durable));
    }

    /// Tries again what there was no room for.
    pub(super) fn retry_commit(&mut self, now: Instant) {
        if let Phase::Open { writer, commit } = &mut self.phase
            && commit.retry_at.is_some_and(|at| at <= now)
        {
            commit.retry_at = None;
            // Some media find out only when they sync that there is no room: what was appended stays then.
            let is_appended = commit.flight.is_some_and(|flight| flight.is_appended);
            if let Some(requests) = writer.requests() {
                self.launch(requests, is_appended);
            }
        }
    }

    fn launch(&mut self, [append, sync]: [StorageRequest; 2], is_appended: bool) {
        let append = (!is_appended).then(|| self.request(append));
        let sync = self.request(sync);
        if let Phase::Open { commit, .. } = &mut self.phase {
            commit.flight = Some(Flight {
                append,
                sync,
                is_appended,
                is_full: false,
            });
        }
    }
}
