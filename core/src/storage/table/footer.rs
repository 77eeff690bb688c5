//! The fixed parts of a table, little-endian.
//!
//! | header offset | size | field |
//! |---|---|---|
//! | 0 | 8 | `HENGETBL` |
//! | 8 | 2 | format version, 1 |
//! | 10 | 6 | 0 |
//! | 16 | 8 | incarnation of the storage |
//! | 24 | 8 | number of the table |
//! | 32 | 8 | xxh3-64 of bytes 0 to 31 |
//!
//! | footer offset | size | field |
//! |---|---|---|
//! | 0 | 8 | where the top block is |
//! | 8 | 8 | where the properties block is |
//! | 16 | 4 | whole length of the top block |
//! | 20 | 4 | whole length of the properties block |
//! | 24 | 8 | incarnation of the storage |
//! | 32 | 8 | number of the table |
//! | 40 | 8 | xxh3-64 of bytes 0 to 39 |
//! | 48 | 8 | `HENGEEND` |

use super::block::BlockId;
use crate::hash::hash64;
use crate::storage::facts::Facts;
use crate::storage::log::format::{HeaderError, read_header, write_header};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Length of a table's header.
pub const TABLE_HEADER_BYTES: usize = 40;
/// Length of a table's footer.
pub const FOOTER_BYTES: usize = 56;
/// First bytes of a table.
pub const TABLE_MAGIC: [u8; 8] = *b"HENGETBL";
/// Last bytes of a table.
pub const FOOTER_MAGIC: [u8; 8] = *b"HENGEEND";

/// A table's header.
#[must_use]
pub fn encode_header(incarnation: u64, table: u64) -> [u8; TABLE_HEADER_BYTES] {
    write_header(TABLE_MAGIC, incarnation, table)
}

/// Incarnation and number in a table's header.
pub fn decode_header(bytes: &[u8; TABLE_HEADER_BYTES]) -> Result<(u64, u64), HeaderError> {
    read_header(TABLE_MAGIC, bytes)
}

/// Where a table's parts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footer {
    /// The storage's incarnation.
    pub incarnation: u64,
    /// The index of the directories; its `table` is the table's number.
    pub top: BlockId,
    /// What is in the table.
    pub properties: BlockId,
}

impl Footer {
    /// The footer's bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; FOOTER_BYTES] {
        let mut bytes = [0; FOOTER_BYTES];
        bytes[..8].copy_from_slice(&self.top.offset.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.properties.offset.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.top.length.to_le_bytes());
        bytes[20..24].copy_from_slice(&self.properties.length.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.incarnation.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.top.table.to_le_bytes());
        let sum = hash64(&bytes[..40]);
        bytes[40..48].copy_from_slice(&sum.to_le_bytes());
        bytes[48..].copy_from_slice(&FOOTER_MAGIC);
        bytes
    }

    /// Reads a footer back; `None` for bytes that are none.
    #[must_use]
    pub fn decode(bytes: &[u8; FOOTER_BYTES]) -> Option<Self> {
        let word = |at: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&bytes[at..at + 8]);
            u64::from_le_bytes(word)
        };
        let half = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        if bytes[48..] != FOOTER_MAGIC || word(40) != hash64(&bytes[..40]) {
            return None;
        }
        let block = |offset: usize, length: usize| BlockId {
            table: word(32),
            offset: word(offset),
            length: half(length),
        };
        Some(Self {
            incarnation: word(24),
            top: block(0, 16),
            properties: block(8, 20),
        })
    }
}

/// What is in a table. Postcard in its properties block, and in the manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Properties {
    /// The lowest stored key.
    #[serde(with = "serde_bytes")]
    pub first: Vec<u8>,
    /// The highest stored key.
    #[serde(with = "serde_bytes")]
    pub last: Vec<u8>,
    /// Pairs, tombstones included.
    pub entries: u64,
    /// Tombstones.
    pub tombstones: u64,
    /// Pairs that expire.
    pub expiring: u64,
    /// When the first of them does, in milliseconds since the Unix epoch.
    pub first_expiry_ms: u64,
    /// When the last of them does.
    pub last_expiry_ms: u64,
    /// When the oldest version was written, or earlier.
    pub oldest_ms: u64,
    /// When the newest version was written, or later.
    pub newest_ms: u64,
    /// Bytes of keys and states before compression.
    pub raw_bytes: u64,
}

impl Properties {
    /// Takes in a pair, which comes behind all others.
    pub(super) fn add(&mut self, key: &[u8], value: &[u8], facts: Facts) {
        if self.entries == 0 {
            self.first = key.to_vec();
            self.oldest_ms = u64::MAX;
        }
        self.entries += 1;
        self.tombstones += u64::from(facts.is_tombstone);
        if facts.written_at_ms > 0 {
            self.bound(facts.written_at_ms, facts.written_at_ms);
        }
        self.raw_bytes += (key.len() + value.len()) as u64;
        if let Some(at) = facts.expires_at_ms {
            let first = if self.expiring == 0 {
                at
            } else {
                self.first_expiry_ms.min(at)
            };
            self.first_expiry_ms = first;
            self.last_expiry_ms = self.last_expiry_ms.max(at);
            self.expiring += 1;
        }
    }

    /// Takes in that something was written between these times.
    pub(super) fn bound(&mut self, oldest_ms: u64, newest_ms: u64) {
        self.oldest_ms = self.oldest_ms.min(oldest_ms);
        self.newest_ms = self.newest_ms.max(newest_ms);
    }
}
