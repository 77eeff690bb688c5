//! Reads of one key. A read is a pure function of what is in memory: if a block is missing, the
//! caller loads it and asks again.

use super::{BatchNumber, Store, StoreEvent, take_number};
use crate::hash::hash64;
use crate::limits::LOADS_MAX;
use crate::sorted::Map;
use crate::storage::compaction::output::file;
use crate::storage::contract::{OperationId, StorageAnswer, StorageFault, StorageRequest};
use crate::storage::key::{StoredKey, partition_of};
use crate::storage::memtable::Slot;
use crate::storage::table::Place;
use crate::storage::table::block::{self, BlockError, BlockId};
use crate::storage::table::reader::{self, Obstacle, Wanted};
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// What is there for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup<'a> {
    /// Nothing.
    Absent,
    /// This state, durable.
    Durable(&'a [u8]),
    /// Something that becomes durable with this batch. It must not be shown before: a crash could
    /// take it back.
    Pending(BatchNumber),
    /// This block must be loaded first.
    Unloaded(Wanted),
    /// What is there cannot be read: this block is not what was written.
    Damaged(BlockId),
}

/// The newest state of a key, durable or not: what the next write builds on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Newest<'a> {
    /// There is none.
    Absent,
    /// This one.
    State(&'a [u8]),
    /// This block must be loaded first.
    Unloaded(Wanted),
    /// What is there cannot be read: this block is not what was written.
    Damaged(BlockId),
}

/// Blocks that are being read.
#[derive(Debug, Default)]
pub(super) struct Loads {
    under_way: Map<OperationId, Wanted>,
    by_name: Map<(u64, u64), OperationId>,
    waiting: VecDeque<OperationId>,
    started: usize,
}

impl Loads {
    pub(super) fn awaits(&self, operation: OperationId) -> bool {
        self.under_way.contains(operation)
    }

    /// Whether blocks of `table` are being read.
    pub(super) fn is_reading(&self, table: u64) -> bool {
        self.by_name
            .range((table, 0)..=(table, u64::MAX))
            .next()
            .is_some()
    }

    /// The next read, if not too many are under way.
    pub(super) fn start(&mut self) -> Option<(OperationId, StorageRequest)> {
        if self.started >= LOADS_MAX {
            return None;
        }
        let operation = self.waiting.pop_front()?;
        let wanted = self.under_way.get(operation)?;
        self.started += 1;
        let request = StorageRequest::Read {
            file: file(wanted.id.table),
            offset: wanted.id.offset,
            length: wanted.id.length,
        };
        Some((operation, request))
    }

    /// Gives up all of them.
    pub(super) fn abandon(&mut self) -> Vec<OperationId> {
        let all = core::mem::take(self);
        all.under_way.keys().collect()
    }

    fn end(&mut self, operation: OperationId) -> Option<Wanted> {
        let wanted = self.under_way.remove(operation)?;
        self.by_name.remove((wanted.id.table, wanted.id.offset));
        self.started -= 1;
        Some(wanted)
    }
}

impl Store {
    /// What is there for `key`, as far as others may see it.
    #[must_use]
    pub fn lookup(&self, key: &StoredKey) -> Lookup<'_> {
        if let Some(slot) = self.in_memtables(key.as_bytes()) {
            return if slot.batch <= self.durable() {
                Lookup::Durable(&slot.set)
            } else {
                Lookup::Pending(slot.batch)
            };
        }
        match self.in_tables(key.as_bytes()) {
            Ok(Some(state)) => Lookup::Durable(state),
            Ok(None) => Lookup::Absent,
            Err(Obstacle::Unloaded(wanted)) => Lookup::Unloaded(wanted),
            Err(Obstacle::Damaged(id)) => Lookup::Damaged(id),
        }
    }

    /// The newest state of `key`, durable or not.
    #[must_use]
    pub fn newest(&self, key: &StoredKey) -> Newest<'_> {
        if let Some(slot) = self.in_memtables(key.as_bytes()) {
            return Newest::State(&slot.set);
        }
        match self.in_tables(key.as_bytes()) {
            Ok(Some(state)) => Newest::State(state),
            Ok(None) => Newest::Absent,
            Err(Obstacle::Unloaded(wanted)) => Newest::Unloaded(wanted),
            Err(Obstacle::Damaged(id)) => Newest::Damaged(id),
        }
    }

    /// Loads a block. [`StoreEvent::Loaded`] comes with the number that is returned; several loads
    /// of one block share it.
    pub fn load(&mut self, wanted: Wanted) -> OperationId {
        let name = (wanted.id.table, wanted.id.offset);
        if let Some(operation) = self.loads.by_name.get(name) {
            return *operation;
        }
        let operation = take_number(&mut self.next_operation);
        self.loads.by_name.insert(name, operation);
        self.loads.under_way.insert(operation, wanted);
        self.loads.waiting.push_back(operation);
        operation
    }

    pub(super) fn loaded(
        &mut self,
        operation: OperationId,
        result: &Result<StorageAnswer<'_>, StorageFault>,
    ) {
        let Some(wanted) = self.loads.end(operation) else {
            return;
        };
        let place = Place {
            incarnation: self.manifest.incarnation,
            table: wanted.id.table,
            offset: wanted.id.offset,
        };
        let decoded = match result {
            Ok(StorageAnswer::Bytes(bytes)) => block::decode(place, wanted.kind, bytes),
            Ok(StorageAnswer::Done) | Err(_) => Err(BlockError::Unreadable),
        };
        match decoded {
            Ok(bytes) => {
                self.counters.blocks_read += 1;
                self.balance();
                self.cache.insert(wanted.id, bytes);
            }
            Err(error) => self.found_damage(wanted.id, error),
        }
        self.delete_doomed(wanted.id.table);
        self.events.push_back(StoreEvent::Loaded(operation));
    }

    fn found_damage(&mut self, id: BlockId, error: BlockError) {
        self.cache.mark_damaged(id, error);
        self.events.push_back(StoreEvent::Damaged {
            table: id.table,
            offset: id.offset,
            error,
        });
    }

    fn in_memtables(&self, key: &[u8]) -> Option<&Slot> {
        let frozen = self.frozen.iter().rev();
        core::iter::once(&self.active)
            .chain(frozen)
            .find_map(|memtable| memtable.get(key))
    }

    fn in_tables(&self, key: &[u8]) -> Result<Option<&[u8]>, Obstacle> {
        let hash = hash64(key);
        let dropped = self.manifest.dropped_before(partition_of(key));
        for table in self.manifest.levels.holding(key) {
            if table.number < dropped {
                continue;
            }
            if let Some(found) = reader::get(&self.cache, table, key, hash)? {
                return Ok(Some(found.value));
            }
        }
        Ok(None)
    }
}
