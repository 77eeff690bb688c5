//! What waits at the edge node that this leaf is connected with (`docs/edge.md`): shown over the copies, never
//! stored as one.

use super::reading::of_write;
use super::record::{Copy, Found};
use super::taking::{Incoming, Said, Taken};
use super::{Answer, Leaf};
use crate::causality::Value;
use crate::limits::{OUTBOX_BYTES_MAX, OUTBOX_WRITES_MAX};
use crate::selector::Span;
use crate::wire::{Shown, ShownState};
use alloc::vec::Vec;

/// A write that waits there.
#[derive(Debug)]
pub(super) struct Over {
    pub(super) key: Vec<u8>,
    value: Option<Value>,
    expires_at_ms: Option<u64>,
    context: Vec<u8>,
    /// Over which connection it was said.
    connection: u64,
}

impl Over {
    /// As it is at `now_ms`.
    pub(super) fn answer(&self, now_ms: u64) -> Answer {
        let is_live = self.expires_at_ms.is_none_or(|at_ms| at_ms > now_ms);
        let value = self.value.clone().filter(|_| is_live);
        of_write(value, self.expires_at_ms, self.context.clone())
    }

    fn bytes(&self) -> usize {
        let value = self.value.as_ref().map_or(0, |value| value.bytes.len());
        size_of::<Self>() + self.key.len() + self.context.len() + value
    }
}

/// One of each key, in the order of the keys.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    writes: Vec<Over>,
    bytes: usize,
}

impl Overlay {
    pub(super) fn get(&self, key: &[u8]) -> Option<&Over> {
        Some(&self.writes[self.place(key).ok()?])
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Over> {
        self.writes.iter()
    }

    /// As much as an edge node can have; beyond that it is not shown.
    fn insert(&mut self, over: Over) {
        self.remove(&over.key);
        let bytes = self.bytes + over.bytes();
        if self.writes.len() >= OUTBOX_WRITES_MAX || bytes > OUTBOX_BYTES_MAX {
            return;
        }
        if let Err(place) = self.place(&over.key) {
            self.bytes = bytes;
            self.writes.insert(place, over);
        }
    }

    pub(super) fn remove(&mut self, key: &[u8]) -> Option<Over> {
        let over = self.writes.remove(self.place(key).ok()?);
        self.bytes -= over.bytes();
        Some(over)
    }

    fn place(&self, key: &[u8]) -> Result<usize, usize> {
        self.writes
            .binary_search_by(|it| it.key.as_slice().cmp(key))
    }
}

impl Leaf {
    /// An edge node shows a key otherwise than before.
    pub(super) fn take_shown(&mut self, shown: Shown) {
        let Shown {
            key,
            state,
            value,
            version,
            siblings,
            expires_at_ms,
            context,
        } = shown;
        if state == ShownState::Waiting {
            let before = self.overlay.get(&key).map(|over| over.value.clone());
            let is_same = before.as_ref() == Some(&value);
            let connection = self.connections;
            self.overlay.insert(Over {
                key: key.clone(),
                value,
                expires_at_ms,
                context,
                connection,
            });
            // A write of this device is shown over it.
            if !is_same && self.outbox.newest(&key).is_none() {
                self.tell(&key);
            }
            return;
        }
        let found = value.zip(version).map(|(value, version)| Found {
            value,
            version,
            siblings,
            expires_at_ms,
        });
        let copy = Copy { found, context };
        let said = match state {
            ShownState::Gone => Said::Gone,
            _ => Said::Edge,
        };
        self.incoming.push(Incoming { key, copy, said });
        self.take_in();
        self.doubt_again();
    }

    /// A state that an edge node shows is taken in: nothing waits there over it.
    pub(super) fn lift(&mut self, key: &[u8], taken: Taken) {
        let was_waiting = self.overlay.remove(key).is_some();
        if was_waiting || taken == Taken::Changed {
            self.tell_copy(key);
        }
    }

    /// All that waits at the server of the present connection has been told of `span`: what earlier ones
    /// have told is over.
    pub(super) fn drop_overlay(&mut self, span: &Span) {
        let connection = self.connections;
        let is_old = |it: &&Over| it.connection < connection && span.holds(&it.key);
        let old: Vec<Vec<u8>> = self
            .overlay
            .iter()
            .filter(is_old)
            .map(|it| it.key.clone())
            .collect();
        for key in old {
            self.lift(&key, Taken::Same);
        }
    }

    /// What becomes of keys that nobody watches any more is not told: what waited there is shown no more.
    pub(super) fn drop_unheard(&mut self) {
        let unheard = self.overlay.iter().filter(|it| !self.is_heard(&it.key));
        for key in unheard.map(|it| it.key.clone()).collect::<Vec<_>>() {
            self.overlay.remove(&key);
        }
    }
}
