//! Every bound in one file, with the relations between them checked at compile time.

/// Longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 1_024;
/// Largest pair (key and value together), in bytes, unless configured otherwise.
pub const PAIR_BYTES_DEFAULT: usize = 10 * 1_024;
/// Largest pair that can be configured, in bytes.
pub const PAIR_BYTES_MAX: usize = 1_024 * 1_024;
/// Most concurrent values kept for one key; beyond it the oldest by clock are merged away.
pub const SIBLINGS_MAX: usize = 16;
/// Most actors in one causal context. Actors are partition incarnations, so this is reached only
/// by hostile input.
pub const ACTORS_MAX: usize = 256;

/// Partitions of a ring, unless configured otherwise.
pub const PARTITIONS_DEFAULT: u16 = 256;
/// Most partitions of a ring.
pub const PARTITIONS_MAX: u16 = 32_768;
/// Most members of a ring.
pub const MEMBERS_MAX: usize = 4_096;
/// Most replicas of a key.
pub const REPLICAS_MAX: u8 = 16;

const _: () = assert!(PARTITIONS_DEFAULT.is_power_of_two() && PARTITIONS_MAX.is_power_of_two());
const _: () = assert!(KEY_BYTES_MAX < PAIR_BYTES_DEFAULT && PAIR_BYTES_DEFAULT <= PAIR_BYTES_MAX);
