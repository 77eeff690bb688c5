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

/// A fair share: whole vnodes and a fraction of one, in the units of the domain around it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Amount {
    /// Whole vnodes.
    pub(super) whole: u32,
    /// The rest, as the numerator of a fraction. Siblings with a rest have one denominator.
    pub(super) rest: u64,
}

impl Amount {
    /// The least number of whole vnodes that covers it.
    pub(super) fn ceil(self) -> u32 {
        self.whole + u32::from(self.rest > 0)
    }
}

/// The fair share of every member and of every domain.
#[derive(Debug)]
pub(super) struct FairShares {
    /// By member; nothing without capacity.
    pub(super) members: Vec<Amount>,
    /// By domain.
    pub(super) domains: Vec<Amount>,
}

/// The fair shares of `members` in `partitions` partitions.
pub(super) fn fair_shares(members: &Members, tree: &Tree, partitions: u16) -> FairShares {
    let pegs = pegs(members, tree, partitions);
    let levels = levels(tree, &pegs);
    let mut shares = FairShares {
        members: vec![Amount::default(); members.len()],
        domains: vec![Amount::default(); tree.domains.len()],
    };
    for (index, member) in members.owners() {
        let Some(home) = tree.home[index.get()] else {
            continue;
        };
        let product = levels[home].over * u64::from(member.capacity);
        let most = u64::from(partitions) * levels[home].under;
        shares.members[index.get()] = amount(product.min(most), levels[home].under);
    }
    for at in (0..tree.domains.len()).rev() {
        shares.domains[at] = total(tree, at, &shares, levels[at].under);
    }
    shares
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

/// The share of a domain, from what is inside it.
fn total(tree: &Tree, at: usize, shares: &FairShares, under: u64) -> Amount {
    let domain = &tree.domains[at];
    let members = domain
        .members
        .iter()
        .map(|index| shares.members[index.get()]);
    let inner = domain.domains.iter().map(|&inner| shares.domains[inner]);
    let (whole, rest) = members.chain(inner).fold((0, 0), |(whole, rest), part| {
        (whole + part.whole, rest + part.rest)
    });
    let carried = amount(rest, under);
    Amount {
        whole: whole + carried.whole,
        rest: carried.rest,
    }
}

fn amount(over: u64, under: u64) -> Amount {
    let whole = u32::try_from(over / under).expect("a share is at most partitions times replicas");
    Amount {
        whole,
        rest: over % under,
    }
}

#[cfg(test)]
mod tests;
