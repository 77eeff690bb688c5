//! Merges tables into new ones, in steps of bounded work.
//!
//! Each input is read in large pieces, past the cache, one piece ahead of the merge. Of each key
//! the newest state that counts is kept.

use super::choose::Plan;
use super::output::{Output, file};
use crate::id::PartitionId;
use crate::sorted::Map;
use crate::storage::contract::{OperationId, StorageRequest};
use crate::storage::facts::Reading;
use crate::storage::key::{compare, partition_of};
use crate::storage::manifest::{Levels, Table};
use crate::storage::store::Lane;
use crate::storage::table::block::BlockError;
use crate::storage::table::stream::{Streamed, TableStream};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::cmp::Ordering;

/// A merge under way.
#[derive(Debug)]
pub struct Merge {
    plan: Plan,
    sources: Vec<Source>,
    output: Output,
    incarnation: u64,
    /// Most bytes of one read.
    read_bytes: usize,
    /// Keys that are gone, by partition.
    forgotten: Map<PartitionId, u64>,
    read_total: u64,
}

/// What a merge must know of the world, which may change between two steps.
#[derive(Clone, Copy, Debug)]
pub struct World<'a> {
    /// The time.
    pub now_ms: u64,
    /// How states are understood.
    pub reading: Reading,
    /// The tables there are.
    pub levels: &'a Levels,
    /// Dropped partitions.
    pub drops: &'a Map<PartitionId, u64>,
    /// Until when tombstones may be forgotten, by partition.
    pub forget_ms: &'a Map<PartitionId, u64>,
}

/// What a step has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more to do at once.
    More,
    /// A read must come first.
    Waiting,
    /// All pairs are in the output.
    Done,
}

/// A table that cannot be merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadTable {
    /// Which one.
    pub number: u64,
    /// Where, in bytes.
    pub offset: u64,
    /// What is wrong.
    pub error: BlockError,
}

/// One input: tables that do not overlap, one after another.
#[derive(Debug)]
struct Source {
    tables: VecDeque<Table>,
    number: u64,
    stream: TableStream,
    read: Option<OperationId>,
    /// What is buffered ends inside of a block.
    is_starved: bool,
    state: State,
    /// The first bytes of the key, which decide most comparisons.
    head: [u64; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Hungry,
    AtPair,
    Ended,
}

impl Merge {
    /// Begins what `plan` says.
    #[must_use]
    pub fn new(plan: Plan, output: Output, incarnation: u64, read_bytes: usize) -> Self {
        let sources = plan
            .inputs
            .iter()
            .map(|tables| Source::new(tables, incarnation))
            .collect();
        Self {
            plan,
            sources,
            output,
            incarnation,
            read_bytes,
            forgotten: Map::new(),
            read_total: 0,
        }
    }

    /// What is being done.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Bytes that were read.
    #[must_use]
    pub const fn read_total(&self) -> u64 {
        self.read_total
    }

    /// The reads that are wanted now.
    pub fn reads(&mut self, request: &mut dyn FnMut(StorageRequest) -> OperationId) {
        for source in &mut self.sources {
            // A block may be longer than a read: one that waits for its rest gets it.
            let has_enough = source.stream.buffered() >= self.read_bytes && !source.is_starved;
            if source.read.is_some() || has_enough {
                continue;
            }
            let Some((offset, rest)) = source.stream.next_read() else {
                continue;
            };
            let length = u32::try_from(rest.min(self.read_bytes as u64)).unwrap_or(u32::MAX);
            source.read = Some(request(StorageRequest::Read {
                file: file(source.number),
                offset,
                length,
            }));
        }
    }

    /// Takes the bytes of `operation`; `false` if it is not one of this merge's.
    pub fn feed(&mut self, operation: OperationId, bytes: &[u8]) -> Result<bool, BadTable> {
        let Some(source) = self
            .sources
            .iter_mut()
            .find(|source| source.read == Some(operation))
        else {
            return Ok(false);
        };
        source.read = None;
        if bytes.is_empty() {
            let offset = source.stream.next_read().map_or(0, |(offset, _)| offset);
            return Err(BadTable {
                number: source.number,
                offset,
                error: BlockError::Short,
            });
        }
        self.read_total += bytes.len() as u64;
        source.stream.feed(bytes);
        source.is_starved = false;
        Ok(true)
    }

    /// Whether `operation` is a read of this merge.
    #[must_use]
    pub fn awaits(&self, operation: OperationId) -> bool {
        self.sources
            .iter()
            .any(|source| source.read == Some(operation))
    }

    /// The table that `operation` reads.
    #[must_use]
    pub fn table_of(&self, operation: OperationId) -> Option<u64> {
        let mut sources = self.sources.iter();
        sources
            .find(|source| source.read == Some(operation))
            .map(|source| source.number)
    }

    /// Reads under way.
    pub fn under_way(&self) -> impl Iterator<Item = OperationId> {
        self.sources.iter().filter_map(|source| source.read)
    }

    /// Goes through about `budget` bytes of pairs.
    pub fn step(
        &mut self,
        world: World<'_>,
        budget: usize,
        next_table: &mut u64,
        lane: &mut Lane,
    ) -> Result<Progress, BadTable> {
        let mut spent = 0;
        while spent < budget {
            for source in &mut self.sources {
                if source.state == State::Hungry && !source.advance(self.incarnation)? {
                    return Ok(Progress::Waiting);
                }
            }
            let Some(newest) = self.lowest() else {
                return Ok(Progress::Done);
            };
            spent += self.take(newest, world, next_table, lane);
        }
        Ok(Progress::More)
    }

    /// Ends the output: its tables, and the keys that are gone, by partition.
    pub fn finish(&mut self, lane: &mut Lane) -> (Vec<Table>, Map<PartitionId, u64>) {
        (
            self.output.finish(lane),
            core::mem::take(&mut self.forgotten),
        )
    }

    /// Bytes in memory.
    #[must_use]
    pub fn memory(&self) -> usize {
        let buffered = |source: &Source| source.stream.memory() + self.read_bytes;
        self.sources.iter().map(buffered).sum::<usize>() + self.output.memory()
    }

    /// The source with the lowest key, of several the newest.
    fn lowest(&self) -> Option<usize> {
        let mut lowest: Option<usize> = None;
        for (index, source) in self.sources.iter().enumerate() {
            if source.state == State::AtPair
                && lowest.is_none_or(|best| source.cmp_key(&self.sources[best]) == Ordering::Less)
            {
                lowest = Some(index);
            }
        }
        lowest
    }

    /// Takes the pair of source `newest`, and the older states of its key with it. Returns the
    /// bytes gone through.
    fn take(
        &mut self,
        newest: usize,
        world: World<'_>,
        next_table: &mut u64,
        lane: &mut Lane,
    ) -> usize {
        let (key, sources) = (self.sources[newest].stream.key(), &self.sources);
        let partition = partition_of(key);
        let head = sources[newest].head;
        let is_same = |source: &Source| {
            source.state == State::AtPair
                && source.head == head
                && compare(source.stream.key(), key) == Ordering::Equal
        };
        let is_dropped = |source: &Source| {
            world
                .drops
                .get(partition)
                .is_some_and(|before| source.number < *before)
        };
        let mut spent = 0;
        let mut same = [false; crate::limits::COMPACTION_TABLES_MAX + 1];
        let mut kept = None;
        for (index, source) in sources.iter().enumerate() {
            if is_same(source) {
                same[index] = true;
                spent += key.len() + source.stream.found().value.len();
                if kept.is_none() && !is_dropped(source) {
                    kept = Some(source.stream.found());
                }
            }
        }
        if let Some(found) = kept {
            let mut facts = found.facts();
            let mut value = alloc::borrow::Cow::Borrowed(found.value);
            if facts.has_expired(world.now_ms) {
                value = (world.reading.expire)(found.value, world.now_ms).into();
                facts = crate::storage::facts::Facts {
                    is_tombstone: true,
                    ..Default::default()
                };
            }
            if facts.is_tombstone && can_forget(world, self.plan.level, partition, key, &value) {
                *self.forgotten.get_or_default(partition) += 1;
            } else {
                self.output.push(key, &value, facts, next_table, lane);
            }
        }
        for (source, is_same) in self.sources.iter_mut().zip(same) {
            if is_same {
                source.state = State::Hungry;
            }
        }
        spent
    }
}

/// Whether a tombstone may go: no replica needs it any more, and it hides nothing below.
fn can_forget(
    world: World<'_>,
    level: usize,
    partition: PartitionId,
    key: &[u8],
    value: &[u8],
) -> bool {
    let until = world.forget_ms.get(partition).copied().unwrap_or(0);
    let written = || (world.reading.facts)(value).map_or(u64::MAX, |facts| facts.written_at_ms);
    until > 0 && written() <= until && !world.levels.is_covered_below(level, key, key)
}

impl Source {
    fn new(tables: &[Table], incarnation: u64) -> Self {
        let mut tables: VecDeque<Table> = tables.iter().cloned().collect();
        let first = tables.pop_front().expect("an input has a table");
        Self {
            tables,
            number: first.number,
            stream: TableStream::new(incarnation, &first),
            read: None,
            is_starved: false,
            state: State::Hungry,
            head: [0; 2],
        }
    }

    /// Goes to the next pair, in the next table where one ends; `false` if a read must come first.
    fn advance(&mut self, incarnation: u64) -> Result<bool, BadTable> {
        loop {
            let streamed = self.stream.advance().map_err(|(offset, error)| BadTable {
                number: self.number,
                offset,
                error,
            })?;
            match streamed {
                Streamed::NeedsMore => {
                    self.is_starved = true;
                    return Ok(false);
                }
                Streamed::Pair => {
                    self.state = State::AtPair;
                    self.head = crate::storage::key::head(self.stream.key());
                    return Ok(true);
                }
                Streamed::End => {
                    let Some(next) = self.tables.pop_front() else {
                        self.state = State::Ended;
                        return Ok(true);
                    };
                    self.number = next.number;
                    self.stream = TableStream::new(incarnation, &next);
                }
            }
        }
    }

    fn cmp_key(&self, other: &Self) -> Ordering {
        let by_head = self.head.cmp(&other.head);
        by_head.then_with(|| compare(self.stream.key(), other.stream.key()))
    }
}
