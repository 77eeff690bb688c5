//! The cluster that a seed is about.

use crate::buckets::Buckets;
use crate::world::{DiskSettings, LinkSettings, Seat, WorldSettings};
use henge_core::config::Config;
use henge_core::limits::{MEMORY_BYTES_MIN, SIBLINGS_MAX};
use henge_core::ring::Member;
use std::fmt;

/// A cluster, and what its parts are like when nothing is wrong.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The members that the cluster begins with, by seat.
    pub members: Vec<Member>,
    /// Those that may join it, in the seats behind them.
    pub joiners: Vec<Member>,
    /// Whether owners change in the middle of everything.
    pub moves: bool,
    /// Partitions of the ring.
    pub partitions: u16,
    /// Replicas of a key.
    pub replicas: u8,
    /// How keys are treated.
    pub buckets: Buckets,
    /// Largest pair, in bytes.
    pub pair_bytes_max: u32,
    /// The links.
    pub links: LinkSettings,
    /// The disks.
    pub disks: DiskSettings,
    /// What each clock is wrong by, in microseconds.
    pub offsets_micros: Vec<i64>,
    /// And how it drifts, in microseconds a second.
    pub drifts_ppm: Vec<i64>,
    /// How long deleted keys are remembered, in milliseconds.
    pub horizon_ms: u64,
    /// Whether the clients' reads carry what their sessions have seen.
    pub sessions: bool,
    /// How many of a thousand answers never reach their client.
    pub answers_lost_permille: u16,
}

impl Setup {
    /// The member of `seat`.
    #[must_use]
    pub fn member(&self, seat: Seat) -> &Member {
        let joiner = || &self.joiners[seat - self.members.len()];
        self.members.get(seat).unwrap_or_else(joiner)
    }

    /// How many seats there are.
    #[must_use]
    pub const fn seats(&self) -> usize {
        self.members.len() + self.joiners.len()
    }

    /// Replicas of a key: fewer where there are fewer members.
    #[must_use]
    pub fn width(&self) -> usize {
        usize::from(self.replicas).min(self.members.len())
    }

    /// Memory of a node's storage: the least there may be, but room for a few of the largest states,
    /// which are all siblings of the largest pairs. With less, reads beside each other push each
    /// other's blocks out of the cache and take seconds.
    fn memory_bytes_max(&self) -> u64 {
        let state = SIBLINGS_MAX as u64 * u64::from(self.pair_bytes_max);
        MEMORY_BYTES_MIN.max(32 * state)
    }

    /// The settings of every node; `me` is the first.
    #[must_use]
    pub fn config(&self) -> Config {
        Config {
            partitions: self.partitions,
            replicas: self.replicas,
            policy: self.buckets.default.policy,
            read_level: self.buckets.default.read_level,
            write_level: self.buckets.default.write_level,
            pair_bytes_max: self.pair_bytes_max,
            memory_bytes_max: self.memory_bytes_max(),
            sync_round_ms: 1_200,
            horizon_ms: self.horizon_ms,
            ..Config::new(1, self.members[0].id, self.members.clone())
        }
    }

    /// The world of `seed`.
    #[must_use]
    pub fn world(&self, seed: u64) -> WorldSettings {
        WorldSettings {
            config: self.config(),
            others: self.joiners.clone(),
            links: self.links,
            disks: self.disks,
            offsets_micros: self.offsets_micros.clone(),
            drifts_ppm: self.drifts_ppm.clone(),
            seed,
        }
    }
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} members, {} replicas, {} partitions",
            self.members.len(),
            self.replicas,
            self.partitions
        )?;
        let buckets = [("keys", Some(self.buckets.default))];
        let buckets = buckets
            .into_iter()
            .chain([("odd keys", self.buckets.second)]);
        for (keys, settings) in buckets {
            let Some(settings) = settings else { continue };
            let (read, write) = (settings.read_level, settings.write_level);
            let ttl = settings.ttl_ms;
            let ttl = ttl.map_or(String::new(), |ms| format!(", for {ms} ms"));
            let policy = settings.policy;
            writeln!(f, "  {keys}: {policy}, reads {read}, writes {write}{ttl}")?;
        }
        for (seat, member) in self.members.iter().chain(&self.joiners).enumerate() {
            let offset_ms = self.offsets_micros.get(seat).map_or(0, |us| us / 1_000);
            writeln!(
                f,
                "  seat {seat}: zone {}, capacity {}, clock {offset_ms:+} ms{}",
                member.zone,
                member.capacity,
                if seat < self.members.len() {
                    ""
                } else {
                    ", may join"
                }
            )?;
        }
        writeln!(f, "  links: {:?}", self.links)?;
        writeln!(f, "  disks: {:?}", self.disks)?;
        if self.sessions {
            writeln!(f, "  reads are in sessions")?;
        }
        write!(f, "  answers lost: {} of 1000", self.answers_lost_permille)
    }
}
