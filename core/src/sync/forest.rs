//! The trees of all partitions.
//!
//! A tree is grown from a scan of its partition after each start, and kept from then on: a change
//! to a key that the scan has passed goes into the tree, one to a key ahead of it is found there by
//! the scan. While a tree is not whole, its partition is not compared.

use super::tree::HashTree;
use crate::causality::VersionSet;
use crate::id::PartitionId;
use crate::planted::{Bug, is_planted};
use crate::storage::StoredKey;
use crate::storage::store::Page;
use alloc::collections::{BTreeMap, BTreeSet};

/// The trees of a node's partitions.
#[derive(Debug, Default)]
pub struct Forest {
    trees: BTreeMap<PartitionId, Growing>,
    /// Those that are not whole yet.
    growing: BTreeSet<PartitionId>,
}

#[derive(Debug, Default)]
struct Growing {
    tree: HashTree,
    reach: Reach,
}

/// How far a tree reaches.
#[derive(Debug, Default, PartialEq, Eq)]
enum Reach {
    #[default]
    Nothing,
    /// Up to this key.
    Key(StoredKey),
    Whole,
}

impl Forest {
    /// Plants the tree of `partition`, which `is_empty` or is to be scanned.
    pub fn plant(&mut self, partition: PartitionId, is_empty: bool) {
        let reach = if is_empty {
            self.growing.remove(&partition);
            Reach::Whole
        } else {
            self.growing.insert(partition);
            Reach::Nothing
        };
        let tree = HashTree::default();
        self.trees.insert(partition, Growing { tree, reach });
    }

    /// A partition whose tree is to grow, and behind which key; `None` if all are whole.
    #[must_use]
    pub fn growing(&self) -> Option<(PartitionId, Option<&StoredKey>)> {
        let partition = *self.growing.first()?;
        let reach = &self.trees.get(&partition)?.reach;
        let after = match reach {
            Reach::Key(key) => Some(key),
            Reach::Nothing | Reach::Whole => None,
        };
        Some((partition, after))
    }

    /// Takes in the page of the scan that comes next.
    pub fn grow(&mut self, partition: PartitionId, page: Page) {
        let Some(growing) = self.trees.get_mut(&partition) else {
            return;
        };
        for entry in &page.entries {
            let set = VersionSet::decode(&entry.set).expect("checked before it was stored");
            let (key, state) = (entry.key.digest(), set.causal_digest());
            growing.tree.change(key, None, Some(state));
        }
        growing.reach = page.next.map_or(Reach::Whole, Reach::Key);
        if growing.reach == Reach::Whole {
            self.growing.remove(&partition);
        }
    }

    /// Gives up the tree of `partition`, which cannot be scanned.
    pub fn fell(&mut self, partition: PartitionId) {
        self.trees.remove(&partition);
        self.growing.remove(&partition);
    }

    /// The state of `key` was `before` and is `after`: causal digests, or `None` for no state.
    pub fn change(&mut self, key: &StoredKey, before: Option<u64>, after: Option<u64>) {
        let Some(growing) = self.trees.get_mut(&key.partition()) else {
            return;
        };
        let is_inside = match &growing.reach {
            Reach::Nothing => false,
            Reach::Key(last) => key <= last,
            Reach::Whole => true,
        };
        let digest = key.digest();
        let is_missed = is_planted(Bug::TreeMissesKey) && digest.is_multiple_of(4);
        if is_inside && !is_missed {
            growing.tree.change(digest, before, after);
        }
    }

    /// The tree of `partition`, if it is whole.
    #[must_use]
    pub fn tree(&self, partition: PartitionId) -> Option<&HashTree> {
        let growing = self.trees.get(&partition)?;
        (growing.reach == Reach::Whole).then_some(&growing.tree)
    }

    /// How many trees are not whole yet.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        self.growing.len()
    }
}
