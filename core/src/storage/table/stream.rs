//! All pairs of a table in order, from large reads that go past the cache: for compaction, which
//! would only push out what is used.

use super::block::{BLOCK_HEADER_BYTES, BlockError, BlockHeader, BlockKind, Place};
use super::entries::{Decoded, Found};
use super::footer::TABLE_HEADER_BYTES;
use crate::storage::manifest::Table;
use alloc::vec::Vec;

/// A table that is read from its beginning to its end.
#[derive(Debug)]
pub struct TableStream {
    incarnation: u64,
    table: u64,
    /// Where its blocks end.
    end: u64,
    /// What was read and is not done with: `buffer[start..]`, from byte `at` on.
    buffer: Vec<u8>,
    start: usize,
    at: u64,
    /// The data block that is gone through.
    raw: Vec<u8>,
    decoded: Decoded,
    next: usize,
}

/// What a stream has next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Streamed {
    /// A pair: `key()` and `found()`.
    Pair,
    /// Nothing before more is fed.
    NeedsMore,
    /// Nothing any more.
    End,
}

impl TableStream {
    /// The pairs of `table`.
    #[must_use]
    pub fn new(incarnation: u64, table: &Table) -> Self {
        Self {
            incarnation,
            table: table.number,
            end: table.top_offset,
            buffer: Vec::new(),
            start: 0,
            at: TABLE_HEADER_BYTES as u64,
            raw: Vec::new(),
            decoded: Decoded::default(),
            next: 0,
        }
    }

    /// Where the next read begins, and how much there is from there on; `None` if all is read.
    #[must_use]
    pub fn next_read(&self) -> Option<(u64, u64)> {
        let from = self.at + self.unread().len() as u64;
        (from < self.end).then(|| (from, self.end - from))
    }

    /// The bytes of that read.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..core::mem::take(&mut self.start));
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes that wait to be gone through.
    #[must_use]
    pub const fn buffered(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// Bytes in memory.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.buffer.capacity() + self.raw.capacity() + self.decoded.memory()
    }

    /// Goes to the next pair. An error comes with the place of the block.
    pub fn advance(&mut self) -> Result<Streamed, (u64, BlockError)> {
        if self.next < self.decoded.len() {
            self.next += 1;
        }
        while self.next >= self.decoded.len() {
            if self.at >= self.end {
                return Ok(Streamed::End);
            }
            if !self.next_block().map_err(|error| (self.at, error))? {
                return Ok(Streamed::NeedsMore);
            }
        }
        Ok(Streamed::Pair)
    }

    /// The pair's key.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        self.decoded.key(self.next)
    }

    /// What it was stored with.
    #[must_use]
    pub fn found(&self) -> Found<'_> {
        self.decoded.found(self.next, &self.raw)
    }

    /// Takes the next block in; `false` if it is not read yet.
    fn next_block(&mut self) -> Result<bool, BlockError> {
        let place = Place {
            incarnation: self.incarnation,
            table: self.table,
            offset: self.at,
        };
        let unread = self.unread();
        let is_all = self.at + unread.len() as u64 >= self.end;
        if unread.len() < BLOCK_HEADER_BYTES && !is_all {
            return Ok(false);
        }
        let header = BlockHeader::read(place, unread)?;
        let length = header.length();
        if unread.len() < length && !is_all {
            return Ok(false);
        }
        let raw = header.decode(&unread[BLOCK_HEADER_BYTES..])?;
        self.start += length;
        self.at += length as u64;
        match header.kind {
            BlockKind::Data => {
                self.raw = raw;
                self.decoded
                    .load(&self.raw)
                    .map_err(|_| BlockError::Malformed)?;
                self.next = 0;
                Ok(true)
            }
            // The pairs of the block before are done with; `advance` goes on behind it.
            BlockKind::Directory => Ok(true),
            BlockKind::Top | BlockKind::Properties => Err(BlockError::Malformed),
        }
    }

    fn unread(&self) -> &[u8] {
        &self.buffer[self.start..]
    }
}
