//! What a leaf is told when it is made.

use crate::cluster::DEFAULT_BUCKET;
use crate::limits::COPIES_DEFAULT;
use alloc::string::String;

/// What a leaf is told once.
#[derive(Clone, Debug)]
pub struct LeafSettings {
    /// Random, not 0, and another one each time: it numbers the writes of this run among all others.
    pub session: u64,
    /// The bucket that all keys belong to.
    pub bucket: String,
    /// Memory for the storage, in bytes.
    pub memory_bytes_max: u64,
    /// Copies that are kept.
    pub copies_max: usize,
    /// It is that of an edge node, which serves others (`docs/edge.md`): its writes are of several makers, it
    /// tells of each new state of a key, and it keeps how the ring has greeted it.
    pub is_edge: bool,
}

impl LeafSettings {
    /// The defaults, in the bucket that every cluster has.
    #[must_use]
    pub fn new(session: u64) -> Self {
        Self {
            session,
            bucket: DEFAULT_BUCKET.into(),
            memory_bytes_max: crate::limits::MEMORY_BYTES_MIN,
            copies_max: COPIES_DEFAULT,
            is_edge: false,
        }
    }
}
