//! Log and memtable together: what was written, and from when on it is durable.

use super::contract::{
    FileId, FileKind, OperationId, StorageAnswer, StorageFault, StorageRequest, StoredFile,
};
use super::log::{LogWriter, Record, Recovered, Recovery};
use super::memtable::{Memtable, Slot, StoredKey};
use crate::limits::{SET_BYTES_MAX, STORAGE_RETRY_MS};
use crate::time::{Duration, Instant};
use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use core::fmt;

/// A batch of the log; they are numbered from 1 in each run of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BatchNumber(pub u64);

/// What was replayed counts as written with this batch, which is always durable.
const REPLAYED: BatchNumber = BatchNumber(0);

/// The storage of one node.
#[derive(Debug)]
pub struct Store {
    memtable: Memtable,
    memory_bytes_max: u64,
    /// The incarnation of a storage that is empty.
    fresh: u64,
    phase: Phase,
    requests: VecDeque<(OperationId, StorageRequest)>,
    next_operation: OperationId,
    syncs: u64,
}

#[derive(Debug)]
enum Phase {
    /// Before `open`.
    Closed,
    /// The log is being read; the read under way has this number.
    Recovering {
        recovery: Recovery,
        read: OperationId,
    },
    /// The log is read, and is being made durable up to where it was read.
    Settling {
        writer: LogWriter,
        operation: OperationId,
        records: u64,
    },
    Open {
        writer: LogWriter,
        flight: Option<Flight>,
        retry_at: Option<Instant>,
    },
    Failed,
}

/// The append and the sync of the batch under way.
#[derive(Clone, Copy, Debug)]
struct Flight {
    append: OperationId,
    sync: OperationId,
    is_full: bool,
}

/// What became of an answer of the medium.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreEvent {
    /// The log is replayed: so many records.
    Opened {
        /// Records replayed.
        records: u64,
    },
    /// All batches up to this one are durable.
    Durable(BatchNumber),
    /// The medium is full; what waits is tried again later.
    Full,
    /// Nothing more can be stored or trusted.
    Failed(String),
    /// The log ended in bytes that were never durable.
    TailCut(super::log::recovery::Tail),
}

/// What is there for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup<'a> {
    /// Nothing.
    Absent,
    /// This encoded version set, durable.
    Durable(&'a [u8]),
    /// Something that becomes durable with this batch. It must not be shown before: a crash could
    /// take it back.
    Pending(BatchNumber),
}

/// Why a write cannot be taken now. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteRefused {
    /// The log is still being replayed, or has failed.
    NotOpen,
    /// The medium does not keep up.
    Queue,
    /// The key's concurrent values are too large together.
    Siblings {
        /// How large, in bytes.
        bytes: usize,
    },
    /// Keys and values fill the memory that they may.
    Memory {
        /// How much they may, in bytes.
        bytes_max: u64,
    },
}

impl fmt::Display for WriteRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOpen => f.write_str("the log is being replayed; try again in a moment"),
            Self::Queue => {
                f.write_str("the storage does not keep up; try again later, or slow down")
            }
            Self::Siblings { bytes } => write!(
                f,
                "the key's concurrent values take {bytes} bytes together; at most {SET_BYTES_MAX} \
                 are allowed: read it and write one value with the context that comes back"
            ),
            Self::Memory { bytes_max } => write!(
                f,
                "keys and values fill the {bytes_max} bytes this shard may hold; add members or \
                 raise the limit"
            ),
        }
    }
}

impl Store {
    /// A storage that is not open yet. `fresh` becomes its incarnation if it is empty.
    #[must_use]
    pub fn new(fresh: u64, memory_bytes_max: u64) -> Self {
        Self {
            memtable: Memtable::default(),
            memory_bytes_max,
            fresh,
            phase: Phase::Closed,
            requests: VecDeque::new(),
            next_operation: OperationId(1),
            syncs: 0,
        }
    }

    /// Begins to replay the log among `files`. Records go to `replay` as they are read, there and
    /// in `handle_done`; it says whether a record makes sense.
    pub fn open(
        &mut self,
        files: &[StoredFile],
        replay: &mut dyn FnMut(&StoredKey, &[u8]) -> bool,
    ) -> Option<StoreEvent> {
        match Recovery::new(files) {
            Ok(recovery) => self.recover(recovery, replay),
            Err(corruption) => Some(self.fail(corruption.to_string())),
        }
    }

    /// The medium's answer to `operation`. Answers that nobody waits for are passed over.
    pub fn handle_done(
        &mut self,
        now: Instant,
        operation: OperationId,
        result: Result<StorageAnswer<'_>, StorageFault>,
        replay: &mut dyn FnMut(&StoredKey, &[u8]) -> bool,
    ) -> Option<StoreEvent> {
        match core::mem::replace(&mut self.phase, Phase::Failed) {
            Phase::Recovering { mut recovery, read } if read == operation => match result {
                Ok(StorageAnswer::Bytes(bytes)) => {
                    recovery.feed(bytes);
                    self.recover(recovery, replay)
                }
                Ok(StorageAnswer::Done) => Some(self.fail("a read brought no bytes".to_string())),
                Err(fault) => Some(self.fail(fault.to_string())),
            },
            Phase::Settling {
                writer,
                operation: settling,
                records,
            } if settling == operation => match result {
                Ok(_) => {
                    self.phase = Phase::Open {
                        writer,
                        flight: None,
                        retry_at: None,
                    };
                    Some(StoreEvent::Opened { records })
                }
                Err(fault) => Some(self.fail(fault.to_string())),
            },
            Phase::Open {
                writer,
                flight: Some(flight),
                ..
            } if operation == flight.append || operation == flight.sync => {
                self.written(now, writer, flight, operation, result.err())
            }
            other => {
                self.phase = other;
                None
            }
        }
    }

    /// What is there for `key`, as far as others may see it.
    #[must_use]
    pub fn lookup(&self, key: &StoredKey) -> Lookup<'_> {
        match self.memtable.get(key) {
            None => Lookup::Absent,
            Some(slot) if slot.batch <= self.durable() => Lookup::Durable(&slot.set),
            Some(slot) => Lookup::Pending(slot.batch),
        }
    }

    /// The newest state of `key`, durable or not: what the next write builds on.
    #[must_use]
    pub fn newest(&self, key: &StoredKey) -> Option<&[u8]> {
        self.memtable.get(key).map(|slot| &*slot.set)
    }

    /// Whether a write can be taken now.
    pub fn can_write(&self) -> Result<(), WriteRefused> {
        let Phase::Open { writer, .. } = &self.phase else {
            return Err(WriteRefused::NotOpen);
        };
        if writer.is_full() {
            return Err(WriteRefused::Queue);
        }
        if self.memtable.bytes() >= self.memory_bytes_max {
            return Err(WriteRefused::Memory {
                bytes_max: self.memory_bytes_max,
            });
        }
        Ok(())
    }

    /// Makes `set` the state of `key`. Returns the batch with which that is durable.
    ///
    /// # Panics
    /// If `can_write` says [`WriteRefused::NotOpen`].
    pub fn write(&mut self, key: StoredKey, set: &[u8]) -> BatchNumber {
        let Phase::Open { writer, .. } = &mut self.phase else {
            panic!("a write into a storage that is not open");
        };
        let batch = writer.push(&Record::State {
            key: key.as_bytes(),
            set,
        });
        self.memtable.insert(
            key,
            Slot {
                set: set.into(),
                batch,
            },
        );
        batch
    }

    /// The next thing that the medium is to do.
    pub fn poll_request(&mut self) -> Option<(OperationId, StorageRequest)> {
        if let Phase::Open {
            writer,
            flight,
            retry_at: None,
        } = &mut self.phase
            && flight.is_none()
            && let Some(requests) = writer.start()
        {
            self.launch(requests);
        }
        self.requests.pop_front()
    }

    /// When `handle_timeout` wants to be called.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        match self.phase {
            Phase::Open { retry_at, .. } => retry_at,
            _ => None,
        }
    }

    /// Tries again what a full medium did not take.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let Phase::Open {
            writer, retry_at, ..
        } = &mut self.phase
            && retry_at.is_some_and(|at| at <= now)
        {
            *retry_at = None;
            if let Some(requests) = writer.requests() {
                self.launch(requests);
            }
        }
    }

    /// Which life of the storage this is; 0 before it is open.
    #[must_use]
    pub const fn incarnation(&self) -> u64 {
        match &self.phase {
            Phase::Open { writer, .. } => writer.incarnation(),
            _ => 0,
        }
    }

    /// Keys held, and their bytes in memory.
    #[must_use]
    pub fn size(&self) -> (u64, u64) {
        (self.memtable.keys(), self.memtable.bytes())
    }

    /// Durable bytes of the log.
    #[must_use]
    pub const fn log_bytes(&self) -> u64 {
        match &self.phase {
            Phase::Open { writer, .. } => writer.bytes(),
            _ => 0,
        }
    }

    /// Batches made durable.
    #[must_use]
    pub const fn syncs(&self) -> u64 {
        self.syncs
    }

    const fn durable(&self) -> BatchNumber {
        match &self.phase {
            Phase::Open { writer, .. } => writer.durable(),
            _ => REPLAYED,
        }
    }

    fn recover(
        &mut self,
        mut recovery: Recovery,
        replay: &mut dyn FnMut(&StoredKey, &[u8]) -> bool,
    ) -> Option<StoreEvent> {
        let memtable = &mut self.memtable;
        let outcome = recovery.advance(self.fresh, &mut |record| {
            let Record::State { key, set } = record;
            let Some(key) = StoredKey::from_bytes(key) else {
                return false;
            };
            let makes_sense = replay(&key, set);
            memtable.insert(
                key,
                Slot {
                    set: set.into(),
                    batch: REPLAYED,
                },
            );
            makes_sense
        });
        match outcome {
            Err(corruption) => Some(self.fail(corruption.to_string())),
            Ok(Recovered::Read(request)) => {
                let read = self.request(request);
                self.phase = Phase::Recovering { recovery, read };
                None
            }
            Ok(Recovered::Done {
                writer,
                tail,
                records,
            }) => {
                // What was read may not be durable yet, and is shown as if it were: a truncation
                // to its own length syncs it.
                let file = FileId {
                    kind: FileKind::Log,
                    number: writer.segment(),
                };
                let length = writer.segment_bytes();
                let operation = self.request(StorageRequest::Truncate { file, length });
                self.phase = Phase::Settling {
                    writer,
                    operation,
                    records,
                };
                tail.filter(|tail| tail.bytes > 0).map(StoreEvent::TailCut)
            }
        }
    }

    fn written(
        &mut self,
        now: Instant,
        mut writer: LogWriter,
        mut flight: Flight,
        operation: OperationId,
        fault: Option<StorageFault>,
    ) -> Option<StoreEvent> {
        let is_sync = operation == flight.sync;
        match fault {
            Some(StorageFault::Full) => flight.is_full = true,
            Some(StorageFault::Failed(why)) => return Some(self.fail(why)),
            None => {}
        }
        if !is_sync {
            self.phase = Phase::Open {
                writer,
                flight: Some(flight),
                retry_at: None,
            };
            return None;
        }
        if flight.is_full {
            let retry_at = Some(now + Duration::from_millis(STORAGE_RETRY_MS));
            self.phase = Phase::Open {
                writer,
                flight: Some(flight),
                retry_at,
            };
            return Some(StoreEvent::Full);
        }
        self.syncs += 1;
        let durable = writer.finish();
        self.phase = Phase::Open {
            writer,
            flight: None,
            retry_at: None,
        };
        Some(StoreEvent::Durable(durable))
    }

    fn launch(&mut self, [append, sync]: [StorageRequest; 2]) {
        let append = self.request(append);
        let sync = self.request(sync);
        if let Phase::Open { flight, .. } = &mut self.phase {
            *flight = Some(Flight {
                append,
                sync,
                is_full: false,
            });
        }
    }

    fn request(&mut self, request: StorageRequest) -> OperationId {
        let operation = self.next_operation;
        self.next_operation = OperationId(operation.0 + 1);
        self.requests.push_back((operation, request));
        operation
    }

    fn fail(&mut self, why: String) -> StoreEvent {
        self.phase = Phase::Failed;
        StoreEvent::Failed(why)
    }
}
