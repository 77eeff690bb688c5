//! What fails, and what works again.

use super::Runner;
use crate::plan::Fault;
use crate::world::{LinkSettings, Seat};
use henge_core::cluster::Change;

/// What can be wrong with a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LinkTrouble {
    Cut,
    Clog,
    Harsh,
}

impl Runner<'_> {
    pub(super) fn trouble(&mut self, fault: &Fault) {
        match *fault {
            Fault::Crash(seat) => self.crash(seat),
            Fault::Start(seat) => self.start(seat),
            Fault::Leave(seat) => self.leave(seat),
            Fault::Bucket(seat) => self.want_bucket(seat),
            Fault::Wipe(seat) => self.wipe(seat),
            Fault::Cut(from, to) => self.set_cut(from, to, true),
            Fault::Join(from, to) => self.set_cut(from, to, false),
            Fault::Partition(ref side) => {
                for from in 0..self.seats.len() {
                    for to in 0..self.seats.len() {
                        if side.contains(&from) != side.contains(&to) {
                            self.set_cut(from, to, true);
                        }
                    }
                }
            }
            Fault::Mend => self.mend(),
            Fault::Clog(from, to) => self.set_clog(from, to, true),
            Fault::Unclog(from, to) => self.set_clog(from, to, false),
            Fault::Harsh(from, to, settings) => self.set_link(from, to, settings),
            Fault::Gentle(from, to) => self.set_link(from, to, self.plan.setup.links),
            Fault::Flap(seat, peer) => {
                self.world.flap(seat, peer);
                let now = self.world.now();
                self.wellness.set_link(seat, peer, false, now);
                self.refresh_link(seat, peer);
            }
            Fault::Full(seat) => self.set_full(seat, true),
            Fault::Room(seat) => self.set_full(seat, false),
            Fault::Slow(seat, micros) => {
                self.world.disk(seat).extra_micros = micros;
                self.seats[seat].is_slow = micros > 0;
                self.refresh_seat(seat);
            }
            Fault::Break(seat) => {
                self.world.disk(seat).is_broken = true;
                self.seats[seat].is_broken = true;
                self.refresh_seat(seat);
            }
            Fault::Damage(_) => {}
            Fault::Offset(seat, micros) => self.world.set_offset(seat, micros),
        }
    }

    /// All links, disks and clocks are as they should be.
    pub(super) fn heal(&mut self) {
        let links = self.clean_links();
        for from in 0..self.seats.len() {
            for to in 0..self.seats.len() {
                self.set_link(from, to, links);
                self.set_clog(from, to, false);
            }
        }
        self.mend();
        for seat in 0..self.seats.len() {
            self.set_full(seat, false);
            self.world.disk(seat).extra_micros = 0;
            self.seats[seat].is_slow = false;
            if self.seats[seat].is_broken {
                self.repair(seat);
            }
            self.refresh_seat(seat);
        }
    }

    pub(super) fn crash(&mut self, seat: Seat) {
        if self.world.is_running(seat) {
            self.world.crash(seat);
            self.seats[seat].is_ready = false;
            self.refresh_seat(seat);
        }
    }

    pub(super) fn start(&mut self, seat: Seat) {
        if !self.world.is_running(seat) {
            self.seats[seat].has_begun = true;
            self.world.start(seat);
        }
    }

    /// Somebody tells a node that runs that the member of `seat` is to leave.
    fn leave(&mut self, seat: Seat) {
        let id = self.plan.setup.member(seat).id;
        let mut seats = 0..self.seats.len();
        if let Some(told) = seats.find(|seat| self.world.is_running(*seat)) {
            self.world.wish(told, Change::Leave(id));
        }
    }

    /// Somebody tells the node of `seat`, if it runs, that there is to be the second bucket.
    pub(super) fn want_bucket(&mut self, seat: Seat) {
        let buckets = self.plan.setup.buckets;
        let state = self.world.node(seat).map(henge_core::node::Node::cluster);
        if let Some(change) = state.and_then(|state| buckets.change(state)) {
            self.world.wish(seat, change);
        }
    }

    /// The seats that were started once.
    pub(super) fn begun(&self) -> Vec<Seat> {
        let seats = 0..self.seats.len();
        seats.filter(|seat| self.seats[*seat].has_begun).collect()
    }

    /// A disk that has failed a sync is trusted again, by a new node.
    pub(super) fn repair(&mut self, seat: Seat) {
        self.world.disk(seat).is_broken = false;
        self.seats[seat].is_broken = false;
        if self.world.is_running(seat) {
            self.crash(seat);
            self.start(seat);
        }
    }

    /// A disk may be lost only where every owner agreed when the round before had ended, nothing
    /// was written since and no other disk was lost since: then all that is on it is elsewhere too.
    fn wipe(&mut self, seat: Seat) {
        let is_elsewhere = self.round > 0
            && self.plan.setup.width() > 1
            && self.model.wiped.is_none()
            && self.calls.writes_begun == 0
            // A majority must be left that knows what it has voted for.
            && (!self.plan.setup.moves || self.world.cluster().electors().count() > 2);
        if !is_elsewhere {
            return;
        }
        self.crash(seat);
        self.world.wipe(seat);
        self.model.wiped = Some(seat);
        self.wiped.insert(seat);
        self.seats[seat].is_damaged = false;
    }

    fn set_full(&mut self, seat: Seat, is_full: bool) {
        self.world.disk(seat).is_full = is_full;
        self.seats[seat].is_full = is_full;
        self.refresh_seat(seat);
    }

    fn mend(&mut self) {
        for from in 0..self.seats.len() {
            for to in 0..self.seats.len() {
                self.set_cut(from, to, false);
            }
        }
    }

    fn set_cut(&mut self, from: Seat, to: Seat, is_cut: bool) {
        if from != to {
            self.world.cut(from, to, is_cut);
            self.mark_link(from, to, LinkTrouble::Cut, is_cut);
        }
    }

    fn set_clog(&mut self, from: Seat, to: Seat, is_clogged: bool) {
        if from != to {
            self.world.clog(from, to, is_clogged);
            self.mark_link(from, to, LinkTrouble::Clog, is_clogged);
        }
    }

    pub(super) fn set_link(&mut self, from: Seat, to: Seat, settings: LinkSettings) {
        if from != to {
            self.world.set_link(from, to, settings);
            self.mark_link(from, to, LinkTrouble::Harsh, settings.is_harsh());
        }
    }

    fn mark_link(&mut self, from: Seat, to: Seat, trouble: LinkTrouble, is_bad: bool) {
        if is_bad {
            self.bad_links.insert((from, to, trouble));
        } else {
            self.bad_links.remove(&(from, to, trouble));
        }
        self.refresh_link(from, to);
    }

    /// Gives every link what its settings say of it.
    pub(super) fn refresh_links(&mut self) {
        for from in 0..self.seats.len() {
            for to in 0..self.seats.len() {
                self.set_link(from, to, self.plan.setup.links);
            }
        }
    }

    fn refresh_link(&mut self, from: Seat, to: Seat) {
        let troubles = [LinkTrouble::Cut, LinkTrouble::Clog, LinkTrouble::Harsh];
        let is_bad = |trouble: &LinkTrouble| self.bad_links.contains(&(from, to, *trouble));
        let is_well = !troubles.iter().any(is_bad);
        self.wellness.set_link(from, to, is_well, self.world.now());
    }

    pub(super) fn refresh_seat(&mut self, seat: Seat) {
        let state = self.seats[seat];
        let disks = self.plan.setup.disks;
        let is_quick = disks.slow_permille == 0 || disks.slow_micros < 50_000;
        let is_well = state.is_ready
            && is_quick
            && !(state.is_full || state.is_slow || state.is_broken || state.is_damaged);
        self.wellness.set_seat(seat, is_well, self.world.now());
    }
}
