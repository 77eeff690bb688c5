//! The tables that flushes, merges and ingestions write.

use crate::limits::TABLE_APPEND_BYTES;
use crate::storage::contract::{FileId, FileKind, StorageRequest};
use crate::storage::facts::Facts;
use crate::storage::manifest::Table;
use crate::storage::store::Lane;
use crate::storage::table::TableBuilder;
use crate::storage::table::builder::TableSettings;
use alloc::vec::Vec;

/// Writes pairs in key order into as many tables as they need.
#[derive(Debug)]
pub struct Output {
    settings: TableSettings,
    incarnation: u64,
    /// Length at which a table is closed, in bytes.
    table_bytes: u64,
    /// Bounds of when the pairs were written that do not say so themselves.
    written_ms: Option<(u64, u64)>,
    building: Option<TableBuilder>,
    finished: Vec<Table>,
}

impl Output {
    /// Nothing yet.
    #[must_use]
    pub const fn new(
        settings: TableSettings,
        incarnation: u64,
        table_bytes: u64,
        written_ms: Option<(u64, u64)>,
    ) -> Self {
        Self {
            settings,
            incarnation,
            table_bytes,
            written_ms,
            building: None,
            finished: Vec::new(),
        }
    }

    /// Adds a pair, whose key must be above the last one. `next_table` gives a new table its
    /// number.
    pub fn push(
        &mut self,
        key: &[u8],
        value: &[u8],
        facts: Facts,
        next_table: &mut u64,
        lane: &mut Lane,
    ) {
        let builder = self.building.get_or_insert_with(|| {
            let number = *next_table;
            *next_table += 1;
            TableBuilder::new(self.settings, self.incarnation, number)
        });
        builder.push(key, value, facts);
        if let Some((offset, bytes)) = builder.take(TABLE_APPEND_BYTES) {
            lane.push(append(builder.number(), offset, bytes));
        }
        if builder.length() >= self.table_bytes {
            self.close(lane);
        }
    }

    /// Ends the last table. All are durable when what is in `lane` by now is done.
    pub fn finish(&mut self, lane: &mut Lane) -> Vec<Table> {
        self.close(lane);
        core::mem::take(&mut self.finished)
    }

    /// Bytes in memory.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.building.as_ref().map_or(0, TableBuilder::memory)
    }

    fn close(&mut self, lane: &mut Lane) {
        let Some(mut builder) = self.building.take() else {
            return;
        };
        let table = builder.finish(self.written_ms);
        if let Some((offset, bytes)) = builder.take(1) {
            lane.push(append(table.number, offset, bytes));
        }
        lane.push(StorageRequest::Sync {
            file: file(table.number),
        });
        self.finished.push(table);
    }
}

fn append(table: u64, offset: u64, bytes: Vec<u8>) -> StorageRequest {
    StorageRequest::Append {
        file: file(table),
        offset,
        bytes,
    }
}

/// The file of table `number`.
#[must_use]
pub const fn file(number: u64) -> FileId {
    FileId {
        kind: FileKind::Table,
        number,
    }
}
