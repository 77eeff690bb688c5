//! What foca's packets may do: they are looked through before foca sees them.

use super::error::MembershipError;
use super::identity::{Identity, WHOEVER};
use super::machine::Membership;
use super::packet::{Gossip, State};
use super::roster::Standing;
use crate::limits::MEMBERS_MAX;
use crate::planted::{Bug, is_planted};
use crate::time::Instant;
use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;
use foca::Member;

impl Membership {
    /// Takes a gossip packet.
    ///
    /// # Errors
    ///
    /// Refused before anything has changed.
    pub(super) fn handle_gossip(
        &mut self,
        now: Instant,
        mut gossip: Gossip<'_>,
    ) -> Result<(), MembershipError> {
        let to = gossip.header.dst.id;
        if to != WHOEVER && to != self.identity().id {
            return Err(MembershipError::NotForUs { to });
        }
        self.check_sender(now, &gossip.header.src)?;
        if !self.has_room_for(&gossip.header.src) {
            return Err(MembershipError::TooManyMembers);
        }
        self.correct(&gossip.header.src);
        let greeted = to == WHOEVER;
        if greeted {
            gossip.header.dst = self.identity().clone();
        }
        let sieved = self.sieve(now, &gossip.header.src, &mut gossip.updates);
        let rebuilt = if greeted || sieved {
            Some(gossip.encode().ok_or(MembershipError::Malformed)?)
        } else {
            None
        };
        let bytes = rebuilt.as_deref().unwrap_or(gossip.bytes);
        let done = self.foca.handle_data(bytes, &mut self.effects);
        self.expect(&done);
        for item in gossip.items {
            let key = item.key;
            if self.news.keep(item.clone()) == Ok(true) {
                self.news.tell(key);
                self.relay(&item);
            }
        }
        Ok(())
    }

    /// Refuses a packet that comes from ourselves, or from someone of our name.
    pub(super) fn check_sender(
        &mut self,
        now: Instant,
        from: &Identity,
    ) -> Result<(), MembershipError> {
        if from.id != self.identity().id {
            return Ok(());
        }
        self.note_rival(now, from);
        Err(MembershipError::OurName)
    }

    /// Whether `identity` is known or there is room for one more.
    pub(super) fn has_room_for(&self, identity: &Identity) -> bool {
        self.remembered() < MEMBERS_MAX || self.roster.find(identity.id).is_some()
    }

    /// Tells a member that a later life of it is known here: it must win against that one, and
    /// cannot guess its number.
    pub(super) fn correct(&mut self, from: &Identity) {
        let Some((latest, standing)) = self.roster.find(from.id) else {
            return;
        };
        if latest <= from {
            return;
        }
        let member = match standing {
            Standing::Up => Member::alive(latest.clone()),
            Standing::Down | Standing::Left => Member::down(latest.clone()),
        };
        let state = State {
            from: self.identity().clone(),
            to: from.id,
            wanted: 0,
            members: vec![member],
            items: Vec::new(),
        };
        if let Some(bytes) = state.encode(self.settings.cluster) {
            self.send(from.clone(), bytes);
        }
    }

    /// Takes out updates that foca must not see: about other lives of this node, and about new
    /// members if there is no room. Says whether any were.
    fn sieve(
        &mut self,
        now: Instant,
        from: &Identity,
        updates: &mut Vec<Member<Identity>>,
    ) -> bool {
        let before = updates.len();
        let me = self.identity().clone();
        for update in updates.iter().filter(|update| update.id().id == me.id) {
            if *update.id() != me {
                self.note_rival(now, update.id());
            } else if update.state() == foca::State::Suspect {
                self.report.refutations += 1;
            }
        }
        let is_heard = |update: &Member<Identity>| {
            update.state() != foca::State::Suspect || !is_planted(Bug::RefutationIgnored)
        };
        updates.retain(|update| update.id().id != me.id || *update.id() == me && is_heard(update));
        self.leave_out(from, updates);
        updates.len() < before
    }

    fn leave_out(&mut self, from: &Identity, updates: &mut Vec<Member<Identity>>) {
        if self.remembered() + 1 + updates.len() <= MEMBERS_MAX {
            return;
        }
        let mut new = BTreeSet::from([from.id]);
        let before = updates.len();
        let known: BTreeSet<_> = self
            .foca
            .iter_membership_state()
            .map(|member| member.id().id)
            .collect();
        let room = MEMBERS_MAX.saturating_sub(known.len());
        updates.retain(|update| {
            let id = update.id().id;
            known.contains(&id) || new.contains(&id) || new.len() < room && new.insert(id)
        });
        self.report.updates_left_out += (before - updates.len()) as u64;
    }

    /// How many members take up room, also those that are down.
    pub(super) fn remembered(&self) -> usize {
        self.foca.iter_membership_state().len()
    }
}
