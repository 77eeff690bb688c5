//! Writes a table from pairs in key order, in a bounded amount of memory.

use super::block::{BlockId, BlockKind, Place, encode};
use super::directory::IndexBuilder;
use super::entries::EntriesBuilder;
use super::filter;
use super::footer::{Footer, Properties, encode_header};
use crate::encoded::encoded;
use crate::hash::hash64;
use crate::limits::{DIRECTORY_BYTES, RESTART_INTERVAL};
use crate::storage::facts::Facts;
use crate::storage::manifest::Table;
use alloc::vec::Vec;

/// How tables are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableSettings {
    /// Content at which a data block is closed, in bytes.
    pub block_bytes: usize,
    /// Bits of the bloom filter for each key; 0 for none.
    pub filter_bits_per_key: u8,
}

/// A table that is being written.
#[derive(Debug)]
pub struct TableBuilder {
    settings: TableSettings,
    incarnation: u64,
    number: u64,
    /// Bytes that are written and were not taken yet.
    out: Vec<u8>,
    /// Bytes that were taken.
    taken: u64,
    data: EntriesBuilder,
    index: IndexBuilder,
    /// Hashes of the keys since the last directory.
    hashes: Vec<u64>,
    top: IndexBuilder,
    properties: Properties,
    raw: Vec<u8>,
}

impl TableBuilder {
    /// An empty table with this number.
    #[must_use]
    pub fn new(settings: TableSettings, incarnation: u64, number: u64) -> Self {
        Self {
            settings,
            incarnation,
            number,
            out: encode_header(incarnation, number).to_vec(),
            taken: 0,
            data: EntriesBuilder::new(RESTART_INTERVAL),
            index: IndexBuilder::new(),
            hashes: Vec::new(),
            top: IndexBuilder::new(),
            properties: Properties::default(),
            raw: Vec::new(),
        }
    }

    /// The table's number.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Adds a pair, whose key must be above the last one.
    pub fn push(&mut self, key: &[u8], value: &[u8], facts: Facts) {
        debug_assert!(self.properties.entries == 0 || *self.properties.last < *key);
        if self.data.is_empty() {
            self.index.next_key(key);
            if self.hashes.is_empty() {
                self.top.next_key(key);
            }
        }
        self.hashes.push(hash64(key));
        self.data
            .push(key, value, facts.is_tombstone, facts.expires_at_ms);
        self.properties.add(key, value, facts);
        if self.data.bytes() >= self.settings.block_bytes {
            self.end_data();
            let filter = self.hashes.len() * usize::from(self.settings.filter_bits_per_key) / 8;
            if self.index.bytes() + filter >= DIRECTORY_BYTES {
                self.end_directory();
            }
        }
    }

    /// Length of the table so far, without what is still in the open block.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.taken + self.out.len() as u64
    }

    /// Pairs so far.
    #[must_use]
    pub const fn entries(&self) -> u64 {
        self.properties.entries
    }

    /// Bytes in memory.
    #[must_use]
    pub const fn memory(&self) -> usize {
        self.out.capacity()
            + self.data.bytes()
            + self.index.bytes()
            + self.top.bytes()
            + self.hashes.capacity() * 8
    }

    /// Takes what is written, if that is at least `bytes`: where it belongs, and the bytes.
    pub fn take(&mut self, bytes: usize) -> Option<(u64, Vec<u8>)> {
        if self.out.is_empty() || self.out.len() < bytes {
            return None;
        }
        let offset = self.taken;
        self.taken += self.out.len() as u64;
        Some((offset, core::mem::take(&mut self.out)))
    }

    /// Ends the table: what is to be taken last is then in it, and this is what it has become.
    ///
    /// `written_ms` bounds when the pairs were written that do not say so themselves.
    ///
    /// # Panics
    /// If it is empty: there are no empty tables.
    pub fn finish(&mut self, written_ms: Option<(u64, u64)>) -> Table {
        assert!(self.properties.entries > 0, "an empty table");
        if !self.data.is_empty() {
            self.end_data();
        }
        if !self.hashes.is_empty() {
            self.end_directory();
        }
        self.raw.clear();
        self.top.finish(&mut self.raw);
        let top = self.write(BlockKind::Top);
        let properties = &mut self.properties;
        if let Some((oldest_ms, newest_ms)) = written_ms {
            properties.bound(oldest_ms, newest_ms);
        }
        properties.oldest_ms = properties.oldest_ms.min(properties.newest_ms);
        let properties = properties.clone();
        self.raw = encoded(&properties);
        let footer = Footer {
            incarnation: self.incarnation,
            top,
            properties: self.write(BlockKind::Properties),
        };
        self.out.extend_from_slice(&footer.encode());
        Table {
            number: self.number,
            length: self.length(),
            top_offset: top.offset,
            top_length: top.length,
            properties,
        }
    }

    fn end_data(&mut self) {
        self.raw.clear();
        self.properties.last.clear();
        self.properties.last.extend_from_slice(self.data.last_key());
        self.data.finish(&mut self.raw);
        let block = self.write(BlockKind::Data);
        self.index.push(&self.properties.last, block);
    }

    fn end_directory(&mut self) {
        self.raw.clear();
        self.index.finish(&mut self.raw);
        let begin = self.raw.len();
        filter::build(
            &self.hashes,
            self.settings.filter_bits_per_key,
            &mut self.raw,
        );
        let length = u32::try_from(self.raw.len() - begin).expect("a block is bounded");
        self.raw.extend_from_slice(&length.to_le_bytes());
        self.hashes.clear();
        let block = self.write(BlockKind::Directory);
        self.top.push(&self.properties.last, block);
    }

    /// Writes `raw` as a block.
    fn write(&mut self, kind: BlockKind) -> BlockId {
        let offset = self.length();
        let place = Place {
            incarnation: self.incarnation,
            table: self.number,
            offset,
        };
        let length = encode(place, kind, &self.raw, &mut self.out);
        BlockId {
            table: self.number,
            offset,
            length,
        }
    }
}
