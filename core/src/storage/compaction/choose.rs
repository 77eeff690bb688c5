//! What to merge next.
//!
//! Levelled, with level sizes that follow the data from the bottom up (O'Neil et al., "The
//! Log-Structured Merge-Tree", 1996; Dong et al., "Optimizing Space Amplification in RocksDB",
//! CIDR 2017, section 3): the bottom level may be as large as it is, each one above a tenth of
//! the one below, and level 0 is merged into the **base**, the highest level that is then still
//! worth having. So at most about a ninth of the space holds what was replaced.

use crate::limits::{COMPACTION_TABLES_MAX, LEVEL_0_TABLES, LEVEL_RATIO, LEVELS};
use crate::sorted::Set;
use crate::storage::key::compare;
use crate::storage::manifest::{Levels, Table};
use alloc::vec::Vec;

const BOTTOM: usize = LEVELS - 1;

/// What the levels should be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Goals {
    /// Size of the base level, in bytes: what level 0 is worth being merged into.
    pub base_bytes: u64,
}

/// A merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Tables to merge, from the newest states to the oldest; those of one entry are in key order
    /// and do not overlap.
    pub inputs: Vec<Vec<Table>>,
    /// The level that they go to.
    pub level: usize,
    /// Nothing is to be merged: the tables go down as they are.
    pub is_move: bool,
}

/// The most pressing merge, or `None` if there is nothing to do. `is_resting` names tables that
/// must be left alone; `forget_ms` says for a range until when tombstones in it may be forgotten.
#[must_use]
pub fn choose(
    levels: &Levels,
    goals: &Goals,
    now_ms: u64,
    is_resting: &dyn Fn(u64) -> bool,
    forget_ms: &dyn Fn(&[u8], &[u8]) -> u64,
) -> Option<Plan> {
    let base = base_level(levels, goals);
    let pressing: Set<(u64, usize)> = (0..BOTTOM)
        .map(|level| (pressure(levels, goals, base, level), level))
        .filter(|(pressure, _)| *pressure >= 1_000)
        .map(|(pressure, level)| (u64::MAX - pressure, level))
        .collect();
    let pushed_down = pressing.iter().find_map(|(_, level)| match level {
        0 => from_level_0(levels, base, is_resting),
        _ => from_level(levels, level, is_resting),
    });
    pushed_down
        .or_else(|| rewrite(levels, now_ms, is_resting, forget_ms))
        .or_else(|| {
            let is_worth_it =
                |table: &Table| expired(table, now_ms) * 3 >= table.properties.entries;
            let mut tables = levels.level(0).iter();
            let is_any = tables.any(|table| table.properties.expiring > 0 && is_worth_it(table));
            is_any
                .then(|| from_level_0(levels, base, is_resting))
                .flatten()
        })
}

/// The level that level 0 is merged into.
#[must_use]
pub fn base_level(levels: &Levels, goals: &Goals) -> usize {
    let mut goal = largest(levels);
    let mut base = BOTTOM;
    while goal > goals.base_bytes && base > 1 {
        goal /= LEVEL_RATIO;
        base -= 1;
    }
    base
}

fn largest(levels: &Levels) -> u64 {
    (1..LEVELS)
        .map(|level| levels.bytes(level))
        .max()
        .unwrap_or(0)
}

/// How full a level is: 1,000 is just full.
fn pressure(levels: &Levels, goals: &Goals, base: usize, level: usize) -> u64 {
    if level == 0 {
        return levels.level(0).len() as u64 * 1_000 / LEVEL_0_TABLES as u64;
    }
    let bytes = levels.bytes(level);
    if level < base {
        // Such a level should not be there: the data has shrunk.
        return if bytes > 0 { 1_000_000 } else { 0 };
    }
    let mut goal = largest(levels);
    for _ in level..BOTTOM {
        goal /= LEVEL_RATIO;
    }
    bytes.saturating_mul(1_000) / goal.max(goals.base_bytes)
}

/// The oldest tables of level 0 with all that they overlap in the base.
fn from_level_0(levels: &Levels, base: usize, is_resting: &dyn Fn(u64) -> bool) -> Option<Plan> {
    // A level between that should not be there is emptied first.
    if (1..base).any(|level| !levels.level(level).is_empty()) {
        return None;
    }
    let tables = levels.level(0);
    let (oldest, newer) = tables.split_last()?;
    let (first, last) = (&oldest.properties.first, &oldest.properties.last);
    let is_apart = levels.overlapping(base, first, last).is_empty()
        && newer.iter().all(|table| !overlaps(table, oldest));
    if !is_resting(oldest.number) && is_apart {
        return Some(Plan {
            inputs: [[oldest.clone()].into()].into(),
            level: base,
            is_move: true,
        });
    }
    let chosen = &tables[tables.len().saturating_sub(COMPACTION_TABLES_MAX)..];
    let (first, last) = span(chosen);
    let below = levels.overlapping(base, first, last);
    if chosen
        .iter()
        .chain(below)
        .any(|table| is_resting(table.number))
    {
        return None;
    }
    let mut inputs: Vec<Vec<Table>> = chosen.iter().map(|table| [table.clone()].into()).collect();
    if !below.is_empty() {
        inputs.push(below.to_vec());
    }
    Some(Plan {
        inputs,
        level: base,
        is_move: false,
    })
}

/// The table whose merge into the level below rewrites the least for what it moves.
fn from_level(levels: &Levels, level: usize, is_resting: &dyn Fn(u64) -> bool) -> Option<Plan> {
    let candidates = levels.level(level).iter().filter_map(|table| {
        let below = levels.overlapping(level + 1, &table.properties.first, &table.properties.last);
        if below
            .iter()
            .chain([table])
            .any(|table| is_resting(table.number))
        {
            return None;
        }
        let rewritten: u64 = below.iter().map(|table| table.length).sum();
        Some((
            rewritten.saturating_mul(1_000) / table.length.max(1),
            table,
            below,
        ))
    });
    let (_, table, below) = candidates.min_by_key(|(cost, table, _)| (*cost, table.number))?;
    let mut inputs: Vec<Vec<Table>> = [[table.clone()].into()].into();
    if !below.is_empty() {
        inputs.push(below.to_vec());
    }
    Some(Plan {
        is_move: below.is_empty(),
        inputs,
        level: level + 1,
    })
}

/// A table that is worth being written anew where it is: a third of it has expired, or is
/// tombstones that nobody needs any more.
fn rewrite(
    levels: &Levels,
    now_ms: u64,
    is_resting: &dyn Fn(u64) -> bool,
    forget_ms: &dyn Fn(&[u8], &[u8]) -> u64,
) -> Option<Plan> {
    let is_worth_it = |level: usize, table: &Table| {
        let properties = &table.properties;
        let (first, last) = (&properties.first[..], &properties.last[..]);
        let can_forget = properties.tombstones > 0
            && properties.newest_ms <= forget_ms(first, last)
            && !levels.is_covered_below(level, first, last);
        let gone = if can_forget { properties.tombstones } else { 0 };
        (expired(table, now_ms) + gone) * 3 >= properties.entries
            && expired(table, now_ms) + gone > 0
    };
    levels.iter().skip(1).find_map(|(level, tables)| {
        let mut worth = tables
            .iter()
            .filter(|table| is_worth_it(level, table) && !is_resting(table.number));
        worth.next().map(|table| Plan {
            inputs: [[table.clone()].into()].into(),
            level,
            is_move: false,
        })
    })
}

/// About how many pairs of `table` have expired, if they do so evenly.
fn expired(table: &Table, now_ms: u64) -> u64 {
    let properties = &table.properties;
    if properties.expiring == 0 || now_ms < properties.first_expiry_ms {
        return 0;
    }
    let span = properties.last_expiry_ms - properties.first_expiry_ms;
    let passed = (now_ms - properties.first_expiry_ms).min(span);
    if passed == span {
        return properties.expiring;
    }
    let share = u128::from(properties.expiring) * u128::from(passed) / u128::from(span);
    u64::try_from(share).unwrap_or(properties.expiring)
}

fn overlaps(one: &Table, other: &Table) -> bool {
    let (one, other) = (&one.properties, &other.properties);
    compare(&one.first, &other.last).is_le() && compare(&other.first, &one.last).is_le()
}

/// Lowest and highest key of `tables`, of which there must be one.
fn span(tables: &[Table]) -> (&[u8], &[u8]) {
    let lowest = tables
        .iter()
        .min_by(|a, b| compare(&a.properties.first, &b.properties.first));
    let highest = tables
        .iter()
        .max_by(|a, b| compare(&a.properties.last, &b.properties.last));
    let (lowest, highest) = lowest.zip(highest).expect("there is a table");
    (&lowest.properties.first, &highest.properties.last)
}

impl Plan {
    /// The numbers of all inputs.
    #[must_use]
    pub fn numbers(&self) -> Set<u64> {
        self.inputs
            .iter()
            .flatten()
            .map(|table| table.number)
            .collect()
    }
}

#[cfg(test)]
mod tests;
