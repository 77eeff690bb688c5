//! A store with the few operations that are measured. All keys lie in one partition, so that a
//! scan by prefix is one range.

use core::ops::Bound;
use henge_core::id::{BucketId, PartitionId};
use henge_core::storage::key::{STORED_KEY_PREFIX_BYTES, StoredKey};
use henge_core::storage::store::{
    BatchNumber, Lookup, Scan, Scanned, Store, StoreEvent, StoreSettings,
};
use henge_core::storage::{
    Facts, OperationId, Reading, StorageAnswer, StorageFault, StorageRequest,
};
use henge_core::time::Instant;

/// What stands at the beginning of each log segment; a flush waits until the next one has begun.
const NOTE: &[u8] = b"bench";

/// A store that was empty when it was opened.
#[derive(Debug)]
pub struct Session {
    store: Store,
    is_open: bool,
    written: BatchNumber,
}

/// How a read went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// There is nothing, or nothing more.
    End,
    /// Something was found; after it there may be more.
    Found,
    /// Something is not durable yet: ask again after a completion.
    Later,
    /// A block is missing: ask again when this operation has ended.
    Load(OperationId),
}

impl Session {
    /// Opens a store without files.
    #[must_use]
    pub fn new(memory_bytes: u64) -> Self {
        let settings = StoreSettings {
            memory_bytes_max: memory_bytes,
            ..StoreSettings::new(1, Reading::OPAQUE)
        };
        let mut store = Store::new(settings);
        store.open(&[], &mut |_| true);
        Self {
            store,
            is_open: false,
            written: BatchNumber(0),
        }
    }

    /// A request has ended.
    pub fn handle_done(
        &mut self,
        now: Instant,
        operation: OperationId,
        result: Result<StorageAnswer<'_>, StorageFault>,
    ) {
        self.store
            .handle_done(now, operation, result, &mut |_| true);
        self.drain();
    }

    /// The next request.
    pub fn poll_request(&mut self) -> Option<(OperationId, StorageRequest)> {
        let request = self.store.poll_request();
        self.drain();
        request
    }

    /// Whether a step of background work is ready.
    #[must_use]
    pub fn has_work(&self, now: Instant) -> bool {
        self.store.poll_timeout().is_some_and(|at| at <= now)
    }

    /// One step of background work.
    pub fn step(&mut self, now: Instant) {
        self.store.handle_timeout(now);
        self.drain();
    }

    /// Whether the store has opened and can be written to.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether everything written is durable.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        self.store.durable() >= self.written
    }

    /// Writes a pair, unless the store does not keep up; says whether it did.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> bool {
        if self.store.wants_rotation() {
            self.store.rotate();
            self.store.note(NOTE);
        }
        if self.store.can_write().is_err() {
            return false;
        }
        let facts = Facts::default();
        // Only the count of keys depends on whether it is new, and nobody asks for that here.
        self.written = self.store.write(stored(key), value, facts, false);
        true
    }

    /// Hands the value of `key` to `found`.
    pub fn get(&mut self, key: &[u8], found: &mut dyn FnMut(&[u8])) -> Read {
        let wanted = match self.store.lookup(&stored(key)) {
            Lookup::Absent => return Read::End,
            Lookup::Durable(value) => {
                found(value);
                return Read::Found;
            }
            Lookup::Pending(_) => return Read::Later,
            Lookup::Unloaded(wanted) => wanted,
            Lookup::Damaged(block) => panic!("{block:?} is damaged"),
        };
        Read::Load(self.store.load(wanted))
    }

    /// Hands at most `count_max` pairs to `each`: those that come first behind the key `after`, or
    /// at all, among the keys that begin with `prefix`.
    pub fn scan(
        &mut self,
        prefix: &[u8],
        after: Option<&[u8]>,
        count_max: usize,
        each: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Read {
        let (first, after) = (stored(prefix), after.map(stored));
        let mut end = first.as_bytes().to_vec();
        // The prefixes of the benches do not end in the highest byte.
        *end.last_mut().expect("a stored key is not empty") += 1;
        let scanned = self.store.scan(&Scan {
            from: after
                .as_ref()
                .map_or(Bound::Included(first.as_bytes()), |key| {
                    Bound::Excluded(key.as_bytes())
                }),
            to: Bound::Excluded(&end),
            is_reverse: false,
            live_at_ms: None,
            shows_pending: false,
            entries_max: count_max,
            bytes_max: usize::MAX,
        });
        match scanned {
            Scanned::Page(page) => {
                for entry in &page.entries {
                    each(&entry.key.as_bytes()[STORED_KEY_PREFIX_BYTES..], &entry.set);
                }
                if page.next.is_some() {
                    Read::Found
                } else {
                    Read::End
                }
            }
            Scanned::Pending(_) => Read::Later,
            Scanned::Unloaded(wanted) => Read::Load(self.store.load(wanted)),
            Scanned::Damaged(block) => panic!("{block:?} is damaged"),
        }
    }

    /// Begins to move what is only in memory and log into tables.
    pub fn flush(&mut self) {
        self.store.rotate();
        self.store.note(NOTE);
    }

    fn drain(&mut self) {
        while let Some(event) = self.store.poll_event() {
            match event {
                StoreEvent::Opened { .. } => self.is_open = true,
                StoreEvent::Durable(_) | StoreEvent::Loaded(_) | StoreEvent::Ingested(_) => {}
                StoreEvent::Full
                | StoreEvent::Failed(_)
                | StoreEvent::TailCut(_)
                | StoreEvent::Damaged { .. } => panic!("the storage has failed: {event:?}"),
            }
        }
    }
}

fn stored(key: &[u8]) -> StoredKey {
    StoredKey::new(PartitionId(0), BucketId(0), key)
}
