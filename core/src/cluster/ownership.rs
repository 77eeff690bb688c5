//! Who owns one partition, also while that changes.
//!
//! A change goes through four versions, each agreed on before the next:
//!
//! | phase | read from | `W` counted on |
//! |---|---|---|
//! | settled | old owners | old owners |
//! | copying | old owners | old owners **and** new owners |
//! | switched | new owners | old owners **and** new owners |
//! | settled | new owners | new owners |
//!
//! Whoever answers for a partition refuses operations of an older version than its own, so two
//! operations whose answers overlap in time are at most one step apart, and in each pair of
//! neighbouring lines what is written meets what is read. (Joint consensus: Ongaro, Ousterhout, "In
//! Search of an Understandable Consensus Algorithm", 2014, section 6; here for quorums that need
//! no leader.)

use crate::id::MemberId;
use crate::limits::REPLICAS_MAX;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// The owners of a partition and the number of that state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ownership {
    /// Grows with each step.
    pub version: u64,
    /// Where a change stands.
    pub phase: Phase,
    /// Since which version each of those who get writes is one; those from the beginning are left out.
    pub joined: BTreeMap<MemberId, u64>,
}

/// Where a change of owners stands. Each list has the primary first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Nothing is changing.
    Settled {
        /// The owners.
        owners: Vec<MemberId>,
    },
    /// New owners take in what the old ones have.
    Copying {
        /// The owners before.
        from: Vec<MemberId>,
        /// The owners afterwards.
        to: Vec<MemberId>,
        /// Those of the new ones that have everything.
        synced: Vec<MemberId>,
    },
    /// The new owners have everything and are read from; that has yet to reach the old ones.
    Switched {
        /// The owners before.
        from: Vec<MemberId>,
        /// The owners afterwards.
        to: Vec<MemberId>,
    },
}

impl Ownership {
    /// Owned by `owners` from the beginning.
    #[must_use]
    pub const fn settled(owners: Vec<MemberId>) -> Self {
        Self {
            version: 0,
            phase: Phase::Settled { owners },
            joined: BTreeMap::new(),
        }
    }

    /// Those whose copies are read.
    #[must_use]
    pub fn readers(&self) -> &[MemberId] {
        match &self.phase {
            Phase::Settled { owners } => owners,
            Phase::Copying { from, .. } => from,
            Phase::Switched { to, .. } => to,
        }
    }

    /// Those on whom `W` is counted besides the readers; empty when nothing is changing.
    #[must_use]
    pub fn others(&self) -> &[MemberId] {
        match &self.phase {
            Phase::Settled { .. } => &[],
            Phase::Copying { to, .. } => to,
            Phase::Switched { from, .. } => from,
        }
    }

    /// Everybody who gets writes: the readers, then those of the others who are none.
    pub fn holders(&self) -> impl Iterator<Item = MemberId> + '_ {
        let readers = self.readers();
        let rest = self.others().iter().filter(|it| !readers.contains(it));
        readers.iter().chain(rest).copied()
    }

    /// Whether `member` gets writes.
    #[must_use]
    pub fn holds(&self, member: MemberId) -> bool {
        self.readers().contains(&member) || self.others().contains(&member)
    }

    /// Since which version `member` gets writes without a break; 0 from the beginning.
    #[must_use]
    pub fn since(&self, member: MemberId) -> u64 {
        self.joined.get(&member).copied().unwrap_or(0)
    }

    /// The owners when all that has begun is done.
    #[must_use]
    pub fn owners_at_last(&self) -> &[MemberId] {
        match &self.phase {
            Phase::Settled { owners } => owners,
            Phase::Copying { to, .. } | Phase::Switched { to, .. } => to,
        }
    }

    /// Whether nothing is changing.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        matches!(self.phase, Phase::Settled { .. })
    }

    /// Those who have yet to take in what the owners before have: the new ones. Where there are to
    /// be fewer owners it is all that stay: a smaller quorum of them must meet what was written before.
    pub fn copiers(&self) -> impl Iterator<Item = MemberId> + '_ {
        let (from, to, synced): (&[MemberId], &[MemberId], &[MemberId]) = match &self.phase {
            Phase::Copying { from, to, synced } => (from, to, synced),
            Phase::Settled { .. } | Phase::Switched { .. } => (&[], &[], &[]),
        };
        let all = to.len() < from.len();
        let lacks =
            move |member: &&MemberId| (all || !from.contains(member)) && !synced.contains(member);
        to.iter().filter(lacks).copied()
    }

    /// Begins, or turns, a change towards the owners `to`. `None` if there is nothing to do, or the
    /// change under way must first come to its end.
    #[must_use]
    pub fn turn_to(&self, to: &[MemberId]) -> Option<Self> {
        let same = |list: &[MemberId]| {
            list.len() == to.len() && list.iter().all(|member| to.contains(member))
        };
        let phase = match &self.phase {
            Phase::Settled { owners } if !same(owners) => Phase::Copying {
                from: owners.clone(),
                to: to.into(),
                synced: Vec::new(),
            },
            // Back to where it began: nobody has read from the new owners yet.
            Phase::Copying { from, to: old, .. } if same(from) && !same(old) => Phase::Settled {
                owners: from.clone(),
            },
            // What was taken in so far proves nothing now: a write of the version before may still
            // come to its end on owners that are no longer to be.
            Phase::Copying { from, to: old, .. } if !same(old) => Phase::Copying {
                from: from.clone(),
                to: to.into(),
                synced: Vec::new(),
            },
            _ => return None,
        };
        Some(self.next(phase))
    }

    /// `member` has everything that the owners before had in this version.
    #[must_use]
    pub fn synced(&self, version: u64, member: MemberId) -> Option<Self> {
        let Phase::Copying { from, to, synced } = &self.phase else {
            return None;
        };
        if version != self.version || !self.copiers().any(|copier| copier == member) {
            return None;
        }
        let mut synced = synced.clone();
        synced.push(member);
        let phase = Phase::Copying {
            from: from.clone(),
            to: to.clone(),
            synced,
        };
        let next = Self {
            phase,
            ..self.clone()
        };
        if next.copiers().next().is_some() {
            return Some(next);
        }
        let (from, to) = (from.clone(), to.clone());
        Some(self.next(Phase::Switched { from, to }))
    }

    /// The old owners know that it has switched in this version.
    #[must_use]
    pub fn adopted(&self, version: u64) -> Option<Self> {
        match &self.phase {
            Phase::Switched { to, .. } if version == self.version => {
                Some(self.next(Phase::Settled { owners: to.clone() }))
            }
            _ => None,
        }
    }

    fn next(&self, phase: Phase) -> Self {
        let mut next = Self {
            version: self.version + 1,
            phase,
            joined: BTreeMap::new(),
        };
        let holders: Vec<MemberId> = next.holders().collect();
        for holder in holders {
            let since = match self.holds(holder) {
                true => self.since(holder),
                false => next.version,
            };
            if since > 0 {
                next.joined.insert(holder, since);
            }
        }
        next
    }

    /// Whether a received one keeps what the code relies on.
    pub(super) fn is_sound(&self) -> bool {
        let is_list = |list: &[MemberId]| {
            let repeats = (1..list.len()).any(|at| list[..at].contains(&list[at]));
            (1..=usize::from(REPLICAS_MAX)).contains(&list.len()) && !repeats
        };
        let is_joined = |(member, since): (&MemberId, &u64)| {
            self.holds(*member) && (1..=self.version).contains(since)
        };
        if !self.joined.iter().all(is_joined) {
            return false;
        }
        match &self.phase {
            Phase::Settled { owners } => is_list(owners),
            Phase::Copying { from, to, synced } => {
                is_list(from) && is_list(to) && synced.len() <= to.len()
            }
            Phase::Switched { from, to } => is_list(from) && is_list(to),
        }
    }
}
