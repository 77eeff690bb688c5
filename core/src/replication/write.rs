//! What a coordinator knows of one write.

use super::{Level, Owners, Quorum};
use crate::causality::Hlc;
use crate::id::{BucketId, MemberId, PartitionId};
use crate::wire::{Failure, Reply};
use alloc::vec::Vec;

/// A write whose dot is minted: it is being made durable on its replicas.
///
/// The coordinator's own copy is durable before any other replica hears of it. A dot that others
/// knew while a crash could still make the coordinator forget it might be given out twice.
#[derive(Clone, Debug)]
pub struct WriteOperation<Origin> {
    /// Who asked; `None` once it was answered.
    pub origin: Option<Origin>,
    /// What the writer asks for.
    pub level: Level,
    /// The key's partition.
    pub partition: PartitionId,
    /// The key's bucket.
    pub bucket: BucketId,
    /// The key.
    pub key: Vec<u8>,
    /// The key's whole state with this write in it, encoded.
    pub set: Vec<u8>,
    /// Its replicas.
    pub owners: Owners,
    /// Which have made it durable, and which must.
    pub quorum: Quorum,
    /// The write's version.
    pub version: Hlc,
    /// The causal context after it, encoded.
    pub context: Vec<u8>,
    /// Whether the set has no other write.
    pub is_alone: bool,
    /// Whether the coordinator's own copy is durable, so that others may hear of it.
    pub is_durable: bool,
    /// Who holds it for which owner that could not be reached.
    pub stand_ins: Vec<(usize, MemberId)>,
    /// Why a replica did not take it, if one did not.
    pub refusal: Option<Failure>,
}

impl<Origin> WriteOperation<Origin> {
    /// The owners have changed: goes on with the new ones. What the old ones have answered counts if
    /// they are among them.
    pub fn turn_to(&mut self, owners: Owners, mut quorum: Quorum) {
        for (index, member) in owners.all().enumerate() {
            let known = self.owners.index_of(member);
            if known.is_some_and(|known| self.quorum.has_answered(known)) {
                quorum.answer(index);
            }
        }
        self.stand_ins.clear();
        self.owners = owners;
        self.quorum = quorum;
    }

    /// The answer, once the level is reached.
    #[must_use]
    pub fn reply(&self) -> Reply {
        Reply::Written {
            version: self.version,
            context: self.context.clone(),
            is_alone: self.is_alone,
        }
    }

    /// Whether nothing is to come of it any more: it was answered, and every owner that is `up`
    /// has answered.
    pub fn is_over(&self, up: impl Fn(usize) -> bool) -> bool {
        self.origin.is_none()
            && (0..self.owners.len()).all(|index| self.quorum.has_answered(index) || !up(index))
    }
}
