//! A new life for a node that others took for dead, or whose name another node has.

use super::identity::Identity;
use super::machine::Membership;
use crate::planted::{Bug, is_planted};
use crate::time::{Duration, Instant};

/// When this node takes a new incarnation.
///
/// The first time at once; then not again for [`RENEWAL_PAUSE`]. Two nodes with one name outbid each
/// other for as long as they run, and this bounds what that costs.
#[derive(Debug, Default)]
pub(super) struct Renewal {
    /// When, if at all.
    pub(super) due: Option<Instant>,
    /// The life that began and has not been told.
    pub(super) untold: Option<Identity>,
    last: Option<Instant>,
    rival: u64,
}

impl Renewal {
    /// A new life is needed.
    pub(super) fn want(&mut self, now: Instant) {
        if is_planted(Bug::RenewalIgnored) {
            return;
        }
        let earliest = self.last.map_or(now, |last| last + RENEWAL_PAUSE);
        self.due.get_or_insert(earliest.max(now));
    }
}

impl Membership {
    /// Others know `other` under this node's name. If it wins against this life, this node takes a
    /// later one.
    pub(super) fn note_rival(&mut self, now: Instant, other: &Identity) {
        if other > self.identity() {
            self.renewal.rival = self.renewal.rival.max(other.incarnation);
            self.renewal.want(now);
        }
    }

    /// Begins a new life if it is time; says whether it did.
    pub(super) fn renew_if_due(&mut self, now: Instant) -> bool {
        if self.left || self.renewal.due.is_none_or(|due| now < due) {
            return false;
        }
        let identity = self.identity().reborn_after(self.renewal.rival);
        self.renewal = Renewal {
            due: None,
            untold: Some(identity.clone()),
            last: Some(now),
            rival: 0,
        };
        self.report.renewals += 1;
        let changed = self.foca.change_identity(identity, &mut self.effects);
        self.expect(&changed);
        // Foca would wait for a packet before it probes again; if the others died meanwhile, none
        // would come.
        let resumed = self
            .foca
            .apply_many(core::iter::empty(), false, &mut self.effects);
        self.expect(&resumed);
        true
    }
}

const RENEWAL_PAUSE: Duration = Duration::from_millis(1_000);
