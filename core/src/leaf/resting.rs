//! What a leaf does when nothing is asked of it: so that it is open soon in the next run, and knows what
//! earlier runs have left.

use super::Leaf;
use super::jobs::Job;
use crate::limits::{NOTE_COPIES_MS, REST_LOG_BYTES, REST_MS};
use crate::time::{Duration, Instant};

/// When what is to be done.
#[derive(Debug, Default)]
pub(super) struct Rest {
    /// The log is looked at.
    at: Option<Instant>,
    /// When something was stored last.
    stored: Instant,
    /// The copies of earlier runs are noted.
    note_at: Option<Instant>,
}

impl Rest {
    /// The leaf is open.
    pub(super) fn opened(&mut self, now: Instant) {
        self.note_at = Some(now + Duration::from_millis(NOTE_COPIES_MS));
    }

    /// Something was stored.
    pub(super) fn stored(&mut self, now: Instant) {
        self.stored = now;
        self.at.get_or_insert(rest_after(now));
    }

    pub(super) fn next(&self) -> Option<Instant> {
        [self.at, self.note_at].into_iter().flatten().min()
    }
}

impl Leaf {
    /// Nothing is expected soon, or the medium is about to be closed: what the log has becomes a table, of
    /// which the next run reads only what it needs.
    pub fn rest(&mut self, now: Instant) {
        self.now = now;
        self.rest.at = None;
        if self.store.may_rotate(REST_LOG_BYTES) {
            self.rotate();
        }
    }

    /// Does what is due.
    pub(super) fn rest_on(&mut self) {
        let now = self.now;
        if self.rest.at.is_some_and(|at| at <= now) {
            let quiet = rest_after(self.rest.stored);
            if quiet <= now {
                self.rest(now);
            } else {
                self.rest.at = Some(quiet);
            }
        }
        if self.rest.note_at.is_some_and(|at| at <= now) {
            self.rest.note_at = None;
            self.begin_job(Job::note());
        }
    }

    pub(super) fn rotate(&mut self) {
        self.store.rotate();
        self.store.note(&[]);
    }
}

fn rest_after(stored: Instant) -> Instant {
    stored + Duration::from_millis(REST_MS)
}
