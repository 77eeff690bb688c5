//! Finds a key in a table, with the blocks that are in memory.

use super::block::{BlockId, BlockKind};
use super::directory::{Directory, Index};
use super::entries::{Entries, Found, Malformed};
use crate::storage::manifest::Table;

/// A block that is wanted, and what it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Which one.
    pub id: BlockId,
    /// What is in it.
    pub kind: BlockKind,
}

/// Why a read cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// This block is not in memory.
    Unloaded(Wanted),
    /// This block is not what was written.
    Damaged(BlockId),
}

/// The blocks in memory.
pub trait Blocks {
    /// The content of a block.
    fn block(&self, wanted: Wanted) -> Result<&[u8], Obstacle>;
}

/// The top block of `table`.
#[must_use]
pub const fn top(table: &Table) -> Wanted {
    let id = BlockId {
        table: table.number,
        offset: table.top_offset,
        length: table.top_length,
    };
    Wanted {
        id,
        kind: BlockKind::Top,
    }
}

/// What `key`, of this hash, was stored with in `table`.
pub fn get<'a>(
    blocks: &'a impl Blocks,
    table: &Table,
    key: &[u8],
    hash: u64,
) -> Result<Option<Found<'a>>, Obstacle> {
    let top = top(table);
    let Some(directory) = find(blocks, top, key, Index::new)? else {
        return Ok(None);
    };
    let wanted = Wanted {
        id: directory,
        kind: BlockKind::Directory,
    };
    let damaged = |_: Malformed| Obstacle::Damaged(wanted.id);
    let directory = Directory::new(blocks.block(wanted)?).map_err(damaged)?;
    if !directory.may_hold(hash) {
        return Ok(None);
    }
    let position = directory.index.search(key).map_err(damaged)?;
    if position == directory.index.len() {
        return Ok(None);
    }
    let id = directory
        .index
        .block(table.number, position)
        .map_err(damaged)?;
    let raw = blocks.block(Wanted {
        id,
        kind: BlockKind::Data,
    })?;
    Entries::new(raw)
        .and_then(|entries| entries.get(key))
        .map_err(|_| Obstacle::Damaged(id))
}

fn find<'a>(
    blocks: &'a impl Blocks,
    wanted: Wanted,
    key: &[u8],
    index: impl FnOnce(&'a [u8]) -> Result<Index<'a>, Malformed>,
) -> Result<Option<BlockId>, Obstacle> {
    let damaged = |_: Malformed| Obstacle::Damaged(wanted.id);
    let index = index(blocks.block(wanted)?).map_err(damaged)?;
    let position = index.search(key).map_err(damaged)?;
    if position == index.len() {
        return Ok(None);
    }
    index
        .block(wanted.id.table, position)
        .map(Some)
        .map_err(damaged)
}
