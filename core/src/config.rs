//! What a node is told once, at its start.

use crate::causality::Policy;
use crate::cluster::{BucketSettings, ClusterState};
use crate::id::MemberId;
use crate::limits;
use crate::replication::Level;
use crate::ring::Member;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Serialize};

/// The settings of one node. All nodes of a cluster must have the same `cluster`, `members`,
/// `partitions`, `replicas` and `policy`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// The cluster; frames of another are refused in the handshake.
    pub cluster: u64,
    /// Which of `members` this is.
    pub me: MemberId,
    /// Every member that the cluster begins with; for one that joins, itself.
    pub members: Vec<Member>,
    /// For a member that joins: the state of the cluster as it was heard of.
    pub state: Option<ClusterState>,
    /// Where this member can be reached, as the hosts understand it; at most
    /// [`limits::ADDRESS_BYTES_MAX`] bytes.
    pub address: String,
    /// Partitions of the ring, a power of two.
    pub partitions: u16,
    /// Replicas of a key; fewer where there are fewer members.
    pub replicas: u8,
    /// Which shard of the member this node is: it serves partitions with
    /// `partition % shards == shard`.
    pub shard: u16,
    /// Shards of the member.
    pub shards: u16,
    /// What a conflict becomes, in the default bucket.
    pub policy: Policy,
    /// Level of reads that name none, in the default bucket.
    pub read_level: Level,
    /// Level of writes that name none, in the default bucket.
    pub write_level: Level,
    /// Largest key and value together, in bytes.
    pub pair_bytes_max: u32,
    /// Memory of the storage, in bytes: memtables, block cache and what merging works with.
    pub memory_bytes_max: u64,
    /// How long it takes to compare each partition with one other replica, in milliseconds.
    pub sync_round_ms: u32,
    /// How long a deleted key is remembered at least, in milliseconds; at least
    /// [`limits::HORIZON_MIN_MS`]. What is held for an absent member is given up after three quarters
    /// of it, and what a session has seen holds for half of it.
    pub horizon_ms: u64,
    /// Whether a stand-in's durable copy counts towards the level of a write while an owner cannot be
    /// reached. Then writes go on with fewer owners, and a read may not find the newest before the
    /// stand-in has handed it back.
    pub sloppy_quorum: bool,
    /// Bytes of changes that are remembered for watchers that come back; at most
    /// [`limits::WATCH_TAIL_BYTES_MAX`].
    pub watch_tail_bytes_max: u32,
}

impl Config {
    /// The defaults for member `me` of `members`, as one shard.
    #[must_use]
    pub fn new(cluster: u64, me: MemberId, members: Vec<Member>) -> Self {
        Self {
            cluster,
            me,
            members,
            state: None,
            address: String::new(),
            partitions: limits::PARTITIONS_DEFAULT,
            replicas: 3,
            shard: 0,
            shards: 1,
            policy: Policy::Lww,
            read_level: Level::Quorum,
            write_level: Level::Quorum,
            pair_bytes_max: 10 * 1_024,
            memory_bytes_max: limits::MEMORY_BYTES_DEFAULT,
            sync_round_ms: limits::SYNC_ROUND_DEFAULT_MS,
            horizon_ms: limits::HORIZON_DEFAULT_MS,
            sloppy_quorum: false,
            watch_tail_bytes_max: limits::WATCH_TAIL_BYTES_MAX,
        }
    }

    /// How the keys of the default bucket are treated.
    #[must_use]
    pub const fn default_bucket(&self) -> BucketSettings {
        BucketSettings {
            policy: self.policy,
            read_level: self.read_level,
            write_level: self.write_level,
            ttl_ms: None,
        }
    }

    /// Checks everything that placement does not check itself. Returns this member.
    pub fn check(&self) -> Result<&Member, ConfigError> {
        if self.shards == 0 || self.shard >= self.shards || self.shards > self.partitions {
            return Err(ConfigError::Shard {
                shard: self.shard,
                shards: self.shards,
            });
        }
        if self.replicas == 0 || self.replicas > limits::REPLICAS_MAX {
            return Err(ConfigError::Replicas(self.replicas));
        }
        if self.pair_bytes_max as usize > limits::PAIR_BYTES_MAX {
            return Err(ConfigError::PairBytes(self.pair_bytes_max));
        }
        if self.memory_bytes_max < limits::MEMORY_BYTES_MIN {
            return Err(ConfigError::Memory(self.memory_bytes_max));
        }
        if self.watch_tail_bytes_max > limits::WATCH_TAIL_BYTES_MAX {
            return Err(ConfigError::WatchTail(self.watch_tail_bytes_max));
        }
        if self.horizon_ms < limits::HORIZON_MIN_MS {
            return Err(ConfigError::Horizon(self.horizon_ms));
        }
        if self.address.len() > limits::ADDRESS_BYTES_MAX {
            return Err(ConfigError::Address(self.address.len()));
        }
        if let Some(state) = &self.state
            && (state.target().partitions(), state.target().replicas())
                != (self.partitions, self.replicas)
        {
            return Err(ConfigError::State {
                partitions: state.target().partitions(),
                replicas: state.target().replicas(),
            });
        }
        let me = self.members.iter().find(|member| member.id == self.me);
        me.ok_or(ConfigError::NotAMember(self.me))
    }
}

/// Why a node cannot start with these settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// No such shard.
    Shard {
        /// The shard.
        shard: u16,
        /// How many there are.
        shards: u16,
    },
    /// Too many replicas, or none.
    Replicas(u8),
    /// Pairs larger than can be.
    PairBytes(u32),
    /// Too little memory.
    Memory(u64),
    /// Too much memory for changes.
    WatchTail(u32),
    /// Deleted keys are forgotten too soon.
    Horizon(u64),
    /// The member list has no such member.
    NotAMember(MemberId),
    /// The member list makes no ring.
    Ring(String),
    /// An address of so many bytes.
    Address(usize),
    /// The cluster has another number of partitions or replicas.
    State {
        /// Its partitions.
        partitions: u16,
        /// Its replicas.
        replicas: u8,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shard { shard, shards } => write!(
                f,
                "shard {shard} of {shards}: there must be 1 to as many shards as partitions, \
                 numbered from 0"
            ),
            Self::Replicas(replicas) => {
                write!(
                    f,
                    "{replicas} replicas; allowed are 1 to {}",
                    limits::REPLICAS_MAX
                )
            }
            Self::PairBytes(bytes) => {
                write!(
                    f,
                    "pairs of {bytes} bytes; at most {} are allowed",
                    limits::PAIR_BYTES_MAX
                )
            }
            Self::Memory(bytes) => write!(
                f,
                "{bytes} bytes of memory for a shard; at least {} are needed",
                limits::MEMORY_BYTES_MIN
            ),
            Self::WatchTail(bytes) => write!(
                f,
                "{bytes} bytes of changes to remember for watchers; at most {} are kept",
                limits::WATCH_TAIL_BYTES_MAX
            ),
            Self::Horizon(ms) => write!(
                f,
                "a horizon of {ms} ms; at least {} are needed",
                limits::HORIZON_MIN_MS
            ),
            Self::NotAMember(me) => write!(f, "{me:?} is not in the member list"),
            Self::Ring(why) => f.write_str(why),
            Self::Address(bytes) => write!(
                f,
                "an address of {bytes} bytes; at most {} are allowed",
                limits::ADDRESS_BYTES_MAX
            ),
            Self::State {
                partitions,
                replicas,
            } => write!(
                f,
                "the cluster has {partitions} partitions and {replicas} replicas; start this \
                 member with the same"
            ),
        }
    }
}

impl core::error::Error for ConfigError {}
