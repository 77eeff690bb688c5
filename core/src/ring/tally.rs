//! Counts the owners of one partition in every failure domain.

use super::domain::Tree;
use super::member::MemberIndex;
use alloc::vec::Vec;

/// Owners of one partition, not necessarily all of them yet.
///
/// A domain is counted by what it will hold at least: the owners that are in it, and the places kept
/// free for domains inside it that still lack some. A list of owners can be completed within all
/// bounds exactly when no such count exceeds the domain's bound, so an owner that is admitted
/// here never has to be taken back.
#[derive(Debug)]
pub(super) struct Tally<'a> {
    tree: &'a Tree,
    counts: Vec<u8>,
}

impl<'a> Tally<'a> {
    /// No owners.
    pub(super) fn new(tree: &'a Tree) -> Self {
        let demanded = |at: usize| -> u8 {
            tree.domains[at]
                .domains
                .iter()
                .map(|&inner| tree.domains[inner].fewest)
                .sum()
        };
        let counts = (0..tree.domains.len()).map(demanded).collect();
        Self { tree, counts }
    }

    /// Whether `member`, which is not in the list, can join it.
    pub(super) fn admits(&self, member: MemberIndex) -> bool {
        for at in self.tree.around(member) {
            if self.counts[at] < self.tree.domains[at].fewest {
                return true;
            }
            if self.counts[at] >= self.tree.domains[at].most {
                return false;
            }
        }
        false
    }

    /// Adds an owner that is admitted, or that was just removed.
    pub(super) fn add(&mut self, member: MemberIndex) {
        for at in self.tree.around(member) {
            self.counts[at] += 1;
            if self.counts[at] <= self.tree.domains[at].fewest {
                break;
            }
        }
    }

    /// Removes an owner.
    pub(super) fn remove(&mut self, member: MemberIndex) {
        for at in self.tree.around(member) {
            self.counts[at] -= 1;
            if self.counts[at] < self.tree.domains[at].fewest {
                break;
            }
        }
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
        let mut tally = Tally::new(&tree);
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
