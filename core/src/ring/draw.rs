//! The first placement.

use super::domain::{ROOT, Tree};
use super::member::{MemberIndex, Members};
use super::rank::Rank;
use crate::id::PartitionId;
use alloc::vec::Vec;

/// Draws the owners of all partitions so that each member owns its part of `targets` exactly. A row
/// is one partition's owners, in no particular order.
///
/// With `left` partitions to come, a member or domain that still needs `n` owners gets `n / left`
/// of this partition's, rounded down or up. After that the same holds for the rest with
/// `left - 1`, so no draw ever runs into a corner (dependent rounding: Gandhi, Khuller,
/// Parthasarathy, Srinivasan, JACM 2006; here one row at a time). Ranks decide who is rounded up.
pub(super) fn draw(
    members: &Members,
    tree: &Tree,
    targets: Vec<u32>,
    partitions: u16,
) -> Vec<Vec<MemberIndex>> {
    let domains = tree.totals(|member| targets[member.get()]);
    let tokens = members.iter().map(|(_, member)| member.id.0).collect();
    let mut draw = Draw {
        tree,
        tokens,
        members: targets,
        domains,
    };
    (0..partitions)
        .map(|at| draw.row(PartitionId(at), u32::from(partitions - at)))
        .collect()
}

struct Draw<'a> {
    tree: &'a Tree,
    /// What names each member in ranks.
    tokens: Vec<u64>,
    /// Vnodes still to be given to each member.
    members: Vec<u32>,
    /// Vnodes still to be given inside each domain.
    domains: Vec<u32>,
}

impl Draw<'_> {
    /// The owners of `partition`, when `left` rows are still to be drawn, this one included.
    fn row(&mut self, partition: PartitionId, left: u32) -> Vec<MemberIndex> {
        let mut owners = Vec::with_capacity(usize::from(self.tree.width));
        let mut open = alloc::vec![(ROOT, u32::from(self.tree.width))];
        while let Some((at, count)) = open.pop() {
            self.domains[at] -= count;
            let domain = &self.tree.domains[at];
            if domain.domains.is_empty() {
                let needs = domain
                    .members
                    .iter()
                    .map(|m| (self.members[m.get()], self.tokens[m.get()]));
                for (part, count) in split(needs, count, partition, left) {
                    self.members[domain.members[part].get()] -= count;
                    owners.push(domain.members[part]);
                }
            } else {
                let token = |inner: usize| self.tree.domains[inner].token;
                let needs = domain
                    .domains
                    .iter()
                    .map(|&inner| (self.domains[inner], token(inner)));
                let parts = split(needs, count, partition, left);
                open.extend(
                    parts
                        .into_iter()
                        .map(|(part, count)| (domain.domains[part], count)),
                );
            }
        }
        owners
    }
}

/// Splits `count` owners over parts that need `.0` each and are named by `.1`; leaves out those
/// that get none.
fn split(
    needs: impl Iterator<Item = (u32, u64)>,
    count: u32,
    partition: PartitionId,
    left: u32,
) -> Vec<(usize, u32)> {
    let mut given: Vec<(usize, u32)> = Vec::new();
    let mut contest: Vec<(Rank, usize)> = Vec::new();
    let mut extra = count;
    for (part, (need, token)) in needs.enumerate() {
        let (sure, rest) = (need / left, need % left);
        extra -= sure;
        if rest > 0 {
            contest.push((Rank::new(partition, token, u64::from(rest)), part));
        }
        if sure > 0 {
            given.push((part, sure));
        }
    }
    contest.sort_unstable();
    for &(_, part) in contest.iter().take(extra as usize) {
        match given.iter_mut().find(|(other, _)| *other == part) {
            Some((_, sure)) => *sure += 1,
            None => given.push((part, 1)),
        }
    }
    given
}
