//! Group commit: while one batch is being made durable, all that comes waits and goes out as the
//! next. There is never more than one batch under way, so the log is durable up to one point.

use super::format::{Record, SEGMENT_HEADER_BYTES, SegmentHeader, put_batch};
use crate::limits::{LOG_BATCH_BYTES_MAX, LOG_QUEUE_BYTES_MAX, LOG_SEGMENT_BYTES};
use crate::storage::contract::{FileId, FileKind, StorageRequest};
use crate::storage::store::BatchNumber;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// Where the log ends, and what is to be written behind it.
#[derive(Debug)]
pub struct LogWriter {
    incarnation: u64,
    segment: u64,
    /// Length of the segment that is durable.
    durable: u64,
    /// Bytes of the segments before.
    sealed: u64,
    /// Batches that wait, oldest first; each but the last is full.
    queue: VecDeque<Vec<u8>>,
    queued_bytes: usize,
    /// The number of the batch at the front of the queue, or of the next one made.
    front: BatchNumber,
    /// The batch under way: its whole bytes and where they are written.
    flying: Option<Flight>,
}

#[derive(Debug)]
struct Flight {
    file: FileId,
    offset: u64,
    bytes: Vec<u8>,
}

impl LogWriter {
    /// Continues the log behind `durable` bytes of `segment`; 0 bytes begin that segment.
    #[must_use]
    pub fn new(incarnation: u64, segment: u64, durable: u64, sealed: u64) -> Self {
        Self {
            incarnation,
            segment,
            durable,
            sealed,
            queue: VecDeque::new(),
            queued_bytes: 0,
            front: BatchNumber(1),
            flying: None,
        }
    }

    /// Which life of the storage this is.
    #[must_use]
    pub const fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// The segment that is written.
    #[must_use]
    pub const fn segment(&self) -> u64 {
        self.segment
    }

    /// Its durable bytes.
    #[must_use]
    pub const fn segment_bytes(&self) -> u64 {
        self.durable
    }

    /// Durable bytes of all segments.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.sealed + self.durable
    }

    /// Whether so much waits that nothing more should come.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.queued_bytes >= LOG_QUEUE_BYTES_MAX
    }

    /// Adds `record` to the batch that is returned.
    pub fn push(&mut self, record: &Record<'_>) -> BatchNumber {
        if self
            .queue
            .back()
            .is_none_or(|batch| batch.len() >= LOG_BATCH_BYTES_MAX)
        {
            self.queue.push_back(Vec::new());
        }
        let batch = self.queue.back_mut().expect("pushed above");
        let before = batch.len();
        record.put(batch);
        self.queued_bytes += batch.len() - before;
        BatchNumber(self.front.0 + self.queue.len() as u64 - 1)
    }

    /// The newest batch that is durable.
    #[must_use]
    pub const fn durable(&self) -> BatchNumber {
        let under_way = if self.flying.is_some() { 2 } else { 1 };
        BatchNumber(self.front.0 - under_way)
    }

    /// If no batch is under way and one waits: its append and its sync.
    pub fn start(&mut self) -> Option<[StorageRequest; 2]> {
        if self.flying.is_some() {
            return None;
        }
        let records = self.queue.pop_front()?;
        self.queued_bytes -= records.len();
        self.front = BatchNumber(self.front.0 + 1);
        if self.durable >= LOG_SEGMENT_BYTES {
            self.sealed += self.durable;
            self.segment += 1;
            self.durable = 0;
        }
        let mut bytes = Vec::with_capacity(records.len() + SEGMENT_HEADER_BYTES + 32);
        if self.durable == 0 {
            let header = SegmentHeader {
                incarnation: self.incarnation,
                segment: self.segment,
            };
            bytes.extend_from_slice(&header.encode());
        }
        put_batch(&mut bytes, self.durable, &records);
        let file = FileId {
            kind: FileKind::Log,
            number: self.segment,
        };
        self.flying = Some(Flight {
            file,
            offset: self.durable,
            bytes,
        });
        self.requests()
    }

    /// The append and the sync of the batch under way, to be tried once more.
    #[must_use]
    pub fn requests(&self) -> Option<[StorageRequest; 2]> {
        let Flight {
            file,
            offset,
            bytes,
        } = self.flying.as_ref()?;
        let append = StorageRequest::Append {
            file: *file,
            offset: *offset,
            bytes: bytes.clone(),
        };
        Some([append, StorageRequest::Sync { file: *file }])
    }

    /// The batch under way is durable. Returns its number.
    ///
    /// # Panics
    /// If none is under way.
    pub fn finish(&mut self) -> BatchNumber {
        let flight = self.flying.take().expect("a batch is under way");
        self.durable = flight.offset + flight.bytes.len() as u64;
        self.durable()
    }
}
