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

/// Highest counter of a dot.
pub const COUNTER_MAX: u64 = u64::MAX / 2;
/// Highest counter that is believed of a client's context: forged ones leave room for real writes.
pub const SEEN_COUNTER_MAX: u64 = COUNTER_MAX / 2;

/// Partitions of a ring, unless configured otherwise.
pub const PARTITIONS_DEFAULT: u16 = 256;
/// Most partitions of a ring.
pub const PARTITIONS_MAX: u16 = 32_768;
/// Most members of a ring.
pub const MEMBERS_MAX: usize = 4_096;
/// Longest name of a member, in bytes.
pub const MEMBER_NAME_BYTES_MAX: usize = 128;
/// Most parts of a zone: region, zone, host.
pub const ZONE_PARTS_MAX: usize = 3;
/// Longest part of a zone, in characters.
pub const ZONE_PART_CHARS_MAX: usize = 64;
/// Most replicas of a key.
pub const REPLICAS_MAX: u8 = 16;

const _: () = assert!(PARTITIONS_DEFAULT.is_power_of_two() && PARTITIONS_MAX.is_power_of_two());
const _: () = assert!(KEY_BYTES_MAX < PAIR_BYTES_DEFAULT && PAIR_BYTES_DEFAULT <= PAIR_BYTES_MAX);

/// The wire protocol of this build. Version N also speaks N-1 once there is one.
pub const PROTOCOL_VERSION: u8 = 1;
/// Longest frame body, in bytes: a full set of siblings of the largest pairs, and what frames it.
pub const FRAME_BODY_BYTES_MAX: usize = SIBLINGS_MAX * PAIR_BYTES_MAX + 64 * 1_024;
/// Most bytes of one key's state: it must fit into a frame with its key.
pub const SET_BYTES_MAX: usize = FRAME_BODY_BYTES_MAX - 16 * 1_024;
/// Longest WebSocket message, in bytes: a batch of frames.
pub const MESSAGE_BYTES_MAX: usize = 24 * 1_024 * 1_024;

/// Requests that one shard coordinates at a time; more are refused as `RATE_LIMITED`.
pub const OPERATIONS_MAX: usize = 16_384;
/// Request ids that a shard remembers, oldest out first.
pub const REQUEST_WINDOW_MAX: usize = 65_536;
/// How long a request may take if the client does not say, in milliseconds.
pub const TIMEOUT_DEFAULT_MS: u32 = 5_000;
/// Longest time a client may ask for, in milliseconds.
pub const TIMEOUT_MAX_MS: u32 = 60_000;
/// How long a read waits for the first replicas before it asks the others too, in milliseconds.
pub const HEDGE_MS: u64 = 50;
/// How far another clock may be ahead, in milliseconds.
pub const CLOCK_SKEW_MAX_MS: u64 = 60_000;

/// Most calls of a client without an outcome.
pub const CALLS_MAX: usize = 65_536;
/// Most bytes that they hold.
pub const CALL_BYTES_MAX: usize = 64 * 1_024 * 1_024;
/// Most calls that wait for an answer at a time: enough to keep a server busy over a slow line, few
/// enough that a new connection is not flooded with all that had to wait.
pub const CALLS_IN_FLIGHT_MAX: usize = 4_096;
/// Most sends of one call whose answers were lost.
pub const CALL_SENDS_MAX: u32 = 3;
/// A client closes a message when it has this many bytes; the rest goes into the next.
pub const CLIENT_MESSAGE_BYTES: usize = 1_024 * 1_024;

/// Bytes of records in one batch of the commit log; more wait for the next.
pub const LOG_BATCH_BYTES_MAX: usize = 4 * 1_024 * 1_024;
/// Bytes of records that may wait for the log; beyond it writes are refused as `RATE_LIMITED`.
pub const LOG_QUEUE_BYTES_MAX: usize = 32 * 1_024 * 1_024;
/// Size at which a log segment is closed and the next one begun, in bytes.
pub const LOG_SEGMENT_BYTES: u64 = 64 * 1_024 * 1_024;
/// How long a full medium is left alone before it is tried again, in milliseconds.
pub const STORAGE_RETRY_MS: u64 = 500;
/// How much of a file recovery asks for at a time, in bytes.
pub const RECOVERY_READ_BYTES: u32 = 1_024 * 1_024;
/// Bytes of keys and values that a shard keeps in memory, unless configured otherwise.
pub const MEMTABLE_BYTES_DEFAULT: u64 = 512 * 1_024 * 1_024;

const _: () = assert!(FRAME_BODY_BYTES_MAX < MESSAGE_BYTES_MAX);
const _: () = assert!(LOG_BATCH_BYTES_MAX < LOG_QUEUE_BYTES_MAX);
const _: () = assert!(FRAME_BODY_BYTES_MAX < LOG_QUEUE_BYTES_MAX);
const _: () = assert!(TIMEOUT_DEFAULT_MS <= TIMEOUT_MAX_MS);
