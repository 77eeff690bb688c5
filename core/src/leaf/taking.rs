//! What the ring says of keys that are kept here is taken in, in the order in which it was said.

use super::record::{self, Copy, Found, REMOVED};
use super::{Leaf, Waiter, WriteId};
use crate::causality::{Hlc, Token};
use crate::limits::INCOMING_BYTES_MAX;
use crate::storage::Newest;
use crate::storage::StoredKey;
use crate::storage::table::reader::Wanted;
use crate::watch::Change;
use alloc::collections::VecDeque;
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
    /// An edge node: it has no such key any more.
    Gone,
}

impl Incoming {
    /// What a member says.
    pub(super) const fn of_ring(key: Vec<u8>, copy: Copy) -> Self {
        let said = Said::Ring;
        Self { key, copy, said }
    }
}

/// What the ring has said, the oldest first, until it is taken in.
#[derive(Debug, Default)]
pub(super) struct Intake {
    entries: VecDeque<Incoming>,
    bytes: usize,
}

impl Intake {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// There is so much that no more is to be told for now.
    fn is_full(&self) -> bool {
        self.bytes >= INCOMING_BYTES_MAX
    }

    pub(super) fn push(&mut self, incoming: Incoming) {
        self.bytes += incoming.bytes();
        self.entries.push_back(incoming);
    }

    /// Puts back what was taken out last.
    fn put_back(&mut self, incoming: Incoming) {
        self.bytes += incoming.bytes();
        self.entries.push_front(incoming);
    }

    fn pop(&mut self) -> Option<Incoming> {
        let incoming = self.entries.pop_front()?;
        self.bytes -= incoming.bytes();
        Some(incoming)
    }
}

impl Incoming {
    /// Bytes that it holds, about.
    fn bytes(&self) -> usize {
        let found = self.copy.found.as_ref();
        let values = found
            .into_iter()
            .flat_map(|it| it.siblings.iter().chain([&it.value]));
        let values: usize = values.map(|value| value.bytes.len()).sum();
        size_of::<Self>() + self.key.len() + self.copy.context.len() + values
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
    /// Takes in what waits for that, as far as blocks are in memory and the storage takes it. While too much
    /// waits the ring is not told that what it has said has come, and says no more.
    pub(super) fn take_in(&mut self) {
        if !self.is_loading {
            self.take_some();
        }
        self.client.hold_watches(self.incoming.is_full());
    }

    fn take_some(&mut self) {
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
        while let Some(incoming) = self.incoming.pop() {
            if self.store.can_write().is_err() {
                self.incoming.put_back(incoming);
                self.is_stalled = true;
                return;
            }
            let Incoming { key, copy, said } = &incoming;
            let taken = match said {
                Said::Gone => self.forget_copy(key, &copy.context),
                Said::Ring | Said::Edge => self.merge(key, copy),
            };
            match taken {
                Ok(taken) if *said == Said::Ring => {
                    self.note_listed(key);
                    let is_news = taken == Taken::Stored && self.settings.is_edge;
                    if taken == Taken::Changed || is_news {
                        self.tell_copy(key);
                    }
                }
                Ok(taken) => {
                    if *said == Said::Edge {
                        self.note_listed(key);
                    }
                    self.lift(key, taken);
                }
                Err(wanted) => {
                    self.incoming.put_back(incoming);
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
            (Some(before), Some(after)) => {
                before.value == after.value && before.siblings == after.siblings
            }
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
    pub(super) fn store_copy(&mut self, key: StoredKey, copy: &Copy, is_new: bool) {
        let dropped = match copy.found.is_some() && self.is_kept(record::key_of(&key)) {
            true => {
                self.copies.remove(&key);
                None
            }
            false => self.copies.touch(&key),
        };
        self.note_expiry(record::key_of(&key), copy);
        self.put(key, &record::encode(copy), is_new);
        if let Some(oldest) = dropped {
            self.put(oldest, REMOVED, false);
        }
    }
}

/// What is seen by who has this context; an old one that cannot be read has seen nothing.
pub(super) fn token(context: &[u8]) -> Token {
    Token::decode(context).unwrap_or_default()
}
