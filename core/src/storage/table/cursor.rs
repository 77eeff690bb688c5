//! Goes through the pairs of tables that do not overlap, in either direction, with the blocks that
//! are in memory.

use super::block::{BlockId, BlockKind};
use super::directory::{Directory, Index};
use super::entries::{Decoded, Found, Malformed};
use super::reader::{Blocks, Obstacle, Wanted, top};
use crate::storage::key::compare;
use crate::storage::manifest::Table;
use core::cmp::Ordering;
use core::ops::Bound;

/// A place among the pairs of some tables.
#[derive(Debug)]
pub struct TableCursor<'a, B> {
    blocks: &'a B,
    /// In key order, without overlaps.
    tables: &'a [Table],
    is_reverse: bool,
    table: usize,
    directory: usize,
    block: usize,
    raw: &'a [u8],
    decoded: Decoded,
    at: Option<usize>,
}

/// Where to begin inside an index or a block.
#[derive(Clone, Copy)]
enum Start<'k> {
    Edge,
    Key(&'k [u8]),
}

impl<'a, B: Blocks> TableCursor<'a, B> {
    /// The first pair inside `start` in the direction of the cursor: forward that is a lower
    /// bound, in reverse an upper one.
    pub fn new(
        blocks: &'a B,
        tables: &'a [Table],
        start: Bound<&[u8]>,
        is_reverse: bool,
    ) -> Result<Self, Obstacle> {
        let mut cursor = Self {
            blocks,
            tables,
            is_reverse,
            table: 0,
            directory: 0,
            block: 0,
            raw: &[],
            decoded: Decoded::default(),
            at: None,
        };
        let (Bound::Included(key) | Bound::Excluded(key)) = start else {
            cursor.table = cursor.edge(tables.len()).unwrap_or(0);
            cursor.open_table(Start::Edge)?;
            return Ok(cursor);
        };
        let is_below = |table: &Table| compare(&table.properties.last, key) == Ordering::Less;
        let position = tables.partition_point(is_below);
        // In reverse the pairs sought are in that table or in the one before.
        cursor.table = if is_reverse {
            position.min(tables.len().saturating_sub(1))
        } else {
            position
        };
        cursor.open_table(Start::Key(key))?;
        cursor.settle(start)?;
        Ok(cursor)
    }

    /// The key here; `None` behind the last pair.
    #[must_use]
    pub fn key(&self) -> Option<&[u8]> {
        self.at.map(|at| self.decoded.key(at))
    }

    /// What the key here was stored with.
    #[must_use]
    pub fn found(&self) -> Option<Found<'a>> {
        self.at.map(|at| self.decoded.found(at, self.raw))
    }

    /// The number of the table here.
    #[must_use]
    pub fn table(&self) -> u64 {
        self.tables.get(self.table).map_or(0, |table| table.number)
    }

    /// Goes to the next pair in the direction of the cursor.
    pub fn advance(&mut self) -> Result<(), Obstacle> {
        let Some(at) = self.at else { return Ok(()) };
        match self.next(at, self.decoded.len()) {
            Some(next) => self.at = Some(next),
            None => self.next_block()?,
        }
        Ok(())
    }

    /// Passes over pairs that are outside of `start`: there is at most a block of them.
    fn settle(&mut self, start: Bound<&[u8]>) -> Result<(), Obstacle> {
        while let Some(key) = self.key() {
            let is_outside = match (start, self.is_reverse) {
                (Bound::Unbounded, _) => false,
                (Bound::Included(from), false) => compare(key, from) == Ordering::Less,
                (Bound::Excluded(from), false) => compare(key, from) != Ordering::Greater,
                (Bound::Included(to), true) => compare(key, to) == Ordering::Greater,
                (Bound::Excluded(to), true) => compare(key, to) != Ordering::Less,
            };
            if !is_outside {
                break;
            }
            self.advance()?;
        }
        Ok(())
    }

    fn open_table(&mut self, start: Start<'_>) -> Result<(), Obstacle> {
        let Some(table) = self.tables.get(self.table) else {
            self.at = None;
            return Ok(());
        };
        let (id, index) = self.top(table)?;
        match self
            .begin(&index, start)
            .map_err(|_| Obstacle::Damaged(id))?
        {
            Some(directory) => {
                self.directory = directory;
                self.open_directory(start)
            }
            None => self.next_table(),
        }
    }

    fn open_directory(&mut self, start: Start<'_>) -> Result<(), Obstacle> {
        let (id, directory) = self.current_directory()?;
        match self
            .begin(&directory.index, start)
            .map_err(|_| Obstacle::Damaged(id))?
        {
            Some(block) => {
                self.block = block;
                self.open_block(start)
            }
            None => self.next_directory(),
        }
    }

    fn open_block(&mut self, start: Start<'_>) -> Result<(), Obstacle> {
        let (id, directory) = self.current_directory()?;
        let damaged = |id: BlockId| move |_: Malformed| Obstacle::Damaged(id);
        let id = directory
            .index
            .block(id.table, self.block)
            .map_err(damaged(id))?;
        self.raw = self.blocks.block(Wanted {
            id,
            kind: BlockKind::Data,
        })?;
        self.decoded.load(self.raw).map_err(damaged(id))?;
        let length = self.decoded.len();
        self.at = match start {
            Start::Edge => self.edge(length),
            Start::Key(key) => match (self.decoded.search(key), self.is_reverse) {
                (position, false) => (position < length).then_some(position),
                (position, true) if position < length => Some(position),
                (_, true) => self.edge(length),
            },
        };
        if self.at.is_none() {
            self.next_block()
        } else {
            Ok(())
        }
    }

    fn next_block(&mut self) -> Result<(), Obstacle> {
        let (_, directory) = self.current_directory()?;
        match self.next(self.block, directory.index.len()) {
            Some(block) => {
                self.block = block;
                self.open_block(Start::Edge)
            }
            None => self.next_directory(),
        }
    }

    fn next_directory(&mut self) -> Result<(), Obstacle> {
        let Some(table) = self.tables.get(self.table) else {
            self.at = None;
            return Ok(());
        };
        let (_, index) = self.top(table)?;
        match self.next(self.directory, index.len()) {
            Some(directory) => {
                self.directory = directory;
                self.open_directory(Start::Edge)
            }
            None => self.next_table(),
        }
    }

    fn next_table(&mut self) -> Result<(), Obstacle> {
        match self.next(self.table, self.tables.len()) {
            Some(table) => {
                self.table = table;
                self.open_table(Start::Edge)
            }
            None => {
                self.at = None;
                Ok(())
            }
        }
    }

    fn top(&self, table: &Table) -> Result<(BlockId, Index<'a>), Obstacle> {
        let wanted = top(table);
        let index = Index::new(self.blocks.block(wanted)?);
        Ok((wanted.id, index.map_err(|_| Obstacle::Damaged(wanted.id))?))
    }

    fn current_directory(&self) -> Result<(BlockId, Directory<'a>), Obstacle> {
        let table = &self.tables[self.table];
        let (id, index) = self.top(table)?;
        let id = index
            .block(table.number, self.directory)
            .map_err(|_| Obstacle::Damaged(id))?;
        let raw = self.blocks.block(Wanted {
            id,
            kind: BlockKind::Directory,
        })?;
        let directory = Directory::new(raw).map_err(|_| Obstacle::Damaged(id))?;
        Ok((id, directory))
    }

    /// Where to begin in an index.
    fn begin(&self, index: &Index<'_>, start: Start<'_>) -> Result<Option<usize>, Malformed> {
        let Start::Key(key) = start else {
            return Ok(self.edge(index.len()));
        };
        let position = index.search(key)?;
        if position < index.len() {
            return Ok(Some(position));
        }
        // All are below the key: forward there is nothing here, in reverse the last may do.
        Ok(if self.is_reverse {
            self.edge(index.len())
        } else {
            None
        })
    }

    /// The first of `length` things in the direction of the cursor.
    fn edge(&self, length: usize) -> Option<usize> {
        let last = length.checked_sub(1)?;
        Some(if self.is_reverse { last } else { 0 })
    }

    fn next(&self, position: usize, length: usize) -> Option<usize> {
        if self.is_reverse {
            position.checked_sub(1)
        } else {
            (position + 1 < length).then_some(position + 1)
        }
    }
}
