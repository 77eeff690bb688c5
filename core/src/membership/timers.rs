//! Foca's timers: at most one of each kind, and two for each member.
//!
//! Foca asks for more than it needs and recognises stale ones when they fire. A flapping peer could
//! make it ask without end, so a timer that is superseded is taken out here.

use super::identity::Identity;
use crate::id::MemberId;
use crate::time::{Duration, Instant};
use alloc::collections::{BTreeMap, BTreeSet};
use foca::Timer;

/// What is due when.
#[derive(Debug, Default)]
pub(super) struct Timers {
    timers: BTreeMap<TimerKey, (Instant, Timer<Identity>)>,
    order: BTreeSet<(Instant, TimerKey)>,
}

impl Timers {
    /// `timer` is due at `at`, unless one that supersedes it is there already.
    pub(super) fn set(&mut self, at: Instant, timer: Timer<Identity>) {
        let key = TimerKey::of(&timer);
        if let Some((before, present)) = self.timers.get(&key) {
            if supersedes(present, &timer) {
                return;
            }
            self.order.remove(&(*before, key));
        }
        self.order.insert((at, key));
        self.timers.insert(key, (at, timer));
    }

    /// The earliest deadline.
    pub(super) fn next(&self) -> Option<Instant> {
        self.order.first().map(|(at, _)| *at)
    }

    /// Takes out one that is due.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Timer<Identity>> {
        let (at, key) = *self.order.first()?;
        if at > now {
            return None;
        }
        self.order.pop_first();
        self.timers.remove(&key).map(|(_, timer)| timer)
    }

    /// Puts off all of them by `lag`.
    pub(super) fn postpone(&mut self, lag: Duration) {
        self.order.clear();
        for (key, (at, _)) in &mut self.timers {
            *at = *at + lag;
            self.order.insert((*at, *key));
        }
    }

    /// How many there are.
    #[cfg(test)]
    fn len(&self) -> usize {
        assert_eq!(self.order.len(), self.timers.len());
        self.order.len()
    }
}

/// What a timer is for. At one moment they fire in this order: a probe ends after its indirect
/// part, as foca expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum TimerKey {
    IndirectProbe,
    Probe,
    Suspicion(MemberId),
    Announce,
    Gossip,
    Forget(MemberId),
    Reunion,
}

impl TimerKey {
    fn of(timer: &Timer<Identity>) -> Self {
        match timer {
            Timer::SendIndirectProbe { .. } => Self::IndirectProbe,
            Timer::ProbeRandomMember(_) => Self::Probe,
            Timer::ChangeSuspectToDown { member_id, .. } => Self::Suspicion(member_id.id),
            Timer::PeriodicAnnounce(_) => Self::Announce,
            Timer::PeriodicGossip(_) => Self::Gossip,
            Timer::RemoveDown(member) => Self::Forget(member.id),
            Timer::PeriodicAnnounceDown(_) => Self::Reunion,
        }
    }
}

/// Whether `present` stays although `new` is wanted. Only suspicions can: each further failed probe
/// of a suspect asks for one, and its time runs from the first.
fn supersedes(present: &Timer<Identity>, new: &Timer<Identity>) -> bool {
    let (
        Timer::ChangeSuspectToDown {
            member_id: present_id,
            incarnation: present_incarnation,
            token: present_token,
        },
        Timer::ChangeSuspectToDown {
            member_id,
            incarnation,
            token,
        },
    ) = (present, new)
    else {
        return false;
    };
    present_token == token && (present_id, present_incarnation) >= (member_id, incarnation)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suspicion(life: u64, incarnation: u16, token: u8) -> Timer<Identity> {
        Timer::ChangeSuspectToDown {
            member_id: Identity::new(MemberId(7), life, "a:1".parse().unwrap()),
            incarnation,
            token,
        }
    }

    #[test]
    fn the_time_of_a_suspicion_runs_from_its_first_failed_probe() {
        let at = Instant::from_micros;
        let mut timers = Timers::default();
        timers.set(at(10), suspicion(1, 1, 0));
        timers.set(at(20), suspicion(1, 1, 0));
        timers.set(at(21), suspicion(1, 0, 0));
        assert_eq!((timers.next(), timers.len()), (Some(at(10)), 1));
        for (when, timer) in [
            (30, suspicion(1, 2, 0)),
            (40, suspicion(2, 0, 0)),
            (50, suspicion(1, 0, 1)),
        ] {
            timers.set(at(when), timer.clone());
            assert_eq!((timers.next(), timers.len()), (Some(at(when)), 1));
            assert_eq!(timers.take_due(at(when - 1)), None);
        }
        assert_eq!(timers.take_due(at(50)), Some(suspicion(1, 0, 1)));
        assert_eq!((timers.next(), timers.len()), (None, 0));
    }

    #[test]
    fn timers_are_bounded_by_the_members_however_often_they_are_set() {
        let mut timers = Timers::default();
        for at in 0..1_000 {
            let token = u8::try_from(at % 256).unwrap();
            let when = Instant::from_micros(at);
            timers.set(when, Timer::ProbeRandomMember(token));
            timers.set(when, Timer::PeriodicGossip(token));
            timers.set(when, suspicion(at, 0, token));
            let gone = Identity::new(MemberId(7), at, "a:1".parse().unwrap());
            timers.set(when, Timer::RemoveDown(gone));
        }
        assert_eq!(timers.len(), 4);
        timers.postpone(Duration::from_micros(5));
        assert_eq!(timers.next(), Some(Instant::from_micros(1_004)));
    }
}
