//! The writes that wait, in the order in which they were made, and which of them may be sent.

use super::record::Waiting;
use super::{Write, WriteId};
use crate::id::RequestId;
use crate::limits::{OUTBOX_BYTES_MAX, OUTBOX_WRITES_MAX};
use crate::time::Instant;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

/// A write in memory.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) waiting: Waiting,
    /// How often it was given back.
    pub(super) failures: u32,
}

/// All writes without an outcome.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    writes: BTreeMap<WriteId, Pending>,
    /// The writes of each key, the oldest first: only that one may be under way.
    of_key: BTreeMap<Vec<u8>, VecDeque<WriteId>>,
    /// The first writes of their keys that are not under way.
    ready: BTreeSet<WriteId>,
    /// Those that were given back, until they are ready again.
    resting: BTreeSet<(Instant, WriteId)>,
    of_request: BTreeMap<RequestId, WriteId>,
    bytes: usize,
}

impl Outbox {
    pub(super) fn len(&self) -> usize {
        self.writes.len()
    }

    /// Whether one more write finds room.
    pub(super) fn has_room(&self, waiting: &Waiting) -> bool {
        self.writes.len() < OUTBOX_WRITES_MAX && self.bytes + bytes(waiting) <= OUTBOX_BYTES_MAX
    }

    /// The write under this id.
    pub(super) fn find(&self, request: RequestId) -> Option<WriteId> {
        self.of_request.get(&request).copied()
    }

    /// Adds a write behind those that its key has.
    pub(super) fn push(&mut self, id: WriteId, waiting: Waiting) {
        self.bytes += bytes(&waiting);
        let queue = self.of_key.entry(waiting.key.clone()).or_default();
        if queue.is_empty() {
            self.ready.insert(id);
        }
        queue.push_back(id);
        self.of_request.insert(waiting.request, id);
        let pending = Pending {
            waiting,
            failures: 0,
        };
        self.writes.insert(id, pending);
    }

    /// All writes, the oldest first.
    pub(super) fn all(&self) -> impl Iterator<Item = (WriteId, Write)> + '_ {
        self.writes.iter().map(|(id, Pending { waiting, .. })| {
            let Waiting {
                request,
                key,
                value,
                ttl_ms,
                context,
                ..
            } = waiting.clone();
            let write = Write {
                key,
                value,
                ttl_ms,
                context,
                request: Some(request),
            };
            (*id, write)
        })
    }

    /// Write `id`.
    pub(super) fn get(&self, id: WriteId) -> Option<&Waiting> {
        Some(&self.writes.get(&id)?.waiting)
    }

    /// The newest write of `key`.
    pub(super) fn newest(&self, key: &[u8]) -> Option<&Waiting> {
        self.get(*self.of_key.get(key)?.back()?)
    }

    /// The oldest write that may be sent; it is under way from now on.
    pub(super) fn take_ready(&mut self) -> Option<(WriteId, &Waiting)> {
        let id = self.ready.pop_first()?;
        Some((id, self.get(id)?))
    }

    /// Write `id` is not under way any more and has no outcome: it rests until `at`, which follows from
    /// how often that has happened.
    pub(super) fn give_back(&mut self, id: WriteId, at: impl FnOnce(u32) -> Instant) {
        if let Some(pending) = self.writes.get_mut(&id) {
            self.resting.insert((at(pending.failures), id));
            pending.failures = pending.failures.saturating_add(1);
        }
    }

    /// When the first of those that rest is ready again.
    pub(super) fn next_ready(&self) -> Option<Instant> {
        self.resting.first().map(|(at, _)| *at)
    }

    /// Those that have rested enough are ready again.
    pub(super) fn wake(&mut self, now: Instant) {
        while let Some((at, id)) = self.resting.first().copied()
            && at <= now
        {
            self.resting.pop_first();
            self.ready.insert(id);
        }
    }

    /// All that rest are ready again: there is a new connection.
    pub(super) fn wake_all(&mut self) {
        for (_, id) in core::mem::take(&mut self.resting) {
            self.ready.insert(id);
        }
    }

    /// Takes out write `id`, which was under way and has an outcome. The next of its key is returned too;
    /// it waits for [`Outbox::release`].
    pub(super) fn finish(&mut self, id: WriteId) -> Option<(Waiting, Option<WriteId>)> {
        let waiting = self.writes.remove(&id)?.waiting;
        self.bytes -= bytes(&waiting);
        self.of_request.remove(&waiting.request);
        let queue = self.of_key.get_mut(&waiting.key)?;
        queue.pop_front();
        let next = queue.front().copied();
        if next.is_none() {
            self.of_key.remove(&waiting.key);
        }
        Some((waiting, next))
    }

    /// The write before `id` is gone for good: this one may be sent.
    pub(super) fn release(&mut self, id: WriteId) {
        self.ready.insert(id);
    }

    /// Write `id` follows on what its `context` says from now on.
    pub(super) fn set_context(&mut self, id: WriteId, context: Vec<u8>) -> Option<&Waiting> {
        let waiting = &mut self.writes.get_mut(&id)?.waiting;
        self.bytes = self.bytes - waiting.context.len() + context.len();
        waiting.context = context;
        Some(waiting)
    }

    /// The context of write `id`.
    pub(super) fn context(&self, id: WriteId) -> &[u8] {
        let pending = self.writes.get(&id);
        pending.map_or(&[], |pending| &pending.waiting.context)
    }

    /// The newest number there is.
    pub(super) fn newest_id(&self) -> WriteId {
        let newest = self.writes.last_key_value();
        newest.map_or_else(WriteId::default, |(id, _)| *id)
    }
}

/// Bytes that a write holds, about.
fn bytes(waiting: &Waiting) -> usize {
    let value = waiting.value.as_ref().map_or(0, |value| value.bytes.len());
    size_of::<Pending>()
        + size_of::<(RequestId, WriteId)>()
        + 2 * waiting.key.len()
        + waiting.context.len()
        + value
}
