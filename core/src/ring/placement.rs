//! Who owns what.

mod wire;

use super::domain::Tree;
use super::draw::draw;
use super::error::RingError;
use super::member::{MemberIndex, Members};
use super::order::{order_drawn, order_repaired};
use super::rank::Rank;
use super::repair::{Row, repair};
use super::share::{fair_shares, targets};
use crate::encoded::encoded;
use crate::hash::hash64;
use crate::id::PartitionId;
use crate::limits::{PARTITIONS_MAX, REPLICAS_MAX};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// For every partition its preference list: the members that own it, the primary first.
///
/// A member's place in one list is a *vnode*; it owns them in proportion to its capacity. The first
/// placement follows from the member list alone. Later ones follow from the placement before and
/// the new list, because that is what keeps both the load even and the moves few; so members hand
/// the placement on (it serializes, checked when read) and compare [`digest`](Self::digest)s.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "wire::Parts", into = "wire::Parts")]
pub struct Placement {
    members: Members,
    partitions: u16,
    replicas: u8,
    /// Owners of each partition: `replicas`, or all members with capacity if those are fewer.
    width: u8,
    /// The preference lists, one after the other.
    table: Vec<MemberIndex>,
}

/// What one member owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Who.
    pub member: MemberIndex,
    /// Vnodes: the partitions that it owns.
    pub vnodes: u32,
    /// Partitions in which it is the primary.
    pub primaries: u32,
    /// Its fair share of vnodes, rounded down. `vnodes` is this or `fair_max`.
    pub fair_min: u32,
    /// Its fair share of vnodes, rounded up.
    pub fair_max: u32,
}

impl Placement {
    /// The first placement of `replicas` owners in each of `partitions` partitions.
    ///
    /// Takes time in proportion to partitions times members.
    ///
    /// # Errors
    /// If `partitions` is not a power of two up to [`PARTITIONS_MAX`], or `replicas` is not 1 to
    /// [`REPLICAS_MAX`].
    pub fn new(members: Members, partitions: u16, replicas: u8) -> Result<Self, RingError> {
        check_dimensions(partitions, replicas)?;
        let tree = Tree::new(&members, replicas);
        let shares = fair_shares(&members, &tree, partitions);
        let targets = targets(&tree, &shares, partitions);
        let mut rows = draw(&members, &tree, targets, partitions);
        order_drawn(&members, &mut rows);
        let table = rows.concat();
        Ok(Self {
            members,
            partitions,
            replicas,
            width: tree.width,
            table,
        })
    }

    /// The placement after the members have become `members`: every law holds again, and hardly any
    /// vnode moves that need not. Lists that keep their owners keep their order.
    ///
    /// The same list gives the same placement again.
    #[must_use]
    pub fn evolve(&self, members: Members) -> Self {
        let tree = Tree::new(&members, self.replicas);
        let shares = fair_shares(&members, &tree, self.partitions);
        let before = self.rows_among(&members);
        let mut rows = repair(&members, &tree, &shares, &before);
        order_repaired(&members, &before, &mut rows);
        let table = rows.concat();
        Self {
            members,
            width: tree.width,
            table,
            ..*self
        }
    }

    /// The partition at a position of the hash space (see [`position`](crate::hash::position)): its
    /// highest bits.
    #[must_use]
    pub fn partition_of(&self, position: u64) -> PartitionId {
        crate::hash::partition_at(position, self.partitions)
    }

    /// The preference list of a partition. Empty for a partition that the ring does not have.
    #[must_use]
    pub fn owners(&self, partition: PartitionId) -> &[MemberIndex] {
        let width = usize::from(self.width);
        let start = usize::from(partition.0) * width;
        self.table.get(start..start + width).unwrap_or_default()
    }

    /// The members with capacity that do not own `partition`, in the order in which they stand in
    /// for owners that are down. Members in other zones than the owners' come first.
    #[must_use]
    pub fn stand_ins(&self, partition: PartitionId) -> Vec<MemberIndex> {
        let owners = self.owners(partition);
        let zone = |index: MemberIndex| self.members.at(index).map(|member| &member.zone);
        let shared = |index| owners.iter().any(|&owner| zone(owner) == zone(index));
        let mut others: Vec<(bool, Rank, MemberIndex)> = self
            .members
            .owners()
            .filter(|(index, _)| !owners.contains(index))
            .map(|(index, member)| {
                let weight = u64::from(member.capacity);
                (
                    shared(index),
                    Rank::new(partition, member.id.0, weight),
                    index,
                )
            })
            .collect();
        others.sort_unstable();
        others.into_iter().map(|(_, _, index)| index).collect()
    }

    /// What `member` owns: how many vnodes. 0 for a member that the list does not have.
    #[must_use]
    pub fn load(&self, member: MemberIndex) -> u32 {
        count(self.table.iter().filter(|&&owner| owner == member))
    }

    /// In how many partitions `member` is the primary.
    #[must_use]
    pub fn primary_load(&self, member: MemberIndex) -> u32 {
        let firsts = self.table.iter().step_by(usize::from(self.width));
        count(firsts.filter(|&&owner| owner == member))
    }

    /// What every member owns beside what it should own, by ascending id.
    #[must_use]
    pub fn shares(&self) -> Vec<Share> {
        let tree = Tree::new(&self.members, self.replicas);
        let fair = fair_shares(&self.members, &tree, self.partitions);
        let mut shares: Vec<Share> = (fair.iter().enumerate())
            .map(|(index, fair)| Share {
                member: MemberIndex::new(index),
                vnodes: 0,
                primaries: 0,
                fair_min: fair.whole,
                fair_max: fair.ceil(),
            })
            .collect();
        for (place, owner) in self.table.iter().enumerate() {
            let share = &mut shares[owner.get()];
            share.vnodes += 1;
            share.primaries += u32::from(place % usize::from(self.width) == 0);
        }
        shares
    }

    /// The partitions that `member` owns, ascending.
    pub fn partitions_of(&self, member: MemberIndex) -> impl Iterator<Item = PartitionId> {
        (0..self.partitions)
            .map(PartitionId)
            .filter(move |&at| self.owners(at).contains(&member))
    }

    /// The members, by ascending id.
    #[must_use]
    pub fn members(&self) -> &Members {
        &self.members
    }

    /// How many partitions there are (`Q`).
    #[must_use]
    pub fn partitions(&self) -> u16 {
        self.partitions
    }

    /// How many owners a partition shall have (`N`). It has fewer while there are fewer members with
    /// capacity.
    #[must_use]
    pub fn replicas(&self) -> u8 {
        self.replicas
    }

    /// A number that two placements share only if they are the same, members included.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let bytes = encoded(self);
        hash64(&bytes)
    }

    /// The preference lists, with those owners left out that own nothing under `members`.
    fn rows_among(&self, members: &Members) -> Vec<Row> {
        let now: Vec<Option<MemberIndex>> = (self.members.iter())
            .map(|(_, old)| {
                let index = members.index_of(old.id)?;
                members
                    .at(index)
                    .filter(|member| member.capacity > 0)
                    .map(|_| index)
            })
            .collect();
        let row = |row: &[MemberIndex]| row.iter().map(|owner| now[owner.get()]).collect();
        self.table
            .chunks(usize::from(self.width))
            .map(row)
            .collect()
    }
}

fn check_dimensions(partitions: u16, replicas: u8) -> Result<(), RingError> {
    if !partitions.is_power_of_two() || partitions > PARTITIONS_MAX {
        return Err(RingError::BadPartitions { partitions });
    }
    if replicas == 0 || replicas > REPLICAS_MAX {
        return Err(RingError::BadReplicas { replicas });
    }
    Ok(())
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    items.fold(0, |count, _| count + 1)
}

#[cfg(test)]
mod tests;
