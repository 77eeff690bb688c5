//! The order of the owners in a row: who is first, evenly.

use super::member::{MemberIndex, Members};
use super::rank::Rank;
use super::repair::Row;
use super::search::{Search, Step};
use crate::id::PartitionId;
use alloc::vec;
use alloc::vec::Vec;

/// Orders drawn rows by rank, then evens out who is first.
pub(super) fn order_drawn(members: &Members, rows: &mut [Vec<MemberIndex>]) {
    let token = |member: MemberIndex| members.at(member).map_or(0, |member| member.id.0);
    for (at, row) in (0..).map(PartitionId).zip(rows.iter_mut()) {
        row.sort_unstable_by_key(|&owner| Rank::new(at, token(owner), 1));
    }
    let free = vec![true; rows.len()];
    Firsts::new(members.len(), rows, free).even_out();
}

/// Evens out who is first, but leaves rows alone that have the owners they had before.
pub(super) fn order_repaired(members: &Members, before: &[Row], rows: &mut [Vec<MemberIndex>]) {
    let mut free = Vec::with_capacity(rows.len());
    for (old, row) in before.iter().zip(rows.iter_mut()) {
        let same = old.len() == row.len()
            && old
                .iter()
                .all(|owner| owner.is_some_and(|owner| row.contains(&owner)));
        if same {
            row.clear();
            row.extend(old.iter().flatten());
        }
        free.push(!same);
    }
    Firsts::new(members.len(), rows, free).even_out();
}

/// Looks at how often a member is first and at how often it should be.
type Test = fn(u32, (u32, u32)) -> bool;

/// Who is first in which row.
struct Firsts<'a> {
    rows: &'a mut [Vec<MemberIndex>],
    /// By row: whether its order may change.
    free: Vec<bool>,
    /// By member: how often it is first.
    counts: Vec<u32>,
    /// By member: in which free rows it is first.
    led: Vec<Vec<PartitionId>>,
    /// By member: how often it should be first, rounded down and up.
    fair: Vec<(u32, u32)>,
}

impl<'a> Firsts<'a> {
    fn new(members: usize, rows: &'a mut [Vec<MemberIndex>], free: Vec<bool>) -> Self {
        let mut counts = vec![0; members];
        let mut loads = vec![0u32; members];
        let mut led = vec![Vec::new(); members];
        for ((at, row), &free) in (0..).map(PartitionId).zip(rows.iter()).zip(&free) {
            row.iter().for_each(|owner| loads[owner.get()] += 1);
            let Some(first) = row.first() else { continue };
            counts[first.get()] += 1;
            if free {
                led[first.get()].push(at);
            }
        }
        let width = rows
            .first()
            .and_then(|row| u32::try_from(row.len()).ok())
            .unwrap_or(1)
            .max(1);
        let fair = loads
            .iter()
            .map(|load| (load / width, load.div_ceil(width)))
            .collect();
        Self {
            rows,
            free,
            counts,
            led,
            fair,
        }
    }

    /// Makes every member first in its share of the rows, as nearly as the free rows allow: that a
    /// member is first in one of `width` rows it owns is a fair fractional answer, so with all rows
    /// free a whole one exists, rounded down or up for everyone.
    fn even_out(&mut self) {
        if self.free.contains(&true) {
            self.shift(|count, fair| count > fair.1, |count, fair| count < fair.1);
            self.shift(|count, fair| count > fair.0, |count, fair| count < fair.0);
        }
    }

    /// Shifts first places from members with too many to members with too few while there is a way.
    fn shift(&mut self, too_many: Test, too_few: Test) {
        let mut search = Search::new(self.counts.len());
        for source in (0..self.counts.len()).map(MemberIndex::new) {
            while too_many(self.counts[source.get()], self.fair[source.get()])
                && let Some(path) = self.path(source, too_few, &mut search)
            {
                path.into_iter().for_each(|step| self.pass(step));
            }
        }
    }

    fn path(&self, source: MemberIndex, too_few: Test, search: &mut Search) -> Option<Vec<Step>> {
        if !search.start(source) {
            return None;
        }
        while let Some(from) = search.advance() {
            for &partition in &self.led[from.get()] {
                for &to in &self.rows[usize::from(partition.0)] {
                    if search.is_new(to) {
                        search.reach(Step {
                            partition,
                            from,
                            to,
                        });
                        if too_few(self.counts[to.get()], self.fair[to.get()]) {
                            return Some(search.path_to(to));
                        }
                    }
                }
            }
        }
        None
    }

    /// Exchanges the first owner of a row with another one.
    fn pass(&mut self, step: Step) {
        let row = &mut self.rows[usize::from(step.partition.0)];
        if let Some(place) = row.iter().position(|&owner| owner == step.to) {
            row.swap(0, place);
        }
        self.counts[step.from.get()] -= 1;
        self.counts[step.to.get()] += 1;
        self.led[step.from.get()].retain(|&at| at != step.partition);
        self.led[step.to.get()].push(step.partition);
    }
}
