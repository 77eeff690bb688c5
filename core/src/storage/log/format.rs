//! The bytes of a log segment, little-endian: one header, then batches.
//!
//! | header offset | size | field |
//! |---|---|---|
//! | 0 | 8 | `HENGELOG` |
//! | 8 | 2 | format version, 1 |
//! | 10 | 6 | 0 |
//! | 16 | 8 | incarnation of the storage |
//! | 24 | 8 | number of the segment |
//! | 32 | 8 | xxh3-64 of bytes 0 to 31 |
//!
//! | batch offset | size | field |
//! |---|---|---|
//! | 0 | 4 | `HNGB` |
//! | 4 | 4 | length of the records |
//! | 8 | 8 | length of this segment that was durable when the batch was written |
//! | 16 | 8 | xxh3-64 of bytes 0 to 15 and the records |
//! | 24 | | records, postcard, back to back |

use crate::encoded::encoded_behind;
use crate::id::PartitionId;
use crate::limits::{FRAME_BODY_BYTES_MAX, LOG_BATCH_BYTES_MAX};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

/// Length of a segment's header.
pub const SEGMENT_HEADER_BYTES: usize = 40;
/// Length of a batch's header.
pub const BATCH_HEADER_BYTES: usize = 24;
/// Most bytes of records in a batch: it is closed by the record that passes the batch limit.
pub const BATCH_RECORDS_BYTES_MAX: usize = LOG_BATCH_BYTES_MAX + FRAME_BODY_BYTES_MAX;
/// First bytes of a segment.
pub const SEGMENT_MAGIC: [u8; 8] = *b"HENGELOG";
/// First bytes of a batch.
pub const BATCH_MAGIC: [u8; 4] = *b"HNGB";
/// The format of this build.
pub const FORMAT_VERSION: u16 = 1;

/// One change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record<'a> {
    /// This is the whole state of this key from here on.
    State {
        /// A stored key.
        #[serde(borrow, with = "serde_bytes")]
        key: &'a [u8],
        /// An encoded version set.
        #[serde(borrow, with = "serde_bytes")]
        set: &'a [u8],
        /// Whether the key was not there before: what keys are counted by.
        is_new: bool,
    },
    /// What the node wants to be told when it is opened, in the place of what the segments before
    /// would tell it. Stands at the front of a segment.
    Note {
        /// Opaque.
        #[serde(borrow, with = "serde_bytes")]
        bytes: &'a [u8],
    },
    /// Nothing of this partition is there from here on: of the tables, that holds for those with
    /// numbers below `before_table`.
    Drop {
        /// The partition.
        partition: PartitionId,
        /// The number of the next table.
        before_table: u64,
    },
}

impl<'a> Record<'a> {
    /// Takes one record from the front of `bytes`; `None` at the end, and for bytes that are none.
    pub fn take(bytes: &mut &'a [u8]) -> Option<Self> {
        let (record, rest) = postcard::take_from_bytes(bytes).ok()?;
        *bytes = rest;
        Some(record)
    }

    /// Writes the record behind what `out` already holds.
    pub fn put(&self, out: &mut Vec<u8>) {
        let taken = core::mem::take(out);
        *out = encoded_behind(taken, self);
    }
}

/// What a segment's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// The life of the storage that wrote it.
    pub incarnation: u64,
    /// Its number.
    pub segment: u64,
}

impl SegmentHeader {
    /// The header's bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; SEGMENT_HEADER_BYTES] {
        write_header(SEGMENT_MAGIC, self.incarnation, self.segment)
    }

    /// Reads a header back.
    pub fn decode(bytes: &[u8; SEGMENT_HEADER_BYTES]) -> Result<Self, HeaderError> {
        let (incarnation, segment) = read_header(SEGMENT_MAGIC, bytes)?;
        Ok(Self {
            incarnation,
            segment,
        })
    }
}

/// The header that segments and tables begin with.
pub(crate) fn write_header(
    magic: [u8; 8],
    incarnation: u64,
    number: u64,
) -> [u8; SEGMENT_HEADER_BYTES] {
    let mut bytes = [0; SEGMENT_HEADER_BYTES];
    bytes[..8].copy_from_slice(&magic);
    bytes[8..10].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    bytes[16..24].copy_from_slice(&incarnation.to_le_bytes());
    bytes[24..32].copy_from_slice(&number.to_le_bytes());
    let sum = crate::hash::hash64(&bytes[..32]);
    bytes[32..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// Incarnation and number in such a header.
pub(crate) fn read_header(
    magic: [u8; 8],
    bytes: &[u8; SEGMENT_HEADER_BYTES],
) -> Result<(u64, u64), HeaderError> {
    if word(bytes, 32) != crate::hash::hash64(&bytes[..32]) || bytes[..8] != magic {
        return Err(HeaderError::Damaged);
    }
    let version = u16::from_le_bytes([bytes[8], bytes[9]]);
    if version != FORMAT_VERSION {
        return Err(HeaderError::Version(version));
    }
    Ok((word(bytes, 16), word(bytes, 24)))
}

/// Why a segment's header cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// Its bytes are not those that were written.
    Damaged,
    /// Another build wrote it.
    Version(u16),
}

/// A batch whose checksum is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch<'a> {
    /// How much of the segment was durable when it was written, in bytes.
    pub durable: u64,
    /// Its records.
    pub records: &'a [u8],
}

impl Batch<'_> {
    /// Its length in the file.
    #[must_use]
    pub const fn length(&self) -> usize {
        BATCH_HEADER_BYTES + self.records.len()
    }
}

/// What stands at the front of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed<'a> {
    /// A batch.
    Batch(Batch<'a>),
    /// Perhaps a batch: so many bytes are needed to tell.
    Needs(usize),
    /// No batch.
    Bad,
}

/// Looks for a batch at the front of `bytes`.
#[must_use]
pub fn parse_batch(bytes: &[u8]) -> Parsed<'_> {
    let Some((head, rest)) = bytes.split_first_chunk::<BATCH_HEADER_BYTES>() else {
        let common = bytes.len().min(4);
        let promising = bytes[..common] == BATCH_MAGIC[..common];
        return if promising {
            Parsed::Needs(BATCH_HEADER_BYTES)
        } else {
            Parsed::Bad
        };
    };
    let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
    if head[..4] != BATCH_MAGIC || length > BATCH_RECORDS_BYTES_MAX {
        return Parsed::Bad;
    }
    let Some(records) = rest.get(..length) else {
        return Parsed::Needs(BATCH_HEADER_BYTES + length);
    };
    if word(head, 16) != checksum(&head[..16], records) {
        return Parsed::Bad;
    }
    Parsed::Batch(Batch {
        durable: word(head, 8),
        records,
    })
}

/// Writes the header of a batch of `records` in front of them, behind what `out` already holds.
///
/// # Panics
/// If there are more than [`BATCH_RECORDS_BYTES_MAX`] bytes of them.
pub fn put_batch(out: &mut Vec<u8>, durable: u64, records: &[u8]) {
    assert!(
        records.len() <= BATCH_RECORDS_BYTES_MAX,
        "a batch of {} bytes",
        records.len()
    );
    let length = u32::try_from(records.len()).expect("bounded above");
    let mut head = [0; 16];
    head[..4].copy_from_slice(&BATCH_MAGIC);
    head[4..8].copy_from_slice(&length.to_le_bytes());
    head[8..].copy_from_slice(&durable.to_le_bytes());
    out.reserve(BATCH_HEADER_BYTES + records.len());
    out.extend_from_slice(&head);
    out.extend_from_slice(&checksum(&head, records).to_le_bytes());
    out.extend_from_slice(records);
}

fn checksum(head: &[u8], records: &[u8]) -> u64 {
    let mut hasher = Xxh3::new();
    hasher.update(head);
    hasher.update(records);
    hasher.digest()
}

fn word(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}
