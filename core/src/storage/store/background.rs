//! Flushes and merges, a step at a time: a request never waits for more than one.

use super::installing::Installation;
use super::{Phase, Store, StoreEvent};
use crate::limits::{STEP_BYTES, STEP_BYTES_MAX};
use crate::storage::compaction::choose;
use crate::storage::compaction::merge::{BadTable, Merge, Progress, World};
use crate::storage::compaction::output::Output;
use crate::storage::contract::{OperationId, StorageAnswer, StorageFault};
use crate::storage::key::{StoredKey, partition_of};
use crate::storage::manifest::{Change, Table};
use crate::storage::memtable::Memtable;
use crate::storage::table::block::BlockError;
use crate::time::Instant;
use alloc::vec::Vec;
use core::ops::Bound;

/// The oldest frozen memtable on its way into a table.
#[derive(Debug)]
pub(super) struct Flush {
    /// The last key that is in the table.
    last: Option<StoredKey>,
    output: Output,
    /// All is written; the manifest follows.
    is_installing: bool,
}

impl Flush {
    pub(super) fn memory(&self) -> usize {
        self.output.memory()
    }
}

impl Store {
    /// Whether `work` would do something now.
    pub(super) fn has_work(&self) -> bool {
        !self.lane.is_clogged() && (self.may_flush() || self.may_merge_now())
    }

    /// When expired pairs are to be looked for next.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        if self.may_merge || self.merge.is_some() {
            return None;
        }
        let tables = self.manifest.levels.tables();
        let expiring = tables.filter(|table| table.properties.expiring > 0);
        let due = expiring.map(|table| &table.properties).map(|properties| {
            let span = properties.last_expiry_ms - properties.first_expiry_ms;
            properties.first_expiry_ms.saturating_add(span / 2)
        });
        let after = self.merge_checked_ms.saturating_add(1_000);
        due.min()
            .map(|at| Instant::from_micros(at.max(after).saturating_mul(1_000)))
    }

    /// One step of background work. Flushes come first: they free memory.
    pub(super) fn work(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::Open { .. }) || self.lane.is_clogged() {
            return;
        }
        if self.next_expiry().is_some_and(|at| at <= now) {
            self.may_merge = true;
        }
        let budget = self.owed.clamp(STEP_BYTES, STEP_BYTES_MAX);
        self.owed = self.owed.saturating_sub(budget);
        if self.may_flush() {
            self.step_flush(budget);
        } else if self.may_merge_now() {
            self.step_merge(now, budget);
        }
        self.balance();
    }

    fn may_flush(&self) -> bool {
        match &self.flush {
            Some(flush) => !flush.is_installing,
            // All of it must be durable, and what stands in the place of its log segment too.
            None => self.frozen.front().is_some_and(|memtable| {
                let is_open = matches!(&self.phase, Phase::Open { writer, .. } if writer.segment() > memtable.segment());
                is_open && memtable.last_batch() <= self.durable() && self.is_next_segment_begun()
                    && self.noted <= self.durable()
            }),
        }
    }

    /// Whether the first batch behind the oldest frozen memtable is durable.
    fn is_next_segment_begun(&self) -> bool {
        let Phase::Open { writer, .. } = &self.phase else {
            return false;
        };
        let oldest = self.frozen.front().map_or(0, Memtable::segment);
        writer.segment() > oldest + 1 || writer.segment_bytes() > 0
    }

    fn may_merge_now(&self) -> bool {
        match &self.merge {
            Some(_) => !self.merge_waits,
            None => self.may_merge && self.installations.is_empty(),
        }
    }

    fn output(&self, table_bytes: u64, written_ms: Option<(u64, u64)>) -> Output {
        let incarnation = self.manifest.incarnation;
        Output::new(self.settings.tables(), incarnation, table_bytes, written_ms)
    }

    fn step_flush(&mut self, budget: usize) {
        // A flush makes one table, however large: each one of level 0 is a place to look.
        let mut flush = self.flush.take().unwrap_or_else(|| Flush {
            last: None,
            output: self.output(u64::MAX, None),
            is_installing: false,
        });
        let Some(memtable) = self.frozen.front() else {
            return;
        };
        let from = match &flush.last {
            None => Bound::Unbounded,
            Some(last) => Bound::Excluded(last.as_bytes()),
        };
        let mut spent = 0;
        let mut reached = None;
        for (key, slot) in memtable.range(from, Bound::Unbounded) {
            if spent >= budget {
                break;
            }
            spent += key.as_bytes().len() + slot.set.len();
            let next_table = &mut self.planned.next_table;
            flush.output.push(
                key.as_bytes(),
                &slot.set,
                slot.facts,
                next_table,
                &mut self.lane,
            );
            reached = Some(key);
        }
        if spent >= budget {
            flush.last = reached.cloned();
            self.flush = Some(flush);
            return;
        }
        let add = flush.output.finish(&mut self.lane);
        flush.is_installing = true;
        let installation = Installation {
            change: Change {
                add,
                ..Change::default()
            },
            log_start: Some(memtable.segment() + 1),
            new_keys: memtable.new_keys().clone(),
            ..Installation::default()
        };
        self.flush = Some(flush);
        self.counters.flushes += 1;
        self.install(installation);
    }

    fn step_merge(&mut self, now: Instant, budget: usize) {
        let Some(mut merge) = self.merge.take() else {
            return self.begin_merge(now);
        };
        let world = World {
            now_ms: now.as_millis(),
            reading: self.settings.reading,
            levels: &self.manifest.levels,
            drops: &self.manifest.drops,
            forget_ms: &self.forget_ms,
        };
        let next_table = &mut self.planned.next_table;
        match merge.step(world, budget, next_table, &mut self.lane) {
            Ok(Progress::Done) => self.end_merge(merge),
            Ok(progress) => {
                self.merge_waits = progress == Progress::Waiting;
                self.read_for(&mut merge);
                self.merge = Some(merge);
            }
            Err(bad) => {
                self.merge = Some(merge);
                self.abandon_merge(bad);
            }
        }
    }

    /// Chooses the next merge, if there is something to merge.
    fn begin_merge(&mut self, now: Instant) {
        let resting = &self.resting;
        let forget = |first: &[u8], last: &[u8]| {
            let range = partition_of(first)..=partition_of(last);
            let count = usize::from(range.end().0 - range.start().0) + 1;
            let known = self.forget_ms.range(range);
            let times: Vec<u64> = known
                .filter_map(|it| self.forget_ms.get(it).copied())
                .collect();
            // A partition of which nothing was said needs all of its tombstones.
            if times.len() < count {
                0
            } else {
                times.into_iter().min().unwrap_or(0)
            }
        };
        let chosen = choose(
            &self.manifest.levels,
            &self.sizes.goals,
            now.as_millis(),
            &|table| resting.contains(table),
            &forget,
        );
        self.merge_checked_ms = now.as_millis();
        let Some(plan) = chosen else {
            self.may_merge = false;
            return;
        };
        self.counters.merges += 1;
        if plan.is_move {
            let remove = plan.numbers();
            let add: Vec<Table> = plan.inputs.into_iter().flatten().collect();
            return self.install(Installation {
                change: Change {
                    remove,
                    add,
                    level: plan.level,
                },
                ..Installation::default()
            });
        }
        let properties = || plan.inputs.iter().flatten().map(|table| &table.properties);
        let oldest = properties().map(|properties| properties.oldest_ms).min();
        let newest = properties().map(|properties| properties.newest_ms).max();
        let output = self.output(self.sizes.table, oldest.zip(newest));
        let mut merge = Merge::new(plan, output, self.manifest.incarnation, self.sizes.read);
        self.read_for(&mut merge);
        self.merge = Some(merge);
        self.merge_waits = true;
    }

    fn read_for(&mut self, merge: &mut Merge) {
        merge.reads(&mut |request| {
            let operation = super::take_number(&mut self.next_operation);
            self.requests.push_back((operation, request));
            operation
        });
    }

    fn end_merge(&mut self, mut merge: Merge) {
        let (add, forgotten) = merge.finish(&mut self.lane);
        self.install(Installation {
            change: Change {
                remove: merge.plan().numbers(),
                add,
                level: merge.plan().level,
            },
            forgotten,
            ..Installation::default()
        });
    }

    pub(super) fn merge_fed(
        &mut self,
        operation: OperationId,
        result: &Result<StorageAnswer<'_>, StorageFault>,
    ) {
        let Some(mut merge) = self.merge.take() else {
            return;
        };
        let fed = match result {
            Ok(StorageAnswer::Bytes(bytes)) => merge.feed(operation, bytes),
            Ok(StorageAnswer::Done) | Err(_) => Err(merge.unreadable(operation)),
        };
        match fed {
            Ok(_) => {
                self.merge_waits = false;
                self.read_for(&mut merge);
                self.merge = Some(merge);
            }
            Err(bad) => {
                self.merge = Some(merge);
                self.abandon_merge(bad);
            }
        }
    }

    /// Leaves a table that cannot be read as it is, and what the merge has written for the next
    /// opening to clear away. The pairs that can be read stay readable.
    fn abandon_merge(&mut self, bad: BadTable) {
        let merge = self.merge.take();
        // Answers that are still to come are nobody's any more: tables are never deleted under
        // them, since they are still in the levels.
        drop(merge);
        self.resting.insert(bad.number);
        self.events.push_back(StoreEvent::Damaged {
            table: bad.number,
            offset: bad.offset,
            error: bad.error,
        });
    }
}

impl Merge {
    /// What to say of a read that has failed.
    fn unreadable(&self, operation: OperationId) -> BadTable {
        BadTable {
            number: self.table_of(operation).unwrap_or(0),
            offset: 0,
            error: BlockError::Unreadable,
        }
    }
}
