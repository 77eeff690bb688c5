//! What the ring says of keys that are kept here is taken in, in the order in which it was said.

use super::record::{self, Copy, Found, REMOVED};
use super::{Leaf, Waiter, WriteId};
use crate::causality::{Hlc, Token};
use crate::storage::Newest;
use crate::storage::StoredKey;
use crate::storage::table::reader::Wanted;
use crate::watch::Change;
use alloc::vec::Vec;

/// The state of a key, as the ring says it.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) key: Vec<u8>,
    pub(super) copy: Copy,
    pub(super) said: Said,
}

/// Who says it, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A member.
    Ring,
    /// An edge node, where nothing waits over it.
    Edge,
    /// An edge node: the ring has nothing any more of what this copy has seen.
    Gone,
}

impl Incoming {
    /// What a member says.
    pub(super) const fn of_ring(key: Vec<u8>, copy: Copy) -> Self {
        let said = Said::Ring;
        Self { key, copy, said }
    }
}

impl From<Change> for Incoming {
    fn from(change: Change) -> Self {
        let Change {
            key,
            version,
            value,
            expires_at_ms,
            siblings,
            context,
            ..
        } = change;
        let found = value.map(|value| Found {
            value,
            version,
            siblings,
            expires_at_ms,
        });
        let copy = Copy { found, context };
        Self::of_ring(key, copy)
    }
}

/// A write that the ring has taken, to a key that is kept here.
#[derive(Debug)]
pub(super) struct Acknowledged {
    pub(super) write: WriteId,
    pub(super) version: Hlc,
    pub(super) copy: Copy,
}

/// What has become of a state that was to be taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is the copy now, and shows another value than the one before.
    Changed,
    /// It is the copy now, and shows the same value.
    Stored,
    /// The copy was it already.
    Same,
    /// The copy is newer.
    Older,
}

impl Leaf {
    /// Takes in what waits for that, as far as blocks are in memory and the storage takes it.
    pub(super) fn take_in(&mut self) {
        if self.is_loading {
            return;
        }
        while let Some(acknowledged) = self.acknowledged.pop_front() {
            let Some(waiting) = self.outbox.get(acknowledged.write) else {
                continue;
            };
            // A medium that is full must not keep the ring from taking writes.
            if self.store.can_write().is_err() && !self.is_full {
                self.acknowledged.push_front(acknowledged);
                self.is_stalled = true;
                return;
            }
            let key = waiting.key.clone();
            match self.merge(&key, &acknowledged.copy) {
                Ok(_) => {
                    self.note_listed(&key);
                    self.end_write(acknowledged);
                    self.tell_copy(&key);
                }
                Err(wanted) => {
                    self.acknowledged.push_front(acknowledged);
                    return self.load_taking(wanted);
                }
            }
        }
        while let Some(Incoming { key, copy, said }) = self.incoming.pop_front() {
            if self.store.can_write().is_err() {
                self.incoming.push_front(Incoming { key, copy, said });
                self.is_stalled = true;
                return;
            }
            let taken = match said {
                Said::Gone => self.forget_copy(&key, &copy),
                Said::Ring | Said::Edge => self.merge(&key, &copy),
            };
            match taken {
                Ok(taken) if said == Said::Ring => {
                    self.note_listed(&key);
                    let is_news = taken == Taken::Stored && self.settings.is_edge;
                    if taken == Taken::Changed || is_news {
                        self.tell_copy(&key);
                    }
                }
                Ok(taken) => {
                    if said == Said::Edge {
                        self.note_listed(&key);
                    }
                    self.lift(&key, taken);
                }
                Err(wanted) => {
                    self.incoming.push_front(Incoming { key, copy, said });
                    return self.load_taking(wanted);
                }
            }
        }
        self.end_resuming();
        self.go_on_filling();
        self.keep_all();
    }

    fn load_taking(&mut self, wanted: Wanted) {
        self.is_loading = true;
        self.load(wanted, Waiter::Taking);
    }

    /// Makes `copy` the copy of `key` unless there is a newer one: one that has seen all that it has, or
    /// whose newest write is newer. Gives the block that must be loaded first, if there is one.
    fn merge(&mut self, key: &[u8], copy: &Copy) -> Result<Taken, Wanted> {
        let stored = record::copy_key(key);
        let present = match self.store.newest(&stored) {
            Newest::State(bytes) => record::decode::<Copy>(bytes),
            Newest::Unloaded(wanted) => return Err(wanted),
            Newest::Absent | Newest::Damaged(_) => None,
        };
        let is_new = present.is_none();
        if let Some(present) = &present {
            let (here, there) = (token(&present.context), token(&copy.context));
            let is_seen = here.seen.covers(&there.seen);
            if is_seen || there.newest < here.newest {
                return Ok(match is_seen && there.seen.covers(&here.seen) {
                    true => Taken::Same,
                    false => Taken::Older,
                });
            }
        }
        let before = present.and_then(|copy| copy.found);
        let is_same = match (&before, &copy.found) {
            (Some(before), Some(after)) => before.value == after.value,
            (None, None) => true,
            _ => false,
        };
        self.store_copy(stored, copy, is_new);
        Ok(if is_same {
            Taken::Stored
        } else {
            Taken::Changed
        })
    }

    /// Stores a copy. That of a deletion is dropped some time: it only keeps older news from being taken in.
    fn store_copy(&mut self, key: StoredKey, copy: &Copy, is_new: bool) {
        let dropped = match copy.found.is_some() && self.is_kept(record::key_of(&key)) {
            true => {
                self.copies.remove(&key);
                None
            }
            false => self.copies.touch(&key),
        };
        self.put(key, &record::encode(copy), is_new);
        if let Some(oldest) = dropped {
            self.put(oldest, REMOVED, false);
        }
    }
}

/// What is seen by who has this context; an old one that cannot be read has seen nothing.
fn token(context: &[u8]) -> Token {
    Token::decode(context).unwrap_or_default()
}
