//! What can be done to the state of a cluster.

use super::bucket::{BucketName, BucketSettings};
use super::state::{ClusterState, Life};
use crate::id::{MemberId, PartitionId};
use crate::limits::{ADDRESS_BYTES_MAX, MOVES_MAX};
use crate::ring::{Member, Members};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// One change. Applying it again changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// This member belongs to the cluster, in this zone and with this capacity, and lives so. Only
    /// itself can say so: it has a vote from then on.
    Join {
        /// The member.
        member: Member,
        /// How it lives.
        life: Life,
    },
    /// This member is to own nothing any more: it leaves, or is dead and is replaced.
    Leave(MemberId),
    /// This member has left: it owns nothing and holds nothing for others, or is known to be dead.
    Forget(MemberId),
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
    /// A bucket is made, or gets other settings.
    Bucket {
        /// Its name.
        name: BucketName,
        /// Its revision before, 0 for one that is made: settings that somebody else has given it
        /// meanwhile stay.
        after: u64,
        /// How its keys are to be treated.
        settings: BucketSettings,
    },
}

impl Change {
    /// Whether it changes nothing in `state`.
    #[must_use]
    pub fn is_moot(&self, state: &ClusterState) -> bool {
        match self {
            Self::Join { member, life } => {
                let known = state.member(member.id);
                let is_so = known.is_some_and(|known| known == member || known.capacity == 0);
                is_so && state.life(member.id) == Some(life)
            }
            Self::Leave(id) => state.member(*id).is_none_or(|member| member.capacity == 0),
            // It may have to wait until nothing is owned any more.
            Self::Forget(id) => state.member(*id).is_none_or(|member| member.capacity > 0),
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
            Self::Bucket { name, settings, .. } => {
                let wanted = state.bucket_change(name, *settings);
                wanted.ok().flatten().as_ref() != Some(self)
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
        if next == *self {
            return None;
        }
        next.epoch += 1;
        Some(next)
    }

    fn apply_one(&mut self, change: &Change) {
        match change {
            Change::Join { life, .. } if life.address.len() > ADDRESS_BYTES_MAX => {}
            Change::Join { member, life } => {
                // Who leaves does not come back before it is forgotten.
                let is_leaving = self.member(member.id).is_some_and(|it| it.capacity == 0);
                if !is_leaving {
                    self.change_members(|list| {
                        list.retain(|known| known.id != member.id);
                        list.push(member.clone());
                    });
                }
                if self.member(member.id).is_some() {
                    self.lives.insert(member.id, life.clone());
                }
            }
            Change::Leave(id) => self.change_members(|list| {
                for member in list.iter_mut().filter(|member| member.id == *id) {
                    member.capacity = 0;
                }
            }),
            Change::Forget(id) if self.can_forget(*id) => {
                self.change_members(|list| list.retain(|member| member.id != *id));
                self.lives.remove(id);
            }
            Change::Forget(_) => {}
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
            Change::Bucket { .. } => self.put_bucket(change),
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

    /// Whether `member` is to own nothing, and owns nothing any more.
    fn can_forget(&self, member: MemberId) -> bool {
        let is_leaving = self.member(member).is_some_and(|it| it.capacity == 0);
        is_leaving && !self.partitions.iter().any(|it| it.holds(member))
    }
}
