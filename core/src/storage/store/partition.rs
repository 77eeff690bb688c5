//! A partition as a whole: a contiguous range of keys that is counted, digested, handed over as a
//! sorted snapshot, taken in, and dropped.

use super::installing::Installation;
use super::{BatchNumber, Page, Scan, Scanned, Store};
use crate::hash::hash64;
use crate::id::PartitionId;
use crate::limits::{LEVELS, SCAN_ENTRIES_MAX};
use crate::sorted::Map;
use crate::storage::compaction::output::Output;
use crate::storage::facts::Facts;
use crate::storage::key::{StoredKey, compare};
use crate::storage::log::Record;
use crate::storage::manifest::{Change, Levels, Table};
use crate::storage::memtable::Memtable;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;
use core::ops::Bound;

/// A partition that is being taken in.
#[derive(Debug)]
pub(super) struct Ingestion {
    partition: PartitionId,
    output: Output,
    last: Option<StoredKey>,
    keys: u64,
}

impl Ingestion {
    pub(super) fn memory(&self) -> usize {
        self.output.memory()
    }
}

/// Why a partition cannot be taken in. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IngestError {
    /// It has keys here already: those must be merged, not replaced.
    NotEmpty,
    /// Another one is being taken in, or none is.
    Order,
    /// The pair is of another partition, or not above the one before.
    Unsorted,
    /// The medium does not keep up; try again later.
    Busy,
}

impl fmt::Display for IngestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotEmpty => "the partition has keys here; only an empty one can be taken in",
            Self::Order => "one partition at a time is taken in: begin, pairs, end",
            Self::Unsorted => "pairs must be of the partition and in rising key order",
            Self::Busy => "the storage does not keep up; try again later",
        })
    }
}

impl core::error::Error for IngestError {}

/// The digest of a range: equal for equal pairs, in whatever pages they come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DigestOf {
    /// Pairs.
    pub entries: u64,
    /// The sum, modulo 2^64, of the xxh3-64 of each pair: of its key's hash and its state's.
    pub sum: u64,
}

impl DigestOf {
    /// Takes in the pairs of a page.
    pub fn add(&mut self, page: &Page) {
        for entry in &page.entries {
            let mut hashes = [0; 16];
            hashes[..8].copy_from_slice(&hash64(entry.key.as_bytes()).to_le_bytes());
            hashes[8..].copy_from_slice(&hash64(&entry.set).to_le_bytes());
            self.sum = self.sum.wrapping_add(hash64(&hashes));
            self.entries += 1;
        }
    }
}

impl Store {
    /// Keys of `partition`, tombstones included; counted as [`Store::keys`] is.
    #[must_use]
    pub fn keys_of(&self, partition: PartitionId) -> u64 {
        let of = |keys: &Map<PartitionId, u64>| keys.get(partition).copied().unwrap_or(0);
        let memtables = self
            .frozen
            .iter()
            .chain([&self.active])
            .map(Memtable::new_keys);
        of(&self.manifest.keys) + memtables.map(of).sum::<u64>()
    }

    /// The next pairs of `partition`, tombstones included, behind `after`.
    #[must_use]
    pub fn scan_partition(&self, partition: PartitionId, after: Option<&StoredKey>) -> Scanned {
        let first = partition.0.to_be_bytes();
        let next = partition.0.checked_add(1).map(u16::to_be_bytes);
        self.scan(&Scan {
            from: after.map_or(Bound::Included(&first), |key| {
                Bound::Excluded(key.as_bytes())
            }),
            to: next
                .as_ref()
                .map_or(Bound::Unbounded, |next| Bound::Excluded(next)),
            is_reverse: false,
            live_at_ms: None,
            shows_pending: false,
            entries_max: SCAN_ENTRIES_MAX,
            bytes_max: usize::MAX,
        })
    }

    /// Drops everything of `partition`: one log record, however much there is. What tables have of
    /// it is not read any more and goes with their next merge.
    ///
    /// # Panics
    /// If the storage is not open.
    pub fn drop_partition(&mut self, partition: PartitionId) -> BatchNumber {
        let before_table = self.planned.next_table;
        let batch = self.log(&Record::Drop {
            partition,
            before_table,
        });
        for memtable in self.frozen.iter_mut().chain([&mut self.active]) {
            memtable.remove_partition(partition);
        }
        for manifest in [&mut self.manifest, &mut self.planned] {
            manifest.drop_partition(partition, before_table);
        }
        self.balance();
        batch
    }

    /// Tombstones of `partition` that were written until `until_ms`, in milliseconds since the Unix
    /// epoch, may be forgotten: no replica needs them any more. Merges do it.
    pub fn forget_until(&mut self, partition: PartitionId, until_ms: u64) {
        self.forget_ms.insert(partition, until_ms);
        self.may_merge = true;
    }

    /// Begins to take in `partition`, which must be empty here and not be written to until the end.
    pub fn begin_ingestion(&mut self, partition: PartitionId) -> Result<(), IngestError> {
        if self.ingestion.is_some() {
            return Err(IngestError::Order);
        }
        if self.keys_of(partition) > 0 {
            return Err(IngestError::NotEmpty);
        }
        let incarnation = self.manifest.incarnation;
        self.ingestion = Some(Ingestion {
            partition,
            output: Output::new(self.settings.tables(), incarnation, self.sizes.table, None),
            last: None,
            keys: 0,
        });
        Ok(())
    }

    /// Takes in the next pair.
    pub fn ingest(&mut self, key: StoredKey, set: &[u8], facts: Facts) -> Result<(), IngestError> {
        let Some(ingestion) = &mut self.ingestion else {
            return Err(IngestError::Order);
        };
        if self.lane.is_clogged() {
            return Err(IngestError::Busy);
        }
        let is_next = ingestion.last.as_ref().is_none_or(|last| *last < key);
        if key.partition() != ingestion.partition || !is_next {
            return Err(IngestError::Unsorted);
        }
        let next_table = &mut self.planned.next_table;
        ingestion
            .output
            .push(key.as_bytes(), set, facts, next_table, &mut self.lane);
        ingestion.keys += 1;
        ingestion.last = Some(key);
        Ok(())
    }

    /// All pairs are there. [`super::StoreEvent::Ingested`] comes when they can be read.
    pub fn end_ingestion(&mut self) -> Result<(), IngestError> {
        let mut ingestion = self.ingestion.take().ok_or(IngestError::Order)?;
        if self.keys_of(ingestion.partition) > 0 {
            return Err(IngestError::NotEmpty);
        }
        let add = ingestion.output.finish(&mut self.lane);
        let level = level_for(&self.planned.levels, &add);
        self.install(Installation {
            change: Change {
                add,
                level,
                ..Change::default()
            },
            new_keys: core::iter::once((ingestion.partition, ingestion.keys)).collect(),
            ingested: Some(ingestion.partition),
            ..Installation::default()
        });
        Ok(())
    }
}

/// The lowest level to which tables of keys that are new can go: nothing above may reach into
/// their range, for what is above is taken to be newer.
fn level_for(levels: &Levels, tables: &[Table]) -> usize {
    let (Some(first), Some(last)) = (tables.first(), tables.last()) else {
        return 0;
    };
    let (first, last) = (&first.properties.first, &last.properties.last);
    let reaches_in = |table: &Table| {
        let properties = &table.properties;
        compare(&properties.first, last) != Ordering::Greater
            && compare(first, &properties.last) != Ordering::Greater
    };
    if levels.level(0).iter().any(reaches_in) {
        return 0;
    }
    let free = (1..LEVELS).take_while(|level| levels.overlapping(*level, first, last).is_empty());
    free.last().unwrap_or(0)
}

/// Pairs as bytes for another node: a chunk of a sorted snapshot.
///
/// A chunk is a data block at place (`0`, the partition, its number among the chunks): so one that
/// is damaged, of another partition or out of order is found out.
pub mod snapshot {
    use super::{Facts, Page, PartitionId, StoredKey, Vec};
    use crate::limits::RESTART_INTERVAL;
    use crate::storage::store::ScannedEntry;
    use crate::storage::table::block::{self, BlockError, BlockKind, Place};
    use crate::storage::table::entries::{Decoded, EntriesBuilder};

    const fn place(partition: PartitionId, number: u64) -> Place {
        Place {
            incarnation: 0,
            table: partition.0 as u64,
            offset: number,
        }
    }

    /// Chunk `number` of `partition`.
    #[must_use]
    pub fn encode(partition: PartitionId, number: u64, page: &Page) -> Vec<u8> {
        let mut builder = EntriesBuilder::new(RESTART_INTERVAL);
        for ScannedEntry { key, set, facts } in &page.entries {
            builder.push(key.as_bytes(), set, facts.is_tombstone, facts.expires_at_ms);
        }
        let (mut raw, mut chunk) = (Vec::new(), Vec::new());
        builder.finish(&mut raw);
        block::encode(place(partition, number), BlockKind::Data, &raw, &mut chunk);
        chunk
    }

    /// The pairs in chunk `number` of `partition`.
    pub fn decode(
        partition: PartitionId,
        number: u64,
        chunk: &[u8],
    ) -> Result<Vec<(StoredKey, Vec<u8>, Facts)>, BlockError> {
        let raw = block::decode(place(partition, number), BlockKind::Data, chunk)?;
        let mut decoded = Decoded::default();
        decoded.load(&raw).map_err(|_| BlockError::Malformed)?;
        let pair = |index: usize| {
            let key = StoredKey::from_bytes(decoded.key(index)).ok_or(BlockError::Malformed)?;
            let found = decoded.found(index, &raw);
            Ok((key, found.value.to_vec(), found.facts()))
        };
        (0..decoded.len()).map(pair).collect()
    }
}
