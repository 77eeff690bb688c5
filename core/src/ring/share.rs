//! What each member should own: fair shares, and their rounding to whole vnodes.
//!
//! Shares are in proportion to capacity, as far as the bounds of [`Tree`] allow: a member owns at
//! most one vnode of a partition, and a domain between its `fewest` and its `most`. Water-filling
//! makes that exact: every member's share is its capacity times a water level that is the same for
//! all, save inside a domain that has reached a bound, which has a level of its own (the
//! continuous resource allocation problem with nested bounds; Ibaraki, Katoh: Resource Allocation
//! Problems, 1988, ch. 4). A member's share as a function of the level is a broken line whose
//! every piece has integer coefficients, and sums of such lines are again such lines, so the level
//! comes out as an exact fraction.

mod curve;
mod round;

use super::domain::{ROOT, Tree};
use super::member::{MemberIndex, Members};
use alloc::vec;
use alloc::vec::Vec;
use curve::{Curve, Ratio};

pub(super) use round::targets;

/// A member's fair share of all vnodes: a whole number and a fraction below 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FairShare {
    pub(super) whole: u32,
    rest: Ratio,
}

impl FairShare {
    /// The least number of vnodes that covers it.
    pub(super) fn ceil(self) -> u32 {
        self.whole + u32::from(self.rest > Ratio::ZERO)
    }

    fn new(Ratio { over, under }: Ratio) -> Self {
        let whole = u32::try_from(over / under).expect("a share is at most every partition");
        Self {
            whole,
            rest: Ratio {
                over: over % under,
                under,
            },
        }
    }
}

/// The fair share of every member in `partitions` partitions, nothing for those without capacity.
pub(super) fn fair_shares(members: &Members, tree: &Tree, partitions: u16) -> Vec<FairShare> {
    let levels = levels(tree, &pegs(members, tree, partitions));
    let share = |(index, capacity): (MemberIndex, u32)| {
        let Ratio { over, under } = tree.home[index.get()].map_or(Ratio::ZERO, |at| levels[at]);
        let over = (over * u64::from(capacity)).min(u64::from(partitions) * under);
        FairShare::new(Ratio { over, under })
    };
    members
        .iter()
        .map(|(index, member)| share((index, member.capacity)))
        .collect()
}

/// The water levels at which a domain comes to its lower and to its upper bound.
struct Pegs {
    fewest: Ratio,
    most: Ratio,
}

fn pegs(members: &Members, tree: &Tree, partitions: u16) -> Vec<Pegs> {
    let full = u64::from(partitions);
    let mut pegs = Vec::with_capacity(tree.domains.len());
    let mut curves: Vec<Curve> = vec![Curve::default(); tree.domains.len()];
    for at in (0..tree.domains.len()).rev() {
        let domain = &tree.domains[at];
        let capacity = |index: &MemberIndex| members.at(*index).map_or(0, |m| m.capacity);
        let lines = domain
            .members
            .iter()
            .map(|index| Curve::member(capacity(index), full));
        let inner = domain
            .domains
            .iter()
            .map(|&inner| core::mem::take(&mut curves[inner]));
        let sum = Curve::sum(lines.chain(inner).collect());
        let (low, high) = (
            u64::from(domain.fewest) * full,
            u64::from(domain.most) * full,
        );
        let (fewest, most) = (sum.reaches(low), sum.reaches(high));
        curves[at] = sum.between((fewest, low), (most, high));
        pegs.push(Pegs { fewest, most });
    }
    pegs.reverse();
    pegs
}

/// The water level in every domain: that of the domain around it, unless a bound holds it.
fn levels(tree: &Tree, pegs: &[Pegs]) -> Vec<Ratio> {
    let mut levels: Vec<Ratio> = vec![pegs[ROOT].most];
    for at in 1..tree.domains.len() {
        let outer = levels[tree.domains[at].parent];
        levels.push(outer.max(pegs[at].fewest).min(pegs[at].most));
    }
    levels
}

#[cfg(test)]
mod tests;
