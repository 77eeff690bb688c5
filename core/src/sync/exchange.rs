//! One comparison of a partition with one other replica, as the one who began it sees it: roots,
//! then the branches that differ, then their leaves, then the keys of the leaves that differ, page
//! by page. What it costs grows with what differs.

use super::tree::{BRANCHES, HashTree, LEAVES_PER_BRANCH, LeafSet};
use crate::causality::VersionSet;
use crate::id::{MemberId, PartitionId};
use crate::limits::SYNC_KEYS_MAX;
use crate::storage::StoredKey;
use crate::storage::store::Page;
use crate::time::Instant;
use crate::wire::{ListedKey, SyncMessage};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::ops::Bound;

/// A comparison under way.
#[derive(Debug)]
pub struct Exchange {
    /// Of which partition.
    pub partition: PartitionId,
    /// With whom.
    pub peer: MemberId,
    /// When it is given up, unless there is progress.
    pub deadline: Instant,
    phase: Phase,
    /// States that were asked for and have not come.
    fetching: BTreeSet<StoredKey>,
    /// What comes when they have.
    held: Option<Next>,
}

#[derive(Debug)]
enum Phase {
    Roots,
    Leaves {
        branches: u32,
    },
    /// The other side is asked for its keys behind `after`.
    Listing {
        leaves: LeafSet,
        after: Option<StoredKey>,
    },
    /// Its keys are here, and are compared with one's own behind `after`.
    Comparing {
        leaves: LeafSet,
        after: Option<StoredKey>,
        theirs: BTreeMap<StoredKey, u64>,
        upto: Option<StoredKey>,
    },
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Say this to the other side.
    Ask(SyncMessage),
    /// Hand one's own page of [`Exchange::range`] to [`Exchange::compare`].
    Scan,
    /// Everything that the other side had is here.
    Done,
    /// The other side cannot compare the partition now.
    GiveUp,
}

/// An answer that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Senseless;

/// What one page has brought to light.
#[derive(Debug, Default)]
pub struct Differences {
    /// One's own states that the other side must merge.
    pub push: Vec<(StoredKey, Vec<u8>)>,
    /// Keys whose states the other side is to send.
    pub fetch: Vec<StoredKey>,
}

impl Exchange {
    /// A comparison that begins with the roots.
    #[must_use]
    pub const fn new(partition: PartitionId, peer: MemberId, deadline: Instant) -> Self {
        Self {
            partition,
            peer,
            deadline,
            phase: Phase::Roots,
            fetching: BTreeSet::new(),
            held: None,
        }
    }

    /// The states of `keys` are asked for, and `next` is to wait for them. Gives it back if there
    /// are none.
    pub fn hold(&mut self, keys: &[StoredKey], next: Next) -> Option<Next> {
        self.fetching.extend(keys.iter().cloned());
        if self.fetching.is_empty() {
            return Some(next);
        }
        self.held = Some(next);
        None
    }

    /// The state of `key` is here. Gives what comes next when it was the last.
    pub fn received(&mut self, key: &StoredKey) -> Option<Next> {
        self.fetching.remove(key);
        self.held.take_if(|_| self.fetching.is_empty())
    }

    /// The other side has answered. `ours` is one's own tree.
    pub fn answer(&mut self, ours: &HashTree, message: SyncMessage) -> Result<Next, Senseless> {
        match (&self.phase, message) {
            (Phase::Roots, SyncMessage::Same) => Ok(Next::Done),
            (_, SyncMessage::NotReady) => Ok(Next::GiveUp),
            (Phase::Roots, SyncMessage::Branches(theirs)) => self.branches(ours, &theirs),
            (Phase::Leaves { branches }, SyncMessage::Leaves(theirs)) => {
                let branches = *branches;
                self.leaves(ours, branches, &theirs)
            }
            (Phase::Listing { .. }, SyncMessage::Listed { entries, upto }) => {
                self.listed(entries, &upto)
            }
            _ => Err(Senseless),
        }
    }

    /// The range of one's own keys that is to be compared next; `None` if it is not their turn.
    #[must_use]
    pub fn range(&self) -> Option<(Option<&StoredKey>, Bound<&StoredKey>)> {
        let Phase::Comparing { after, upto, .. } = &self.phase else {
            return None;
        };
        let end = upto.as_ref().map_or(Bound::Unbounded, Bound::Included);
        Some((after.as_ref(), end))
    }

    /// Compares the next page of one's own keys in that range.
    pub fn compare(&mut self, page: Page) -> (Differences, Next) {
        let mut found = Differences::default();
        let Phase::Comparing {
            leaves,
            after,
            theirs,
            upto,
        } = &mut self.phase
        else {
            return (found, Next::Done);
        };
        for entry in page.entries {
            if !leaves.holds(entry.key.digest()) {
                continue;
            }
            let ours = VersionSet::decode(&entry.set).expect("checked before it was stored");
            match theirs.remove(&entry.key) {
                Some(state) if state == ours.causal_digest() => continue,
                Some(_) => found.fetch.push(entry.key.clone()),
                None => {}
            }
            found.push.push((entry.key, entry.set));
        }
        let beyond = match &page.next {
            Some(reach) => {
                let beyond = theirs.split_off(reach);
                *after = Some(reach.clone());
                beyond
            }
            None => BTreeMap::new(),
        };
        found
            .fetch
            .extend(core::mem::replace(theirs, beyond).into_keys());
        if page.next.is_some() {
            return (found, Next::Scan);
        }
        let (leaves, upto) = (leaves.clone(), upto.take());
        let next = match upto {
            None => Next::Done,
            Some(upto) => self.list(leaves, Some(upto)),
        };
        (found, next)
    }

    fn branches(&mut self, ours: &HashTree, theirs: &[u64]) -> Result<Next, Senseless> {
        let theirs: &[u64; BRANCHES] = theirs.try_into().map_err(|_| Senseless)?;
        let pairs = ours.branches().into_iter().zip(theirs).enumerate();
        let branches = pairs
            .filter(|(_, (our, their))| our != *their)
            .fold(0_u32, |set, (branch, _)| set | 1 << branch);
        if branches == 0 {
            return Ok(Next::Done);
        }
        self.phase = Phase::Leaves { branches };
        Ok(Next::Ask(SyncMessage::PickBranches(branches)))
    }

    fn leaves(
        &mut self,
        ours: &HashTree,
        branches: u32,
        theirs: &[u64],
    ) -> Result<Next, Senseless> {
        let (chunks, rest) = theirs.as_chunks::<LEAVES_PER_BRANCH>();
        if chunks.len() != branches.count_ones() as usize || !rest.is_empty() {
            return Err(Senseless);
        }
        let mut leaves = LeafSet::new();
        let picked = (0..BRANCHES).filter(|branch| branches & 1 << branch != 0);
        for (branch, theirs) in picked.zip(chunks) {
            let pairs = ours.leaves(branch).into_iter().zip(theirs).enumerate();
            for (leaf, _) in pairs.filter(|(_, (our, their))| our != *their) {
                leaves.insert(branch * LEAVES_PER_BRANCH + leaf);
            }
        }
        if leaves.is_empty() {
            return Ok(Next::Done);
        }
        Ok(self.list(leaves, None))
    }

    fn list(&mut self, leaves: LeafSet, after: Option<StoredKey>) -> Next {
        let ask = SyncMessage::List {
            leaves: leaves.to_bytes(),
            after: after
                .as_ref()
                .map_or_else(Vec::new, |key| key.as_bytes().to_vec()),
        };
        self.phase = Phase::Listing { leaves, after };
        Next::Ask(ask)
    }

    fn listed(&mut self, entries: Vec<ListedKey>, upto: &[u8]) -> Result<Next, Senseless> {
        let Phase::Listing { leaves, after } = &self.phase else {
            return Err(Senseless);
        };
        let key = |bytes: &[u8]| {
            let key = StoredKey::from_bytes(bytes).ok_or(Senseless)?;
            let is_behind = after.as_ref().is_none_or(|after| *after < key);
            if key.partition() == self.partition && is_behind {
                Ok(key)
            } else {
                Err(Senseless)
            }
        };
        let upto = match upto {
            [] => None,
            bytes => Some(key(bytes)?),
        };
        if entries.len() > SYNC_KEYS_MAX {
            return Err(Senseless);
        }
        let mut theirs = BTreeMap::new();
        for entry in entries {
            let stored = key(&entry.key)?;
            let is_asked = leaves.holds(stored.digest());
            if !is_asked || upto.as_ref().is_some_and(|upto| stored > *upto) {
                return Err(Senseless);
            }
            theirs.insert(stored, entry.state);
        }
        self.phase = Phase::Comparing {
            leaves: leaves.clone(),
            after: after.clone(),
            theirs,
            upto,
        };
        Ok(Next::Scan)
    }
}
