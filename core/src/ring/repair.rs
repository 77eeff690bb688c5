//! From one placement to the next, moving as little as possible.

mod keep;
mod level;

use super::domain::Tree;
use super::member::{MemberIndex, Members};
use super::rank::Rank;
use super::tally::Tally;
use crate::id::PartitionId;
use alloc::vec;
use alloc::vec::Vec;

/// A row: the owners of one partition in their order. A place is `None` while it is open.
pub(super) type Row = Vec<Option<MemberIndex>>;

/// Rows that keep what they can of `before` and in which each member owns its part of `targets`.
///
/// `before` has a row for each partition, of the owners that are still members with capacity.
pub(super) fn repair(
    members: &Members,
    tree: &Tree,
    targets: &[u32],
    before: &[Row],
) -> Vec<Vec<MemberIndex>> {
    let mut draft = Draft::new(members, tree, targets, before);
    draft.keep();
    draft.fill();
    draft.level();
    draft
        .rows
        .into_iter()
        .map(|row| row.into_iter().flatten().collect())
        .collect()
}

/// A placement that is being worked on.
struct Draft<'a> {
    members: &'a Members,
    tree: &'a Tree,
    targets: &'a [u32],
    before: &'a [Row],
    rows: Vec<Row>,
    /// By member: the partitions that it owns.
    owned: Vec<Vec<PartitionId>>,
}

impl<'a> Draft<'a> {
    fn new(members: &'a Members, tree: &'a Tree, targets: &'a [u32], before: &'a [Row]) -> Self {
        let rows = vec![vec![None; usize::from(tree.width)]; before.len()];
        let owned = vec![Vec::new(); members.len()];
        Self {
            members,
            tree,
            targets,
            before,
            rows,
            owned,
        }
    }

    /// Gives every open place to a member that its row admits: if there is one below its target,
    /// to one of those, else to the one that is the least above it. Then all rows are complete, and
    /// what is left to do is to level.
    fn fill(&mut self) {
        let mut tally = Tally::new(self.tree);
        for at in self.partitions() {
            let row = usize::from(at.0);
            self.owners(at).for_each(|owner| tally.add(owner));
            while let Some(place) = self.rows[row].iter().position(Option::is_none) {
                let owner = self
                    .candidate(at, &tally)
                    .expect("a row can always be completed");
                self.rows[row][place] = Some(owner);
                self.owned[owner.get()].push(at);
                tally.add(owner);
            }
            self.owners(at).for_each(|owner| tally.remove(owner));
        }
    }

    /// The best member for an open place of the partition `at`.
    fn candidate(&self, at: PartitionId, tally: &Tally<'_>) -> Option<MemberIndex> {
        let admitted = self
            .tree
            .owners
            .iter()
            .copied()
            .filter(|&member| !self.owns(member, at) && tally.admits(member));
        admitted.min_by_key(|&member| {
            let above = self.above(member);
            let weight = if above < 0 { above.unsigned_abs() } else { 1 };
            (above.max(-1), Rank::new(at, self.token(member), weight))
        })
    }

    /// How far a member is above its target.
    fn above(&self, member: MemberIndex) -> i64 {
        let load = i64::try_from(self.owned[member.get()].len()).unwrap_or(i64::MAX);
        load - i64::from(self.targets[member.get()])
    }

    fn token(&self, member: MemberIndex) -> u64 {
        self.members.at(member).map_or(0, |member| member.id.0)
    }

    fn owns(&self, member: MemberIndex, at: PartitionId) -> bool {
        self.rows[usize::from(at.0)].contains(&Some(member))
    }

    /// Whether `member` owned the partition before.
    fn owned_before(&self, member: MemberIndex, at: PartitionId) -> bool {
        self.before[usize::from(at.0)].contains(&Some(member))
    }

    fn owners(&self, at: PartitionId) -> impl Iterator<Item = MemberIndex> {
        self.rows[usize::from(at.0)].iter().copied().flatten()
    }

    fn partitions(&self) -> impl Iterator<Item = PartitionId> + use<> {
        (0..).map(PartitionId).take(self.rows.len())
    }
}
