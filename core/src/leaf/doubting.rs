//! Keys that an edge node has no more, or does not list, and of which more may have been seen here than there.
//! Either may be behind the ring. The node is asked what it knows of the key, then the ring, through it; until
//! one of them has said that it is gone the copy stays.

use super::record::{self, Copy, REMOVED};
use super::taking::{Incoming, Taken, token};
use super::{Leaf, Purpose};
use crate::client::Call;
use crate::limits::{
    DOUBTS_ASKED_MAX, DOUBTS_MAX, DOUBTS_RETRY_MAX_MS, OUTBOX_RETRY_FIRST_MS, TIMEOUT_MAX_MS,
};
use crate::replication::Level;
use crate::selector::Span;
use crate::storage::Newest;
use crate::storage::table::reader::Wanted;
use crate::time::{Duration, Instant};
use crate::wire::{Failure, Reply};
use alloc::vec::Vec;

/// A key in doubt.
#[derive(Debug)]
struct Doubt {
    key: Vec<u8>,
    /// What its copy has seen.
    context: Vec<u8>,
    is_asked: bool,
}

/// All of them, in the order of the keys.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    all: Vec<Doubt>,
    /// Of how many somebody was asked.
    asked: usize,
    /// Nobody is asked before.
    retry_at: Option<Instant>,
    /// Rounds in which nobody knew.
    failures: u32,
}

/// A question about a key.
#[derive(Clone, Debug)]
pub(super) struct Inquiry {
    key: Vec<u8>,
    /// The ring is asked, and no edge node.
    is_of_ring: bool,
}

impl Doubts {
    /// Whether a key of `span` is in doubt.
    pub(super) fn any_in(&self, span: &Span) -> bool {
        self.all.iter().any(|it| span.holds(&it.key))
    }

    /// When somebody is asked again.
    pub(super) fn next_retry(&self) -> Option<Instant> {
        self.retry_at.filter(|_| !self.all.is_empty())
    }

    fn place(&self, key: &[u8]) -> Result<usize, usize> {
        self.all.binary_search_by(|it| it.key.as_slice().cmp(key))
    }

    fn get(&mut self, key: &[u8]) -> Option<&mut Doubt> {
        let place = self.place(key).ok()?;
        self.all.get_mut(place)
    }
}

impl Leaf {
    /// An edge node has no `key`, and may not know all that `context` has seen of it. False if there are too
    /// many such keys.
    pub(super) fn doubt(&mut self, key: &[u8], context: Vec<u8>) -> bool {
        match self.doubts.place(key) {
            Ok(place) => self.doubts.all[place].context = context,
            Err(_) if self.doubts.all.len() >= DOUBTS_MAX => return false,
            Err(place) => {
                let doubt = Doubt {
                    key: key.to_vec(),
                    context,
                    is_asked: false,
                };
                self.doubts.all.insert(place, doubt);
            }
        }
        self.look_into_doubts();
        true
    }

    /// There is news of the ring, or a new connection: who rests does not.
    pub(super) fn doubt_again(&mut self) {
        self.doubts.retry_at = None;
        self.look_into_doubts();
    }

    /// Asks as far as may be asked now: one, until somebody has answered again.
    pub(super) fn look_into_doubts(&mut self) {
        if !self.is_online || self.doubts.retry_at.is_some_and(|at| at > self.now) {
            return;
        }
        self.doubts.retry_at = None;
        let asked_max = match self.doubts.failures {
            0 => DOUBTS_ASKED_MAX,
            _ => 1,
        };
        while self.doubts.asked < asked_max && self.doubts.retry_at.is_none() {
            let Some(doubt) = self.doubts.all.iter_mut().find(|it| !it.is_asked) else {
                return;
            };
            doubt.is_asked = true;
            let key = doubt.key.clone();
            self.doubts.asked += 1;
            // What no subscription keeps any more is as old as it is.
            if !self.is_kept(&key) {
                self.end_doubt(&key);
                continue;
            }
            let is_of_ring = !self.client.is_at_edge();
            self.inquire(Inquiry { key, is_of_ring });
        }
    }

    fn inquire(&mut self, inquiry: Inquiry) {
        let Some(doubt) = self.doubts.get(&inquiry.key) else {
            return;
        };
        let call = Call::get(self.settings.bucket.clone(), doubt.key.clone())
            .outside_session()
            .with_timeout_ms(TIMEOUT_MAX_MS);
        let call = match inquiry.is_of_ring {
            // What a majority has counts, also where it has forgotten what was seen here.
            true => call.with_level(Some(Level::Quorum)),
            false => call.with_context(doubt.context.clone()).at_edge(None),
        };
        match self.client.submit(self.now, call) {
            Ok(call) => drop(self.calls.insert(call, Purpose::Doubt(inquiry))),
            Err(failure) => self.inquired(inquiry, Err(failure)),
        }
    }

    /// Somebody has said what they have of a key.
    pub(super) fn inquired(&mut self, inquiry: Inquiry, result: Result<Reply, Failure>) {
        let Inquiry { key, is_of_ring } = inquiry;
        let Some(doubt) = self.doubts.get(&key) else {
            return;
        };
        let is_final = |failure: &Failure| !failure.code.is_retryable();
        match result.map(Copy::of_reply) {
            Ok(Some(mut copy)) if copy.found.is_none() => {
                // All that was seen here is no more.
                let mut seen = token(&copy.context);
                seen.join(&token(&doubt.context));
                copy.context = seen.encode();
                self.incoming.push(Incoming::of_ring(key.clone(), copy));
                self.decided(&key);
            }
            Ok(Some(copy)) if is_of_ring => {
                self.incoming.push(Incoming::of_ring(key.clone(), copy));
                self.decided(&key);
            }
            Err(failure) if is_of_ring && is_final(&failure) => self.decided(&key),
            Ok(_) | Err(_) if !is_of_ring => {
                let is_of_ring = true;
                self.inquire(Inquiry { key, is_of_ring });
            }
            Ok(_) | Err(_) => {
                doubt.is_asked = false;
                self.doubts.asked -= 1;
                if self.doubts.retry_at.is_none() {
                    let wait = OUTBOX_RETRY_FIRST_MS << self.doubts.failures.min(16);
                    let wait = Duration::from_millis(wait.min(DOUBTS_RETRY_MAX_MS));
                    self.doubts.failures = self.doubts.failures.saturating_add(1);
                    self.doubts.retry_at = Some(self.now + wait);
                }
            }
        }
    }

    fn decided(&mut self, key: &[u8]) {
        self.doubts.failures = 0;
        self.end_doubt(key);
        self.take_in();
        self.look_into_doubts();
    }

    fn end_doubt(&mut self, key: &[u8]) {
        if let Ok(place) = self.doubts.place(key) {
            let doubt = self.doubts.all.remove(place);
            self.doubts.asked -= usize::from(doubt.is_asked);
        }
        // How far the subscriptions are may be stored now.
        self.keep_at = Some(self.keep_at.map_or(self.now, |at| at.min(self.now)));
    }

    /// Drops the copy of `key`, of which an edge node that has seen `context` says that it is no more. The node
    /// may be behind what was seen here: then a key that shows a value is in doubt.
    pub(super) fn forget_copy(&mut self, key: &[u8], context: &[u8]) -> Result<Taken, Wanted> {
        let stored = record::copy_key(key);
        let present = match self.store.newest(&stored) {
            Newest::State(bytes) => record::decode::<Copy>(bytes),
            Newest::Unloaded(wanted) => return Err(wanted),
            Newest::Absent | Newest::Damaged(_) => None,
        };
        let Some(copy) = present else {
            return Ok(Taken::Older);
        };
        let is_shown = copy.found.is_some();
        if !token(context).seen.covers(&token(&copy.context).seen)
            && (!is_shown || self.doubt(key, copy.context))
        {
            return Ok(Taken::Older);
        }
        self.copies.remove(&stored);
        self.put(stored, REMOVED, false);
        Ok(match is_shown {
            true => Taken::Changed,
            false => Taken::Same,
        })
    }
}
