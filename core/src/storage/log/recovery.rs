//! Reading the log back.
//!
//! A crash can leave anything in bytes that were not durable yet, and only there. Every batch says
//! how much of its segment was durable when it was written. So where a batch is bad, the rest of
//! the segment tells what that means: if a good batch behind it was written when the bad place was
//! already durable, the log is **damaged** and must not be used; if there is none, the bad place
//! is a **tail** that was never durable, and is cut off. Segments before the last were durable as a
//! whole, so there a bad batch is always damage. So it is in the first batch of the segment that a
//! manifest begins the log with: it was durable before the manifest was written.
//!
//! A medium may make the last segment longer than what is written, with zeros: a file that does not
//! grow is synced faster. Such room is cut off like a tail, but nothing is lost with it.
//!
//! What is bad is read a second time before anything follows from it: a medium that has given other
//! bytes once, from another place or none, must not cost what it holds.

use super::format::{
    BATCH_MAGIC, HeaderError, Parsed, Record, SEGMENT_HEADER_BYTES, SegmentHeader, parse_batch,
};
use super::writer::LogWriter;
use crate::limits::RECOVERY_READ_BYTES;
use crate::sorted::Map;
use crate::storage::contract::{FileId, FileKind, StorageRequest, StoredFile};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;

/// A log that is being read.
#[derive(Debug)]
pub struct Recovery {
    /// The log's segments, in order.
    segments: Vec<StoredFile>,
    /// Which one is being read.
    current: usize,
    /// What was read of the segment and is not done with: `buffer[start..]`, from byte `at` on.
    buffer: Vec<u8>,
    start: usize,
    at: u64,
    phase: Phase,
    /// The segment and the place that were bad and are being read again.
    doubted: Option<(usize, u64)>,
    log_start: u64,
    incarnation: Option<u64>,
    records: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Header,
    Batches,
    /// What stands at `bad` is no batch; a good one behind it is looked for. From `zeros` on there
    /// are only zeros, as far as it is read.
    Search {
        bad: u64,
        zeros: u64,
    },
}

/// What is to be done next.
#[derive(Debug)]
pub enum Recovered {
    /// Carry this out and hand the bytes to `feed`.
    Read(StorageRequest),
    /// The log is read.
    Done {
        /// Continues it.
        writer: LogWriter,
        /// What is to be cut off first.
        tail: Option<Tail>,
        /// Records that were replayed.
        records: u64,
    },
}

/// Bytes at the end of the log that were never durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The segment.
    pub segment: u64,
    /// Its length from now on.
    pub offset: u64,
    /// Bytes behind that which someone wrote: zeros at the end do not count.
    pub bytes: u64,
}

impl Recovery {
    /// Begins to read the log among `files`, from segment `log_start` on. `incarnation` is that of
    /// the storage, if it is known.
    pub fn new(
        files: &[StoredFile],
        log_start: u64,
        incarnation: Option<u64>,
    ) -> Result<Self, Corruption> {
        let is_log = |stored: &&StoredFile| {
            stored.file.kind == FileKind::Log && stored.file.number >= log_start
        };
        let segments = files.iter().filter(is_log);
        let segments: Map<_, _> = segments.map(|it| (it.file, it.length)).collect();
        let stored = |(file, length): (FileId, &u64)| StoredFile {
            file,
            length: *length,
        };
        let segments: Vec<_> = segments.iter().map(stored).collect();
        for (number, stored) in (log_start..).zip(&segments) {
            if stored.file.number != number {
                let missing = FileId {
                    kind: FileKind::Log,
                    number,
                };
                return Err(Corruption {
                    file: missing,
                    offset: 0,
                    why: Damage::Missing,
                });
            }
        }
        if log_start > 1 && segments.is_empty() {
            let number = log_start;
            return Err(Corruption {
                file: FileId {
                    kind: FileKind::Log,
                    number,
                },
                offset: 0,
                why: Damage::Missing,
            });
        }
        let phase = Phase::Header;
        let buffer = Vec::new();
        Ok(Self {
            segments,
            current: 0,
            buffer,
            start: 0,
            at: 0,
            phase,
            doubted: None,
            log_start,
            incarnation,
            records: 0,
        })
    }

    /// Goes on with what has been read. `fresh` is the incarnation of a log that has none yet;
    /// `replay` gets the records in order, each with the number of its segment.
    pub fn advance(
        &mut self,
        fresh: u64,
        replay: &mut dyn FnMut(u64, Record<'_>) -> bool,
    ) -> Result<Recovered, Corruption> {
        while let Some(&segment) = self.segments.get(self.current) {
            if self.step(segment, replay)? == Step::NeedsMore {
                if let Some(read) = self.next_read(segment) {
                    return Ok(Recovered::Read(read));
                }
                if let Some(end) = self.cut_short(segment)? {
                    return Ok(self.done(fresh, Some(end)));
                }
            }
        }
        Ok(self.done(fresh, None))
    }

    /// The bytes of the last read, of which there must be some: it was inside of the file.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Corruption> {
        self.buffer.drain(..core::mem::take(&mut self.start));
        self.buffer.extend_from_slice(bytes);
        match self.segments.get(self.current) {
            Some(segment) if bytes.is_empty() => Err(Corruption {
                file: segment.file,
                offset: self.at + self.buffer.len() as u64,
                why: Damage::Short,
            }),
            _ => Ok(()),
        }
    }

    /// One step in the buffer.
    fn step(
        &mut self,
        segment: StoredFile,
        replay: &mut dyn FnMut(u64, Record<'_>) -> bool,
    ) -> Result<Step, Corruption> {
        match self.phase {
            Phase::Header => self.step_header(segment),
            Phase::Batches => self.step_batch(segment, replay),
            Phase::Search { bad, .. } => self.step_search(segment, bad),
        }
    }

    fn step_header(&mut self, segment: StoredFile) -> Result<Step, Corruption> {
        let Some(bytes) = self.unread().first_chunk::<SEGMENT_HEADER_BYTES>() else {
            return Ok(Step::NeedsMore);
        };
        match SegmentHeader::decode(bytes) {
            Ok(header) if header.segment != segment.file.number => Err(Corruption {
                file: segment.file,
                offset: 0,
                why: Damage::Misplaced,
            }),
            Ok(header) => {
                // A later life of the storage never writes into an earlier one's log.
                if self
                    .incarnation
                    .is_some_and(|earlier| earlier != header.incarnation)
                {
                    return Err(Corruption {
                        file: segment.file,
                        offset: 0,
                        why: Damage::Misplaced,
                    });
                }
                self.incarnation = Some(header.incarnation);
                self.consume(SEGMENT_HEADER_BYTES);
                self.phase = Phase::Batches;
                Ok(Step::Done)
            }
            Err(HeaderError::Version(version)) => Err(Corruption {
                file: segment.file,
                offset: 8,
                why: Damage::Version(version),
            }),
            Err(HeaderError::Damaged) => self.suspect(segment).map(|()| Step::Done),
        }
    }

    fn step_batch(
        &mut self,
        segment: StoredFile,
        replay: &mut dyn FnMut(u64, Record<'_>) -> bool,
    ) -> Result<Step, Corruption> {
        if self.at >= segment.length {
            if self.lacks_first_batch() {
                return Err(checksum(segment, self.at));
            }
            self.next_segment();
            return Ok(Step::Done);
        }
        match parse_batch(&self.buffer[self.start..]) {
            Parsed::Needs(_) => Ok(Step::NeedsMore),
            Parsed::Bad => self.suspect(segment).map(|()| Step::Done),
            Parsed::Batch(batch) => {
                let mut records = batch.records;
                while !records.is_empty() {
                    let taken = Record::take(&mut records);
                    if !taken.is_some_and(|record| replay(segment.file.number, record)) {
                        let why = Damage::Record;
                        return Err(Corruption {
                            file: segment.file,
                            offset: self.at,
                            why,
                        });
                    }
                    self.records += 1;
                }
                let length = batch.length();
                self.consume(length);
                Ok(Step::Done)
            }
        }
    }

    fn step_search(&mut self, segment: StoredFile, bad: u64) -> Result<Step, Corruption> {
        let unread = self.unread();
        let Some(skip) = unread
            .windows(BATCH_MAGIC.len())
            .position(|b| b == BATCH_MAGIC)
        else {
            // The last bytes may be the beginning of a magic.
            self.pass(unread.len().saturating_sub(BATCH_MAGIC.len() - 1));
            return Ok(Step::NeedsMore);
        };
        self.pass(skip);
        match parse_batch(self.unread()) {
            Parsed::Batch(batch) if batch.durable > bad => Err(checksum(segment, bad)),
            Parsed::Needs(bytes) if self.at + bytes as u64 <= segment.length => Ok(Step::NeedsMore),
            Parsed::Needs(_) | Parsed::Batch(_) | Parsed::Bad => {
                self.pass(1);
                Ok(Step::Done)
            }
        }
    }

    /// What stands here is bad: damage, or the beginning of a tail?
    fn suspect(&mut self, segment: StoredFile) -> Result<(), Corruption> {
        let bad = self.at;
        if self.doubted != Some((self.current, bad)) {
            self.doubted = Some((self.current, bad));
            self.buffer.clear();
            self.start = 0;
            return Ok(());
        }
        if self.current + 1 < self.segments.len() || self.lacks_first_batch() {
            return Err(checksum(segment, bad));
        }
        self.phase = Phase::Search { bad, zeros: bad };
        self.pass(self.unread().len().min(1));
        Ok(())
    }

    /// The segment ends before the bytes that are needed. Returns the tail, if it is one.
    fn cut_short(&mut self, segment: StoredFile) -> Result<Option<Tail>, Corruption> {
        if matches!(self.phase, Phase::Search { .. }) {
            self.pass(self.unread().len());
        }
        if let Phase::Search { bad, zeros } = self.phase {
            return Ok(Some(Tail {
                segment: segment.file.number,
                offset: bad,
                bytes: zeros - bad,
            }));
        }
        if self.unread().is_empty() {
            if self.lacks_first_batch() {
                return Err(checksum(segment, self.at));
            }
            // An empty file: it was made, and nothing was written.
            return Ok(Some(Tail {
                segment: segment.file.number,
                offset: self.at,
                bytes: 0,
            }));
        }
        self.suspect(segment).map(|()| None)
    }

    fn done(&self, fresh: u64, tail: Option<Tail>) -> Recovered {
        let mut sealed: VecDeque<_> = self
            .segments
            .iter()
            .map(|stored| (stored.file.number, stored.length))
            .collect();
        let (number, length) = sealed.pop_back().unwrap_or((self.log_start, 0));
        let durable = tail.map_or(length, |tail| tail.offset);
        let incarnation = self.incarnation.unwrap_or(fresh);
        let writer = LogWriter::new(incarnation, number, durable, sealed);
        Recovered::Done {
            writer,
            tail,
            records: self.records,
        }
    }

    /// Whether this is the segment that a manifest begins the log with, before its first batch.
    const fn lacks_first_batch(&self) -> bool {
        self.current == 0 && self.log_start > 1 && self.at <= SEGMENT_HEADER_BYTES as u64
    }

    fn next_segment(&mut self) {
        self.current += 1;
        self.at = 0;
        self.start = 0;
        self.buffer.clear();
        self.phase = Phase::Header;
    }

    fn unread(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    fn next_read(&self, segment: StoredFile) -> Option<StorageRequest> {
        let offset = self.at + self.unread().len() as u64;
        (offset < segment.length).then_some(StorageRequest::Read {
            file: segment.file,
            offset,
            length: RECOVERY_READ_BYTES,
        })
    }

    /// Goes past `bytes` that are no batch.
    fn pass(&mut self, bytes: usize) {
        let last = self.unread()[..bytes].iter().rposition(|byte| *byte != 0);
        let at = self.at;
        if let (Phase::Search { zeros, .. }, Some(last)) = (&mut self.phase, last) {
            *zeros = at + last as u64 + 1;
        }
        self.consume(bytes);
    }

    fn consume(&mut self, bytes: usize) {
        self.start += bytes;
        self.at += bytes as u64;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Done,
    NeedsMore,
}

/// A log that must not be used: what was durable is no longer there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corruption {
    /// In which file.
    pub file: FileId,
    /// Where, in bytes.
    pub offset: u64,
    /// What is wrong.
    pub why: Damage,
}

const fn checksum(segment: StoredFile, offset: u64) -> Corruption {
    Corruption {
        file: segment.file,
        offset,
        why: Damage::Checksum,
    }
}

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// It is not there, but a later one or the manifest says that it was.
    Missing,
    /// It gives fewer bytes than it has.
    Short,
    /// It belongs to another place or storage.
    Misplaced,
    /// Its bytes are not those that were written.
    Checksum,
    /// A record that makes no sense although its checksum is right.
    Record,
    /// A format that this build does not read.
    Version(u16),
}

impl fmt::Display for Corruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, offset, why } = self;
        match why {
            Damage::Missing => write!(f, "{file} is missing although it is needed"),
            Damage::Short => write!(
                f,
                "{file} gives nothing at byte {offset}, but goes on there"
            ),
            Damage::Misplaced => write!(f, "{file} belongs to another storage"),
            Damage::Checksum => {
                write!(
                    f,
                    "{file} is damaged at byte {offset}: durable data does not match its checksum"
                )
            }
            Damage::Record => write!(
                f,
                "{file} holds a record at byte {offset} that makes no sense"
            ),
            Damage::Version(version) => {
                write!(
                    f,
                    "{file} has format version {version}; this build reads version 1"
                )
            }
        }?;
        f.write_str(
            "; nothing was changed. Restore the file, or move the data folder away and let the \
             member be filled again from its replicas",
        )
    }
}

impl core::error::Error for Corruption {}

#[cfg(test)]
mod tests;
