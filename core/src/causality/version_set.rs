//! Everything a replica keeps for one key: a dotted version vector set (Almeida, Baquero,
//! Gonçalves, Preguiça, Fonte, "Scalable and Accurate Causality Tracking for Eventually Consistent
//! Stores", DAIS 2014).

use super::codec::{self, DecodeError, RawVersionSet};
use super::context::Context;
use super::dot::Dot;
use super::hlc::Hlc;
use super::version::{Policy, Value, Version};
use crate::encoded::encoded;
use crate::hash::hash64;
use crate::id::{ActorId, RequestId};
use crate::limits::{ACTORS_MAX, SEEN_COUNTER_MAX, SIBLINGS_MAX};
use crate::storage::Facts;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

/// The versions of one key that no write known here has replaced, and the context of all writes
/// known here.
///
/// A dot in the context without a version is a write that has been replaced. Invariants: versions
/// are sorted by dot, each dot lies in the context, one actor has at most [`SIBLINGS_MAX`] of
/// them, and the context has at most [`ACTORS_MAX`] actors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawVersionSet")]
pub struct VersionSet {
    pub(super) context: Context,
    pub(super) versions: Vec<Version>,
}

impl VersionSet {
    /// The set of a key that was never written.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            context: Context::new(),
            versions: Vec::new(),
        }
    }

    /// Every write known here. A reader hands it back as `seen` to replace what was read.
    #[must_use]
    pub const fn context(&self) -> &Context {
        &self.context
    }

    /// All versions kept, sorted by dot: tombstones and both copies of a retried write included.
    #[must_use]
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// Whether the key was never written, as far as is known here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.context.is_empty() && self.versions.is_empty()
    }

    /// The version that every replica with the same set picks: the highest by clock, then dot,
    /// among the distinct writes. It may be a tombstone.
    #[must_use]
    pub fn winner(&self) -> Option<&Version> {
        self.distinct().max_by_key(|version| version.rank())
    }

    /// The versions that can be read at `now_ms`, in milliseconds since the Unix epoch: those with
    /// a value whose time is not over, from the highest by clock and dot to the lowest: each write
    /// once, at most [`SIBLINGS_MAX`].
    ///
    /// The first is the winner, unless that is a tombstone or its time is over.
    pub fn live(&self, now_ms: u64) -> impl Iterator<Item = &Version> {
        let is_live = |version: &&Version| version.value.is_some() && !version.has_expired(now_ms);
        let mut live: Vec<&Version> = self.distinct().filter(is_live).collect();
        live.sort_unstable_by_key(|version| core::cmp::Reverse(version.rank()));
        live.truncate(SIBLINGS_MAX);
        live.into_iter()
    }

    /// A client's write (`value`) or delete (`None`), coordinated by `actor`; gives its dot.
    ///
    /// Mints exactly one dot, except that a request whose version is kept here already is not
    /// applied again: its dot is given and nothing changes.
    ///
    /// With [`Policy::Siblings`] the write replaces the versions that `seen` covers; `seen` may
    /// name writes that have not arrived here, which then are replaced on arrival. With
    /// [`Policy::Lww`] it replaces all versions, and `seen` is not needed. A version beyond
    /// [`SIBLINGS_MAX`] makes the write replace the lowest others too.
    ///
    /// `hlc` is a fresh tick of a clock that has observed all versions here; should it not be
    /// later than what is replaced, the version gets the next timestamp after that instead.
    pub fn write(
        &mut self,
        actor: ActorId,
        hlc: Hlc,
        request: RequestId,
        value: Option<Value>,
        seen: Option<&Context>,
        policy: Policy,
    ) -> Dot {
        let dot = Dot {
            actor,
            counter: self.context.counter(actor) + 1,
        };
        let mut version = Version {
            dot,
            hlc,
            request,
            expires_at_ms: None,
            value,
        };
        if let Some(known) = self
            .versions
            .iter()
            .find(|known| version.is_retry_of(known))
        {
            return known.dot;
        }
        let replaced_until = match policy {
            Policy::Lww => self.replace_all(),
            Policy::Siblings => self.replace_seen(actor, seen),
        };
        if let Some(replaced) = replaced_until {
            version.hlc = hlc.max(replaced.next());
        }
        self.make_room_for(actor);
        self.context.insert(dot);
        let at = self.versions.partition_point(|known| known.dot < dot);
        self.versions.insert(at, version);
        dot
    }

    /// The next write of `actor` gets a counter higher than `floor`: an earlier state of the key, in
    /// which it has counted so far, was forgotten.
    pub fn begin_behind(&mut self, actor: ActorId, floor: u64) {
        if floor > self.context.counter(actor) {
            self.make_room_for(actor);
            self.context.insert(Dot {
                actor,
                counter: floor,
            });
        }
    }

    /// What the storage must know of this set.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let values = || {
            self.versions
                .iter()
                .filter(|version| version.value.is_some())
        };
        let written = self
            .versions
            .iter()
            .map(|version| version.hlc.physical_ms());
        // Only when the last of them is over there is nothing to read.
        let ends = values()
            .map(|version| version.expires_at_ms.unwrap_or(u64::MAX))
            .max();
        Facts {
            written_at_ms: written.max().unwrap_or(0),
            is_tombstone: values().next().is_none(),
            expires_at_ms: ends.filter(|at| *at < u64::MAX),
        }
    }

    /// Drops the values whose time is over at `now_ms`: their versions stay, as tombstones. It is
    /// the same on every replica, whenever each comes to it.
    pub fn expire(&mut self, now_ms: u64) {
        for version in &mut self.versions {
            if version.has_expired(now_ms) {
                version.value = None;
            }
        }
    }

    /// Ends the time of the version with this dot at `at_ms`, in milliseconds since the Unix epoch.
    pub fn set_expiry(&mut self, dot: Dot, at_ms: u64) {
        let mut versions = self.versions.iter_mut();
        if let Some(version) = versions.find(|version| version.dot == dot) {
            version.expires_at_ms = Some(at_ms);
        }
    }

    /// The one encoding of this set; the byte layout is in `docs/causality.md`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encoded(self)
    }

    /// The set that `bytes` encode.
    ///
    /// # Errors
    ///
    /// If `bytes` are not what [`Self::encode`] gives for some set that keeps the invariants.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode::<RawVersionSet, Self>(bytes)
    }

    /// The xxh3-64 of the encoding: equal sets have equal digests on every node.
    #[must_use]
    pub fn digest(&self) -> u64 {
        hash64(&self.encode())
    }

    /// A digest of which writes are known and which of them are kept. It says the same of two sets
    /// as [`Self::digest`], and stays the same when a value's time is over and it is dropped.
    #[must_use]
    pub fn causal_digest(&self) -> u64 {
        let mut hasher = Xxh3::new();
        let mut put = |actor: ActorId, counter: u64| {
            hasher.update(&actor.0.to_le_bytes());
            hasher.update(&counter.to_le_bytes());
        };
        for (actor, counter) in self.context.iter() {
            put(actor, counter);
        }
        // No entry of a context has counter 0, so this ends it.
        put(ActorId(0), 0);
        for version in &self.versions {
            put(version.dot.actor, version.dot.counter);
        }
        hasher.digest()
    }

    /// The versions with each client write once: of a retried one, the copy of the smallest dot.
    fn distinct(&self) -> impl Iterator<Item = &Version> {
        self.versions
            .iter()
            .enumerate()
            .filter_map(|(at, version)| {
                let earlier = &self.versions[..at];
                (!earlier.iter().any(|other| version.is_retry_of(other))).then_some(version)
            })
    }

    /// Drops all versions and gives the highest clock among them.
    fn replace_all(&mut self) -> Option<Hlc> {
        self.versions.drain(..).map(|version| version.hlc).max()
    }

    /// Drops the versions that `seen` covers and those that the cap leaves no room for, and gives
    /// the highest clock among them.
    fn replace_seen(&mut self, actor: ActorId, seen: Option<&Context>) -> Option<Hlc> {
        let mut replaced = None;
        if let Some(seen) = seen {
            self.versions.retain(|version| {
                let keep = !seen.contains(version.dot);
                if !keep {
                    replaced = replaced.max(Some(version.hlc));
                }
                keep
            });
            self.join_seen(actor, seen);
        }
        while self.versions.len() >= SIBLINGS_MAX {
            let lowest = (0..self.versions.len()).min_by_key(|&at| self.versions[at].rank());
            let lowest = lowest.map(|at| self.versions.remove(at).hlc);
            replaced = replaced.max(lowest);
        }
        replaced
    }

    /// Adds what a client has seen. Its word on `actor` is not taken: only `actor` mints those
    /// dots, here, so any excess is forged and would claim dots before they exist. A forged counter
    /// of another actor is held so low that the actor can still count on from it.
    fn join_seen(&mut self, actor: ActorId, seen: &Context) {
        for (other, counter) in seen.iter().filter(|&(other, _)| other != actor) {
            self.context.insert(Dot {
                actor: other,
                counter: counter.min(SEEN_COUNTER_MAX),
            });
        }
    }

    /// Makes sure that the context can take `actor`. Only forged contexts fill it; then an actor
    /// without a version is forgotten, of which there is one: versions are far fewer than actors.
    fn make_room_for(&mut self, actor: ActorId) {
        if self.context.len() < ACTORS_MAX || self.context.counter(actor) > 0 {
            return;
        }
        let versions = &self.versions;
        let mut forgotten = false;
        self.context.retain(|known| {
            let keep = forgotten || versions.iter().any(|version| version.dot.actor == known);
            forgotten |= !keep;
            keep
        });
    }
}

const _: () = assert!(SIBLINGS_MAX < ACTORS_MAX);
