//! Keys that an edge node has no more, and of which more was seen here than it may know. It may be behind the
//! ring: the ring is asked, through it, and until there is an answer the copy stays.

use super::record::{self, Copy, REMOVED};
use super::taking::{Incoming, Said, Taken, token};
use super::{Leaf, Purpose};
use crate::client::Call;
use crate::limits::{
    DOUBTS_ASKED_MAX, DOUBTS_MAX, OUTBOX_RETRY_FIRST_MS, OUTBOX_RETRY_MAX_MS, TIMEOUT_MAX_MS,
};
use crate::replication::Level;
use crate::storage::Newest;
use crate::storage::table::reader::Wanted;
use crate::time::{Duration, Instant};
use crate::wire::{Failure, Reply};
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// A key, and what its copy has seen.
#[derive(Clone, Debug)]
pub(super) struct Doubt {
    key: Vec<u8>,
    context: Vec<u8>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    waiting: VecDeque<Doubt>,
    /// How many the ring was asked about.
    asked: usize,
    retry_at: Option<Instant>,
    failures: u32,
}

impl Doubts {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.asked == 0
    }

    /// There are so many that no more may come up for now.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() + self.asked >= DOUBTS_MAX
    }

    /// When the next of them is asked about again.
    pub(super) const fn next_retry(&self) -> Option<Instant> {
        self.retry_at
    }
}

impl Leaf {
    /// An edge node has no `key` any more, and may not know all that `context` has seen of it.
    pub(super) fn doubt(&mut self, key: Vec<u8>, context: Vec<u8>) {
        self.doubts.waiting.push_back(Doubt { key, context });
        self.look_into_doubts();
    }

    /// There is a new connection: who rests does not.
    pub(super) fn doubt_again(&mut self) {
        self.doubts.retry_at = None;
        self.look_into_doubts();
    }

    /// Asks the ring, as far as it may be asked now.
    pub(super) fn look_into_doubts(&mut self) {
        if self.doubts.retry_at.is_some_and(|at| at > self.now) {
            return;
        }
        self.doubts.retry_at = None;
        while self.is_online && self.doubts.asked < DOUBTS_ASKED_MAX {
            let Some(doubt) = self.doubts.waiting.pop_front() else {
                return;
            };
            // The answer is what a majority has, also where that has forgotten what was seen here.
            let call = Call::get(self.settings.bucket.clone(), doubt.key.clone())
                .with_level(Some(Level::Quorum))
                .outside_session()
                .with_timeout_ms(TIMEOUT_MAX_MS);
            self.doubts.asked += 1;
            match self.client.submit(self.now, call) {
                Ok(call) => drop(self.calls.insert(call, Purpose::Doubt(doubt))),
                Err(failure) => return self.undecided(doubt, &failure),
            }
        }
    }

    /// The ring has said what it has of a key.
    pub(super) fn decided(&mut self, doubt: Doubt, result: Result<Reply, Failure>) {
        let copy = match result.map(Copy::of_reply) {
            Ok(copy) => copy,
            Err(failure) => return self.undecided(doubt, &failure),
        };
        self.doubts.asked -= 1;
        self.doubts.failures = 0;
        let Doubt { key, context } = doubt;
        match copy {
            Some(copy) if copy.found.is_none() => {
                let copy = Copy {
                    context,
                    ..Copy::default()
                };
                let said = Said::Missing;
                self.incoming.push(Incoming { key, copy, said });
            }
            Some(copy) => self.incoming.push(Incoming::of_ring(key, copy)),
            None => {}
        }
        self.take_in();
        self.look_into_doubts();
        self.go_on_with_jobs();
    }

    fn undecided(&mut self, doubt: Doubt, failure: &Failure) {
        self.doubts.asked -= 1;
        // What the ring does not say for good stays as it is here.
        if failure.code.is_retryable() {
            self.doubts.waiting.push_back(doubt);
            let wait = OUTBOX_RETRY_FIRST_MS << self.doubts.failures.min(16);
            self.doubts.failures = self.doubts.failures.saturating_add(1);
            let wait = Duration::from_millis(wait.min(OUTBOX_RETRY_MAX_MS));
            self.doubts.retry_at = Some(self.now + wait);
        }
    }

    /// Drops the copy of `key`, of which somebody who has seen `context` says that it is no more. An edge node
    /// may be behind what was seen here: then it is in doubt, if it shows a value.
    pub(super) fn forget_copy(
        &mut self,
        key: &[u8],
        context: &[u8],
        said: Said,
    ) -> Result<Taken, Wanted> {
        let stored = record::copy_key(key);
        let present = match self.store.newest(&stored) {
            Newest::State(bytes) => record::decode::<Copy>(bytes),
            Newest::Unloaded(wanted) => return Err(wanted),
            Newest::Absent | Newest::Damaged(_) => None,
        };
        let Some(copy) = present else {
            return Ok(Taken::Older);
        };
        if !token(context).seen.covers(&token(&copy.context).seen) {
            if said == Said::Gone && copy.found.is_some() {
                self.doubt(key.to_vec(), copy.context);
            }
            return Ok(Taken::Older);
        }
        self.copies.remove(&stored);
        self.put(stored, REMOVED, false);
        Ok(match copy.found {
            Some(_) => Taken::Changed,
            None => Taken::Same,
        })
    }
}
