//! Agreement on the next state of the cluster: one single-decree Paxos for each epoch (Lamport,
//! "Paxos Made Simple", 2001), whose acceptors are the electors of the state before. There is no
//! leader: whoever wants a change proposes. Changes are rare, so two messages there and back are
//! cheap; a change needs a majority of the electors, everything else in Henge does not.

use super::change::Change;
use super::state::ClusterState;
use crate::id::MemberId;
use crate::limits::{CHANGES_MAX, REGISTER_RETRY_MS};
use crate::rng::Rng;
use crate::time::{Duration, Instant};
use alloc::boxed::Box;
use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// The number of a proposal; unique, because it ends with its proposer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ballot {
    round: u64,
    proposer: u64,
}

/// What members say to agree. Each belongs to the epoch that is to be followed by the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegisterMessage {
    /// Promise to take nothing below this ballot, and say what you have taken.
    Prepare {
        /// The epoch.
        epoch: u64,
        /// The ballot.
        ballot: Ballot,
    },
    /// The answer to [`Self::Prepare`].
    Promise {
        /// The epoch.
        epoch: u64,
        /// The ballot.
        ballot: Ballot,
        /// What was taken under the highest ballot so far.
        accepted: Option<(Ballot, ClusterState)>,
    },
    /// Take this state, unless you have promised otherwise.
    Accept {
        /// The epoch.
        epoch: u64,
        /// The ballot.
        ballot: Ballot,
        /// The state that is to follow.
        state: ClusterState,
    },
    /// The answer to [`Self::Accept`].
    Accepted {
        /// The epoch.
        epoch: u64,
        /// The ballot.
        ballot: Ballot,
    },
    /// Something higher was promised.
    Refused {
        /// The epoch.
        epoch: u64,
        /// What was promised.
        promised: Ballot,
    },
    /// This state is agreed on.
    Decided(ClusterState),
    /// Tell me the state if it is newer than that of this epoch.
    Want {
        /// The asker's epoch.
        epoch: u64,
    },
}

/// What a register wants done, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegisterOutput {
    /// Make these bytes durable **before** anything that follows is done.
    Persist(Vec<u8>),
    /// Say this to a member. It may be lost.
    Send {
        /// To whom.
        to: MemberId,
        /// What.
        message: RegisterMessage,
    },
    /// The cluster is in this state now.
    Decided(Box<ClusterState>),
}

/// One member's part in the agreement.
#[derive(Debug)]
pub struct Register {
    me: MemberId,
    decided: ClusterState,
    promised: Ballot,
    accepted: Option<(Ballot, ClusterState)>,
    /// The highest round that anybody was heard to use in this epoch.
    round: u64,
    wanted: Vec<Change>,
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
}

impl Register {
    /// The register of `me`, in a cluster that is in state `first` as far as is known.
    #[must_use]
    pub const fn new(me: MemberId, first: ClusterState, seed: u64) -> Self {
        Self {
            me,
            decided: first,
            promised: Ballot {
                round: 0,
                proposer: 0,
            },
            accepted: None,
            round: 0,
            wanted: Vec::new(),
            proposal: None,
            retry_at: None,
            attempts: 0,
            rng: Rng::new(seed),
            outputs: VecDeque::new(),
        }
    }

    /// Takes up what an earlier life has made durable. Says whether the bytes make sense.
    pub fn restore(&mut self, bytes: &[u8]) -> bool {
        let Ok(durable) = postcard::from_bytes::<Durable>(bytes) else {
            return false;
        };
        self.decided = durable.decided;
        self.promised = durable.promised;
        self.accepted = durable.accepted;
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
        if self.wanted.len() < CHANGES_MAX && !self.wanted.contains(&change) {
            self.wanted.push(change);
            if self.proposal.is_none() && self.retry_at.is_none() {
                self.retry_at = Some(now);
            }
        }
    }

    /// Asks `peer` for the state if it has a newer one.
    pub fn ask(&mut self, peer: MemberId) {
        let epoch = self.decided.epoch;
        self.send(peer, RegisterMessage::Want { epoch });
    }

    /// When `handle_timeout` wants to be called.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Proposes what is wanted and not agreed on yet.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.retry_at.is_none_or(|at| at > now) {
            return;
        }
        self.retry_at = None;
        self.proposal = None;
        if self.decided.apply(&self.wanted).is_none() {
            self.wanted.clear();
            return;
        }
        self.back_off(now);
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
            | RegisterMessage::Want { epoch } => *epoch,
            RegisterMessage::Decided(state) => {
                if state.epoch > ours {
                    self.decide(now, state.clone());
                }
                return;
            }
        };
        if epoch < ours {
            if from != self.me {
                let state = self.decided.clone();
                self.send(from, RegisterMessage::Decided(state));
            }
            return;
        }
        if epoch > ours {
            return self.ask(from);
        }
        match message {
            RegisterMessage::Prepare { ballot, .. } => self.prepare(now, from, ballot),
            RegisterMessage::Promise {
                ballot, accepted, ..
            } => self.promise(now, from, ballot, accepted),
            RegisterMessage::Accept { ballot, state, .. } => self.accept(now, from, ballot, state),
            RegisterMessage::Accepted { ballot, .. } => self.count(now, from, ballot),
            RegisterMessage::Refused { promised, .. } => {
                self.round = self.round.max(promised.round);
            }
            RegisterMessage::Want { .. } | RegisterMessage::Decided(_) => {}
        }
    }

    fn prepare(&mut self, now: Instant, from: MemberId, ballot: Ballot) {
        let epoch = self.decided.epoch;
        let message = if ballot > self.promised {
            self.promised = ballot;
            self.persist();
            let accepted = self.accepted.clone();
            RegisterMessage::Promise {
                epoch,
                ballot,
                accepted,
            }
        } else {
            let promised = self.promised;
            RegisterMessage::Refused { epoch, promised }
        };
        self.reply(now, from, message);
    }

    fn promise(
        &mut self,
        now: Instant,
        from: MemberId,
        ballot: Ballot,
        accepted: Option<(Ballot, ClusterState)>,
    ) {
        let is_elector = self.decided.electors().any(|elector| elector == from);
        let majority = self.decided.electors().count() / 2 + 1;
        let Some(proposal) = &mut self.proposal else {
            return;
        };
        if proposal.ballot != ballot || proposal.state.is_some() || !is_elector {
            return;
        }
        proposal.yes.insert(from);
        let is_higher = |(ballot, _): &(Ballot, ClusterState)| {
            proposal.best.as_ref().is_none_or(|(best, _)| ballot > best)
        };
        if let Some(accepted) = accepted.filter(is_higher) {
            proposal.best = Some(accepted);
        }
        if proposal.yes.len() < majority {
            return;
        }
        // What may have been agreed on already comes before what is wanted.
        let taken = proposal.best.take().map(|(_, state)| state);
        let Some(state) = taken.or_else(|| self.decided.apply(&self.wanted)) else {
            self.proposal = None;
            return;
        };
        proposal.yes.clear();
        proposal.state = Some(state.clone());
        let epoch = self.decided.epoch;
        let message = RegisterMessage::Accept {
            epoch,
            ballot,
            state,
        };
        self.tell_electors(now, &message);
    }

    fn accept(&mut self, now: Instant, from: MemberId, ballot: Ballot, state: ClusterState) {
        let epoch = self.decided.epoch;
        let message = if ballot >= self.promised && state.epoch == epoch + 1 {
            self.promised = ballot;
            self.accepted = Some((ballot, state));
            self.persist();
            RegisterMessage::Accepted { epoch, ballot }
        } else {
            let promised = self.promised;
            RegisterMessage::Refused { epoch, promised }
        };
        self.reply(now, from, message);
    }

    fn count(&mut self, now: Instant, from: MemberId, ballot: Ballot) {
        let is_elector = self.decided.electors().any(|elector| elector == from);
        let majority = self.decided.electors().count() / 2 + 1;
        let Some(proposal) = &mut self.proposal else {
            return;
        };
        if proposal.ballot != ballot || !is_elector {
            return;
        }
        let Some(state) = &proposal.state else {
            return;
        };
        proposal.yes.insert(from);
        if proposal.yes.len() >= majority {
            let state = state.clone();
            let mut told: BTreeSet<MemberId> = self.decided.electors().collect();
            told.extend(state.members().iter().map(|(_, member)| member.id));
            self.decide(now, state.clone());
            told.remove(&self.me);
            for member in told {
                self.send(member, RegisterMessage::Decided(state.clone()));
            }
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
        let decided = &self.decided;
        self.wanted.retain(|change| !change.is_moot(decided));
        self.retry_at = None;
        if !self.wanted.is_empty() {
            self.back_off(now);
            // Nobody else is known to be proposing.
            if was_own {
                self.retry_at = Some(now);
            }
        }
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
        };
        let bytes = postcard::to_allocvec(&durable).expect("writing to memory cannot fail");
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
