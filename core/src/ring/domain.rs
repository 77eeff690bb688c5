//! Failure domains as a tree, and how many owners of one partition each may hold.

use super::member::{MemberIndex, Members};
use crate::hash::hash64;
use crate::limits::ZONE_PARTS_MAX;
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

/// The root of every [`Tree`].
pub(super) const ROOT: usize = 0;

/// One failure domain.
#[derive(Debug)]
pub(super) struct Domain {
    /// The domain around it. The root is its own.
    pub(super) parent: usize,
    /// Names it in ranks, whoever else is in the tree.
    pub(super) token: u64,
    /// Fewest owners of one partition in it.
    pub(super) fewest: u8,
    /// Most owners of one partition in it.
    pub(super) most: u8,
    /// The domains directly inside.
    pub(super) domains: Vec<usize>,
    /// The members directly inside. There are none where there are domains.
    pub(super) members: Vec<MemberIndex>,
}

/// All failure domains of the members with capacity, and the bounds that spread owners over them.
///
/// A parent comes before what is inside it. Levels that would not divide the members any further
/// than the next finer one are left out.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) domains: Vec<Domain>,
    /// The smallest domain around each member; `None` without capacity.
    pub(super) home: Vec<Option<usize>>,
    /// The members with capacity, by ascending id.
    pub(super) owners: Vec<MemberIndex>,
    /// Owners of each partition: `replicas`, or all if there are fewer.
    pub(super) width: u8,
}

impl Tree {
    pub(super) fn new(members: &Members, replicas: u8) -> Self {
        let owners: Vec<MemberIndex> = members.owners().map(|(index, _)| index).collect();
        let width = u8::try_from(owners.len()).map_or(replicas, |count| count.min(replicas));
        let root = Domain::new(ROOT, 0);
        let home = vec![None; members.len()];
        let mut tree = Self {
            domains: vec![root],
            home,
            owners,
            width,
        };
        for index in &tree.owners {
            tree.home[index.get()] = Some(ROOT);
        }
        for parts in levels(members) {
            tree.divide(members, parts);
        }
        for index in &tree.owners {
            if let Some(home) = tree.home[index.get()] {
                tree.domains[home].members.push(*index);
            }
        }
        tree.bound();
        tree
    }

    /// The domains from the smallest around `member` outwards, the root last.
    pub(super) fn around(&self, member: MemberIndex) -> impl Iterator<Item = usize> {
        core::iter::successors(self.home[member.get()], |&at| {
            (at != ROOT).then(|| self.domains[at].parent)
        })
    }

    /// Sums `of` over the members of every domain.
    pub(super) fn totals(&self, of: impl Fn(MemberIndex) -> u32) -> Vec<u32> {
        let mut totals = vec![0; self.domains.len()];
        for &member in &self.owners {
            for domain in self.around(member) {
                totals[domain] += of(member);
            }
        }
        totals
    }

    /// Adds the level whose domains are the first `parts` parts of the zones.
    fn divide(&mut self, members: &Members, parts: usize) {
        let mut level: BTreeMap<&str, usize> = BTreeMap::new();
        for (index, member) in members.owners() {
            let Some(parent) = self.home[index.get()] else {
                continue;
            };
            let prefix = member.zone.prefix(parts);
            let domain = *level.entry(prefix).or_insert_with(|| {
                self.domains
                    .push(Domain::new(parent, hash64(prefix.as_bytes())));
                self.domains.len() - 1
            });
            self.home[index.get()] = Some(domain);
        }
        for domain in level.into_values() {
            let parent = self.domains[domain].parent;
            self.domains[parent].domains.push(domain);
        }
    }

    /// Sets the bounds of every domain, the finest level first: the smaller a domain, the more
    /// often it fails, so spreading over hosts comes before spreading over regions.
    fn bound(&mut self) {
        let mut level: Vec<usize> = Vec::new();
        for depth in (1..=self.depth_max()).rev() {
            level.clear();
            level.extend((1..self.domains.len()).filter(|&at| self.depth(at) == depth));
            self.bound_level(&level);
        }
        self.domains[ROOT].fewest = self.width;
        self.domains[ROOT].most = self.width;
    }

    /// As even as can be over one level: each domain gets `even` owners of a partition or one fewer,
    /// save where what is inside it allows no more or demands more.
    fn bound_level(&mut self, level: &[usize]) {
        let inside: Vec<(u32, u32)> = level.iter().map(|&at| self.inside(at)).collect();
        let held = |even: u32| -> u32 {
            inside
                .iter()
                .map(|&(fewest, most)| even.clamp(fewest, most))
                .sum()
        };
        let width = u32::from(self.width);
        let even = (1..=width)
            .find(|&even| held(even) >= width)
            .unwrap_or(width);
        for (&at, &(fewest, most)) in level.iter().zip(&inside) {
            self.domains[at].fewest = narrow((even - 1).clamp(fewest, most), self.width);
            self.domains[at].most = narrow(even.clamp(fewest, most), self.width);
        }
    }

    /// How many owners of one partition what is inside `at` demands, and how many it can hold.
    fn inside(&self, at: usize) -> (u32, u32) {
        let domain = &self.domains[at];
        let within = || domain.domains.iter().map(|&inner| &self.domains[inner]);
        let fewest = within().map(|inner| u32::from(inner.fewest)).sum();
        let most: u32 = within().map(|inner| u32::from(inner.most)).sum();
        let members = u32::try_from(domain.members.len()).unwrap_or(u32::MAX);
        (fewest, most + members)
    }

    fn depth(&self, at: usize) -> usize {
        core::iter::successors(Some(at), |&at| {
            (at != ROOT).then(|| self.domains[at].parent)
        })
        .count()
            - 1
    }

    fn depth_max(&self) -> usize {
        (0..self.domains.len())
            .map(|at| self.depth(at))
            .max()
            .unwrap_or(0)
    }
}

impl Domain {
    fn new(parent: usize, token: u64) -> Self {
        Self {
            parent,
            token,
            fewest: 0,
            most: 0,
            domains: Vec::new(),
            members: Vec::new(),
        }
    }
}

/// The numbers of parts, ascending, at which the zones divide the members further.
fn levels(members: &Members) -> Vec<usize> {
    let mut levels = Vec::new();
    let mut finer = members.owners().count();
    for parts in (1..=ZONE_PARTS_MAX).rev() {
        let mut prefixes: Vec<&str> = members
            .owners()
            .map(|(_, m)| m.zone.prefix(parts))
            .collect();
        prefixes.sort_unstable();
        prefixes.dedup();
        if prefixes.len() > 1 && prefixes.len() < finer {
            levels.push(parts);
            finer = prefixes.len();
        }
    }
    levels.reverse();
    levels
}

/// Every bound is at most the width, because the bounds of a level are found below it.
fn narrow(bound: u32, width: u8) -> u8 {
    u8::try_from(bound).map_or(width, |bound| bound.min(width))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::Member;
    use alloc::format;

    /// The bounds of every domain but the root, by the order of their paths on each level.
    fn bounds(zones: &[&str], replicas: u8) -> Vec<(u8, u8)> {
        let member =
            |(i, zone): (usize, &&str)| Member::new(&format!("m{i}"), zone.parse().unwrap(), 1);
        let members = Members::new(zones.iter().enumerate().map(member).collect()).unwrap();
        let tree = Tree::new(&members, replicas);
        let mut paths: Vec<(usize, &str, (u8, u8))> = Vec::new();
        for (index, member) in members.iter() {
            let around: Vec<usize> = tree.around(index).filter(|&at| at != ROOT).collect();
            for at in around {
                let domain = &tree.domains[at];
                let parts =
                    (1..=3).find(|&n| hash64(member.zone.prefix(n).as_bytes()) == domain.token);
                let path = member.zone.prefix(parts.unwrap());
                paths.push((tree.depth(at), path, (domain.fewest, domain.most)));
            }
        }
        paths.sort_unstable();
        paths.dedup();
        paths.into_iter().map(|(_, _, bounds)| bounds).collect()
    }

    #[test]
    fn enough_zones_hold_one_owner_each() {
        assert_eq!(bounds(&["a", "a", "b", "c", "d"], 3), [(0, 1); 4]);
    }

    #[test]
    fn too_few_zones_are_all_used_and_as_evenly_as_can_be() {
        assert_eq!(bounds(&["a", "a", "b", "b"], 3), [(1, 2); 2]);
        assert_eq!(bounds(&["a", "a", "a", "b"], 4), [(2, 3), (1, 1)]);
        assert_eq!(bounds(&["a", "a", "b", "b", "c", "c"], 3), [(0, 1); 3]);
    }

    #[test]
    fn the_smaller_domain_comes_first() {
        // With 3 owners in region a and 2 in b the regions would be as even, but zone a/x would hold 3.
        let zones = [
            "a/x", "a/x", "a/x", "b/x", "b/x", "b/y", "b/y", "b/z", "b/z",
        ];
        assert_eq!(
            bounds(&zones, 5),
            [(1, 2), (3, 3), (1, 2), (1, 2), (1, 2), (1, 2)]
        );
    }

    #[test]
    fn a_level_that_divides_nothing_is_left_out() {
        assert!(bounds(&["eu/a", "eu/b", "eu/c"], 3).is_empty());
        assert_eq!(
            bounds(&["eu/a/1", "eu/a/2", "eu/b/1", "eu/b/2"], 2),
            [(0, 1); 2]
        );
    }
}
