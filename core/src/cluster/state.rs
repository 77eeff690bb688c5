//! Everything that all members agree on, as one value.

use super::bucket::Bucket;
use super::ownership::Ownership;
use crate::encoded::encoded;
use crate::hash::hash64;
use crate::id::{MemberId, PartitionId};
use crate::limits::ADDRESS_BYTES_MAX;
use crate::ring::{Member, Members, Placement};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// The state of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct ClusterState {
    /// Grows by one with each agreed change.
    pub epoch: u64,
    /// A digest of what the cluster began with. States with another one are of another cluster.
    pub origin: u64,
    /// Who is to own what, with the members.
    pub(super) target: Placement,
    /// Who owns what now, by the numbers of the partitions.
    pub(super) partitions: Vec<Ownership>,
    /// How each member lives, as far as it has said so.
    pub(super) lives: BTreeMap<MemberId, Life>,
    /// The buckets that were made: the first has id 1. None is ever removed, so no id comes back.
    pub(super) buckets: Vec<Bucket>,
}

/// How a member lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    /// The incarnation of its storage. One that has lost its storage has another, and has no vote
    /// before that is agreed on: it does not know any more what it has voted for.
    pub incarnation: u64,
    /// Where others reach it, as its host understands that; may be empty.
    pub address: String,
}

impl ClusterState {
    /// The state that a cluster begins with: everything is where `placement` has it.
    #[must_use]
    pub fn new(placement: Placement) -> Self {
        let partitions = (0..placement.partitions())
            .map(|partition| Ownership::settled(owner_ids(&placement, PartitionId(partition))))
            .collect();
        Self {
            epoch: 0,
            origin: placement.digest(),
            target: placement,
            partitions,
            lives: BTreeMap::new(),
            buckets: Vec::new(),
        }
    }

    /// How member `id` lives, if it has said so.
    #[must_use]
    pub fn life(&self, id: MemberId) -> Option<&Life> {
        self.lives.get(&id)
    }

    /// The members, also those that leave and still own something.
    #[must_use]
    pub fn members(&self) -> &Members {
        self.target.members()
    }

    /// The member with `id`.
    #[must_use]
    pub fn member(&self, id: MemberId) -> Option<&Member> {
        self.members()
            .index_of(id)
            .and_then(|index| self.members().at(index))
    }

    /// Who is to own what when everything that has begun is done.
    #[must_use]
    pub const fn target(&self) -> &Placement {
        &self.target
    }

    /// Who owns `partition`; `None` if the ring has no such partition.
    #[must_use]
    pub fn ownership(&self, partition: PartitionId) -> Option<&Ownership> {
        self.partitions.get(usize::from(partition.0))
    }

    /// All partitions with their owners.
    pub fn ownerships(&self) -> impl Iterator<Item = (PartitionId, &Ownership)> {
        (0..).map(PartitionId).zip(&self.partitions)
    }

    /// How many partitions are changing owners, or are still to.
    #[must_use]
    pub fn unsettled(&self) -> usize {
        let is_there = |(partition, ownership): &(PartitionId, &Ownership)| {
            let target = self.target_owners(*partition);
            let owners = ownership.owners_at_last();
            ownership.is_settled()
                && owners.len() == target.len()
                && owners.iter().all(|owner| target.contains(owner))
        };
        self.ownerships().filter(|it| !is_there(it)).count()
    }

    /// Those whose majority agrees on the next state: the members with capacity.
    pub fn electors(&self) -> impl Iterator<Item = MemberId> + '_ {
        let members = self.members().iter();
        members
            .filter(|(_, member)| member.capacity > 0)
            .map(|(_, member)| member.id)
    }

    /// A number that two states share only if they are the same.
    #[must_use]
    pub fn digest(&self) -> u64 {
        hash64(&encoded(self))
    }

    pub(super) fn target_owners(&self, partition: PartitionId) -> Vec<MemberId> {
        owner_ids(&self.target, partition)
    }
}

fn owner_ids(placement: &Placement, partition: PartitionId) -> Vec<MemberId> {
    let owners = placement.owners(partition).iter();
    owners
        .filter_map(|owner| placement.members().at(*owner).map(|member| member.id))
        .collect()
}

/// What is sent and stored.
#[derive(Serialize, Deserialize)]
struct Parts {
    epoch: u64,
    origin: u64,
    target: Placement,
    partitions: Vec<Ownership>,
    lives: BTreeMap<MemberId, Life>,
    buckets: Vec<Bucket>,
}

impl From<ClusterState> for Parts {
    fn from(state: ClusterState) -> Self {
        let ClusterState {
            epoch,
            origin,
            target,
            partitions,
            lives,
            buckets,
        } = state;
        Self {
            epoch,
            origin,
            target,
            partitions,
            lives,
            buckets,
        }
    }
}

impl TryFrom<Parts> for ClusterState {
    type Error = &'static str;

    fn try_from(parts: Parts) -> Result<Self, &'static str> {
        let Parts {
            epoch,
            origin,
            target,
            partitions,
            lives,
            buckets,
        } = parts;
        if partitions.len() != usize::from(target.partitions()) {
            return Err("an ownership for each partition is needed");
        }
        if !partitions.iter().all(Ownership::is_sound) {
            return Err("an ownership has no owners, too many, or one twice");
        }
        let is_life = |(id, life): (&MemberId, &Life)| {
            target.members().index_of(*id).is_some() && life.address.len() <= ADDRESS_BYTES_MAX
        };
        if !lives.iter().all(is_life) {
            return Err("a life of somebody who is no member, or with a long address");
        }
        if !Self::are_buckets_sound(&buckets, target.replicas()) {
            return Err("too many buckets, one twice, or one with settings that cannot be");
        }
        Ok(Self {
            epoch,
            origin,
            target,
            partitions,
            lives,
            buckets,
        })
    }
}
