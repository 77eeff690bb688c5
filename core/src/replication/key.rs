//! What the replicas of one key have answered to a read.

use crate::causality::{Policy, Token, VersionSet};
use crate::wire::{Entry, Reply};
use alloc::vec;
use alloc::vec::Vec;

/// The states of one key, as its replicas have them.
#[derive(Clone, Debug)]
pub struct KeyRead {
    /// The key.
    pub name: Vec<u8>,
    /// What the reader has seen of it before.
    pub seen: Token,
    /// What a conflict becomes.
    policy: Policy,
    /// Digest of the coordinator's own state, which the others were asked to compare with.
    pub have: Option<u64>,
    /// Digest of each replica's state, `Some(None)` for nothing at all.
    states: Vec<Option<Option<u64>>>,
    merged: VersionSet,
    /// It is answered when as many replicas have what it shows as its level asks.
    pub settles: bool,
    /// Digest of the state that was sent to each replica for that.
    sent: Vec<Option<u64>>,
}

impl KeyRead {
    /// A read of `name` for one who has `seen` it before, which none of its `replicas` has answered.
    #[must_use]
    pub fn new(name: Vec<u8>, seen: Token, policy: Policy, replicas: usize) -> Self {
        Self {
            name,
            seen,
            policy,
            have: None,
            states: vec![None; replicas],
            merged: VersionSet::new(),
            settles: false,
            sent: vec![None; replicas],
        }
    }

    /// The same read, answered when as many replicas have what it shows as its level asks.
    #[must_use]
    pub const fn settling(mut self) -> Self {
        self.settles = true;
        self
    }

    /// Replicas that have all that the answers so far make together.
    #[must_use]
    pub fn settled(&self) -> Vec<usize> {
        let digest = match self.merged.is_empty() {
            true => None,
            false => Some(self.merged.digest()),
        };
        let all = 0..self.states.len();
        all.filter(|index| self.states[*index] == Some(digest))
            .collect()
    }

    /// Replicas that are behind and were not sent what they lack. They are now.
    pub fn send(&mut self) -> Vec<usize> {
        let digest = Some(self.merged.digest());
        let mut behind = self.behind();
        behind.retain(|index| self.sent[*index] != digest);
        for index in &behind {
            self.sent[*index] = digest;
        }
        behind
    }

    /// Replica `index` has made durable what it was sent.
    pub fn stored(&mut self, index: usize) {
        if let Some(digest) = self.sent[index] {
            self.states[index] = Some(Some(digest));
        }
    }

    /// What replica `index` was sent has not come there: it is sent again.
    pub fn unsent(&mut self, index: usize) {
        self.sent[index] = None;
    }

    /// Replica `index` has just the state that it was asked to compare with.
    pub fn answer_same(&mut self, index: usize) {
        self.states[index] = Some(self.have);
    }

    /// Replica `index` has this state, or nothing.
    pub fn answer(&mut self, index: usize, state: Option<&VersionSet>) {
        self.states[index] = Some(state.map(VersionSet::digest));
        if let Some(state) = state {
            self.merged.merge(state, self.policy);
        }
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
            expires_at_ms: winner.expires_at_ms,
        })
    }
}
