//! Group commit: while one batch is being made durable, all that comes waits and goes out as the
//! next. There is never more than one batch under way, so the log is durable up to one point.

use super::format::{Record, SEGMENT_HEADER_BYTES, SegmentHeader, put_batch};
use crate::limits::{LOG_BATCH_BYTES_MAX, LOG_QUEUE_BYTES_MAX};
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
    /// Length of each segment before, from the oldest that is still there.
    sealed: VecDeque<(u64, u64)>,
    /// Batches that wait, oldest first; each but the last is closed.
    queue: VecDeque<Vec<u8>>,
    queued_bytes: usize,
    /// Bytes pushed since the open segment was begun.
    open_bytes: u64,
    /// Batches that are to be the first of a new segment, and whether the last of the queue is
    /// closed because of that.
    rolls: VecDeque<BatchNumber>,
    is_closed: bool,
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
    /// Continues the log behind `durable` bytes of `segment`; 0 bytes begin that segment. `sealed`
    /// are the segments before with their lengths.
    #[must_use]
    pub const fn new(
        incarnation: u64,
        segment: u64,
        durable: u64,
        sealed: VecDeque<(u64, u64)>,
    ) -> Self {
        Self {
            incarnation,
            segment,
            durable,
            sealed,
            queue: VecDeque::new(),
            queued_bytes: 0,
            open_bytes: durable,
            rolls: VecDeque::new(),
            is_closed: false,
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

    /// Durable bytes of all segments that are there.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.sealed.iter().map(|(_, bytes)| bytes).sum::<u64>() + self.durable
    }

    /// The segment that what is pushed now goes to.
    #[must_use]
    pub fn open_segment(&self) -> u64 {
        self.segment + self.rolls.len() as u64
    }

    /// Bytes that were pushed into that segment.
    #[must_use]
    pub const fn open_bytes(&self) -> u64 {
        self.open_bytes
    }

    /// What is pushed from now on goes to a new segment.
    pub fn roll(&mut self) {
        self.rolls.push_back(self.next());
        self.is_closed = true;
        self.open_bytes = 0;
    }

    /// Segments before `segment` are no longer there.
    pub fn forget_before(&mut self, segment: u64) {
        while self
            .sealed
            .front()
            .is_some_and(|(number, _)| *number < segment)
        {
            self.sealed.pop_front();
        }
    }

    /// The number of the next batch that is begun.
    fn next(&self) -> BatchNumber {
        BatchNumber(self.front.0 + self.queue.len() as u64)
    }

    /// Whether so much waits that nothing more should come.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.queued_bytes >= LOG_QUEUE_BYTES_MAX
    }

    /// Adds `record` to the batch that is returned.
    pub fn push(&mut self, record: &Record<'_>) -> BatchNumber {
        let is_full = |batch: &Vec<u8>| batch.len() >= LOG_BATCH_BYTES_MAX;
        if core::mem::take(&mut self.is_closed) || self.queue.back().is_none_or(is_full) {
            self.queue.push_back(Vec::new());
        }
        let batch = self.queue.back_mut().expect("pushed above");
        let before = batch.len();
        record.put(batch);
        let pushed = batch.len() - before;
        self.queued_bytes += pushed;
        self.open_bytes += pushed as u64;
        BatchNumber(self.front.0 + self.queue.len() as u64 - 1)
    }

    /// The newest batch that is durable.
    #[must_use]
    pub const fn durable(&self) -> BatchNumber {
        let under_way = if self.flying.is_some() { 2 } else { 1 };
        BatchNumber(self.front.0 - under_way)
    }

    /// The newest batch that was begun.
    #[must_use]
    pub fn newest(&self) -> BatchNumber {
        BatchNumber(self.next().0 - 1)
    }

    /// If no batch is under way and one waits: its append and its sync.
    pub fn start(&mut self) -> Option<[StorageRequest; 2]> {
        if self.flying.is_some() {
            return None;
        }
        let records = self.queue.pop_front()?;
        self.queued_bytes -= records.len();
        while self.rolls.front().is_some_and(|batch| *batch <= self.front) {
            self.rolls.pop_front();
            self.sealed.push_back((self.segment, self.durable));
            self.segment += 1;
            self.durable = 0;
        }
        self.front = BatchNumber(self.front.0 + 1);
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
