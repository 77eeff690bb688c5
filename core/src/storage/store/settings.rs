//! How much a storage may use, and how it divides that.

use crate::limits::{BLOCK_BYTES_DEFAULT, FILTER_BITS_PER_KEY_DEFAULT, MEMORY_BYTES_DEFAULT};
use crate::storage::compaction::Goals;
use crate::storage::facts::Reading;
use crate::storage::table::builder::TableSettings;

/// What a storage is told once.
#[derive(Clone, Copy, Debug)]
pub struct StoreSettings {
    /// The incarnation of a storage that is empty: random, not 0.
    pub fresh: u64,
    /// Memory for everything: memtables, block cache, what compaction works with; in bytes.
    pub memory_bytes_max: u64,
    /// Content at which a data block is closed, in bytes.
    pub block_bytes: u32,
    /// Bits of the bloom filters for each key; 0 for none.
    pub filter_bits_per_key: u8,
    /// How states are understood.
    pub reading: Reading,
}

impl StoreSettings {
    /// The defaults.
    #[must_use]
    pub const fn new(fresh: u64, reading: Reading) -> Self {
        Self {
            fresh,
            memory_bytes_max: MEMORY_BYTES_DEFAULT,
            block_bytes: BLOCK_BYTES_DEFAULT,
            filter_bits_per_key: FILTER_BITS_PER_KEY_DEFAULT,
            reading,
        }
    }

    pub(super) const fn tables(&self) -> TableSettings {
        TableSettings {
            block_bytes: self.block_bytes as usize,
            filter_bits_per_key: self.filter_bits_per_key,
        }
    }
}

/// The shares of the memory and what follows from them, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) memory: usize,
    /// A memtable with this many is frozen. Three of them and half of one are the most there can
    /// be: 7/16 of the memory.
    pub(super) memtable: usize,
    /// A table of more is closed.
    pub(super) table: u64,
    /// One read of a merge.
    pub(super) read: usize,
    pub(super) goals: Goals,
}

impl Sizes {
    pub(super) fn new(memory_bytes_max: u64) -> Self {
        const KIB: u64 = 1_024;
        const MIB: u64 = 1_024 * KIB;
        let share = |part: u64, least: u64, most: u64| (memory_bytes_max / part).clamp(least, most);
        let memtable = share(8, 16 * KIB, 64 * MIB);
        let length = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        Self {
            memory: length(memory_bytes_max),
            memtable: length(memtable),
            table: share(8, 16 * KIB, 64 * MIB),
            read: length(share(512, 4 * KIB, 256 * KIB)),
            goals: Goals {
                base_bytes: 4 * memtable,
            },
        }
    }
}
