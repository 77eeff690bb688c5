//! A directory block: the bloom filter of a run of data blocks, and the index of these.
//!
//! Its content is the index, as [`Entries`] with a restart at each, then the filter, then the
//! filter's length in 4 bytes little-endian. The index has for each block the shortest bytes that
//! are not below its last key and below the next one's first, and as value two varints: where the
//! block is and its whole length. The top block is such an index of directories, without a filter.

use super::block::BlockId;
use super::entries::{Entries, EntriesBuilder, Malformed};
use super::filter;
use crate::storage::varint;
use alloc::vec::Vec;

/// The content of a directory.
#[derive(Clone, Copy, Debug)]
pub struct Directory<'a> {
    /// The index of its data blocks.
    pub index: Index<'a>,
    filter: &'a [u8],
}

impl<'a> Directory<'a> {
    /// The directory in `raw`, a block's content.
    pub fn new(raw: &'a [u8]) -> Result<Self, Malformed> {
        let (rest, length) = raw.split_last_chunk::<4>().ok_or(Malformed)?;
        let length = u32::from_le_bytes(*length) as usize;
        let index = rest.len().checked_sub(length).ok_or(Malformed)?;
        let (index, filter) = rest.split_at(index);
        Ok(Self {
            index: Index::new(index)?,
            filter,
        })
    }

    /// Whether a key of this hash may be in its blocks.
    #[must_use]
    pub fn may_hold(&self, hash: u64) -> bool {
        filter::may_hold(self.filter, hash)
    }
}

/// An index of blocks.
#[derive(Clone, Copy, Debug)]
pub struct Index<'a>(Entries<'a>);

impl<'a> Index<'a> {
    /// The index in `raw`.
    pub fn new(raw: &'a [u8]) -> Result<Self, Malformed> {
        Ok(Self(Entries::new(raw)?))
    }

    /// How many blocks it names.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.restarts()
    }

    /// Whether it names none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The block that may hold `key`; `len()` if all end below it.
    pub fn search(&self, key: &[u8]) -> Result<usize, Malformed> {
        self.0.search(key)
    }

    /// Bytes that no key of block `position` is above, and that all of the next one's are.
    pub fn separator(&self, position: usize) -> Result<&'a [u8], Malformed> {
        Ok(self.0.at_restart(position)?.0)
    }

    /// Block `position` of `table`.
    pub fn block(&self, table: u64, position: usize) -> Result<BlockId, Malformed> {
        let (_, mut value) = self.0.at_restart(position)?;
        let offset = varint::take(&mut value).ok_or(Malformed)?;
        let length = varint::take(&mut value).ok_or(Malformed)?;
        let length = u32::try_from(length).map_err(|_| Malformed)?;
        Ok(BlockId {
            table,
            offset,
            length,
        })
    }
}

/// Builds an index while the blocks are written.
#[derive(Debug)]
pub(super) struct IndexBuilder {
    entries: EntriesBuilder,
    /// The last block, whose separator waits for the next key.
    last: Option<(Vec<u8>, BlockId)>,
}

impl IndexBuilder {
    pub(super) const fn new() -> Self {
        Self {
            entries: EntriesBuilder::new(1),
            last: None,
        }
    }

    /// Adds the block that ends with `last_key`.
    pub(super) fn push(&mut self, last_key: &[u8], block: BlockId) {
        self.close(None);
        self.last = Some((last_key.to_vec(), block));
    }

    /// The pair behind the last block has `key`.
    pub(super) fn next_key(&mut self, key: &[u8]) {
        self.close(Some(key));
    }

    pub(super) const fn bytes(&self) -> usize {
        self.entries.bytes()
    }

    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        self.close(None);
        self.entries.finish(out);
    }

    fn close(&mut self, next: Option<&[u8]>) {
        let Some((last_key, block)) = self.last.take() else {
            return;
        };
        let mut value = Vec::with_capacity(12);
        varint::put(&mut value, block.offset);
        varint::put(&mut value, u64::from(block.length));
        let key = match next {
            Some(next) => crate::storage::key::separator(&last_key, next),
            None => last_key.as_slice().into(),
        };
        self.entries.push(&key, &value, false, None);
    }
}
