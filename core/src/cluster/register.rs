//! Agreement on the next state of the cluster: one single-decree Paxos for each epoch (Lamport,
//! "Paxos Made Simple", 2001), whose acceptors are the electors of the state before. There is no
//! leader: anybody may propose. So that two seldom do at a time, whoever wants a change asks the
//! first elector that it can reach to propose it, and does so itself only if that takes long.
//! Changes are rare, so two messages there and back are cheap; a change needs a majority of the
//! electors, everything else in Henge does not.
//!
//! A member that has lost its storage has forgotten what it promised, so it has no vote before the
//! state names the incarnation of its new one. In the state that a cluster begins with nobody is
//! named: there a member votes when it has heard that no other one has promised anything yet.

mod message;
mod voting;

pub use message::{Ballot, RegisterMessage, RegisterOutput, Voice};

use super::change::Change;
use super::state::ClusterState;
use crate::encoded::encoded;
use crate::id::MemberId;
use crate::limits::{
    CHANGES_MAX, REGISTER_RETRY_MS, REGISTER_STATUS_MS, REGISTER_STATUS_RARE_MS, REGISTER_TELL_MS,
    REGISTER_WISH_MS,
};
use crate::rng::Rng;
use crate::time::{Duration, Instant};
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Whose register it is.
#[derive(Clone, Copy, Debug)]
pub struct RegisterSettings {
    /// The member.
    pub me: MemberId,
    /// The incarnation of its storage.
    pub incarnation: u64,
    /// Whether another shard of the member takes part in the agreement, and this one only follows.
    pub is_shadow: bool,
    /// Makes it wait other times than others do.
    pub seed: u64,
}

/// One member's part in the agreement.
#[derive(Debug)]
pub struct Register {
    me: MemberId,
    incarnation: u64,
    is_shadow: bool,
    decided: ClusterState,
    promised: Ballot,
    accepted: Option<(Ballot, ClusterState)>,
    /// The highest round that anybody was heard to use in this epoch.
    round: u64,
    /// Whether it votes in the state that the cluster began with.
    is_awake: bool,
    /// What others have said of their part in that state.
    voices: BTreeMap<MemberId, Voice>,
    /// Those that can be reached.
    up: BTreeSet<MemberId>,
    /// When whom was told the state of which epoch.
    told: BTreeMap<MemberId, (u64, Instant)>,
    status_at: Instant,
    wanted: Vec<Change>,
    /// Whether another one was asked to propose that, and may be about to.
    has_asked: bool,
    proposal: Option<Proposal>,
    retry_at: Option<Instant>,
    /// Proposals in this epoch.
    attempts: u32,
    rng: Rng,
    outputs: VecDeque<RegisterOutput>,
}

#[derive(Debug)]
struct Proposal {
    ballot: Ballot,
    yes: BTreeSet<MemberId>,
    /// While promises are collected: what was taken under the highest ballot.
    best: Option<(Ballot, ClusterState)>,
    /// What is to be taken, once there are enough promises.
    state: Option<ClusterState>,
}

/// What must outlive a crash.
#[derive(Serialize, Deserialize)]
struct Durable {
    decided: ClusterState,
    promised: Ballot,
    accepted: Option<(Ballot, ClusterState)>,
    is_awake: bool,
}

impl Register {
    /// A register in a cluster that is in state `first` as far as is known.
    #[must_use]
    pub fn new(settings: RegisterSettings, first: ClusterState) -> Self {
        let mut register = Self {
            me: settings.me,
            incarnation: settings.incarnation,
            is_shadow: settings.is_shadow,
            decided: first,
            promised: Ballot::default(),
            accepted: None,
            round: 0,
            is_awake: false,
            voices: BTreeMap::new(),
            up: BTreeSet::new(),
            told: BTreeMap::new(),
            status_at: Instant::default(),
            wanted: Vec::new(),
            has_asked: false,
            proposal: None,
            retry_at: None,
            attempts: 0,
            rng: Rng::new(settings.seed),
            outputs: VecDeque::new(),
        };
        register.awake();
        register
    }

    /// Nothing is stored from an earlier life: what this one begins with is made durable before
    /// anything is said, so that nobody hears of an incarnation that a crash can take back.
    pub fn begin(&mut self) {
        self.persist();
    }

    /// Takes up what an earlier life has made durable. Says whether the bytes make sense.
    pub fn restore(&mut self, bytes: &[u8]) -> bool {
        let Ok(durable) = postcard::from_bytes::<Durable>(bytes) else {
            return false;
        };
        self.decided = durable.decided;
        self.promised = durable.promised;
        self.accepted = durable.accepted;
        self.is_awake = durable.is_awake;
        self.round = self.promised.round;
        true
    }

    /// The state that is agreed on.
    #[must_use]
    pub const fn state(&self) -> &ClusterState {
        &self.decided
    }

    /// Sees to it that `change` becomes part of the state, sooner or later. More than
    /// [`CHANGES_MAX`] at a time are not taken; who wants them asks again.
    pub fn want(&mut self, now: Instant, change: Change) {
        if self.wanted.len() >= CHANGES_MAX
            || self.wanted.contains(&change)
            || change.is_moot(&self.decided)
        {
            return;
        }
        self.wanted.push(change.clone());
        let first = self.first_elector();
        if !self.is_shadow && (first.is_none() || first == Some(self.me)) {
            if self.proposal.is_none() && self.retry_at.is_none() {
                self.retry_at = Some(now);
            }
            return;
        }
        match first.filter(|_| !self.is_shadow) {
            Some(first) => {
                self.has_asked = true;
                self.send(first, RegisterMessage::Wish([change].into()));
            }
            None => self.outputs.push_back(RegisterOutput::Wish(change)),
        }
        if self.retry_at.is_none() {
            self.be_patient(now);
        }
    }

    /// `peer` can be reached, or cannot any more.
    pub fn set_up(&mut self, peer: MemberId, is_up: bool) {
        if is_up {
            self.up.insert(peer);
            self.told.remove(&peer);
            self.say_status(peer);
        } else {
            self.up.remove(&peer);
        }
    }

    /// Asks `peer` for the state if it has a newer one, or else how far it is.
    pub fn ask(&mut self, peer: MemberId) {
        let epoch = self.decided.epoch;
        self.send(peer, RegisterMessage::Want { epoch });
    }

    /// Says to `peer` how far the state is here.
    fn say_status(&mut self, peer: MemberId) {
        let (epoch, voice) = (self.decided.epoch, self.voice());
        self.send(peer, RegisterMessage::Status { epoch, voice });
    }

    /// When `handle_timeout` wants to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let status = (!self.up.is_empty()).then_some(self.status_at);
        [status, self.retry_at].into_iter().flatten().min()
    }

    /// Proposes what is wanted and not agreed on yet, and says to somebody how far the state is.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.status_at <= now && !self.up.is_empty() {
            let is_rare = self.decided.epoch > 0 && !self.is_shadow;
            self.status_at = now
                + Duration::from_millis(match is_rare {
                    true => REGISTER_STATUS_RARE_MS,
                    false => REGISTER_STATUS_MS,
                });
            if self.decided.epoch == 0 {
                // Each must hear it from each before anything can be agreed on.
                self.say_status_to_all();
            }
            let place = self.rng.below(self.up.len() as u64);
            let place = usize::try_from(place).unwrap_or(0);
            if let Some(peer) = self.up.iter().nth(place).copied() {
                self.say_status(peer);
            }
        }
        if self.retry_at.is_none_or(|at| at > now) {
            return;
        }
        self.retry_at = None;
        self.proposal = None;
        let decided = &self.decided;
        self.wanted.retain(|change| !change.is_moot(decided));
        if self.decided.apply(&self.wanted).is_none() {
            if !self.wanted.is_empty() {
                self.be_patient(now);
            }
            return;
        }
        if self.is_shadow {
            let wanted = self.wanted.iter().cloned();
            self.outputs.extend(wanted.map(RegisterOutput::Wish));
            return self.be_patient(now);
        }
        // Whoever is no elector may have nobody who can answer it: it is not known yet.
        let is_elector = self.decided.electors().any(|elector| elector == self.me);
        let first = self.first_elector().filter(|first| *first != self.me);
        if let Some(first) = first.filter(|_| !is_elector || !self.has_asked) {
            self.has_asked = true;
            let wanted = self.wanted.clone();
            self.send(first, RegisterMessage::Wish(wanted));
            return self.be_patient(now);
        }
        self.has_asked = false;
        self.back_off(now);
        if self.decided.epoch == 0 && !self.are_all_ready() {
            return;
        }
        let ballot = Ballot {
            round: self.round.max(self.promised.round) + 1,
            proposer: self.me.0,
        };
        self.round = ballot.round;
        self.proposal = Some(Proposal {
            ballot,
            yes: BTreeSet::new(),
            best: None,
            state: None,
        });
        let epoch = self.decided.epoch;
        self.tell_electors(now, &RegisterMessage::Prepare { epoch, ballot });
    }

    /// What is to be done next.
    pub fn poll_output(&mut self) -> Option<RegisterOutput> {
        self.outputs.pop_front()
    }

    /// `from` has said `message`.
    pub fn handle_message(&mut self, now: Instant, from: MemberId, message: RegisterMessage) {
        let ours = self.decided.epoch;
        let epoch = match &message {
            RegisterMessage::Prepare { epoch, .. }
            | RegisterMessage::Promise { epoch, .. }
            | RegisterMessage::Accept { epoch, .. }
            | RegisterMessage::Accepted { epoch, .. }
            | RegisterMessage::Refused { epoch, .. }
            | RegisterMessage::Status { epoch, .. }
            | RegisterMessage::Want { epoch } => *epoch,
            RegisterMessage::Wish(_) => ours,
            RegisterMessage::Decided(state) => {
                if state.epoch > ours && state.origin == self.decided.origin {
                    self.decide(now, state.clone());
                }
                return;
            }
        };
        if epoch < ours {
            return self.tell(now, from);
        }
        if epoch > ours {
            return self.ask(from);
        }
        match message {
            RegisterMessage::Want { .. } => self.say_status(from),
            // Another shard of the sender has its vote, and says what it has promised.
            RegisterMessage::Status {
                voice: Voice::Shadow,
                ..
            } => {}
            RegisterMessage::Status { voice, .. } if ours == 0 && !self.is_shadow => {
                self.voices.insert(from, voice);
                if self.awake() {
                    self.persist();
                    self.say_status_to_all();
                }
            }
            RegisterMessage::Wish(changes) => {
                for change in changes {
                    self.want(now, change);
                }
            }
            _ if self.is_shadow => {}
            RegisterMessage::Prepare { ballot, .. } => self.prepare(now, from, ballot),
            RegisterMessage::Promise {
                ballot, accepted, ..
            } => self.promise(now, from, ballot, accepted),
            RegisterMessage::Accept { ballot, state, .. } => self.accept(now, from, ballot, state),
            RegisterMessage::Accepted { ballot, .. } => self.count(now, from, ballot),
            RegisterMessage::Refused { promised, .. } => {
                self.round = self.round.max(promised.round);
            }
            RegisterMessage::Status { .. } | RegisterMessage::Decided(_) => {}
        }
    }

    /// The first elector that can be reached: the one that proposes, as a rule.
    fn first_elector(&self) -> Option<MemberId> {
        let can_reach = |id: &MemberId| *id == self.me || self.up.contains(id);
        self.decided.electors().filter(can_reach).min()
    }

    /// Tells `to` the state, unless that was done just now.
    fn tell(&mut self, now: Instant, to: MemberId) {
        let epoch = self.decided.epoch;
        let known = self.told.get(&to);
        let pause = Duration::from_millis(REGISTER_TELL_MS);
        if to == self.me || known.is_some_and(|(told, at)| *told == epoch && *at + pause > now) {
            return;
        }
        self.told.insert(to, (epoch, now));
        let state = self.decided.clone();
        self.send(to, RegisterMessage::Decided(state));
    }

    fn say_status_to_all(&mut self) {
        let up: Vec<MemberId> = self.up.iter().copied().collect();
        for peer in up {
            self.say_status(peer);
        }
    }

    fn decide(&mut self, now: Instant, state: ClusterState) {
        let was_own = self.proposal.take().is_some();
        self.decided = state;
        self.promised = Ballot::default();
        self.accepted = None;
        self.round = 0;
        self.attempts = 0;
        self.persist();
        let state = self.decided.clone().into();
        self.outputs.push_back(RegisterOutput::Decided(state));
        self.voices.clear();
        self.say_status_to_all();
        let decided = &self.decided;
        self.wanted.retain(|change| !change.is_moot(decided));
        self.retry_at = None;
        if self.wanted.is_empty() {
            return;
        }
        if was_own || self.first_elector() == Some(self.me) {
            // Nobody else is known to be proposing.
            self.retry_at = Some(now);
        } else {
            self.be_patient(now);
        }
    }

    /// Another one proposes what is wanted here: gives it time.
    fn be_patient(&mut self, now: Instant) {
        let wait = REGISTER_WISH_MS + self.rng.below(REGISTER_WISH_MS);
        self.retry_at = Some(now + Duration::from_millis(wait));
    }

    /// Tries again after a random time, so that two proposers do not stand in each other's way, and
    /// a longer one each time, so that answers over slow links are waited for.
    fn back_off(&mut self, now: Instant) {
        let least = REGISTER_RETRY_MS << self.attempts.min(REGISTER_DOUBLINGS);
        self.attempts += 1;
        let wait = least + self.rng.below(least);
        self.retry_at = Some(now + Duration::from_millis(wait));
    }

    fn persist(&mut self) {
        let durable = Durable {
            decided: self.decided.clone(),
            promised: self.promised,
            accepted: self.accepted.clone(),
            is_awake: self.is_awake,
        };
        let bytes = encoded(&durable);
        self.outputs.push_back(RegisterOutput::Persist(bytes));
    }

    fn tell_electors(&mut self, now: Instant, message: &RegisterMessage) {
        let electors: Vec<MemberId> = self.decided.electors().collect();
        for elector in electors {
            if elector == self.me {
                self.handle_message(now, elector, message.clone());
            } else {
                self.send(elector, message.clone());
            }
        }
    }

    /// Answers an elector, which may be this member itself.
    fn reply(&mut self, now: Instant, to: MemberId, message: RegisterMessage) {
        if to == self.me {
            self.handle_message(now, to, message);
        } else {
            self.send(to, message);
        }
    }

    fn send(&mut self, to: MemberId, message: RegisterMessage) {
        self.outputs.push_back(RegisterOutput::Send { to, message });
    }
}

/// How often the wait for the next proposal is doubled at most.
const REGISTER_DOUBLINGS: u32 = 5;
