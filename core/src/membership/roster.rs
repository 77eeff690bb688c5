//! Who is up, in the order of ids, and what of it has been told.

use super::event::MembershipEvent;
use super::identity::Identity;
use crate::id::MemberId;
use alloc::collections::{BTreeMap, BTreeSet};

/// Where a member stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It answers, or is only suspected.
    Up,
    /// It does not answer.
    Down,
    /// It has said goodbye.
    Left,
}

#[derive(Clone, Debug)]
struct Entry {
    identity: Identity,
    /// As foca sees it: who has said goodbye stays active until it is declared down.
    active: bool,
}

impl Entry {
    const fn standing(&self) -> Standing {
        match (self.identity.leaving, self.active) {
            (true, _) => Standing::Left,
            (false, true) => Standing::Up,
            (false, false) => Standing::Down,
        }
    }
}

/// The members that were up at some time and are remembered.
#[derive(Debug, Default)]
pub(super) struct Roster {
    members: BTreeMap<MemberId, Entry>,
    up: usize,
    told: BTreeMap<MemberId, Identity>,
    changed: BTreeSet<MemberId>,
}

impl Roster {
    /// The members that are up, in the order of their ids.
    pub(super) fn up(&self) -> impl Iterator<Item = &Identity> {
        let entries = self.members.values();
        let up = entries.filter(|entry| entry.standing() == Standing::Up);
        up.map(|entry| &entry.identity)
    }

    /// How many are up.
    pub(super) const fn up_count(&self) -> usize {
        self.up
    }

    /// The latest identity of `id`, and where it stands.
    pub(super) fn find(&self, id: MemberId) -> Option<(&Identity, Standing)> {
        let entry = self.members.get(&id)?;
        Some((&entry.identity, entry.standing()))
    }

    /// Whether exactly `identity` is up.
    pub(super) fn is_up(&self, identity: &Identity) -> bool {
        self.find(identity.id) == Some((identity, Standing::Up))
    }

    /// Foca holds `identity` for active.
    pub(super) fn set_active(&mut self, identity: &Identity) {
        self.set(identity, true);
    }

    /// Foca holds `identity` for down.
    pub(super) fn set_down(&mut self, identity: &Identity) {
        self.set(identity, false);
    }

    /// `after` takes the place of an identity that it wins against, and is as active as that was.
    pub(super) fn rename(&mut self, after: &Identity) {
        if let Some(entry) = self.members.get(&after.id) {
            self.set(after, entry.active);
        }
    }

    /// `identity` is forgotten unless it is active.
    pub(super) fn forget(&mut self, identity: &Identity) {
        if let Some(entry) = self.members.get(&identity.id)
            && entry.identity == *identity
            && !entry.active
        {
            self.members.remove(&identity.id);
        }
    }

    /// One change that has not been told.
    pub(super) fn poll_event(&mut self) -> Option<MembershipEvent> {
        while let Some(id) = self.changed.pop_first() {
            if let Some(event) = self.change(id) {
                return Some(event);
            }
        }
        None
    }

    fn change(&mut self, id: MemberId) -> Option<MembershipEvent> {
        let before = self.told.get(&id).cloned();
        let (after, standing) = match self.find(id) {
            Some((identity, standing)) => (identity.clone(), standing),
            // Forgotten before it was told that it is down.
            None => (before.clone()?, Standing::Down),
        };
        if standing == Standing::Up {
            self.told.insert(id, after.clone());
        } else {
            self.told.remove(&id);
        }
        match (before, standing) {
            (None, Standing::Up) => Some(MembershipEvent::Up(after)),
            (Some(before), Standing::Up) if before == after => None,
            (Some(before), Standing::Up) => Some(MembershipEvent::Renamed { before, after }),
            (Some(_), Standing::Down) => Some(MembershipEvent::Down(after)),
            (Some(_), Standing::Left) => Some(MembershipEvent::Left(after)),
            (None, Standing::Down | Standing::Left) => None,
        }
    }

    fn set(&mut self, identity: &Identity, active: bool) {
        let entry = Entry {
            identity: identity.clone(),
            active,
        };
        let is_up = entry.standing() == Standing::Up;
        let before = self.members.insert(identity.id, entry);
        let was_up = before.is_some_and(|before| before.standing() == Standing::Up);
        self.up = self.up + usize::from(is_up) - usize::from(was_up);
        self.changed.insert(identity.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use MembershipEvent::{Down, Left, Renamed, Up};

    fn life(incarnation: u64) -> Identity {
        Identity::new(MemberId(1), incarnation, "a:1".parse().unwrap())
    }

    #[test]
    fn events_lead_from_what_was_told_to_what_is() {
        let mut roster = Roster::default();
        roster.set_active(&life(1));
        assert_eq!(roster.poll_event(), Some(Up(life(1))));
        roster.set_down(&life(1));
        roster.rename(&life(2));
        roster.set_active(&life(2));
        let renamed = Renamed {
            before: life(1),
            after: life(2),
        };
        assert_eq!(roster.poll_event(), Some(renamed));
        assert_eq!(roster.poll_event(), None);
        roster.set_down(&life(2));
        assert_eq!(roster.poll_event(), Some(Down(life(2))));
        roster.forget(&life(1));
        assert!(roster.find(MemberId(1)).is_some());
        roster.forget(&life(2));
        assert!(roster.find(MemberId(1)).is_none());
        assert_eq!((roster.poll_event(), roster.up_count()), (None, 0));
    }

    #[test]
    fn a_goodbye_counts_before_the_member_is_declared_down() {
        let mut roster = Roster::default();
        roster.set_active(&life(1));
        assert_eq!(roster.poll_event(), Some(Up(life(1))));
        roster.rename(&life(1).departed());
        assert_eq!(roster.poll_event(), Some(Left(life(1).departed())));
        assert_eq!((roster.up().count(), roster.up_count()), (0, 0));
        roster.set_down(&life(1).departed());
        assert_eq!(roster.poll_event(), None);
        roster.rename(&life(2));
        roster.set_active(&life(2));
        assert_eq!(roster.poll_event(), Some(Up(life(2))));
    }

    #[test]
    fn who_comes_back_before_its_goodbye_is_through_is_up() {
        let mut roster = Roster::default();
        roster.set_active(&life(1));
        roster.rename(&life(1).departed());
        // Foca has held it for active all along and tells only the new name.
        roster.rename(&life(2));
        assert_eq!(roster.poll_event(), Some(Up(life(2))));
        assert_eq!((roster.up().count(), roster.up_count()), (1, 1));
    }
}
