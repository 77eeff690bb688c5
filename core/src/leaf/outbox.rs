//! The writes that wait, in the order in which they were made, and which of them may be sent.

use super::record::Waiting;
use super::{Before, Write, WriteId};
use crate::hash::hash64;
use crate::id::RequestId;
use crate::limits::{OUTBOX_BYTES_MAX, OUTBOX_WRITES_MAX};
use crate::sorted::{Map, Set};
use crate::time::Instant;
use alloc::vec::Vec;

/// A write in memory.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) waiting: Waiting,
    /// What its maker had seen of those that wait before it.
    before: Before,
    stage: Stage,
    /// How often it was given back.
    failures: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It waits to be sent.
    Here,
    /// It was sent, and there is no answer.
    UnderWay,
    /// An edge node has it.
    Lodged,
}

/// All writes without an outcome.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    writes: Map<WriteId, Pending>,
    /// The same writes by the hashes of their keys, those of a key the oldest first: only that one may be
    /// under way, and the one behind those that an edge node has.
    of_key: Set<(u64, WriteId)>,
    /// The first writes of their keys that are not under way.
    ready: Set<WriteId>,
    /// Those that were given back, until they are ready again.
    resting: Set<(Instant, WriteId)>,
    of_request: Map<RequestId, WriteId>,
    /// Those whose values end, by when they do, in milliseconds since the Unix epoch.
    expiring: Set<(u64, WriteId)>,
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
        self.of_request.get(request).copied()
    }

    /// Adds a write behind those that its key has. If there are none, it can be sent if `may_go`, and waits
    /// for [`Outbox::release`] if not.
    pub(super) fn push(&mut self, id: WriteId, waiting: Waiting, before: Before, may_go: bool) {
        self.bytes += bytes(&waiting);
        let newest = self.of_key(&waiting.key).next_back();
        if may_go && newest.is_none_or(|it| self.is_in(it, Stage::Lodged)) {
            self.ready.insert(id);
        }
        self.of_key.insert((hash64(&waiting.key), id));
        self.of_request.insert(waiting.request, id);
        if let Some(at_ms) = waiting.expires_at_ms() {
            self.expiring.insert((at_ms, id));
        }
        let pending = Pending {
            waiting,
            before,
            stage: Stage::Here,
            failures: 0,
        };
        self.writes.insert(id, pending);
    }

    /// All writes as they are at `now_ms`, the oldest first.
    pub(super) fn all(&self, now_ms: u64) -> impl Iterator<Item = (WriteId, Write)> + '_ {
        self.writes.iter().map(move |(id, pending)| {
            let Pending {
                waiting, before, ..
            } = pending;
            let (value, ttl_ms) = waiting.left(now_ms);
            let write = Write {
                key: waiting.key.clone(),
                value: value.cloned(),
                ttl_ms,
                context: waiting.context.clone(),
                request: Some(waiting.request),
                before: *before,
            };
            (id, write)
        })
    }

    /// When the value of the first of them ends, in milliseconds since the Unix epoch.
    pub(super) fn next_expiry_ms(&self) -> Option<u64> {
        Some(self.expiring.first()?.0)
    }

    /// One whose value has ended.
    pub(super) fn next_expired(&self, now_ms: u64) -> Option<WriteId> {
        let (at_ms, id) = self.expiring.first()?;
        (at_ms <= now_ms).then_some(id)
    }

    /// The value of write `id` has ended: it deletes what was there before it.
    pub(super) fn expire(&mut self, id: WriteId) -> Option<&Waiting> {
        let waiting = &mut self.writes.get_mut(id)?.waiting;
        if let Some(at_ms) = waiting.expires_at_ms() {
            self.expiring.remove((at_ms, id));
        }
        self.bytes -= bytes(waiting);
        (waiting.value, waiting.ttl_ms) = (None, None);
        self.bytes += bytes(waiting);
        Some(waiting)
    }

    /// Write `id`.
    pub(super) fn get(&self, id: WriteId) -> Option<&Waiting> {
        Some(&self.writes.get(id)?.waiting)
    }

    /// The write before `id` at its key.
    pub(super) fn before(&self, id: WriteId) -> Option<&Waiting> {
        let key = &self.get(id)?.key;
        self.get(self.of_key(key).take_while(|it| *it < id).last()?)
    }

    /// Whether write `id` is the oldest of its key.
    pub(super) fn is_oldest(&self, id: WriteId) -> bool {
        let key = self.get(id).map(|it| it.key.as_slice());
        key.is_none_or(|key| self.of_key(key).next() == Some(id))
    }

    /// The newest write of `key`.
    pub(super) fn newest(&self, key: &[u8]) -> Option<&Waiting> {
        self.get(self.newest_id_of(key)?)
    }

    /// The number of the newest write of `key`.
    pub(super) fn newest_id_of(&self, key: &[u8]) -> Option<WriteId> {
        self.of_key(key).next_back()
    }

    /// The newest write of each key, the oldest of them first.
    pub(super) fn newest_of_all(&self) -> impl Iterator<Item = &Waiting> + '_ {
        let is_newest =
            |id: WriteId, waiting: &Waiting| self.of_key(&waiting.key).next_back() == Some(id);
        let all = self
            .writes
            .iter()
            .map(|(id, pending)| (id, &pending.waiting));
        all.filter(move |(id, waiting)| is_newest(*id, waiting))
            .map(|(_, waiting)| waiting)
    }

    /// The oldest write that may be sent; it is under way from now on.
    pub(super) fn take_ready(&mut self) -> Option<(WriteId, &Waiting)> {
        let id = self.ready.pop_first()?;
        self.put_in(id, Stage::UnderWay);
        Some((id, self.get(id)?))
    }

    /// An edge node has write `id`: it has no outcome, but the next of its key may be sent there.
    pub(super) fn lodge(&mut self, id: WriteId) {
        self.put_in(id, Stage::Lodged);
        let Some(waiting) = self.get(id) else {
            return;
        };
        let next = self.of_key(&waiting.key).find(|it| *it > id);
        if let Some(next) = next {
            self.release(next);
        }
    }

    /// The connection to an edge node is gone: what was sent is to be sent again, to whichever server there
    /// is, in its order; what `is_held` says still waits for [`Outbox::release`].
    pub(super) fn take_back(&mut self, is_held: impl Fn(WriteId) -> bool) {
        let is_sent = |(_, it): &(WriteId, &Pending)| it.stage != Stage::Here;
        let sent: Vec<WriteId> = self
            .writes
            .iter()
            .filter(is_sent)
            .map(|(id, _)| id)
            .collect();
        for id in sent {
            self.put_in(id, Stage::Here);
        }
        self.resting = Set::new();
        let is_first = |(id, it): &(WriteId, &Pending)| {
            self.of_key(&it.waiting.key).next() == Some(*id) && !is_held(*id)
        };
        let first: Vec<WriteId> = self
            .writes
            .iter()
            .filter(is_first)
            .map(|(id, _)| id)
            .collect();
        self.ready = Set::new();
        for id in first {
            self.ready.insert(id);
        }
    }

    fn is_in(&self, id: WriteId, stage: Stage) -> bool {
        self.writes.get(id).is_some_and(|it| it.stage == stage)
    }

    fn put_in(&mut self, id: WriteId, stage: Stage) {
        if let Some(pending) = self.writes.get_mut(id) {
            pending.stage = stage;
        }
    }

    /// Write `id` is not under way any more and has no outcome: it rests until `at`, which follows from
    /// how often that has happened.
    pub(super) fn give_back(&mut self, id: WriteId, at: impl FnOnce(u32) -> Instant) {
        if let Some(pending) = self.writes.get_mut(id) {
            pending.stage = Stage::Here;
            self.resting.insert((at(pending.failures), id));
            pending.failures = pending.failures.saturating_add(1);
        }
    }

    /// When the first of those that rest is ready again.
    pub(super) fn next_ready(&self) -> Option<Instant> {
        self.resting.first().map(|(at, _)| at)
    }

    /// Those that have rested enough are ready again.
    pub(super) fn wake(&mut self, now: Instant) {
        while let Some((at, id)) = self.resting.first()
            && at <= now
        {
            self.resting.pop_first();
            self.release(id);
        }
    }

    /// All that rest are ready again: there is a new connection.
    pub(super) fn wake_all(&mut self) {
        while let Some((_, id)) = self.resting.pop_first() {
            self.release(id);
        }
    }

    /// Takes out write `id`, which was under way and has an outcome. The next of its key is returned too;
    /// it waits for [`Outbox::release`].
    pub(super) fn finish(&mut self, id: WriteId) -> Option<(Waiting, Option<WriteId>)> {
        self.ready.remove(id);
        let waiting = self.writes.remove(id)?.waiting;
        self.bytes -= bytes(&waiting);
        self.of_request.remove(waiting.request);
        if let Some(at_ms) = waiting.expires_at_ms() {
            self.expiring.remove((at_ms, id));
        }
        self.of_key.remove((hash64(&waiting.key), id));
        let next = self.of_key(&waiting.key).next();
        Some((waiting, next))
    }

    /// The write before `id` is gone for good: this one may be sent, unless it was.
    pub(super) fn release(&mut self, id: WriteId) {
        if self.is_in(id, Stage::Here) {
            self.ready.insert(id);
        }
    }

    /// The write whose maker has seen `gone`, of which `next` is the next at its key.
    pub(super) fn follower(&self, gone: &Waiting, next: Option<WriteId>) -> Option<WriteId> {
        let has_seen = |id: &WriteId| match self.writes.get(*id).map(|it| it.before) {
            Some(Before::All) => next == Some(*id),
            Some(Before::One(request)) => request == gone.request,
            _ => false,
        };
        self.of_key(&gone.key).find(has_seen)
    }

    /// What the maker of write `id` had seen of those that wait before it.
    pub(super) fn seen_before(&self, id: WriteId) -> Before {
        self.writes.get(id).map_or(Before::All, |it| it.before)
    }

    /// Write `id` follows on what its `context` says from now on.
    pub(super) fn set_context(&mut self, id: WriteId, context: Vec<u8>) -> Option<&Waiting> {
        let waiting = &mut self.writes.get_mut(id)?.waiting;
        self.bytes = self.bytes - waiting.context.len() + context.len();
        waiting.context = context;
        Some(waiting)
    }

    /// The context of write `id`.
    pub(super) fn context(&self, id: WriteId) -> &[u8] {
        let pending = self.writes.get(id);
        pending.map_or(&[], |pending| &pending.waiting.context)
    }

    /// The oldest number there is.
    pub(super) fn oldest_id(&self) -> Option<WriteId> {
        self.writes.keys().next()
    }

    /// The newest number there is.
    pub(super) fn newest_id(&self) -> WriteId {
        self.writes.keys().next_back().unwrap_or_default()
    }

    /// The writes of `key`, the oldest first.
    fn of_key(&self, key: &[u8]) -> impl DoubleEndedIterator<Item = WriteId> {
        let hash = hash64(key);
        let range = (hash, WriteId(0))..=(hash, WriteId(u64::MAX));
        let same_hash = self.of_key.range(range).map(|(_, id)| id);
        same_hash.filter(move |id| self.get(*id).is_some_and(|it| it.key == key))
    }
}

/// Bytes that a write holds, about.
fn bytes(waiting: &Waiting) -> usize {
    let value = waiting.value.as_ref().map_or(0, |value| value.bytes.len());
    size_of::<Pending>()
        + size_of::<(RequestId, WriteId)>()
        + size_of::<(u64, WriteId)>()
        + waiting.key.len()
        + waiting.context.len()
        + value
}
