//! Who and where: members, partitions, buckets, actors and requests.

use crate::hash::hash64;
use core::fmt;
use serde::{Deserialize, Serialize};

/// A member of the cluster: the xxh3-64 of its name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MemberId(pub u64);

impl MemberId {
    /// The id of the member called `name`.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        Self(hash64(name.as_bytes()))
    }
}

impl fmt::Debug for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemberId({:016x})", self.0)
    }
}

/// One of the ring's `Q` equal parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PartitionId(pub u16);

/// A set of keys under one policy. Bucket 0 is `default`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct BucketId(pub u32);

/// Who mints dots: one partition in one life of one member's storage, from when on the member has
/// owned it. Never a client.
///
/// A storage that was lost comes back with a new incarnation, and a partition that was given away
/// and dropped comes back in another version of its ownership: so with new actors, and a dot is never given out twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ActorId(pub u64);

impl ActorId {
    /// The actor of `partition` in the storage that `incarnation` numbers, owned since version `since`
    /// of its ownership.
    #[must_use]
    pub fn new(incarnation: u64, partition: PartitionId, since: u64) -> Self {
        let mut bytes = [0; 18];
        bytes[..8].copy_from_slice(&incarnation.to_le_bytes());
        bytes[8..10].copy_from_slice(&partition.0.to_le_bytes());
        bytes[10..].copy_from_slice(&since.to_le_bytes());
        Self(hash64(&bytes))
    }
}

impl fmt::Debug for ActorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ActorId({:016x})", self.0)
    }
}

/// A write as its client numbers it: the same id again is the same write again, and is applied at
/// most once.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct RequestId {
    /// Random, one for each client session. The highest bit says whether the client makes its writes of one
    /// key one after the other: see [`RequestId::in_order`].
    pub client: u64,
    /// Counts up from 1 in that session.
    pub sequence: u64,
}

impl RequestId {
    const IN_ORDER: u64 = 1 << 63;

    /// The id of a write of a client that may have several of one key under way.
    #[must_use]
    pub const fn new(client: u64, sequence: u64) -> Self {
        Self {
            client: client & !Self::IN_ORDER,
            sequence,
        }
    }

    /// The id of a write of a client that sends the next write of a key only when the one before was applied
    /// or refused. So when a later one was applied this one is over, also where nobody knows any more; it
    /// then counts as applied.
    #[must_use]
    pub const fn in_order(client: u64, sequence: u64) -> Self {
        Self {
            client: client | Self::IN_ORDER,
            sequence,
        }
    }

    /// Whether it is one of [`RequestId::in_order`].
    #[must_use]
    pub const fn is_in_order(self) -> bool {
        self.client & Self::IN_ORDER != 0
    }
}
