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
/// Request ids in one note of the log: few enough that a note is no larger than other records.
pub const REQUEST_NOTE_MAX: usize = 4_096;
/// How long a request may take if the client does not say, in milliseconds.
pub const TIMEOUT_DEFAULT_MS: u32 = 5_000;
/// Longest time a client may ask for, in milliseconds.
pub const TIMEOUT_MAX_MS: u32 = 60_000;
/// Longest time to live of a value, in milliseconds: ten years.
pub const TTL_MAX_MS: u64 = 10 * 366 * 24 * 3_600 * 1_000;
/// How long a read waits for the first replicas before it asks the others too, in milliseconds.
pub const HEDGE_MS: u64 = 50;
/// How far another clock may be ahead, in milliseconds.
pub const CLOCK_SKEW_MAX_MS: u64 = 60_000;
/// Most keys of one page of a list.
pub const LIST_ENTRIES_MAX: usize = 1_024;
/// Bytes of keys and states at which a page of a list is closed; one key comes back however large its
/// state is.
pub const LIST_PAGE_BYTES: usize = 256 * 1_024;
/// Pages of lists that one shard coordinates at a time; more are refused as `RATE_LIMITED`.
pub const LISTS_MAX: usize = 128;
/// Most keys of one page that are brought up to date on replicas which lack something.
pub const LIST_REPAIRS_MAX: usize = 64;
/// Pages that one listing of a client has under way at a time.
pub const LISTING_PAGES_MAX: usize = 64;
/// Keys that one listing of a client asks for ahead, of all partitions together.
pub const LISTING_ENTRIES: usize = 4_096;
/// Least keys that it asks one partition for.
pub const LISTING_PAGE_MIN: usize = 4;
/// Lists of a client for which somebody waits.
pub const LISTINGS_MAX: usize = 64;
/// Lists that a client keeps between two pages, and for how long, in milliseconds: whoever goes on later reads
/// again what was at hand.
pub const LISTINGS_KEPT_MAX: usize = 8;
/// See `LISTINGS_KEPT_MAX`.
pub const LISTINGS_KEPT_MS: u64 = 5_000;

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

/// Watches of one client's connection.
pub const WATCHES_PER_CLIENT_MAX: usize = 16_384;
/// Watches that one shard keeps for its clients.
pub const WATCHES_MAX: usize = 65_536;
/// Different ranges among them: each change is compared with those that begin before it.
pub const WATCH_RANGES_MAX: usize = 256;
/// Changes that wait for one watcher; when there are more, all are dropped and it is told to read anew.
/// As many as a tail has, so that whoever comes back can be told all of it.
pub const WATCH_QUEUE_ENTRIES_MAX: usize = WATCH_TAIL_ENTRIES_MAX;
/// Bytes of them.
pub const WATCH_QUEUE_BYTES_MAX: usize = WATCH_TAIL_BYTES_MAX as usize;
/// Bytes of changes that wait for all watchers of a shard.
pub const WATCH_QUEUES_BYTES_MAX: usize = 64 * 1_024 * 1_024;
/// Bytes that are sent to a client before it says that it has them.
pub const WATCH_FLIGHT_BYTES_MAX: usize = 512 * 1_024;
/// The same where there are many clients.
pub const WATCH_FLIGHT_BYTES_MIN: usize = 32 * 1_024;
/// Bytes that are sent to all clients of a shard before they say that they have them, while each may have
/// its least.
pub const WATCH_FLIGHTS_BYTES_MAX: usize = 64 * 1_024 * 1_024;
/// A client says that it has them when there are so many.
pub const WATCH_ACK_BYTES: usize = 16 * 1_024;
/// Bytes of frames to clients after which a shard looks at what else there is to do: one change may be
/// told to all its clients.
pub const WATCH_TURN_BYTES: usize = 512 * 1_024;
/// Bytes of changes at which a frame to a client is closed.
pub const WATCH_FRAME_BYTES: usize = 64 * 1_024;
/// Changes that a shard remembers for watchers that come back.
pub const WATCH_TAIL_ENTRIES_MAX: usize = 65_536;
/// Bytes of them, unless configured otherwise; more cannot be.
pub const WATCH_TAIL_BYTES_MAX: u32 = 8 * 1_024 * 1_024;
/// Bytes of changes at which a message to a member is closed.
pub const WATCH_TAIL_MESSAGE_BYTES: usize = 4 * 1_024 * 1_024;
/// Keys of which a shard, or a client, remembers which change was told last.
pub const WATCH_TOLD_MAX: usize = 65_536;
/// Shards in which a watcher can say how far it is.
pub const WATCH_MARKS_MAX: usize = 4_096;
/// Members, each with one of its shards, that a shard tells of its changes.
pub const WATCH_FEEDS_MAX: usize = 4_096;
/// Selectors of them all.
pub const WATCH_SELECTORS_MAX: usize = 1_024 * 1_024;
/// Selectors in one message to a member.
pub const WATCH_SELECTORS_PER_MESSAGE: usize = 256;
/// Those among them that go on from a token: what each has missed may be a whole tail.
pub const WATCH_RETURNS_PER_MESSAGE: usize = 16;
/// Keys of which a shard remembers that watchers who have come back were told what they had missed; of
/// further ones these hear again from each owner, and leave it out themselves.
pub const WATCH_CAUGHT_UP_MAX: usize = 256 * 1_024;
/// How often a shard looks after what other shards tell it, in milliseconds.
pub const WATCH_TICK_MS: u64 = 250;
/// How often it asks them for a sign of life, in milliseconds.
pub const WATCH_PING_MS: u64 = 1_000;
/// How long one may be silent before it is asked anew, in milliseconds.
pub const WATCH_SILENCE_MS: u64 = 3_000;
/// How long a shard goes on telling one that does not ask any more, in milliseconds.
pub const WATCH_FEED_LIFE_MS: u64 = 10_000;
/// How long a watcher waits for those who know what it has missed, in milliseconds; then it is told to
/// read anew.
pub const WATCH_PATIENCE_MS: u64 = 3_000;
/// How long a client that watches hears nothing before it asks for a sign of life, in milliseconds.
pub const WATCH_PROBE_MS: u64 = 10_000;
/// How long it waits for it, in milliseconds.
pub const WATCH_PROBE_PATIENCE_MS: u64 = 5_000;

/// Writes that wait in a leaf.
pub const OUTBOX_WRITES_MAX: usize = 65_536;
/// Bytes of writes that wait in a leaf.
pub const OUTBOX_BYTES_MAX: usize = 64 * 1_024 * 1_024;
/// Writes of a leaf that are under way.
pub const OUTBOX_IN_FLIGHT_MAX: usize = 256;
/// Writes that are gone from the outbox of a leaf and that the next run goes through all the same, at most.
pub const OUTBOX_GONE_MAX: u64 = 16;
/// How long nothing is stored in a leaf until it makes a table of what the log has, in milliseconds.
pub const REST_MS: u64 = 1_000;
/// The log of a leaf must have so many bytes for that: less is read soon enough.
pub const REST_LOG_BYTES: u64 = 128 * 1_024;
/// How long after its opening a leaf notes the copies of earlier runs, in milliseconds.
pub const NOTE_COPIES_MS: u64 = 100;
/// First and longest rest of a write that the ring has not taken, in milliseconds.
pub const OUTBOX_RETRY_FIRST_MS: u64 = 100;
/// See `OUTBOX_RETRY_FIRST_MS`.
pub const OUTBOX_RETRY_MAX_MS: u64 = 10_000;
/// Bytes that a leaf was told of keys it keeps and has not stored, at which it asks for no more.
pub const INCOMING_BYTES_MAX: usize = 1_024 * 1_024;
/// Values of a leaf whose ends are known without looking into its storage.
pub const EXPIRING_MAX: usize = 8_192;
/// Subscriptions of a leaf that are kept up to date.
pub const SUBSCRIPTIONS_MAX: usize = 512;
/// Subscriptions that nobody wants any more whose keys stay for a while.
pub const SUBSCRIPTIONS_KEPT_MAX: usize = 32;
/// How far a subscription is is stored this long after it was told something, in milliseconds.
pub const SUBSCRIPTION_TOKEN_MS: u64 = 5_000;
/// Keys of a leaf that are in doubt, beyond which an edge node that has no such key is believed, and of how many of
/// them somebody is asked at a time.
pub const DOUBTS_MAX: usize = 4_096;
/// See `DOUBTS_MAX`.
pub const DOUBTS_ASKED_MAX: usize = 32;
/// Longest time between two questions when nobody knows, in milliseconds: each may wake an edge node.
pub const DOUBTS_RETRY_MAX_MS: u64 = 60_000;
/// Pages that a subscription asks for at a time, and keys of a page.
pub const FILL_CALLS_MAX: usize = 32;
/// See `FILL_CALLS_MAX`.
pub const FILL_PAGE_ENTRIES: usize = 256;
/// Keys of a page of what is here.
pub const LISTING_ENTRIES_MAX: usize = 512;
/// Copies that a leaf keeps unless told otherwise.
pub const COPIES_DEFAULT: usize = 10_000;

/// Clients of an edge node.
pub const EDGE_CLIENTS_MAX: usize = 4_096;
/// Requests of one of them that are under way.
pub const EDGE_REQUESTS_PER_CLIENT_MAX: usize = 8_192;
/// Watches of one of them.
pub const EDGE_WATCHES_PER_CLIENT_MAX: usize = 512;
/// Makers of writes that come over one connection to an edge node: the tabs of a page.
pub const EDGE_MAKERS_PER_CLIENT_MAX: usize = 64;
/// Bytes that are remembered of a client beside its socket: Durable Objects allow 2,048, and what frames them.
pub const EDGE_REMEMBERED_BYTES_MAX: usize = 1_900;
/// Writes whose outcomes an edge node remembers.
pub const EDGE_OUTCOMES_MAX: usize = 4_096;
/// States of keys that an edge node remembers to have shown, for clients that come back.
pub const EDGE_TAIL_ENTRIES_MAX: usize = 4_096;
/// Bytes of them.
pub const EDGE_TAIL_BYTES_MAX: usize = 1_024 * 1_024;

/// Bytes of records in one batch of the commit log; more wait for the next.
pub const LOG_BATCH_BYTES_MAX: usize = 1_024 * 1_024;
/// Bytes of records that may wait for the log; beyond it writes are refused as `RATE_LIMITED`.
pub const LOG_QUEUE_BYTES_MAX: usize = 32 * 1_024 * 1_024;
/// Size at which a log segment is closed and the next one begun although the memtable has room, in
/// bytes: keys that are written again and again fill the log, not the memtable.
pub const LOG_SEGMENT_BYTES: u64 = 64 * 1_024 * 1_024;
/// How long a full medium is left alone before it is tried again, in milliseconds.
pub const STORAGE_RETRY_MS: u64 = 500;
/// How much of a file recovery asks for at a time, in bytes.
pub const RECOVERY_READ_BYTES: u32 = 1_024 * 1_024;
/// Memory of a shard's storage, unless configured otherwise, in bytes: memtables, block cache and
/// what compaction works with.
pub const MEMORY_BYTES_DEFAULT: u64 = 64 * 1_024 * 1_024;
/// Least memory that a shard's storage can be given, in bytes.
pub const MEMORY_BYTES_MIN: u64 = 4 * 1_024 * 1_024;

/// Longest stored key, in bytes: partition and bucket in front of the key.
pub const STORED_KEY_BYTES_MAX: usize = KEY_BYTES_MAX + 6;
/// Content at which a data block is closed, unless configured otherwise, in bytes.
pub const BLOCK_BYTES_DEFAULT: u32 = 8 * 1_024;
/// Largest such setting.
pub const BLOCK_BYTES_MAX: u32 = 64 * 1_024;
/// Longest content of a block before compression, in bytes: the largest pair, in a block that was
/// nearly full.
pub const BLOCK_RAW_BYTES_MAX: usize = FRAME_BODY_BYTES_MAX + 2 * BLOCK_BYTES_MAX as usize;
/// Most pairs in a data block.
pub const BLOCK_ENTRIES_MAX: usize = 32 * 1_024;
/// Pairs from one restart to the next.
pub const RESTART_INTERVAL: u32 = 16;
/// Size at which a directory (filter and index of a run of data blocks) is closed, in bytes.
pub const DIRECTORY_BYTES: usize = 16 * 1_024;
/// Bits of the bloom filter for each key, unless configured otherwise.
pub const FILTER_BITS_PER_KEY_DEFAULT: u8 = 10;
/// Levels of tables.
pub const LEVELS: usize = 7;
/// Most tables of a shard; beyond it writes wait.
pub const TABLES_MAX: usize = 16 * 1_024;
/// Longest manifest, in bytes.
pub const MANIFEST_BYTES_MAX: usize = 64 * 1_024 * 1_024;
/// Tables of level 0 at which they are merged into the level below.
pub const LEVEL_0_TABLES: usize = 4;
/// Tables of level 0 at which writes are refused as `RATE_LIMITED`.
pub const LEVEL_0_TABLES_MAX: usize = 24;
/// Most tables of level 0 that are merged at a time.
pub const COMPACTION_TABLES_MAX: usize = 12;
/// How much larger a level is than the one above.
pub const LEVEL_RATIO: u64 = 10;
/// Memtables that wait to become tables; when there are more and the newest is full too, writes are
/// refused as `RATE_LIMITED`.
pub const FROZEN_MAX: usize = 2;
/// Bytes of pairs that one step of background work goes through.
pub const STEP_BYTES: usize = 256 * 1_024;
/// The same when writes run ahead of it.
pub const STEP_BYTES_MAX: usize = 2 * 1_024 * 1_024;
/// Bytes of a table that are written at a time.
pub const TABLE_APPEND_BYTES: usize = 256 * 1_024;
/// Bytes of tables that may wait for the medium; beyond it background work pauses.
pub const LANE_BYTES_MAX: usize = 4 * 1_024 * 1_024;
/// Most blocks that are being read at a time; more wait.
pub const LOADS_MAX: usize = 256;
/// Most damaged blocks that are remembered.
pub const DAMAGED_BLOCKS_MAX: usize = 1_024;
/// Most pairs, and most bytes of them, in one page of a scan.
pub const SCAN_ENTRIES_MAX: usize = 10_000;
/// See [`SCAN_ENTRIES_MAX`]; one pair comes back however large it is.
pub const SCAN_BYTES_MAX: usize = 4 * 1_024 * 1_024;

/// How long a deleted key is remembered at least, unless configured otherwise, in milliseconds: a day.
pub const HORIZON_DEFAULT_MS: u64 = 24 * 3_600 * 1_000;
/// Least such setting, in milliseconds: far longer than any message is under way.
pub const HORIZON_MIN_MS: u64 = 60_000;
/// Most deleted keys that the owners of a partition agree on at a time.
pub const COLLECT_KEYS_MAX: usize = 64;
/// How long they may take to answer, in milliseconds.
pub const COLLECT_PATIENCE_MS: u64 = 10_000;
/// Pause between two pages of keys that are looked through for that, in milliseconds.
pub const COLLECT_STEP_MS: u64 = 20;
/// Keys of which a client's session remembers what it has seen.
pub const SESSION_KEYS_MAX: usize = 4_096;
/// How long it takes to compare each partition with one other replica, unless configured otherwise,
/// in milliseconds.
pub const SYNC_ROUND_DEFAULT_MS: u32 = 30_000;
/// Comparisons with other replicas that a shard has under way at a time.
pub const EXCHANGES_MAX: usize = 4;
/// Most keys that one message of a comparison names.
pub const SYNC_KEYS_MAX: usize = 256;
/// Most pages that are gone through for one such message.
pub const SYNC_PAGES_MAX: usize = 16;
/// How long a comparison waits for an answer, in milliseconds.
pub const SYNC_PATIENCE_MS: u64 = 3_000;
/// Least time between two scans for comparisons, in milliseconds.
pub const SYNC_STEP_MS: u64 = 5;
/// Keys that a shard holds for absent members at most; more hints are refused.
pub const HINTED_KEYS_MAX: u64 = 100_000;
/// Keys that are handed back at a time.
pub const HAND_BACK_KEYS: usize = 64;
/// How long their owners may take to make them durable, in milliseconds.
pub const HAND_BACK_PATIENCE_MS: u64 = 10_000;
/// How long a hand-back waits after one that did not go to its end, in milliseconds.
pub const HAND_BACK_RETRY_MS: u64 = 1_000;

/// Buckets of a cluster, besides the default one.
pub const BUCKETS_MAX: usize = 256;
/// Longest name of a bucket, in bytes.
pub const BUCKET_NAME_BYTES_MAX: usize = 64;
/// Partitions whose owners change at a time.
pub const MOVES_MAX: usize = 64;
/// Changes of the cluster's state that one member waits for at a time.
pub const CHANGES_MAX: usize = 1_024;
/// How long a proposal to change it waits before it is tried again, in milliseconds, at least.
pub const REGISTER_RETRY_MS: u64 = 200;
/// How long a member that has asked another to propose waits before it does so itself, in
/// milliseconds, at least.
pub const REGISTER_WISH_MS: u64 = 1_500;
/// How often a member says how far its state is, to one other, in milliseconds, where no gossip says
/// it: in the first epoch, and shards beside the first.
pub const REGISTER_STATUS_MS: u64 = 1_000;
/// The same where gossip says it too.
pub const REGISTER_STATUS_RARE_MS: u64 = 10_000;
/// Least time between two sendings of the same state to the same member, in milliseconds.
pub const REGISTER_TELL_MS: u64 = 200;
/// Members that are behind, each with a partition, that a node asks again and again how far they are;
/// of further ones it waits to hear.
pub const BEHIND_MAX: usize = 1_024;
/// How often a node looks at how far the changes of owners are that it has a part in, in
/// milliseconds.
pub const MOVING_TICK_MS: u64 = 200;

const _: () = assert!(HAND_BACK_KEYS <= SYNC_KEYS_MAX && SYNC_KEYS_MAX <= SCAN_ENTRIES_MAX);
const _: () = assert!(TABLES_MAX * 2 * (STORED_KEY_BYTES_MAX + 256) <= MANIFEST_BYTES_MAX);
const _: () = assert!(LEVEL_0_TABLES < COMPACTION_TABLES_MAX);
const _: () = assert!(COMPACTION_TABLES_MAX < LEVEL_0_TABLES_MAX);
const _: () = assert!(BLOCK_BYTES_DEFAULT <= BLOCK_BYTES_MAX);
const _: () = assert!(FRAME_BODY_BYTES_MAX < MESSAGE_BYTES_MAX);
const _: () = assert!(LOG_BATCH_BYTES_MAX < LOG_QUEUE_BYTES_MAX);
const _: () = assert!(FRAME_BODY_BYTES_MAX < LOG_QUEUE_BYTES_MAX);
const _: () = assert!(TIMEOUT_DEFAULT_MS <= TIMEOUT_MAX_MS);
const _: () = assert!(LIST_ENTRIES_MAX <= SCAN_ENTRIES_MAX && LIST_PAGE_BYTES < SCAN_BYTES_MAX);
const _: () = assert!(LISTS_MAX < OPERATIONS_MAX && LISTING_PAGES_MAX <= LISTS_MAX);
const _: () = assert!(WATCH_ACK_BYTES < WATCH_FLIGHT_BYTES_MIN);
const _: () = assert!(WATCH_FLIGHT_BYTES_MIN < WATCH_FLIGHT_BYTES_MAX);
const _: () = assert!(WATCH_FRAME_BYTES < WATCH_FLIGHT_BYTES_MAX);
const _: () = assert!(WATCH_TAIL_BYTES_MAX as usize + PAIR_BYTES_MAX < FRAME_BODY_BYTES_MAX);
const _: () = assert!(EDGE_WATCHES_PER_CLIENT_MAX <= SUBSCRIPTIONS_MAX);
const _: () = assert!(WATCH_QUEUE_BYTES_MAX < WATCH_QUEUES_BYTES_MAX);

/// Longest address of a member, in bytes: the longest host name and a port.
pub const ADDRESS_BYTES_MAX: usize = 260;
/// Longest packet of the membership protocol, unless configured otherwise, in bytes: it fits into one
/// Ethernet frame.
pub const MEMBERSHIP_PACKET_BYTES_DEFAULT: usize = 1_400;
/// Least such setting, in bytes.
pub const MEMBERSHIP_PACKET_BYTES_MIN: usize = 1_280;
/// Largest such setting, in bytes.
pub const MEMBERSHIP_PACKET_BYTES_MAX: usize = 32 * 1_024;
/// Packets that may wait to be sent; beyond it the oldest is dropped, as a network would.
pub const MEMBERSHIP_TRANSMITS_MAX: usize = 1_024;
/// How many members a node greets after its start; the others hear of it from those.
pub const GOSSIP_GREETINGS: usize = 3;
/// How often a node looks whom others suspect, in milliseconds.
pub const GOSSIP_LOOK_MS: u64 = 1_000;
/// Highest incarnation that is believed: above it there is room to win against a forged one.
pub const INCARNATION_MAX: u64 = u64::MAX / 2;
/// Keys of broadcasts that a node keeps. The lowest ones stay, so that all nodes keep the same.
pub const BROADCASTS_MAX: usize = 64;
/// Longest broadcast, in bytes.
pub const BROADCAST_BYTES_MAX: usize = 256;
/// Longest encoding of a member's identity, in bytes: two numbers, a flag, a length and the address.
pub const IDENTITY_BYTES_MAX: usize = 10 + 10 + 1 + 2 + ADDRESS_BYTES_MAX;

// The longest header names three members; one update or one broadcast must fit behind it.
const _: () = assert!(4 * IDENTITY_BYTES_MAX + 64 <= MEMBERSHIP_PACKET_BYTES_MIN);
const _: () =
    assert!(3 * IDENTITY_BYTES_MAX + BROADCAST_BYTES_MAX + 96 <= MEMBERSHIP_PACKET_BYTES_MIN);
const _: () = assert!(MEMBERSHIP_PACKET_BYTES_MIN <= MEMBERSHIP_PACKET_BYTES_DEFAULT);
const _: () = assert!(MEMBERSHIP_PACKET_BYTES_DEFAULT <= MEMBERSHIP_PACKET_BYTES_MAX);
