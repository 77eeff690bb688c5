//! The manifest follows what flushes, merges and ingestions have written.
//!
//! An installation goes through the lane behind the tables that it names: so a manifest never
//! names a table that is not durable, and nothing is deleted that a durable manifest names.

use super::lane::Ended;
use super::opening::MANIFEST;
use super::{Phase, Store, StoreEvent};
use crate::id::PartitionId;
use crate::sorted::Map;
use crate::storage::compaction::output::file;
use crate::storage::contract::{FileId, FileKind, StorageFault, StorageRequest};
use crate::storage::key::partition_of;
use crate::storage::manifest::{Change, Manifest};
use crate::time::Instant;

/// A change of the manifest.
#[derive(Clone, Debug, Default)]
pub(super) struct Installation {
    pub(super) change: Change,
    /// The oldest frozen memtable is in a table: the log is needed from here on.
    pub(super) log_start: Option<u64>,
    /// Keys that come, by partition.
    pub(super) new_keys: Map<PartitionId, u64>,
    /// Keys that go, by partition.
    pub(super) forgotten: Map<PartitionId, u64>,
    /// The partition that was taken in.
    pub(super) ingested: Option<PartitionId>,
}

impl Manifest {
    fn install(&mut self, installation: &Installation) {
        self.levels.apply(installation.change.clone());
        for (partition, new) in installation.new_keys.iter() {
            *self.keys.get_or_default(partition) += new;
        }
        for (partition, gone) in installation.forgotten.iter() {
            let keys = self.keys.get_or_default(partition);
            *keys = keys.saturating_sub(*gone);
        }
        self.keys.retain(|_, keys| *keys > 0);
        if let Some(log_start) = installation.log_start {
            self.log_start = log_start;
        }
        let levels = &self.levels;
        self.drops.retain(|partition, before| {
            levels.tables().any(|table| {
                let (first, last) = (&table.properties.first, &table.properties.last);
                let range = partition_of(first)..=partition_of(last);
                table.number < *before && range.contains(&partition)
            })
        });
    }

    /// Notes that tables below `before_table` have nothing of `partition` any more.
    pub(super) fn drop_partition(&mut self, partition: PartitionId, before_table: u64) {
        self.drops.insert(partition, before_table);
        self.keys.remove(partition);
    }

    /// Tables with numbers below this have nothing of `partition`.
    pub(super) fn dropped_before(&self, partition: PartitionId) -> u64 {
        if self.drops.is_empty() {
            return 0;
        }
        self.drops.get(partition).copied().unwrap_or(0)
    }
}

impl Store {
    /// Puts a change on its way, behind all that is in the lane by now.
    pub(super) fn install(&mut self, installation: Installation) {
        self.planned.install(&installation);
        self.lane.push_install(StorageRequest::Replace {
            file: MANIFEST,
            bytes: self.planned.encode(),
        });
        self.installations.push_back(installation);
    }

    /// The request of the lane that was under way has ended.
    pub(super) fn lane_ended(&mut self, now: Instant, fault: Option<StorageFault>) {
        match self.lane.end(now, fault) {
            Ended::Done { is_install: false } => {}
            Ended::Done { is_install: true } => self.installed(),
            Ended::Full => self.events.push_back(StoreEvent::Full),
            Ended::Failed(why) => self.fail(&why),
        }
    }

    /// The manifest with the oldest change is durable: from now on reads go by it.
    fn installed(&mut self) {
        let Some(installation) = self.installations.pop_front() else {
            return;
        };
        self.manifest.install(&installation);
        self.may_merge = true;
        self.events
            .extend(installation.ingested.map(StoreEvent::Ingested));
        if let Some(log_start) = installation.log_start {
            self.flushed(log_start);
        }
        let Change { add, remove, .. } = &installation.change;
        let is_gone = |number: &u64| !add.iter().any(|table| table.number == *number);
        for number in remove.iter().filter(is_gone) {
            self.cache.forget(number);
            self.doomed.insert(number);
            self.delete_doomed(number);
        }
        self.balance();
    }

    fn flushed(&mut self, log_start: u64) {
        self.flush = None;
        self.frozen.pop_front();
        if let Phase::Open { writer, .. } = &mut self.phase {
            writer.forget_before(log_start);
        }
        self.lane.push(StorageRequest::Delete {
            file: FileId {
                kind: FileKind::Log,
                number: log_start - 1,
            },
        });
    }

    /// Deletes a table that is no longer in the manifest, once nobody reads it.
    pub(super) fn delete_doomed(&mut self, number: u64) {
        if self.doomed.contains(number) && !self.loads.is_reading(number) {
            self.doomed.remove(number);
            self.lane
                .push(StorageRequest::Delete { file: file(number) });
        }
    }
}
