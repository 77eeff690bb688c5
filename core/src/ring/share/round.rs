//! Fair shares rounded to whole vnodes.

use super::{Amount, FairShares};
use crate::ring::domain::{ROOT, Tree};
use crate::ring::member::MemberIndex;
use alloc::vec;
use alloc::vec::Vec;

/// How many vnodes each member shall own: its share rounded down or up, so that every domain's sum
/// is rounded down or up too.
///
/// Who is rounded up is decided by what moves least (`load` is what each member still owns), then
/// by the largest rest, then by the lowest id.
pub(in crate::ring) fn targets(tree: &Tree, shares: &FairShares, load: &[u32]) -> Vec<u32> {
    let mut rounding = Rounding {
        tree,
        shares,
        load,
        costs: vec![false; tree.domains.len()],
    };
    for at in (0..tree.domains.len()).rev() {
        rounding.costs[at] = rounding.rounding_up_moves(at);
    }
    rounding.settle()
}

struct Rounding<'a> {
    tree: &'a Tree,
    shares: &'a FairShares,
    load: &'a [u32],
    /// By domain: whether rounding it up rather than down moves one vnode more.
    costs: Vec<bool>,
}

/// What is directly inside a domain.
#[derive(Clone, Copy)]
enum Part {
    Domain(usize),
    Member(MemberIndex),
}

impl Rounding<'_> {
    /// Gives every domain its vnodes, from the root inwards, and so every member.
    fn settle(&self) -> Vec<u32> {
        let mut targets = vec![0; self.load.len()];
        let mut totals = vec![0; self.tree.domains.len()];
        totals[ROOT] = self.shares.domains[ROOT].whole;
        for at in 0..self.tree.domains.len() {
            let down = self.parts(at).map(|part| (part, self.amount(part).whole));
            let up = self
                .rounded_up(at, totals[at])
                .into_iter()
                .map(|part| (part, 1));
            for (part, vnodes) in down.chain(up) {
                match part {
                    Part::Domain(inner) => totals[inner] += vnodes,
                    Part::Member(index) => targets[index.get()] += vnodes,
                }
            }
        }
        targets
    }

    /// The parts of `at` that are rounded up when it gets `total`.
    fn rounded_up(&self, at: usize, total: u32) -> Vec<Part> {
        let floor: u32 = self.parts(at).map(|part| self.amount(part).whole).sum();
        let extra = usize::try_from(total - floor).expect("no more extras than parts");
        let mut parts: Vec<Part> = self
            .parts(at)
            .filter(|&part| self.amount(part).rest > 0)
            .collect();
        parts.sort_by_key(|&part| (self.cost(part), core::cmp::Reverse(self.amount(part).rest)));
        parts.truncate(extra);
        parts
    }

    fn rounding_up_moves(&self, at: usize) -> bool {
        let up = self.rounded_up(at, self.shares.domains[at].ceil());
        self.shares.domains[at].rest == 0 || up.last().is_some_and(|&part| self.cost(part))
    }

    fn cost(&self, part: Part) -> bool {
        match part {
            Part::Domain(inner) => self.costs[inner],
            Part::Member(index) => self.load[index.get()] < self.shares.members[index.get()].ceil(),
        }
    }

    fn amount(&self, part: Part) -> Amount {
        match part {
            Part::Domain(inner) => self.shares.domains[inner],
            Part::Member(index) => self.shares.members[index.get()],
        }
    }

    fn parts(&self, at: usize) -> impl Iterator<Item = Part> {
        let domain = &self.tree.domains[at];
        let members = domain.members.iter().map(|&index| Part::Member(index));
        domain
            .domains
            .iter()
            .map(|&inner| Part::Domain(inner))
            .chain(members)
    }
}
