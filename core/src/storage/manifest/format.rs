//! The manifest's bytes, little-endian. It is only ever replaced as a whole.
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | 8 | `HENGEMAN` |
//! | 8 | 2 | format version, 1 |
//! | 10 | 2 | 0 |
//! | 12 | 4 | length of the body |
//! | 16 | 8 | xxh3-64 of bytes 0 to 15 and the body |
//! | 24 | | [`Manifest`], postcard |

use super::levels::Levels;
use crate::encoded::encoded;
use crate::id::PartitionId;
use crate::limits::{MANIFEST_BYTES_MAX, TABLES_MAX};
use crate::sorted::Map;
use crate::storage::log::format::FORMAT_VERSION;
use crate::storage::table::Properties;
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

/// First bytes of a manifest.
pub const MANIFEST_MAGIC: [u8; 8] = *b"HENGEMAN";
/// Bytes before the body.
pub const MANIFEST_HEADER_BYTES: usize = 24;

/// Most that a number of files, keys or pairs can be: what is reckoned with them fits.
const NUMBER_MAX: u64 = u64::MAX >> 8;

/// Everything that a storage must know to open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Which life of the storage this is.
    pub incarnation: u64,
    /// Number of the next table.
    pub next_table: u64,
    /// The first log segment whose records are not all in tables.
    pub log_start: u64,
    /// Keys in the tables, tombstones included, by partition.
    pub keys: Map<PartitionId, u64>,
    /// Partitions that were dropped: tables with numbers below this one have nothing of them.
    pub drops: Map<PartitionId, u64>,
    /// The tables.
    pub levels: Levels,
}

/// A table, as the manifest knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its number; a higher one was written later.
    pub number: u64,
    /// Its length in bytes.
    pub length: u64,
    /// Where its top block is.
    pub top_offset: u64,
    /// Whole length of its top block.
    pub top_length: u32,
    /// What is in it.
    pub properties: Properties,
}

/// Why bytes are no manifest that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestError {
    /// They are not what was written.
    Damaged,
    /// Their checksum is right, but they make no sense.
    Malformed,
    /// Another build wrote them.
    Version(u16),
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged => f.write_str("does not match its checksum"),
            Self::Malformed => f.write_str("makes no sense although its checksum is right"),
            Self::Version(version) => write!(
                f,
                "has format version {version}; this build reads version {FORMAT_VERSION}"
            ),
        }
    }
}

impl core::error::Error for ManifestError {}

impl Manifest {
    /// The manifest of a storage that has nothing.
    #[must_use]
    pub fn new(incarnation: u64) -> Self {
        Self {
            incarnation,
            next_table: 1,
            log_start: 1,
            ..Self::default()
        }
    }

    /// The manifest's bytes.
    ///
    /// # Panics
    /// If they are more than [`MANIFEST_BYTES_MAX`], which [`TABLES_MAX`] tables do not reach.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let body = encoded(self);
        assert!(
            body.len() <= MANIFEST_BYTES_MAX,
            "a manifest of {} bytes",
            body.len()
        );
        let mut head = [0; 16];
        head[..8].copy_from_slice(&MANIFEST_MAGIC);
        head[8..10].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        let length = u32::try_from(body.len()).expect("bounded above");
        head[12..].copy_from_slice(&length.to_le_bytes());
        let mut bytes = Vec::with_capacity(MANIFEST_HEADER_BYTES + body.len());
        bytes.extend_from_slice(&head);
        bytes.extend_from_slice(&checksum(&head, &body).to_le_bytes());
        bytes.extend_from_slice(&body);
        bytes
    }

    /// Reads a manifest back.
    pub fn decode(bytes: &[u8]) -> Result<Self, ManifestError> {
        let (head, rest) = bytes
            .split_first_chunk::<16>()
            .ok_or(ManifestError::Damaged)?;
        let (sum, body) = rest
            .split_first_chunk::<8>()
            .ok_or(ManifestError::Damaged)?;
        let is_whole =
            u32::from_le_bytes([head[12], head[13], head[14], head[15]]) as usize == body.len();
        if !is_whole
            || head[..8] != MANIFEST_MAGIC
            || u64::from_le_bytes(*sum) != checksum(head, body)
        {
            return Err(ManifestError::Damaged);
        }
        let version = u16::from_le_bytes([head[8], head[9]]);
        if version != FORMAT_VERSION {
            return Err(ManifestError::Version(version));
        }
        let manifest: Self = postcard::from_bytes(body).map_err(|_| ManifestError::Malformed)?;
        let keys = (manifest.keys.iter()).try_fold(0_u64, |sum, (_, keys)| sum.checked_add(*keys));
        let makes_sense = manifest.levels.is_sound()
            && manifest.levels.tables().count() <= TABLES_MAX
            && manifest
                .levels
                .tables()
                .all(|table| table.number < manifest.next_table && table.is_sound())
            && manifest.next_table.max(manifest.log_start) <= NUMBER_MAX
            && keys.is_some_and(|sum| sum <= NUMBER_MAX);
        if makes_sense {
            Ok(manifest)
        } else {
            Err(ManifestError::Malformed)
        }
    }
}

impl Table {
    /// Whether its numbers fit each other.
    fn is_sound(&self) -> bool {
        let properties = &self.properties;
        let top_end = self.top_offset.checked_add(u64::from(self.top_length));
        top_end.is_some_and(|end| end <= self.length)
            && properties.entries <= NUMBER_MAX
            && properties.tombstones <= properties.entries
            && properties.expiring <= properties.entries
            && properties.first_expiry_ms <= properties.last_expiry_ms
    }
}

fn checksum(head: &[u8], body: &[u8]) -> u64 {
    let mut hasher = Xxh3::new();
    hasher.update(head);
    hasher.update(body);
    hasher.digest()
}
