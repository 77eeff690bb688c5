//! Many keys in order, page by page.
//!
//! A page is made anew from where the one before ended, so a scan holds nothing and writes beside
//! it do no harm: a key that is there all the time comes exactly once.

use super::{BatchNumber, Store};
use crate::limits::{SCAN_BYTES_MAX, SCAN_ENTRIES_MAX};
use crate::storage::cache::Cache;
use crate::storage::facts::Facts;
use crate::storage::key::{StoredKey, compare, partition_of};
use crate::storage::memtable::Slot;
use crate::storage::table::block::BlockId;
use crate::storage::table::cursor::TableCursor;
use crate::storage::table::reader::{Obstacle, Wanted};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::ops::Bound;

/// What to go through.
#[derive(Clone, Copy, Debug)]
pub struct Scan<'a> {
    /// The lower bound: a stored key, or the beginning of one.
    pub from: Bound<&'a [u8]>,
    /// The upper bound.
    pub to: Bound<&'a [u8]>,
    /// From the upper bound to the lower.
    pub is_reverse: bool,
    /// Leave out tombstones, and what has expired at this time, in milliseconds since the Unix
    /// epoch.
    pub live_at_ms: Option<u64>,
    /// States that are not durable yet count too; else the first of them ends the page.
    pub shows_pending: bool,
    /// Most pairs of a page, at most [`SCAN_ENTRIES_MAX`].
    pub entries_max: usize,
    /// A page ends when it has so many bytes of pairs, at most [`SCAN_BYTES_MAX`]; the last pair may
    /// go beyond.
    pub bytes_max: usize,
}

/// What a page could be made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scanned {
    /// The pairs that come next.
    Page(Page),
    /// The next pair becomes durable with this batch, and must not be shown before.
    Pending(BatchNumber),
    /// This block must be loaded first.
    Unloaded(Wanted),
    /// What comes next cannot be read: this block is not what was written.
    Damaged(BlockId),
}

/// Some pairs in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The pairs.
    pub entries: Vec<ScannedEntry>,
    /// The scan goes on behind this key; `None` if there is nothing more.
    pub next: Option<StoredKey>,
}

/// A pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScannedEntry {
    /// Its stored key.
    pub key: StoredKey,
    /// Its state.
    pub set: Vec<u8>,
    /// What is known of the state; of one from a table not when it was written.
    pub facts: Facts,
}

type MemoryIterator<'a> = Box<dyn Iterator<Item = (&'a StoredKey, &'a Slot)> + 'a>;

/// Where pairs come from.
enum Source<'a> {
    Memory {
        rest: MemoryIterator<'a>,
        current: Option<(&'a StoredKey, &'a Slot)>,
    },
    Tables(TableCursor<'a, Cache>),
}

/// A pair as its source has it.
struct Current<'a> {
    value: &'a [u8],
    facts: Facts,
    batch: BatchNumber,
    /// The table that it is from; memtables have nothing of dropped partitions.
    table: Option<u64>,
}

impl Store {
    /// The pairs that come first in `scan`. The next page is what the same scan gives behind
    /// [`Page::next`].
    #[must_use]
    pub fn scan(&self, scan: &Scan<'_>) -> Scanned {
        let mut page = Page::default();
        match self.fill(scan, &mut page) {
            Ok(()) => Scanned::Page(page),
            // What there is already comes first; the rest is asked for again.
            Err(_) if page.next.is_some() => Scanned::Page(page),
            Err(obstacle) => obstacle,
        }
    }

    fn fill(&self, scan: &Scan<'_>, page: &mut Page) -> Result<(), Scanned> {
        let mut sources = self.sources(scan)?;
        let (mut bytes, mut examined) = (0, 0);
        let entries_max = scan.entries_max.clamp(1, SCAN_ENTRIES_MAX);
        let bytes_max = scan.bytes_max.clamp(1, SCAN_BYTES_MAX);
        loop {
            let Some(first) = first_of(&sources, scan.is_reverse) else {
                page.next = None;
                return Ok(());
            };
            let Some(key) = sources[first].key() else {
                return Ok(());
            };
            if !is_inside(key, scan) {
                page.next = None;
                return Ok(());
            }
            let is_full = page.entries.len() >= entries_max || bytes >= bytes_max;
            if is_full || examined >= SCAN_ENTRIES_MAX {
                return Ok(());
            }
            let Some(key) = StoredKey::from_bytes(key) else {
                return Ok(());
            };
            let dropped = self.manifest.dropped_before(partition_of(key.as_bytes()));
            let is_here = |source: &&Source<'_>| source.key() == Some(key.as_bytes());
            let states = sources.iter().filter(is_here).filter_map(Source::current);
            let newest = { states }.find(|state| state.table.is_none_or(|table| table >= dropped));
            examined += 1;
            if let Some(state) = newest {
                if state.batch > self.durable() && !scan.shows_pending {
                    return Err(Scanned::Pending(state.batch));
                }
                let is_live =
                    |now_ms| !state.facts.is_tombstone && !state.facts.has_expired(now_ms);
                if scan.live_at_ms.is_none_or(is_live) {
                    bytes += key.as_bytes().len() + state.value.len();
                    page.entries.push(ScannedEntry {
                        key: key.clone(),
                        set: state.value.to_vec(),
                        facts: state.facts,
                    });
                }
            }
            let advanced = advance_all(&mut sources, key.as_bytes());
            page.next = Some(key);
            advanced?;
        }
    }

    /// Everything that may have pairs inside `scan`, from the newest states to the oldest, each at
    /// its first pair.
    fn sources(&self, scan: &Scan<'_>) -> Result<Vec<Source<'_>>, Scanned> {
        let mut sources = Vec::new();
        let memtables = core::iter::once(&self.active).chain(self.frozen.iter().rev());
        for memtable in memtables {
            let range = memtable.range(scan.from, scan.to);
            let mut rest: MemoryIterator<'_> = if scan.is_reverse {
                Box::new(range.rev())
            } else {
                Box::new(range)
            };
            let current = rest.next();
            sources.push(Source::Memory { rest, current });
        }
        let start = if scan.is_reverse { scan.to } else { scan.from };
        let levels = &self.manifest.levels;
        let newest = levels.level(0).iter().map(core::slice::from_ref);
        let below = levels.iter().skip(1).map(|(_, tables)| tables);
        for tables in newest.chain(below) {
            let reaches = tables
                .iter()
                .any(|table| overlaps(&table.properties.first, &table.properties.last, scan));
            if reaches {
                let cursor = TableCursor::new(&self.cache, tables, start, scan.is_reverse)?;
                sources.push(Source::Tables(cursor));
            }
        }
        Ok(sources)
    }
}

impl Source<'_> {
    fn key(&self) -> Option<&[u8]> {
        match self {
            Self::Memory { current, .. } => current.map(|(key, _)| key.as_bytes()),
            Self::Tables(cursor) => cursor.key(),
        }
    }

    fn current(&self) -> Option<Current<'_>> {
        match self {
            Self::Memory { current, .. } => current.map(|(_, slot)| Current {
                value: &slot.set,
                facts: slot.facts,
                batch: slot.batch,
                table: None,
            }),
            Self::Tables(cursor) => cursor.found().map(|found| Current {
                value: found.value,
                facts: found.facts(),
                batch: BatchNumber(0),
                table: Some(cursor.table()),
            }),
        }
    }

    fn advance(&mut self) -> Result<(), Obstacle> {
        match self {
            Self::Memory { rest, current } => {
                *current = rest.next();
                Ok(())
            }
            Self::Tables(cursor) => cursor.advance(),
        }
    }
}

/// The source whose key comes first.
fn first_of(sources: &[Source<'_>], is_reverse: bool) -> Option<usize> {
    let wanted = if is_reverse {
        Ordering::Greater
    } else {
        Ordering::Less
    };
    let mut first: Option<(usize, &[u8])> = None;
    for (index, source) in sources.iter().enumerate() {
        let Some(key) = source.key() else { continue };
        if first.is_none_or(|(_, best)| compare(key, best) == wanted) {
            first = Some((index, key));
        }
    }
    first.map(|(index, _)| index)
}

/// Takes all sources that are at `key` one further.
fn advance_all(sources: &mut [Source<'_>], key: &[u8]) -> Result<(), Scanned> {
    for source in sources {
        if source.key() == Some(key) {
            source.advance()?;
        }
    }
    Ok(())
}

/// Whether `key`, which is inside the bound where the scan begins, is inside the other.
fn is_inside(key: &[u8], scan: &Scan<'_>) -> bool {
    if scan.is_reverse {
        match scan.from {
            Bound::Unbounded => true,
            Bound::Included(from) => compare(key, from) != Ordering::Less,
            Bound::Excluded(from) => compare(key, from) == Ordering::Greater,
        }
    } else {
        match scan.to {
            Bound::Unbounded => true,
            Bound::Included(to) => compare(key, to) != Ordering::Greater,
            Bound::Excluded(to) => compare(key, to) == Ordering::Less,
        }
    }
}

fn overlaps(first: &[u8], last: &[u8], scan: &Scan<'_>) -> bool {
    let begins = match scan.to {
        Bound::Unbounded => true,
        Bound::Included(to) | Bound::Excluded(to) => compare(first, to) != Ordering::Greater,
    };
    let ends = match scan.from {
        Bound::Unbounded => true,
        Bound::Included(from) | Bound::Excluded(from) => compare(last, from) != Ordering::Less,
    };
    begins && ends
}

impl From<Obstacle> for Scanned {
    fn from(obstacle: Obstacle) -> Self {
        match obstacle {
            Obstacle::Unloaded(wanted) => Self::Unloaded(wanted),
            Obstacle::Damaged(id) => Self::Damaged(id),
        }
    }
}
