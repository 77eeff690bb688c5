//! Suspicions that nobody ends. Only whose probe has failed has a timer for the suspect; if that one
//! is gone, or what the suspect says against it does not come here, it would be suspected for ever:
//! its answers do not say that it has heard of the suspicion. So it is told.

use super::identity::Identity;
use super::machine::Membership;
use super::packet::State;
use crate::id::MemberId;
use crate::time::{Duration, Instant};
use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;
use foca::Member;

/// When to look for suspicions that have become old, and whom they were about when it was looked
/// last.
#[derive(Debug)]
pub(super) struct Reminding {
    next: Instant,
    suspects: BTreeSet<MemberId>,
}

impl Reminding {
    /// First at `next`.
    pub(super) const fn new(next: Instant) -> Self {
        Self {
            next,
            suspects: BTreeSet::new(),
        }
    }

    /// When something is to be done.
    pub(super) const fn next(&self) -> Instant {
        self.next
    }

    /// Puts off the deadline by `lag`.
    pub(super) fn postpone(&mut self, lag: Duration) {
        self.next = self.next + lag;
    }
}

impl Membership {
    /// Tells those whose time for an answer is over that they are suspected, if it is time.
    pub(super) fn remind_if_due(&mut self, now: Instant) {
        if now < self.reminding.next {
            return;
        }
        self.reminding.next = now + self.settings.suspicion(self.roster.up_count() + 1);
        let members = self.foca.iter_membership_state();
        let suspects: Vec<Member<Identity>> = members
            .filter(|member| member.state() == foca::State::Suspect)
            .cloned()
            .collect();
        let ids = suspects.iter().map(|member| member.id().id).collect();
        let before = core::mem::replace(&mut self.reminding.suspects, ids);
        for suspect in suspects {
            let to = suspect.id().clone();
            if !before.contains(&to.id) {
                continue;
            }
            let state = State {
                from: self.identity().clone(),
                to: to.id,
                wanted: 0,
                members: vec![suspect],
                items: Vec::new(),
            };
            if let Some(bytes) = state.encode(self.settings.cluster) {
                self.send(to, bytes);
            }
        }
    }
}
