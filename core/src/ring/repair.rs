//! From one placement to the next, moving as little as possible.

mod keep;
mod level;

use super::domain::Tree;
use super::member::{MemberIndex, Members};
use super::rank::Rank;
use super::share::FairShare;
use super::tally::Tally;
use crate::id::PartitionId;
use alloc::vec;
use alloc::vec::Vec;

/// A row: the owners of one partition in their order. A place is `None` while it is open.
pub(super) type Row = Vec<Option<MemberIndex>>;

/// Rows that keep what they can of `before` and in which each member owns its fair share, rounded
/// down or up by what moves least.
///
/// `before` has a row for each partition, of the owners that are still members with capacity.
pub(super) fn repair(
    members: &Members,
    tree: &Tree,
    shares: &[FairShare],
    before: &[Row],
) -> Vec<Vec<MemberIndex>> {
    let mut draft = Draft::new(members, tree, shares, before);
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
    shares: &'a [FairShare],
    before: &'a [Row],
    rows: Vec<Row>,
    /// By member: the partitions that it owns.
    owned: Vec<Vec<PartitionId>>,
}

impl<'a> Draft<'a> {
    fn new(
        members: &'a Members,
        tree: &'a Tree,
        shares: &'a [FairShare],
        before: &'a [Row],
    ) -> Self {
        let rows = vec![vec![None; usize::from(tree.width)]; before.len()];
        let owned = vec![Vec::new(); members.len()];
        Self {
            members,
            tree,
            shares,
            before,
            rows,
            owned,
        }
    }

    /// Gives every open place to a member that its row admits: best to one that has less than its
    /// share, else to one that has not yet its share rounded up, else to the one with the least
    /// above that. Then all rows are complete, and what is left to do is to level.
    fn fill(&mut self) {
        let mut tally = Tally::new(self.tree, 1);
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
            let lack = self.lack(member);
            let weight = u64::from(lack.max(1));
            (
                lack == 0,
                self.above(member).max(-1),
                Rank::new(at, self.token(member), weight),
            )
        })
    }

    /// How far a member is above its share rounded up; negative if it is below.
    fn above(&self, member: MemberIndex) -> i64 {
        i64::from(self.load(member)) - i64::from(self.shares[member.get()].ceil())
    }

    /// How much a member lacks of its share rounded down.
    fn lack(&self, member: MemberIndex) -> u32 {
        self.shares[member.get()]
            .whole
            .saturating_sub(self.load(member))
    }

    fn load(&self, member: MemberIndex) -> u32 {
        u32::try_from(self.owned[member.get()].len()).expect("nobody owns more than all partitions")
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
