//! The newest changes of a shard, in order. What is too much is dropped at the old end.

use super::change::Change;
use super::position::Position;
use crate::id::BucketId;
use crate::limits::WATCH_TAIL_ENTRIES_MAX;
use crate::planted::{Bug, is_planted};
use alloc::collections::VecDeque;
use alloc::sync::Arc;

/// A change with its place.
#[derive(Clone, Debug)]
pub struct TailEntry {
    /// Its place.
    pub position: Position,
    /// The bucket of the key.
    pub bucket: BucketId,
    /// The change.
    pub change: Arc<Change>,
}

/// The newest durable changes.
#[derive(Debug)]
pub struct Tail {
    entries: VecDeque<TailEntry>,
    bytes: usize,
    bytes_max: usize,
    /// All changes behind this place are among the entries.
    floor: Position,
    newest: Position,
}

impl Tail {
    /// Room for `bytes_max` bytes of changes.
    #[must_use]
    pub fn new(bytes_max: u32) -> Self {
        Self {
            entries: VecDeque::new(),
            bytes: 0,
            bytes_max: bytes_max as usize,
            floor: Position::default(),
            newest: Position::default(),
        }
    }

    /// Nothing is known of what stands before `position`.
    pub fn begin(&mut self, position: Position) {
        self.floor = self.floor.max(position);
        self.newest = self.newest.max(position);
    }

    /// Everything up to `position` is durable, and was pushed if there is something to tell of it.
    pub fn pass(&mut self, position: Position) {
        self.newest = self.newest.max(position);
    }

    /// Adds a change that is durable.
    pub fn push(&mut self, entry: TailEntry) {
        self.pass(entry.position);
        self.bytes += entry.change.bytes();
        self.entries.push_back(entry);
        while (self.entries.len() > WATCH_TAIL_ENTRIES_MAX || self.bytes > self.bytes_max)
            && let Some(oldest) = self.entries.pop_front()
        {
            self.bytes -= oldest.change.bytes();
            self.floor = oldest.position;
        }
    }

    /// The place of the newest durable state.
    #[must_use]
    pub const fn newest(&self) -> Position {
        self.newest
    }

    /// The changes behind `position`, or `None` if some of them are gone. A place that this shard has
    /// not come to yet is one of a past that it does not have.
    pub fn since(&self, position: Position) -> Option<impl Iterator<Item = &TailEntry>> {
        let is_reached = position >= self.floor || is_planted(Bug::GapUnsaid);
        if !is_reached || position > self.newest {
            return None;
        }
        let first = self.entries.partition_point(|it| it.position <= position);
        Some(self.entries.range(first..))
    }

    /// Changes held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none are held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes held, about.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::causality::{Dot, Hlc, Value};
    use crate::id::ActorId;
    use alloc::vec;

    const BYTES_MAX: u32 = 64 * 1_024 * 1_024;

    fn entry(segment: u64, index: u64, bytes: usize) -> TailEntry {
        let (actor, counter) = (ActorId(1), 1);
        let value = Value {
            encoding: 0,
            bytes: vec![0; bytes],
        };
        let change = Change {
            key: b"k".to_vec(),
            version: Hlc::from_u64(1),
            dot: Dot { actor, counter },
            value: Some(value),
            expires_at_ms: None,
            siblings: vec![],
            context: vec![],
        };
        TailEntry {
            position: Position { segment, index },
            bucket: BucketId(0),
            change: Arc::new(change),
        }
    }

    fn since(tail: &Tail, segment: u64, index: u64) -> Option<usize> {
        let found = tail.since(Position { segment, index });
        found.map(Iterator::count)
    }

    #[test]
    fn it_goes_on_behind_a_place_and_says_when_it_does_not_reach_back() {
        let mut tail = Tail::new(BYTES_MAX);
        tail.begin(Position::before(3));
        tail.push(entry(3, 1, 0));
        tail.push(entry(3, 4, 0));
        tail.push(entry(4, 1, 0));
        tail.pass(Position::before(5));
        assert_eq!(since(&tail, 2, 9), None, "before all that is known");
        assert_eq!(since(&tail, 3, 0), Some(3));
        assert_eq!(since(&tail, 3, 1), Some(2));
        assert_eq!(since(&tail, 3, 2), Some(2), "a place with nothing to tell");
        assert_eq!(since(&tail, 4, 1), Some(0));
        assert_eq!(since(&tail, 5, 0), Some(0));
        assert_eq!(since(&tail, 5, 1), None, "it was never there");
    }

    #[test]
    fn it_drops_the_oldest_when_there_are_too_many_or_too_large_ones() {
        let mut tail = Tail::new(BYTES_MAX);
        for index in 1..=WATCH_TAIL_ENTRIES_MAX as u64 + 2 {
            tail.push(entry(1, index, 0));
        }
        assert_eq!(tail.len(), WATCH_TAIL_ENTRIES_MAX);
        assert_eq!(since(&tail, 1, 1), None);
        assert_eq!(since(&tail, 1, 2), Some(WATCH_TAIL_ENTRIES_MAX));
        for index in 1..=100 {
            tail.push(entry(2, index, BYTES_MAX as usize / 10));
        }
        assert!(tail.bytes() <= BYTES_MAX as usize && tail.len() < 11);
        assert_eq!(since(&tail, 2, 100), Some(0));
    }
}
