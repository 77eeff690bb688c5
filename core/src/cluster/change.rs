//! What can be done to the state of a cluster.

use super::state::ClusterState;
use crate::id::{MemberId, PartitionId};
use crate::limits::MOVES_MAX;
use crate::ring::{Member, Members};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// One change. Applying it again changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// This member belongs to the cluster, in this zone and with this capacity.
    Join(Member),
    /// This member is to own nothing any more, and then to be forgotten: it leaves, or is dead and
    /// is replaced.
    Leave(MemberId),
    /// A new owner of a partition has everything that the owners before have.
    Synced {
        /// The partition.
        partition: PartitionId,
        /// The version of its ownership of which that is true.
        version: u64,
        /// The new owner.
        member: MemberId,
    },
    /// The old owners of a partition know that it is read from the new ones.
    Adopted {
        /// The partition.
        partition: PartitionId,
        /// The version of its ownership of which that is true.
        version: u64,
    },
}

impl Change {
    /// Whether it changes nothing in `state`.
    #[must_use]
    pub fn is_moot(&self, state: &ClusterState) -> bool {
        match self {
            Self::Join(member) => state.member(member.id) == Some(member),
            Self::Leave(id) => state.member(*id).is_none_or(|member| member.capacity == 0),
            Self::Synced {
                partition,
                version,
                member,
            } => {
                let ownership = state.ownership(*partition);
                ownership.is_none_or(|it| it.synced(*version, *member).is_none())
            }
            Self::Adopted { partition, version } => {
                let ownership = state.ownership(*partition);
                ownership.is_none_or(|it| it.adopted(*version).is_none())
            }
        }
    }
}

impl ClusterState {
    /// The state after `changes`, with an epoch one higher; `None` if they change nothing.
    #[must_use]
    pub fn apply(&self, changes: &[Change]) -> Option<Self> {
        let mut next = self.clone();
        for change in changes {
            next.apply_one(change);
        }
        next.begin_moves();
        next.forget_gone();
        if next == *self {
            return None;
        }
        next.epoch += 1;
        Some(next)
    }

    fn apply_one(&mut self, change: &Change) {
        match change {
            Change::Join(member) => self.change_members(|list| {
                list.retain(|known| known.id != member.id);
                list.push(member.clone());
            }),
            Change::Leave(id) => self.change_members(|list| {
                for member in list.iter_mut().filter(|member| member.id == *id) {
                    member.capacity = 0;
                }
            }),
            Change::Synced {
                partition,
                version,
                member,
            } => {
                if let Some(ownership) = self.partitions.get_mut(usize::from(partition.0))
                    && let Some(next) = ownership.synced(*version, *member)
                {
                    *ownership = next;
                }
            }
            Change::Adopted { partition, version } => {
                if let Some(ownership) = self.partitions.get_mut(usize::from(partition.0))
                    && let Some(next) = ownership.adopted(*version)
                {
                    *ownership = next;
                }
            }
        }
    }

    /// Gives the ring other members. A list that makes no ring changes nothing.
    fn change_members(&mut self, change: impl FnOnce(&mut Vec<Member>)) {
        let mut list: Vec<Member> = self.members().iter().map(|(_, it)| it.clone()).collect();
        change(&mut list);
        if let Ok(members) = Members::new(list)
            && members != *self.members()
        {
            self.target = self.target.evolve(members);
        }
    }

    /// Turns changes under way towards the ring as it is to be, and begins others as long as there
    /// are not too many.
    fn begin_moves(&mut self) {
        let moving = |state: &Self| {
            let is_moving = |ownership: &&super::Ownership| !ownership.is_settled();
            state.partitions.iter().filter(is_moving).count()
        };
        let mut room = MOVES_MAX.saturating_sub(moving(self));
        for number in 0..self.partitions.len() {
            let partition = PartitionId(u16::try_from(number).expect("a ring has fewer"));
            let to = self.target_owners(partition);
            let ownership = &mut self.partitions[number];
            let was_settled = ownership.is_settled();
            if was_settled && room == 0 {
                continue;
            }
            if let Some(next) = ownership.turn_to(&to) {
                room = room.saturating_sub(usize::from(was_settled));
                *ownership = next;
            }
        }
    }

    /// Forgets members that are to own nothing and own nothing any more.
    fn forget_gone(&mut self) {
        let is_needed = |member: &Member| {
            member.capacity > 0 || self.partitions.iter().any(|it| it.holds(member.id))
        };
        let gone: Vec<MemberId> = (self.members().iter())
            .filter(|(_, member)| !is_needed(member))
            .map(|(_, member)| member.id)
            .collect();
        if !gone.is_empty() {
            self.change_members(|list| list.retain(|member| !gone.contains(&member.id)));
        }
    }
}
