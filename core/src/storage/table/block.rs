//! One block: a header, and bytes that may be compressed.
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | 1 | kind |
//! | 1 | 1 | compression: 0 none, 1 lz4 block |
//! | 2 | 2 | 0 |
//! | 4 | 4 | length of what follows the header |
//! | 8 | 4 | length when it is not compressed |
//! | 12 | 8 | xxh3-64 of what follows, seeded with the place and bytes 0 to 11 |
//! | 20 | | the bytes |
//!
//! The seed is the xxh3-64 of incarnation, table number, offset of the block and bytes 0 to 11. So
//! a block that a medium gives back from another place is found out like one with a flipped bit.

use crate::hash::hash64;
use crate::limits::BLOCK_RAW_BYTES_MAX;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Length of a block's header.
pub const BLOCK_HEADER_BYTES: usize = 20;

/// A block's name, by which it is read and cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockId {
    /// The table's number.
    pub table: u64,
    /// Where in the table the header is, in bytes.
    pub offset: u64,
    /// Header and bytes together.
    pub length: u32,
}

/// What is in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum BlockKind {
    /// Pairs.
    Data = 1,
    /// Filter and index of the data blocks in front of it.
    Directory = 2,
    /// The index of the directories.
    Top = 3,
    /// [`Properties`](super::Properties).
    Properties = 4,
}

impl BlockKind {
    const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Data,
            2 => Self::Directory,
            3 => Self::Top,
            4 => Self::Properties,
            _ => return None,
        })
    }
}

/// Where a block stands; its checksum depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The storage's incarnation.
    pub incarnation: u64,
    /// The table's number.
    pub table: u64,
    /// Where in the table, in bytes.
    pub offset: u64,
}

/// Why bytes are not the block that was written at their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockError {
    /// There are fewer bytes than the block has.
    Short,
    /// Header or bytes are not what was written here.
    Checksum,
    /// The checksum is right, but the content makes no sense.
    Malformed,
    /// The medium did not give it.
    Unreadable,
}

impl fmt::Display for BlockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Short => "the block is cut short",
            Self::Checksum => "the block does not match its checksum",
            Self::Malformed => "the block makes no sense although its checksum is right",
            Self::Unreadable => "the block cannot be read",
        })
    }
}

impl core::error::Error for BlockError {}

/// A block's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockHeader {
    /// What is in it.
    pub kind: BlockKind,
    /// Length of what follows the header.
    pub stored: u32,
    /// Length when it is not compressed.
    pub raw: u32,
    is_compressed: bool,
    checksum: u64,
    seed: u64,
}

impl BlockHeader {
    /// Header and bytes together.
    #[must_use]
    pub const fn length(&self) -> usize {
        BLOCK_HEADER_BYTES + self.stored as usize
    }

    /// The header at the front of `bytes`, which stand at `place`. Its lengths are bounded, but
    /// not yet checked against the checksum: `decode` does that.
    pub fn read(place: Place, bytes: &[u8]) -> Result<Self, BlockError> {
        let head: &[u8; BLOCK_HEADER_BYTES] = bytes.first_chunk().ok_or(BlockError::Short)?;
        let number =
            |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (stored, raw) = (number(4), number(8));
        let kind = BlockKind::from_byte(head[0]).ok_or(BlockError::Checksum)?;
        let is_bounded = raw as usize <= BLOCK_RAW_BYTES_MAX && stored <= raw;
        if head[1] > 1 || head[2..4] != [0, 0] || !is_bounded || head[1] == 0 && stored != raw {
            return Err(BlockError::Checksum);
        }
        let mut checksum = [0; 8];
        checksum.copy_from_slice(&head[12..]);
        Ok(Self {
            kind,
            stored,
            raw,
            is_compressed: head[1] == 1,
            checksum: u64::from_le_bytes(checksum),
            seed: seed(place, &head[..12]),
        })
    }

    /// Checks `bytes`, which followed the header, and gives them as they were before compression.
    pub fn decode(&self, bytes: &[u8]) -> Result<Vec<u8>, BlockError> {
        let bytes = bytes.get(..self.stored as usize).ok_or(BlockError::Short)?;
        if xxh3_64_with_seed(bytes, self.seed) != self.checksum {
            return Err(BlockError::Checksum);
        }
        if !self.is_compressed {
            return Ok(bytes.to_vec());
        }
        let mut raw = vec![0; self.raw as usize];
        match lz4_flex::block::decompress_into(bytes, &mut raw) {
            Ok(length) if length == raw.len() => Ok(raw),
            _ => Err(BlockError::Malformed),
        }
    }
}

/// The block of `kind` that `bytes` are, which were read at `place`.
pub fn decode(place: Place, kind: BlockKind, bytes: &[u8]) -> Result<Vec<u8>, BlockError> {
    let header = BlockHeader::read(place, bytes)?;
    if header.kind != kind {
        return Err(BlockError::Checksum);
    }
    header.decode(&bytes[BLOCK_HEADER_BYTES..])
}

/// Writes `raw` as a block at `place` behind what `out` already holds; gives its whole length.
///
/// It is compressed if that saves at least an eighth: less is not worth the time to read it.
///
/// # Panics
/// If `raw` is longer than [`BLOCK_RAW_BYTES_MAX`].
pub fn encode(place: Place, kind: BlockKind, raw: &[u8], out: &mut Vec<u8>) -> u32 {
    assert!(
        raw.len() <= BLOCK_RAW_BYTES_MAX,
        "a block of {} bytes",
        raw.len()
    );
    let begin = out.len();
    out.resize(begin + BLOCK_HEADER_BYTES, 0);
    let room = lz4_flex::block::get_maximum_output_size(raw.len());
    out.resize(begin + BLOCK_HEADER_BYTES + room, 0);
    let body = begin + BLOCK_HEADER_BYTES;
    let compressed = lz4_flex::block::compress_into(raw, &mut out[body..]).unwrap_or(usize::MAX);
    let is_compressed = compressed <= raw.len() - raw.len() / 8 && compressed < raw.len();
    if is_compressed {
        out.truncate(body + compressed);
    } else {
        out.truncate(body);
        out.extend_from_slice(raw);
    }
    let length = |bytes: usize| u32::try_from(bytes).expect("bounded above").to_le_bytes();
    let stored = out.len() - body;
    let mut head = [0; 12];
    head[0] = kind as u8;
    head[1] = u8::from(is_compressed);
    head[4..8].copy_from_slice(&length(stored));
    head[8..].copy_from_slice(&length(raw.len()));
    let checksum = xxh3_64_with_seed(&out[body..], seed(place, &head));
    out[begin..begin + 12].copy_from_slice(&head);
    out[begin + 12..body].copy_from_slice(&checksum.to_le_bytes());
    u32::from_le_bytes(length(stored + BLOCK_HEADER_BYTES))
}

fn seed(place: Place, head: &[u8]) -> u64 {
    let mut bytes = [0; 36];
    bytes[..8].copy_from_slice(&place.incarnation.to_le_bytes());
    bytes[8..16].copy_from_slice(&place.table.to_le_bytes());
    bytes[16..24].copy_from_slice(&place.offset.to_le_bytes());
    bytes[24..].copy_from_slice(head);
    hash64(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place {
        incarnation: 5,
        table: 7,
        offset: 4_096,
    };

    fn samples() -> [Vec<u8>; 4] {
        let mut rng = crate::rng::Rng::new(1);
        let noise = (0..3_000)
            .map(|_| rng.next_u64().to_le_bytes()[0])
            .collect();
        [vec![], b"short".to_vec(), b"again and ".repeat(500), noise]
    }

    #[test]
    fn blocks_come_back_and_only_what_shrinks_is_compressed() {
        let mut stored = Vec::new();
        for raw in samples() {
            let mut out = b"before".to_vec();
            let length = encode(PLACE, BlockKind::Data, &raw, &mut out);
            assert_eq!(out.len(), 6 + length as usize);
            assert_eq!(decode(PLACE, BlockKind::Data, &out[6..]).unwrap(), raw);
            stored.push(length as usize - BLOCK_HEADER_BYTES);
        }
        assert_eq!((stored[0], stored[1], stored[3]), (0, 5, 3_000));
        assert!(stored[2] < 100, "{stored:?}");
    }

    #[test]
    fn any_flipped_bit_any_cut_and_any_other_place_is_found_out() {
        for raw in samples() {
            let mut out = Vec::new();
            encode(PLACE, BlockKind::Data, &raw, &mut out);
            for bit in 0..out.len() * 8 {
                out[bit / 8] ^= 1 << (bit % 8);
                assert!(decode(PLACE, BlockKind::Data, &out).is_err(), "bit {bit}");
                out[bit / 8] ^= 1 << (bit % 8);
            }
            for length in 0..out.len() {
                assert!(decode(PLACE, BlockKind::Data, &out[..length]).is_err());
            }
            for other in [
                Place {
                    incarnation: 6,
                    ..PLACE
                },
                Place { table: 8, ..PLACE },
                Place { offset: 0, ..PLACE },
            ] {
                let error = decode(other, BlockKind::Data, &out).unwrap_err();
                assert_eq!(error, BlockError::Checksum);
            }
            assert!(decode(PLACE, BlockKind::Top, &out).is_err());
        }
    }
}
