//! What has to be copied from one placement to the next.

use super::error::RingError;
use super::placement::Placement;
use crate::id::{MemberId, PartitionId};
use alloc::vec::Vec;

/// One vnode that changes hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// Of which partition.
    pub partition: PartitionId,
    /// Who no longer owns it; `None` if the partition gets an owner more.
    pub from: Option<MemberId>,
    /// Who owns it now; `None` if the partition gets an owner less.
    pub to: Option<MemberId>,
}

/// Every vnode that changes hands between two placements, by partition: the dry run of a join or
/// a leave. A change of order alone moves nothing.
///
/// # Errors
/// If they do not have the same number of partitions.
pub fn moves(before: &Placement, after: &Placement) -> Result<Vec<Move>, RingError> {
    if before.partitions() != after.partitions() {
        return Err(RingError::BadPartitions {
            partitions: after.partitions(),
        });
    }
    let partitions = (0..before.partitions()).map(PartitionId);
    Ok(partitions
        .flat_map(|partition| moves_in(partition, before, after))
        .collect())
}

fn moves_in(partition: PartitionId, before: &Placement, after: &Placement) -> Vec<Move> {
    let (old, new) = (owner_ids(before, partition), owner_ids(after, partition));
    let mut gone = old.iter().copied().filter(|id| !new.contains(id));
    let mut come = new.iter().copied().filter(|id| !old.contains(id));
    core::iter::from_fn(|| match (gone.next(), come.next()) {
        (None, None) => None,
        (from, to) => Some(Move {
            partition,
            from,
            to,
        }),
    })
    .collect()
}

fn owner_ids(placement: &Placement, partition: PartitionId) -> Vec<MemberId> {
    let owners = placement.owners(partition).iter();
    owners
        .filter_map(|&owner| placement.members().at(owner).map(|member| member.id))
        .collect()
}
