//! The outcome of flags, environment and file, checked.

use super::args::{PolicySetting, ServeArgs};
use super::edge::EdgeAddress;
use super::file::FileSettings;
use super::member::{MemberSetting, check_address};
use super::size::ByteSize;
use super::span::TimeSpan;
use crate::cluster::Snapshot;
use henge_core::cluster::ClusterState;
use henge_core::config::Config;
use henge_core::hash::hash64;
use henge_core::id::MemberId;
use henge_core::limits;
use henge_core::replication::{Level, LevelError};
use henge_core::ring::{Member, Members, Placement, Zone};
use std::path::PathBuf;
use thiserror::Error;

/// Everything that `henge serve` was told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// This stone's name.
    pub name: String,
    /// Where to listen, `HOST:PORT`.
    pub listen: String,
    /// Folder for the data.
    pub data: PathBuf,
    /// Every member that the cluster begins with, this one among them; only this one if it joins.
    pub members: Vec<MemberSetting>,
    /// Stones of the cluster that this one is to join; none if it is one of the first.
    pub seeds: Vec<String>,
    /// Edge nodes that it dials.
    pub edges: Vec<EdgeAddress>,
    /// The cluster that it joins, once that was heard of.
    pub joined: Option<ClusterState>,
    /// The cluster's name.
    pub cluster: String,
    /// Partitions of the ring.
    pub partitions: u16,
    /// Replicas of each key.
    pub replicas: u8,
    /// Shards, if someone said how many.
    pub shards: Option<u16>,
    /// What concurrent writes become.
    pub policy: PolicySetting,
    /// Level of reads that name none.
    pub read_level: Level,
    /// Level of writes that name none.
    pub write_level: Level,
    /// Whether a stand-in's durable copy counts towards the level of a write.
    pub sloppy_quorum: bool,
    /// How long it takes to compare each partition with one other replica.
    pub sync_round: TimeSpan,
    /// How long a deleted key is remembered at least.
    pub horizon: TimeSpan,
    /// Largest key and value together.
    pub pair_bytes_max: ByteSize,
    /// Memory of one shard's storage: memtables, block cache and what merging works with.
    pub memory_max: ByteSize,
    /// Memory that one shard may take.
    pub shard_memory_max: ByteSize,
    /// Connections at a time.
    pub connections_max: usize,
    /// Where the console is, if not inside of the binary.
    pub www: Option<PathBuf>,
    /// The guest, if not the one inside of the binary.
    pub guest_module: Option<PathBuf>,
}

/// A setting that cannot be, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{what}")]
pub struct SettingsError {
    /// What was wrong, and what is allowed.
    pub what: String,
    /// What to do.
    pub hint: String,
}

impl SettingsError {
    /// What was wrong and what to do about it.
    pub fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            hint: hint.into(),
        }
    }
}

impl Settings {
    /// Reads the file that `args` names, if it names one, and puts everything together.
    ///
    /// # Errors
    /// Names the first setting that is wrong.
    pub fn load(args: ServeArgs) -> Result<Self, SettingsError> {
        let file = match &args.config {
            Some(path) => FileSettings::read(path)?,
            None => FileSettings::default(),
        };
        Self::merge(args, file)
    }

    /// Puts flags and environment (`args`) over `file`, and both over the defaults.
    ///
    /// # Errors
    /// Names the first setting that is wrong.
    pub fn merge(args: ServeArgs, file: FileSettings) -> Result<Self, SettingsError> {
        let name = args.name.or(file.name).unwrap_or_else(|| "stone-1".into());
        let listen = args.listen.or(file.listen);
        let given = Given {
            advertise: args.advertise.or(file.advertise),
            zone: args.zone.or(file.zone),
            capacity: args.capacity.or(file.capacity),
            members: if args.members.is_empty() {
                file.member
            } else {
                args.members
            },
        };
        let seeds = match args.seeds.is_empty() {
            true => file.seeds,
            false => args.seeds,
        };
        if let (Some(seed), false) = (seeds.first(), given.members.is_empty()) {
            return Err(SettingsError::new(
                format!("--seed {seed} beside --member: a stone that joins has no list"),
                "leave out --member, or --seed if this is one of the first stones of a new cluster",
            ));
        }
        for seed in &seeds {
            check_address(seed)
                .map_err(|error| SettingsError::new(error.to_string(), "see --seed"))?;
        }
        let (members, listen) = given.members(&name, listen)?;
        let settings = Self {
            members,
            seeds,
            edges: match args.edges.is_empty() {
                true => file.edges,
                false => args.edges,
            },
            joined: None,
            listen,
            name,
            data: args
                .data
                .or(file.data)
                .unwrap_or_else(|| "henge-data".into()),
            cluster: args
                .cluster
                .or(file.cluster)
                .unwrap_or_else(|| "henge".into()),
            partitions: args
                .partitions
                .or(file.partitions)
                .unwrap_or(limits::PARTITIONS_DEFAULT),
            replicas: args.replicas.or(file.replicas).unwrap_or(3),
            shards: args.shards.or(file.shards),
            policy: args.policy.or(file.policy).unwrap_or(PolicySetting::Lww),
            read_level: args.read_level.or(file.read_level).unwrap_or(Level::Quorum),
            write_level: args
                .write_level
                .or(file.write_level)
                .unwrap_or(Level::Quorum),
            sloppy_quorum: args.sloppy_quorum.or(file.sloppy_quorum).unwrap_or(false),
            sync_round: args
                .sync_round
                .or(file.sync_round)
                .unwrap_or(TimeSpan(u64::from(limits::SYNC_ROUND_DEFAULT_MS))),
            horizon: args
                .horizon
                .or(file.horizon)
                .unwrap_or(TimeSpan(limits::HORIZON_DEFAULT_MS)),
            pair_bytes_max: args
                .pair_bytes_max
                .or(file.pair_bytes_max)
                .unwrap_or(ByteSize(limits::PAIR_BYTES_DEFAULT as u64)),
            memory_max: args
                .memory_max
                .or(file.memory_max)
                .unwrap_or(ByteSize(limits::MEMORY_BYTES_DEFAULT)),
            shard_memory_max: args
                .shard_memory_max
                .or(file.shard_memory_max)
                .unwrap_or(ByteSize(1 << 30)),
            connections_max: args
                .connections_max
                .or(file.connections_max)
                .unwrap_or(16_384),
            www: args.www.or(file.www),
            guest_module: args.guest_module,
        };
        settings.check()?;
        Ok(settings)
    }

    /// The node's settings for one of `shards` shards.
    #[must_use]
    pub fn node(&self, shard: u16, shards: u16) -> Config {
        let members = self
            .members
            .iter()
            .map(|setting| setting.member.clone())
            .collect();
        let me = MemberId::from_name(&self.name);
        Config {
            state: self.joined.clone(),
            address: self.me().map_or_else(String::new, |me| me.address.clone()),
            partitions: self.partitions,
            replicas: self.replicas,
            shard,
            shards,
            policy: self.policy.into(),
            read_level: self.read_level,
            write_level: self.write_level,
            pair_bytes_max: u32::try_from(self.pair_bytes_max.0).unwrap_or(u32::MAX),
            memory_bytes_max: self.memory_max.0,
            sync_round_ms: u32::try_from(self.sync_round.0).unwrap_or(u32::MAX),
            horizon_ms: self.horizon.0,
            sloppy_quorum: self.sloppy_quorum,
            ..Config::new(hash64(self.cluster.as_bytes()), me, members)
        }
    }

    /// Goes by the cluster that this stone joins.
    ///
    /// # Errors
    /// If it is another one than was asked for.
    pub fn join(&mut self, heard: Snapshot) -> Result<(), SettingsError> {
        if heard.cluster != self.cluster {
            return Err(SettingsError::new(
                format!(
                    "--cluster {}: the seed belongs to {}",
                    self.cluster, heard.cluster
                ),
                "name that cluster, or another seed",
            ));
        }
        self.partitions = heard.state.target().partitions();
        self.replicas = heard.state.target().replicas();
        self.joined = Some(heard.state);
        Ok(())
    }

    /// The ring of the member list.
    ///
    /// # Errors
    /// If the list, the partitions or the replicas make none.
    pub fn placement(&self) -> Result<Placement, SettingsError> {
        let members = self
            .members
            .iter()
            .map(|setting| setting.member.clone())
            .collect();
        Members::new(members)
            .and_then(|members| Placement::new(members, self.partitions, self.replicas))
            .map_err(|error| {
                SettingsError::new(
                    error.to_string(),
                    "check --member, --partitions and --replicas",
                )
            })
    }

    /// This stone among the members.
    #[must_use]
    pub fn me(&self) -> Option<&MemberSetting> {
        self.members
            .iter()
            .find(|setting| setting.member.name == self.name)
    }

    /// The member called `name` of the list.
    #[must_use]
    pub fn address_of(&self, id: MemberId) -> Option<&str> {
        let found = self
            .members
            .iter()
            .find(|setting| setting.member.id == id)?;
        Some(&found.address)
    }

    fn check(&self) -> Result<(), SettingsError> {
        let ring = self.placement()?;
        self.node(0, 1).check().map_err(|error| {
            SettingsError::new(
                error.to_string(),
                "see `henge serve --help` for what is allowed",
            )
        })?;
        let owners = ring.owners(henge_core::id::PartitionId(0)).len();
        if self.seeds.is_empty() {
            check_level("--read-level", self.read_level, owners)?;
            check_level("--write-level", self.write_level, owners)?;
        }
        if let Some(shards) = self.shards
            && (shards == 0 || shards > self.partitions)
        {
            return Err(SettingsError::new(
                format!(
                    "--shards {shards}: allowed are 1 to {} (the partitions)",
                    self.partitions
                ),
                "one a core is a good choice",
            ));
        }
        if !(SYNC_ROUND_MIN..=SYNC_ROUND_MAX).contains(&self.sync_round) {
            return Err(SettingsError::new(
                format!(
                    "--sync-round {}: allowed are {SYNC_ROUND_MIN} to {SYNC_ROUND_MAX}",
                    self.sync_round
                ),
                "shorter rounds find differences earlier and cost more messages",
            ));
        }
        if !(HORIZON_MIN..=HORIZON_MAX).contains(&self.horizon) {
            return Err(SettingsError::new(
                format!(
                    "--horizon {}: allowed are {HORIZON_MIN} to {HORIZON_MAX}",
                    self.horizon
                ),
                "it must be longer than any member is away that is to come back with what it has",
            ));
        }
        if self.memory_max.0 < limits::MEMORY_BYTES_MIN {
            return Err(SettingsError::new(
                format!("--memory-max {}: too little for a storage", self.memory_max),
                format!(
                    "allowed are {} and more",
                    ByteSize(limits::MEMORY_BYTES_MIN)
                ),
            ));
        }
        if self.memory_max >= self.shard_memory_max {
            return Err(SettingsError::new(
                format!(
                    "--memory-max {} leaves nothing of --shard-memory-max {} to work with",
                    self.memory_max, self.shard_memory_max
                ),
                "give --memory-max about half of --shard-memory-max",
            ));
        }
        if self.shard_memory_max.0 > 4 << 30 {
            return Err(SettingsError::new(
                format!(
                    "--shard-memory-max {} is more than a shard can address",
                    self.shard_memory_max
                ),
                "allowed are up to 4GiB; use more shards",
            ));
        }
        if !(1..=CONNECTIONS_MAX).contains(&self.connections_max) {
            let given = self.connections_max;
            return Err(SettingsError::new(
                format!("--connections-max {given}: allowed are 1 to {CONNECTIONS_MAX}"),
                "raise the system's limit of open files to match",
            ));
        }
        Ok(())
    }
}

fn check_level(flag: &str, level: Level, owners: usize) -> Result<(), SettingsError> {
    let replicas = u8::try_from(owners).unwrap_or(u8::MAX);
    match level {
        Level::Replicas(asked) if asked > replicas => Err(SettingsError::new(
            format!("{flag}: {}", LevelError::TooMany { asked, replicas }),
            "lower the level, raise --replicas, or name more members with --member",
        )),
        _ => Ok(()),
    }
}

/// What was said about this stone and the others.
struct Given {
    advertise: Option<String>,
    zone: Option<Zone>,
    capacity: Option<u32>,
    members: Vec<MemberSetting>,
}

/// More sockets than that no system gives.
const CONNECTIONS_MAX: usize = 1_000_000;
const HORIZON_MIN: TimeSpan = TimeSpan(limits::HORIZON_MIN_MS);
/// Above it, deleted keys are kept for more than a year.
const HORIZON_MAX: TimeSpan = TimeSpan(8_760 * 3_600_000);
/// Below it, comparing is all that a stone does.
const SYNC_ROUND_MIN: TimeSpan = TimeSpan(100);
/// Above it, a difference that nobody reads would stay for days.
const SYNC_ROUND_MAX: TimeSpan = TimeSpan(24 * 3_600_000);
const LISTEN: &str = "127.0.0.1:7301";

impl Given {
    /// The member list and where to listen: without a list this stone is alone.
    fn members(
        self,
        name: &str,
        listen: Option<String>,
    ) -> Result<(Vec<MemberSetting>, String), SettingsError> {
        let address = |text: &String| {
            check_address(text)
                .map_err(|error| SettingsError::new(error.to_string(), "see --listen"))
        };
        listen.iter().chain(&self.advertise).try_for_each(address)?;
        if self.members.is_empty() {
            let listen = listen.unwrap_or_else(|| LISTEN.into());
            let zone = match self.zone {
                Some(zone) => zone,
                None => "local"
                    .parse()
                    .map_err(|_| SettingsError::new("zone local", ""))?,
            };
            let member = Member::new(name, zone, self.capacity.unwrap_or(1));
            let address = self.advertise.unwrap_or_else(|| listen.clone());
            return Ok((vec![MemberSetting { member, address }], listen));
        }
        let me = self.me(name)?;
        let listen = listen.unwrap_or_else(|| me.address.clone());
        Ok((self.members, listen))
    }

    /// This stone's entry in the list, which must not contradict what was said beside it.
    fn me(&self, name: &str) -> Result<&MemberSetting, SettingsError> {
        let Some(me) = self
            .members
            .iter()
            .find(|setting| setting.member.name == name)
        else {
            let names: Vec<&str> = self
                .members
                .iter()
                .map(|setting| setting.member.name.as_str())
                .collect();
            return Err(SettingsError::new(
                format!(
                    "--name {name} is not in the member list, which has {}",
                    names.join(", ")
                ),
                "give this stone one of those names, or add it with --member on every stone",
            ));
        };
        let differs = |flag: &str, said: String, listed: String| {
            Err(SettingsError::new(
                format!("{flag} {said} contradicts {listed} in --member {me}"),
                format!("leave {flag} out, or make both the same on every stone"),
            ))
        };
        match (&self.zone, self.capacity, &self.advertise) {
            (Some(zone), _, _) if *zone != me.member.zone => differs(
                "--zone",
                zone.as_str().into(),
                me.member.zone.as_str().into(),
            ),
            (_, Some(capacity), _) if capacity != me.member.capacity => differs(
                "--capacity",
                capacity.to_string(),
                me.member.capacity.to_string(),
            ),
            (_, _, Some(address)) if *address != me.address => {
                differs("--advertise", address.clone(), me.address.clone())
            }
            _ => Ok(me),
        }
    }
}
