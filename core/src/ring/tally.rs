//! Counts owners in every failure domain.

use super::domain::{Domain, Tree};
use super::member::MemberIndex;
use alloc::vec::Vec;

/// Owners of one partition, or of several together, not necessarily all of them yet.
///
/// A domain is counted by what it will hold at least: the owners that are in it, and the places kept
/// free for domains inside it that still lack some. A list of owners can be completed within all
/// bounds exactly when no such count exceeds the domain's bound, so an owner that is admitted
/// here never has to be taken back.
#[derive(Debug)]
pub(super) struct Tally<'a> {
    tree: &'a Tree,
    partitions: u32,
    counts: Vec<u32>,
}

impl<'a> Tally<'a> {
    /// No owners yet of `partitions` partitions together.
    pub(super) fn new(tree: &'a Tree, partitions: u32) -> Self {
        let fewest = |inner: &usize| u32::from(tree.domains[*inner].fewest);
        let demanded = |domain: &Domain| domain.domains.iter().map(fewest).sum::<u32>();
        let counts = tree
            .domains
            .iter()
            .map(|domain| partitions * demanded(domain))
            .collect();
        Self {
            tree,
            partitions,
            counts,
        }
    }

    /// Whether `member`, which is not in the list, can join it.
    pub(super) fn admits(&self, member: MemberIndex) -> bool {
        for at in self.tree.around(member) {
            if self.counts[at] < self.fewest(at) {
                return true;
            }
            if self.counts[at] >= self.most(at) {
                return false;
            }
        }
        false
    }

    /// Adds an owner that is admitted, or that was just removed.
    pub(super) fn add(&mut self, member: MemberIndex) {
        for at in self.tree.around(member) {
            self.counts[at] += 1;
            if self.counts[at] <= self.fewest(at) {
                break;
            }
        }
    }

    /// Removes an owner.
    pub(super) fn remove(&mut self, member: MemberIndex) {
        for at in self.tree.around(member) {
            self.counts[at] -= 1;
            if self.counts[at] < self.fewest(at) {
                break;
            }
        }
    }

    fn fewest(&self, at: usize) -> u32 {
        self.partitions * u32::from(self.tree.domains[at].fewest)
    }

    fn most(&self, at: usize) -> u32 {
        self.partitions * u32::from(self.tree.domains[at].most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::{Member, Members};
    use alloc::format;

    #[test]
    fn a_place_is_kept_for_the_zone_that_lacks_an_owner() {
        let zones = ["a", "a", "a", "b", "b"];
        let list = zones
            .iter()
            .enumerate()
            .map(|(i, zone)| Member::new(&format!("m{i}"), zone.parse().unwrap(), 1));
        let members = Members::new(list.collect()).unwrap();
        let tree = Tree::new(&members, 3);
        let of = |zone: &str| -> Vec<MemberIndex> {
            members
                .iter()
                .filter(|(_, m)| m.zone.as_str() == zone)
                .map(|(at, _)| at)
                .collect()
        };
        let (a, b) = (of("a"), of("b"));
        let mut tally = Tally::new(&tree, 1);
        tally.add(a[0]);
        assert!(tally.admits(a[1]) && tally.admits(b[0]));
        tally.add(a[1]);
        assert!(!tally.admits(a[2]), "the last place is zone b's");
        assert!(tally.admits(b[0]));
        tally.remove(a[1]);
        assert!(tally.admits(a[2]), "removing undoes adding");
        tally.add(b[1]);
        tally.add(b[0]);
        assert!(!tally.admits(a[1]), "the list is full");
    }
}
