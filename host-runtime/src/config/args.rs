//! Flags and environment, as clap reads them.

use super::edge::EdgeAddress;
use super::member::MemberSetting;
use super::size::ByteSize;
use super::span::TimeSpan;
use clap::{Args, ValueEnum};
use henge_core::causality;
use henge_core::replication::Level;
use henge_core::ring::Zone;
use serde::Deserialize;
use std::path::PathBuf;

/// Settings of `henge serve`. Each can be a flag, an environment variable, or a line of the file
/// named by --config; flags win over the environment, that wins over the file.
#[derive(Args, Clone, Debug, Default)]
pub struct ServeArgs {
    /// TOML file with any of these settings, by the names of the flags
    #[arg(long, env = "HENGE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// This stone's name; it is its identity [default: stone-1]
    #[arg(long, env = "HENGE_NAME")]
    pub name: Option<String>,
    /// Where to listen [default: 127.0.0.1:7301]
    #[arg(long, env = "HENGE_LISTEN", value_name = "HOST:PORT")]
    pub listen: Option<String>,
    /// Where the others reach this stone [default: what the member list says, else --listen]
    #[arg(long, env = "HENGE_ADVERTISE", value_name = "HOST:PORT")]
    pub advertise: Option<String>,
    /// Failure domain: region/zone/host [default: local]
    #[arg(long, env = "HENGE_ZONE")]
    pub zone: Option<Zone>,
    /// Weight: data is shared in proportion to it [default: 1]
    #[arg(long, env = "HENGE_CAPACITY")]
    pub capacity: Option<u32>,
    /// Folder for the data [default: henge-data]
    #[arg(long, env = "HENGE_DATA", value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// One member of the cluster; repeat it for each, the same on every stone [default: only this]
    #[arg(
        long = "member",
        env = "HENGE_MEMBERS",
        value_name = "NAME=HOST:PORT@ZONE[*CAPACITY]",
        value_delimiter = ','
    )]
    pub members: Vec<MemberSetting>,
    /// A stone of the cluster that this one is to join; several, separated by commas, are tried in
    /// turn. Partitions and replicas are those of the cluster then
    #[arg(
        long = "seed",
        env = "HENGE_SEEDS",
        value_name = "HOST:PORT",
        value_delimiter = ',',
        conflicts_with = "members"
    )]
    pub seeds: Vec<String>,
    /// An edge node that this stone dials and then serves; repeat it for each. A few stones of a
    /// cluster are enough
    #[arg(
        long = "edge",
        env = "HENGE_EDGES",
        value_name = "ws://HOST:PORT/v1/edge?secret=SECRET",
        value_delimiter = ','
    )]
    pub edges: Vec<EdgeAddress>,
    /// Name of the cluster; stones of another are refused [default: henge]
    #[arg(long, env = "HENGE_CLUSTER", value_name = "NAME")]
    pub cluster: Option<String>,
    /// Partitions of the ring, a power of two, fixed for ever [default: 256]
    #[arg(long, env = "HENGE_PARTITIONS", value_name = "COUNT")]
    pub partitions: Option<u16>,
    /// Replicas of each key [default: 3]
    #[arg(long, env = "HENGE_REPLICAS", value_name = "COUNT")]
    pub replicas: Option<u8>,
    /// Threads with a part of the partitions each, fixed for the data folder [default: one a core]
    #[arg(long, env = "HENGE_SHARDS", value_name = "COUNT")]
    pub shards: Option<u16>,
    /// What concurrent writes become [default: lww]
    #[arg(long, env = "HENGE_POLICY")]
    pub policy: Option<PolicySetting>,
    /// Replicas a read waits for: one, quorum, all, local_quorum, each_quorum or a number
    /// [default: quorum]
    #[arg(long, env = "HENGE_READ_LEVEL", value_name = "LEVEL", value_parser = level)]
    pub read_level: Option<Level>,
    /// Replicas on which a write must be durable, likewise [default: quorum]
    #[arg(long, env = "HENGE_WRITE_LEVEL", value_name = "LEVEL", value_parser = level)]
    pub write_level: Option<Level>,
    /// Count a stand-in's durable copy towards the level of a write while an owner cannot be
    /// reached: writes go on with fewer owners, and a read may miss the newest until the copy is
    /// handed back [default: false]
    #[arg(
        long,
        env = "HENGE_SLOPPY_QUORUM",
        value_name = "BOOL",
        num_args = 0..=1,
        default_missing_value = "true"
    )]
    pub sloppy_quorum: Option<bool>,
    /// How long it takes to compare each partition with one other replica, 100ms to 24h
    /// [default: 30s]
    #[arg(long, env = "HENGE_SYNC_ROUND", value_name = "SPAN")]
    pub sync_round: Option<TimeSpan>,
    /// How long a deleted key is remembered at least, 1min to 8760h; a member that was away for longer
    /// does not bring back what was deleted meanwhile [default: 24h]
    #[arg(long, env = "HENGE_HORIZON", value_name = "SPAN")]
    pub horizon: Option<TimeSpan>,
    /// Largest key and value together [default: 10KiB]
    #[arg(long, env = "HENGE_PAIR_BYTES_MAX", value_name = "SIZE")]
    pub pair_bytes_max: Option<ByteSize>,
    /// Memory of one shard's storage: memtables, block cache, merging; data may be any number of
    /// times as much [default: 64MiB]
    #[arg(long, env = "HENGE_MEMORY_MAX", value_name = "SIZE")]
    pub memory_max: Option<ByteSize>,
    /// Memory that one shard may take in all [default: 1GiB]
    #[arg(long, env = "HENGE_SHARD_MEMORY_MAX", value_name = "SIZE")]
    pub shard_memory_max: Option<ByteSize>,
    /// Connections at a time, or as many as the system's limit of open files allows beside the data
    /// [default: 16384]
    #[arg(long, env = "HENGE_CONNECTIONS_MAX", value_name = "COUNT")]
    pub connections_max: Option<usize>,
    /// Serve the console from this folder, for work on it [default: built in]
    #[arg(long, env = "HENGE_WWW", value_name = "FOLDER")]
    pub www: Option<PathBuf>,
    /// Run this guest in place of the built-in one, for tests
    #[arg(long, env = "HENGE_GUEST_MODULE", value_name = "FILE", hide = true)]
    pub guest_module: Option<PathBuf>,
}

/// What concurrent writes become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicySetting {
    /// The last writer wins, by hybrid logical clock
    Lww,
    /// All are kept, and the caller resolves them
    Siblings,
}

impl From<PolicySetting> for causality::Policy {
    fn from(setting: PolicySetting) -> Self {
        match setting {
            PolicySetting::Lww => Self::Lww,
            PolicySetting::Siblings => Self::Siblings,
        }
    }
}

/// Reads a level, for clap.
///
/// # Errors
/// If there is no such level, naming those there are.
pub fn level(text: &str) -> Result<Level, String> {
    text.parse::<Level>().map_err(|error| error.to_string())
}
