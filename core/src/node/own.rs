//! What a node stores for itself: records beside the pairs, in a partition that no ring has.

use super::Node;
use crate::causality::{Policy, Value, VersionSet};
use crate::id::{ActorId, BucketId, PartitionId, RequestId};
use crate::storage::StoredKey;
use crate::storage::table::reader::Obstacle;
use crate::time::Instant;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Behind all partitions that a ring can have.
const OWN: PartitionId = PartitionId(u16::MAX);

/// The name of the record of all partitions.
pub(super) const PARTITIONS: &str = "partitions";

/// What the node remembers of each partition; those of which there is nothing to remember are left
/// out.
pub(super) type Partitions = BTreeMap<PartitionId, PartitionRecord>;

/// What the node remembers of one partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PartitionRecord {
    /// The highest counter of this member that was forgotten with a key: dots begin behind it.
    pub(super) floor: u64,
    /// Since which version of the ownership this member holds the partition, as far as what it had
    /// of it from before was sifted.
    pub(super) sifted: u64,
}

impl Node {
    /// The record called `name`, durable or not; `None` if there is none.
    pub(super) fn load_own(&self, name: &str) -> Result<Option<Vec<u8>>, Obstacle> {
        let set = self.newest(&own_key(name))?;
        Ok(set.and_then(|set| set.winner()?.value.as_ref().map(|it| it.bytes.clone())))
    }

    /// Makes `bytes` the record called `name`.
    pub(super) fn store_own(&mut self, now: Instant, name: &str, bytes: Vec<u8>) {
        let actor = ActorId::new(self.store.incarnation(), OWN, 0);
        let (hlc, request) = (self.clock.tick(now), RequestId::default());
        let value = Some(Value { encoding: 0, bytes });
        let mut set = VersionSet::new();
        set.write(actor, hlc, request, value, None, Policy::Lww);
        let is_new = matches!(self.newest(&own_key(name)), Ok(None));
        self.write_state(own_key(name), &set.encode(), set.facts(), is_new);
    }

    /// What is remembered of `partition`.
    pub(super) fn remembered(&self, partition: PartitionId) -> PartitionRecord {
        let known = self.partitions.get(&partition);
        known.copied().unwrap_or_default()
    }

    /// Remembers `record` of `partition`: durably before anything that is written after this.
    pub(super) fn remember(&mut self, now: Instant, partition: PartitionId, it: PartitionRecord) {
        if self.remembered(partition) != it {
            self.partitions.insert(partition, it);
            let bytes = postcard::to_allocvec(&self.partitions);
            let bytes = bytes.expect("writing to memory cannot fail");
            self.store_own(now, PARTITIONS, bytes);
        }
    }

    /// Keys that are stored here, but for the node's own.
    pub(super) fn pairs(&self) -> u64 {
        self.store.keys() - self.store.keys_of(OWN)
    }
}

/// Where the record called `name` is stored.
pub(super) fn own_key(name: &str) -> StoredKey {
    StoredKey::new(OWN, BucketId(0), name.as_bytes())
}
