//! What can be answered is answered: a coordinator that has been well for three seconds and linked
//! without loss to enough owners that have been well too answers in time, with success.

use crate::family::Family;
use crate::world::Seat;
use henge_core::time::{Duration, Instant};

/// How long all must have been well.
const SETTLING: Duration = Duration::from_millis(3_000);

/// Since when each seat and each link has been well; `None` while it is not.
pub(crate) struct Wellness {
    seats: Vec<Option<Instant>>,
    links: Vec<Option<Instant>>,
}

/// A request that was not answered with success.
pub(crate) struct Unanswered<'a> {
    pub(crate) seat: Seat,
    pub(crate) owners: &'a [Seat],
    pub(crate) invoked_at: Instant,
    pub(crate) family: Family,
    pub(crate) is_write: bool,
}

impl Wellness {
    pub(crate) fn new(seats: usize) -> Self {
        Self {
            seats: vec![None; seats],
            links: vec![None; seats * seats],
        }
    }

    /// Says whether `seat` is well at `now`.
    pub(crate) fn set_seat(&mut self, seat: Seat, is_well: bool, now: Instant) {
        set(&mut self.seats[seat], is_well, now);
    }

    /// Says whether the way from one seat to another is well at `now`.
    pub(crate) fn set_link(&mut self, from: Seat, to: Seat, is_well: bool, now: Instant) {
        let at = from * self.seats.len() + to;
        set(&mut self.links[at], is_well, now);
    }

    /// Whether the law asks for success.
    pub(crate) fn asks_for(&self, request: &Unanswered<'_>) -> bool {
        let Unanswered { seat, owners, .. } = *request;
        let since = |begin: Option<Instant>| {
            begin.is_some_and(|begin| begin + SETTLING <= request.invoked_at)
        };
        let count = self.seats.len();
        let is_linked = |a: Seat, b: Seat| {
            a == b || since(self.links[a * count + b]) && since(self.links[b * count + a])
        };
        let is_well = |owner: Seat| since(self.seats[owner]) && is_linked(seat, owner);
        if !since(self.seats[seat]) {
            return false;
        }
        if request.is_write && !owners.contains(&seat) {
            // Another owner coordinates it, and which one is not known here.
            return owners
                .iter()
                .all(|a| is_well(*a) && owners.iter().all(|b| is_linked(*a, *b)));
        }
        let well = owners
            .iter()
            .enumerate()
            .filter(|(_, owner)| is_well(**owner))
            .fold(0, |set, (index, _)| set | 1 << index);
        request.family.has(well)
    }
}

fn set(since: &mut Option<Instant>, is_well: bool, now: Instant) {
    if !is_well {
        *since = None;
    } else if since.is_none() {
        *since = Some(now);
    }
}
