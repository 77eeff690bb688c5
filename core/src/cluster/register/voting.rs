//! Votes: who has one, and one Paxos instance from its promises to its decision.

use super::{Ballot, Register, RegisterMessage, Voice};
use crate::cluster::ClusterState;
use crate::id::MemberId;
use crate::time::Instant;
use alloc::collections::BTreeSet;

impl Register {
    /// Whether this member has a vote in the present epoch.
    pub(super) fn may_vote(&self) -> bool {
        let life = self.decided.life(self.me);
        match life {
            _ if self.is_shadow => false,
            Some(life) => life.incarnation == self.incarnation,
            // Nobody has named it yet: what it found out in the first state still holds.
            None => self.is_awake,
        }
    }

    /// The part that this member has in the agreement now.
    #[must_use]
    pub fn voice(&self) -> Voice {
        match self.may_vote() {
            _ if self.is_shadow => Voice::Shadow,
            true if self.decided.epoch == 0 && self.promised == Ballot::default() => Voice::Ready,
            true => Voice::Bound,
            false => Voice::Fresh,
        }
    }

    /// In the first state a member votes as soon as it knows that nobody else has promised anything,
    /// which would be what itself had promised before it lost its storage. Says whether it is so now.
    pub(super) fn awake(&mut self) -> bool {
        let is_at_start = self.decided.epoch == 0 && !self.is_shadow && !self.is_awake;
        let is_new = |elector: MemberId| {
            let voice = self.voices.get(&elector);
            elector == self.me || matches!(voice, Some(Voice::Fresh | Voice::Ready))
        };
        let wakes = is_at_start && self.decided.electors().all(is_new);
        self.is_awake |= wakes;
        wakes
    }

    /// Whether all electors vote in the first state, or did when somebody promised something: before,
    /// one that does not yet could never find out that it may.
    pub(super) fn are_all_ready(&self) -> bool {
        let is_ready = |elector: MemberId| {
            let voice = self.voices.get(&elector);
            match elector == self.me {
                true => self.is_awake,
                false => matches!(voice, Some(Voice::Ready | Voice::Bound)),
            }
        };
        let is_bound = |voice: &Voice| *voice == Voice::Bound;
        let was_ready = self.promised > Ballot::default() || self.voices.values().any(is_bound);
        was_ready || self.decided.electors().all(is_ready)
    }

    pub(super) fn prepare(&mut self, now: Instant, from: MemberId, ballot: Ballot) {
        if !self.may_vote() {
            return;
        }
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

    pub(super) fn promise(
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

    pub(super) fn accept(
        &mut self,
        now: Instant,
        from: MemberId,
        ballot: Ballot,
        state: ClusterState,
    ) {
        if !self.may_vote() {
            return;
        }
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

    pub(super) fn count(&mut self, now: Instant, from: MemberId, ballot: Ballot) {
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
                self.told.insert(member, (state.epoch, now));
                self.send(member, RegisterMessage::Decided(state.clone()));
            }
        }
    }
}
