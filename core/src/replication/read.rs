//! What a coordinator knows of one read.

use super::{Level, Owners, Quorum};
use crate::causality::{Policy, Token, VersionSet};
use crate::id::{BucketId, PartitionId};
use crate::time::Instant;
use crate::wire::{Entry, Reply};
use alloc::vec;
use alloc::vec::Vec;

/// A read that collects the states of its replicas.
#[derive(Clone, Debug)]
pub struct ReadOperation<Origin> {
    /// Who asked; `None` once it was answered.
    pub origin: Option<Origin>,
    /// What the reader asks for.
    pub level: Level,
    /// What the reader has seen before.
    pub seen: Token,
    /// When it must be answered.
    pub deadline: Instant,
    /// The key's partition.
    pub partition: PartitionId,
    /// The key's bucket.
    pub bucket: BucketId,
    /// The key.
    pub key: Vec<u8>,
    /// What a conflict becomes.
    policy: Policy,
    /// Its replicas.
    pub owners: Owners,
    /// Which have answered, and which must.
    pub quorum: Quorum,
    /// Digest of the coordinator's own state, which the others were asked to compare with.
    pub have: Option<u64>,
    asked: u32,
    /// Digest of each replica's state, `Some(None)` for nothing at all.
    states: Vec<Option<Option<u64>>>,
    merged: VersionSet,
}

impl<Origin> ReadOperation<Origin> {
    /// A read of `key` that nobody has answered.
    pub fn new(
        (origin, level, deadline): (Origin, Level, Instant),
        seen: Token,
        (partition, bucket, key): (PartitionId, BucketId, Vec<u8>),
        policy: Policy,
        owners: Owners,
        quorum: Quorum,
    ) -> Self {
        let states = vec![None; owners.len()];
        let origin = Some(origin);
        let merged = VersionSet::new();
        Self {
            origin,
            level,
            seen,
            deadline,
            partition,
            bucket,
            key,
            policy,
            owners,
            quorum,
            have: None,
            asked: 0,
            states,
            merged,
        }
    }

    /// The replicas to ask now so that the level is reached if all of them answer: the coordinator
    /// first, then by preference, passing over those that are not `up`. Marks them as asked.
    pub fn ask(&mut self, up: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut hoped = self.quorum.clone();
        for index in
            (0..self.owners.len()).filter(|index| self.asked & 1 << index != 0 && up(*index))
        {
            hoped.answer(index);
        }
        let nearest = self
            .owners
            .me()
            .into_iter()
            .chain(self.owners.others().map(|(index, _)| index));
        let mut chosen = Vec::new();
        for index in nearest {
            if hoped.is_reached() {
                break;
            }
            if self.asked & 1 << index == 0 && up(index) && hoped.wants(index) {
                hoped.answer(index);
                chosen.push(index);
            }
        }
        self.mark(&chosen);
        chosen
    }

    /// All replicas that are `up` and were not asked yet. Marks them as asked.
    pub fn ask_all(&mut self, up: impl Fn(usize) -> bool) -> Vec<usize> {
        let rest: Vec<_> = (0..self.owners.len())
            .filter(|index| self.asked & 1 << index == 0 && up(*index))
            .collect();
        self.mark(&rest);
        rest
    }

    fn mark(&mut self, chosen: &[usize]) {
        self.asked = chosen
            .iter()
            .fold(self.asked, |set, index| set | 1 << index);
    }

    /// Replica `index` has just the state that it was asked to compare with.
    pub fn answer_same(&mut self, index: usize) {
        self.states[index] = Some(self.have);
        self.quorum.answer(index);
    }

    /// Replica `index` has this state, or nothing.
    pub fn answer(&mut self, index: usize, state: Option<&VersionSet>) {
        self.states[index] = Some(state.map(VersionSet::digest));
        if let Some(state) = state {
            self.merged.merge(state, self.policy);
        }
        self.quorum.answer(index);
    }

    /// The state that the answers so far make together.
    #[must_use]
    pub const fn merged(&self) -> &VersionSet {
        &self.merged
    }

    /// Whether the answers so far make up what the reader has seen before.
    #[must_use]
    pub fn covers_seen(&self) -> bool {
        self.merged.context().covers(&self.seen.seen)
    }

    /// Whether replica `index` was asked, and whether it has answered.
    #[must_use]
    pub fn stage(&self, index: usize) -> (bool, bool) {
        (self.asked & 1 << index != 0, self.states[index].is_some())
    }

    /// Replicas that have answered with less than all answers make together.
    #[must_use]
    pub fn behind(&self) -> Vec<usize> {
        if self.merged.is_empty() {
            return Vec::new();
        }
        let digest = self.merged.digest();
        let is_behind = |state: &Option<Option<u64>>| state.is_some_and(|has| has != Some(digest));
        (0..self.states.len())
            .filter(|index| is_behind(&self.states[*index]))
            .collect()
    }

    /// Marks replica `index` as brought up to what the answers make together.
    pub fn repaired(&mut self, index: usize) {
        self.states[index] = Some(Some(self.merged.digest()));
    }

    /// The answer at `now_ms`, once the level is reached.
    #[must_use]
    pub fn reply(&self, now_ms: u64) -> Reply {
        let mut live = self.merged.live(now_ms);
        let context = Token::of(&self.merged).encode();
        let Some(winner) = live.next() else {
            return Reply::Missing { context };
        };
        let siblings = live.filter_map(|version| version.value.clone()).collect();
        let value = winner.value.clone().expect("a live version has a value");
        Reply::Found(Entry {
            value,
            version: winner.hlc,
            siblings,
            context,
        })
    }

    /// Whether nothing is to come of it any more: it was answered, and every replica that was asked
    /// and is `up` has answered.
    pub fn is_over(&self, up: impl Fn(usize) -> bool) -> bool {
        self.origin.is_none()
            && !(0..self.owners.len()).any(|index| self.is_silent(index) && up(index))
    }

    /// Whether replica `index` was asked and has not answered.
    #[must_use]
    pub fn is_silent(&self, index: usize) -> bool {
        self.asked & 1 << index != 0 && self.states[index].is_none()
    }
}
