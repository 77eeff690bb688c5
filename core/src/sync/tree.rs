//! A hash tree over the states of one partition, of fixed shape: the root over [`BRANCHES`]
//! branches of [`LEAVES_PER_BRANCH`] leaves.
//!
//! A key belongs to the leaf that its digest names. A leaf holds the sum, modulo 2^64, of a hash of
//! each of its keys with its state, a branch the sum of its leaves, the root that of the branches. So
//! a changed state costs three additions, in whatever order changes come (an additive multiset hash: Clarke et al., "Incremental Multiset Hash
//! Functions", ASIACRYPT 2003). Sums find accidents; they do not stop somebody who means to deceive.

use crate::hash::hash64;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// Branches below the root.
pub const BRANCHES: usize = 32;
/// Leaves below a branch.
pub const LEAVES_PER_BRANCH: usize = 32;
/// Leaves of a tree.
pub const LEAVES: usize = BRANCHES * LEAVES_PER_BRANCH;

/// The sums of one partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HashTree {
    /// None while all of them are 0.
    sums: Option<Box<Sums>>,
}

/// The sum of a branch is that of its leaves, the root that of the branches.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sums {
    root: u64,
    branches: [u64; BRANCHES],
    leaves: [u64; LEAVES],
}

impl HashTree {
    /// The state of the key with digest `key` was `before` and is `after`: digests of states, `None`
    /// for no state.
    pub fn change(&mut self, key: u64, before: Option<u64>, after: Option<u64>) {
        if before == after {
            return;
        }
        let sums = self.sums.get_or_insert_with(|| {
            Box::new(Sums {
                root: 0,
                branches: [0; BRANCHES],
                leaves: [0; LEAVES],
            })
        });
        let sum = |state: Option<u64>| state.map_or(0, |state| pair(key, state));
        let difference = sum(after).wrapping_sub(sum(before));
        let leaf = usize::from(leaf_of(key));
        for sum in [
            &mut sums.root,
            &mut sums.branches[leaf / LEAVES_PER_BRANCH],
            &mut sums.leaves[leaf],
        ] {
            *sum = sum.wrapping_add(difference);
        }
    }

    /// The sum of everything.
    #[must_use]
    pub fn root(&self) -> u64 {
        self.sums.as_ref().map_or(0, |sums| sums.root)
    }

    /// The sum of each branch.
    #[must_use]
    pub fn branches(&self) -> [u64; BRANCHES] {
        self.sums
            .as_ref()
            .map_or([0; BRANCHES], |sums| sums.branches)
    }

    /// The sums of the leaves of `branch`, which is below [`BRANCHES`].
    #[must_use]
    pub fn leaves(&self, branch: usize) -> [u64; LEAVES_PER_BRANCH] {
        let first = branch * LEAVES_PER_BRANCH;
        match &self.sums {
            Some(sums) => core::array::from_fn(|leaf| sums.leaves[first + leaf]),
            None => [0; LEAVES_PER_BRANCH],
        }
    }
}

/// The leaf of the key with this digest.
#[must_use]
pub fn leaf_of(key: u64) -> u16 {
    u16::try_from(key >> (u64::BITS - LEAVES.trailing_zeros())).expect("ten bits")
}

/// Some leaves of a tree: bit `n % 8` of byte `n / 8` stands for leaf `n`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeafSet(Box<[u8; LEAVES / 8]>);

impl LeafSet {
    /// No leaf.
    #[must_use]
    pub fn new() -> Self {
        Self(Box::new([0; LEAVES / 8]))
    }

    /// Every leaf.
    #[must_use]
    pub fn full() -> Self {
        Self(Box::new([u8::MAX; LEAVES / 8]))
    }

    /// The set with these bytes; `None` if they are not [`LEAVES`] bits.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(Box::new(bytes.try_into().ok()?)))
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_vec()
    }

    /// Adds `leaf`, which is below [`LEAVES`].
    pub fn insert(&mut self, leaf: usize) {
        self.0[leaf / 8] |= 1 << (leaf % 8);
    }

    /// Whether the key with this digest belongs to one of them.
    #[must_use]
    pub fn holds(&self, key: u64) -> bool {
        let leaf = usize::from(leaf_of(key));
        self.0[leaf / 8] & 1 << (leaf % 8) != 0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|byte| *byte == 0)
    }
}

impl Default for LeafSet {
    fn default() -> Self {
        Self::new()
    }
}

fn pair(one: u64, other: u64) -> u64 {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&one.to_le_bytes());
    bytes[8..].copy_from_slice(&other.to_le_bytes());
    hash64(&bytes)
}

const _: () = assert!(LEAVES.is_power_of_two() && LEAVES <= 1 << 16 && LEAVES.is_multiple_of(8));

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    extern crate std;

    fn tree_of(states: &BTreeMap<u64, u64>) -> HashTree {
        let mut tree = HashTree::default();
        for (key, state) in states {
            tree.change(*key, None, Some(*state));
        }
        tree
    }

    proptest! {
        /// Whatever way led to the states, their tree is the same; and other states have another.
        #[test]
        fn a_tree_follows_from_the_states_alone(
            changes in prop::collection::vec((0..40_u64, prop::option::of(0..5_u64)), 0..200)
        ) {
            let (mut tree, mut states) = (HashTree::default(), BTreeMap::new());
            for (key, after) in changes {
                let key = hash64(&key.to_le_bytes());
                let before = match after {
                    Some(state) => states.insert(key, state),
                    None => states.remove(&key),
                };
                tree.change(key, before, after);
            }
            let grown = tree_of(&states);
            prop_assert_eq!(tree.root(), grown.root());
            if let Some(key) = states.keys().next().copied() {
                let mut other = states.clone();
                other.insert(key, 99);
                let other = tree_of(&other);
                prop_assert_ne!(other.root(), tree.root());
                let differing: Vec<usize> = (0..BRANCHES)
                    .filter(|branch| other.branches()[*branch] != tree.branches()[*branch])
                    .collect();
                let leaf = usize::from(leaf_of(key));
                prop_assert_eq!(&differing, &[leaf / LEAVES_PER_BRANCH]);
                let (ours, theirs) = (tree.leaves(differing[0]), other.leaves(differing[0]));
                for at in 0..LEAVES_PER_BRANCH {
                    prop_assert_eq!(ours[at] != theirs[at], at == leaf % LEAVES_PER_BRANCH);
                }
            }
        }
    }

    #[test]
    fn a_set_of_leaves_holds_the_keys_of_its_leaves() {
        let mut set = LeafSet::new();
        assert!(set.is_empty());
        let key = hash64(b"some key");
        assert!(!set.holds(key));
        set.insert(usize::from(leaf_of(key)));
        assert!(set.holds(key) && !set.is_empty() && !set.holds(!key));
        assert_eq!(LeafSet::from_bytes(&set.to_bytes()), Some(set));
        assert_eq!(LeafSet::from_bytes(&[1; LEAVES / 8 + 1]), None);
        assert_eq!(leaf_of(u64::MAX), 1_023);
    }
}
