//! Everything that a node wants done.

use super::gossip::{GossipReport, MemberReport};
use crate::cluster::{Change, ClusterState};
use crate::id::MemberId;
use crate::storage::{OperationId, StorageRequest, StoreReport};
use crate::watch::gateway::WatchReport;
use crate::wire::ClientId;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Serialize};

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    /// Send this frame to a member: to this one itself if another of its shards has the partition.
    /// Losing it is allowed; waiting for room is not.
    Peer {
        /// To whom.
        to: MemberId,
        /// Header and body.
        #[serde(with = "serde_bytes")]
        frame: Vec<u8>,
    },
    /// Send this frame to a client.
    Client {
        /// To whom.
        client: ClientId,
        /// Header and body.
        #[serde(with = "serde_bytes")]
        frame: Vec<u8>,
    },
    /// Carry this out after all earlier ones, and answer with `StorageDone`.
    Storage {
        /// Comes back in the answer.
        operation: OperationId,
        /// What to do.
        request: StorageRequest,
    },
    /// The answer to `Inspect`.
    Report {
        /// The number that came with it.
        id: u64,
        /// The numbers.
        report: Box<Report>,
    },
    /// Something people should know.
    Event(Event),
    /// The node goes by this state of the cluster from now on: keep connections to its members, and
    /// give it to the other shards of this one. Only the first shard says so.
    Cluster(Box<ClusterState>),
    /// Give this wish to the first shard of this member. If it is that this member itself be
    /// forgotten: only if no shard has any keys.
    Wish(Change),
}

/// Something people should know. Nothing depends on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// The log is replayed; requests are served from now on.
    Ready {
        /// Keys, tombstones included.
        keys: u64,
        /// Records replayed.
        records: u64,
        /// The incarnation of this storage.
        incarnation: u64,
    },
    /// The log ended in bytes that were never durable; they were cut off.
    LogTailCut {
        /// The log segment.
        segment: u64,
        /// Where it ends now, in bytes.
        offset: u64,
        /// How many bytes were cut.
        bytes: u64,
    },
    /// The medium has no room; what waits is tried again twice a second.
    StorageFull,
    /// A table holds bytes that are not what was written. What they held is read from other
    /// replicas.
    TableDamaged {
        /// The table.
        table: u64,
        /// Where, in bytes.
        offset: u64,
        /// What is wrong.
        why: String,
    },
    /// The storage cannot be trusted or used. **The node serves nothing any more.**
    StorageFailed(String),
    /// Bytes that were refused; the sender is at fault and nothing was changed.
    Refused(String),
}

/// A node's numbers, counted since it was made unless said otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Whether the log is replayed.
    pub ready: bool,
    /// The epoch of the cluster's state that it goes by.
    pub epoch: u64,
    /// The storage's.
    pub storage: StoreReport,
    /// Reads coordinated.
    pub reads: u64,
    /// Writes coordinated.
    pub writes: u64,
    /// Requests that failed.
    pub failures: u64,
    /// Retries that were recognised and not applied again.
    pub retries: u64,
    /// Replicas repaired by reads.
    pub repairs: u64,
    /// Frames that were refused.
    pub refused: u64,
    /// Requests and merges under way now.
    pub operations: u64,
    /// Anti-entropy.
    pub sync: SyncReport,
    /// Deleted keys that were forgotten, when all of their owners had them so.
    pub collected: u64,
    /// What is held for members that cannot be reached.
    pub hints: HintReport,
    /// The membership protocol. Only the first shard of a member takes part.
    pub gossip: GossipReport,
    /// What the cluster thinks of its other members; at most
    /// [`MEMBERS_MAX`](crate::limits::MEMBERS_MAX).
    pub members: Vec<MemberReport>,
    /// Watches.
    pub watch: WatchReport,
}

/// Anti-entropy, counted since the node was made unless said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncReport {
    /// Comparisons begun.
    pub exchanges: u64,
    /// Those whose roots were the same.
    pub same: u64,
    /// States sent to replicas that lacked them or had others.
    pub pushed: u64,
    /// States asked for.
    pub fetched: u64,
    /// Answers that came late, twice or made no sense.
    pub senseless: u64,
    /// Partitions now that cannot be compared yet: their trees are not grown.
    pub growing: u64,
}

/// Hints, counted since the node was made unless said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HintReport {
    /// Hints given to stand-ins.
    pub sent: u64,
    /// Hints taken for absent members.
    pub taken: u64,
    /// Keys handed back to their owners.
    pub handed_back: u64,
    /// Keys that were given up: their owners do not have them, and may have forgotten them since.
    pub expired: u64,
    /// Keys held now.
    pub held: u64,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready { keys, records, .. } => {
                write!(f, "ready: {keys} keys from {records} log records")
            }
            Self::LogTailCut {
                segment,
                offset,
                bytes,
            } => write!(
                f,
                "log segment {segment} ended in {bytes} bytes that were never durable; cut at byte \
                 {offset}"
            ),
            Self::StorageFull => f.write_str("the disk is full; writes wait until there is room"),
            Self::TableDamaged { table, offset, why } => {
                write!(f, "table {table} is damaged at byte {offset}: {why}")
            }
            Self::StorageFailed(why) => write!(f, "storage failed: {why}"),
            Self::Refused(why) => write!(f, "refused: {why}"),
        }
    }
}
