//! What the medium answers, and who waits for it.

use super::client::ParkedRequest;
use super::collecting::{Forgetting, PeerAsk};
use super::listing::PeerPage;
use super::peer::{PeerMerge, PeerRead};
use super::sync_peer::{PeerFetch, PeerList};
use super::watching::change_of;
use super::{Event, Node, Output};
use crate::causality::{Clock, Hlc, Token, VersionSet};
use crate::cluster::RegisterOutput;
use crate::id::{BucketId, MemberId, PartitionId};
use crate::replication::RequestWindow;
use crate::storage::table::reader::Wanted;
use crate::storage::{
    BatchNumber, Facts, OperationId, Reading, Replayed, StorageAnswer, StorageFault, StoreEvent,
    StoredFile, StoredKey,
};
use crate::time::Instant;
use crate::watch::{Change, Source};
use alloc::string::ToString;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// How the storage understands version sets.
pub(super) const VERSION_SETS: Reading = Reading {
    facts: |bytes| {
        VersionSet::decode(bytes)
            .ok()
            .as_ref()
            .map(VersionSet::facts)
    },
    expire: |bytes, now_ms| match VersionSet::decode(bytes) {
        Ok(mut set) => {
            set.expire(now_ms);
            set.encode()
        }
        Err(_) => bytes.to_vec(),
    },
};

/// What is stored for a key that was forgotten, until a merge of tables drops it: the version set of a
/// key that was never written.
pub(super) const FORGOTTEN: &[u8] = &[0, 0];

/// What a log segment begins with: what the segments before it would tell, in pieces.
#[derive(Serialize, Deserialize)]
struct Note {
    /// Not before any timestamp that this node has given or seen.
    newest: u64,
    /// A piece of the request window, as it encodes itself.
    #[serde(with = "serde_bytes")]
    window: Vec<u8>,
}

/// What is to be done when a batch of the log is durable, or a block is in memory.
#[derive(Debug)]
pub(super) enum Waiter {
    /// Send a write that this node coordinates to the other replicas.
    OwnWrite(u64),
    /// Add this node's own state to a read that it coordinates.
    OwnRead(u64),
    /// Tell a member that its state is merged.
    Merged {
        from: MemberId,
        partition: PartitionId,
        operation: u64,
    },
    /// Answer a member's read.
    PeerRead(PeerRead),
    /// Answer a member's question for a page of a list.
    PeerPage(PeerPage),
    /// Merge what a member has sent.
    PeerMerge(PeerMerge),
    /// Carry out a request that needs what is stored.
    Request(ParkedRequest),
    /// Go on with a comparison.
    Exchange(u64),
    /// Go on growing a hash tree.
    Growth,
    /// List keys for another member's comparison.
    PeerList(PeerList),
    /// Send a state that another member lacks.
    PeerFetch(PeerFetch),
    /// Go on handing back.
    HandBack,
    /// Go on looking for deleted keys.
    Collection,
    /// Say which keys are deleted here too.
    PeerAsk(PeerAsk),
    /// Forget a deleted key.
    Forgetting(Forgetting),
    /// Merge a state that a comparison has asked for.
    Fetched(u64, StoredKey, VersionSet),
    /// What a comparison has brought is durable.
    Copied {
        partition: PartitionId,
        version: u64,
        from: MemberId,
    },
    /// Take up what is stored of the cluster's state; the log had so many records.
    Agreement(u64),
    /// Do what the register wants.
    Register(Vec<RegisterOutput>),
}

impl Node {
    pub(super) fn handle_opened(&mut self, files: &[StoredFile]) {
        let mut known = Known {
            window: &mut self.window,
            clock: &mut self.clock,
            source: &mut self.source,
        };
        self.store
            .open(files, &mut |replayed| known.replay(replayed));
        self.drain_store(Instant::default());
    }

    pub(super) fn handle_storage_done(
        &mut self,
        now: Instant,
        operation: OperationId,
        result: Result<StorageAnswer<'_>, StorageFault>,
    ) {
        let mut known = Known {
            window: &mut self.window,
            clock: &mut self.clock,
            source: &mut self.source,
        };
        self.store
            .handle_done(now, operation, result, &mut |replayed| {
                known.replay(replayed)
            });
        self.drain_store(now);
    }

    /// Handles everything that the storage has to say.
    pub(super) fn drain_store(&mut self, now: Instant) {
        while let Some(event) = self.store.poll_event() {
            self.handle_store_event(now, event);
        }
    }

    /// Makes `set`, whose bytes are `encoded`, the state of `key`, which was `before`. Returns the batch
    /// with which that is durable.
    pub(super) fn store_set(
        &mut self,
        key: StoredKey,
        encoded: &[u8],
        set: &VersionSet,
        before: Before,
    ) -> BatchNumber {
        let forest = &mut self.syncing.forest;
        forest.change(&key, before.digest, Some(set.causal_digest()));
        let change = change_of(&key, set).map(|change| (key.bucket(), change));
        self.write_record(key, encoded, set.facts(), before.is_new, change)
    }

    /// Makes `encoded` what is stored for `key`, of which nobody is told.
    pub(super) fn write_state(
        &mut self,
        key: StoredKey,
        encoded: &[u8],
        facts: Facts,
        is_new: bool,
    ) -> BatchNumber {
        self.write_record(key, encoded, facts, is_new, None)
    }

    fn write_record(
        &mut self,
        key: StoredKey,
        encoded: &[u8],
        facts: Facts,
        is_new: bool,
        change: Option<(BucketId, Change)>,
    ) -> BatchNumber {
        if self.store.wants_rotation() {
            self.store.rotate();
            self.note();
        }
        let segment = self.store.open_segment();
        let batch = self.store.write(key, encoded, facts, is_new);
        self.source.wrote(segment, batch, change);
        batch
    }

    /// Writes into the log what the segments before would tell.
    fn note(&mut self) {
        let newest = self.clock.newest().as_u64();
        for window in self.window.encode() {
            let note = postcard::to_allocvec(&Note { newest, window });
            self.store
                .note(&note.expect("writing to memory cannot fail"));
        }
    }

    /// Does `waiter` again when the block is in memory.
    pub(super) fn wait_for_block(&mut self, wanted: Wanted, waiter: Waiter) {
        let operation = self.store.load(wanted);
        self.parked += usize::from(waiter.is_work());
        self.loading.entry(operation).or_default().push(waiter);
    }

    pub(super) fn wait(&mut self, batch: BatchNumber, waiter: Waiter) {
        self.waiters.entry(batch).or_default().push(waiter);
    }

    fn handle_store_event(&mut self, now: Instant, event: StoreEvent) {
        match event {
            StoreEvent::Opened {
                records,
                lacks_note,
            } => {
                if lacks_note {
                    self.note();
                }
                self.load_agreement(now, records);
            }
            StoreEvent::TailCut(tail) => {
                let (segment, offset, bytes) = (tail.segment, tail.offset, tail.bytes);
                self.say(Event::LogTailCut {
                    segment,
                    offset,
                    bytes,
                });
            }
            StoreEvent::Full => self.say(Event::StorageFull),
            StoreEvent::Failed(why) => {
                self.report.ready = false;
                self.agreement.register = None;
                self.say(Event::StorageFailed(why));
            }
            StoreEvent::Damaged {
                table,
                offset,
                error,
            } => self.say(Event::TableDamaged {
                table,
                offset,
                why: error.to_string(),
            }),
            StoreEvent::Ingested(_) => {}
            StoreEvent::Loaded(operation) => {
                for waiter in self.loading.remove(&operation).into_iter().flatten() {
                    self.parked -= usize::from(waiter.is_work());
                    self.wake(now, waiter);
                }
            }
            StoreEvent::Durable(batch) => {
                let later = self.waiters.split_off(&BatchNumber(batch.0 + 1));
                let due = core::mem::replace(&mut self.waiters, later);
                for waiter in due.into_values().flatten() {
                    self.wake(now, waiter);
                }
                self.source.durable(batch);
            }
        }
    }

    /// Serves from now on. The log had `records`.
    pub(super) fn become_ready(&mut self, records: u64) {
        self.report.ready = true;
        self.begin_sync();
        self.begin_handing();
        let log_start = self.store.manifest().log_start;
        self.source.opened(log_start, self.store.incarnation());
        let keys = self.pairs();
        let incarnation = self.store.incarnation();
        self.say(Event::Ready {
            keys,
            records,
            incarnation,
        });
    }

    pub(super) fn wake(&mut self, now: Instant, waiter: Waiter) {
        match waiter {
            Waiter::OwnWrite(number) => self.own_write_durable(number),
            Waiter::OwnRead(number) => {
                self.answer_own(now, number);
                self.hedge_if_failing(now, number);
                self.finish_read(now, number);
            }
            Waiter::PeerMerge(merge) => self.handle_merge(now, merge),
            Waiter::Request(request) => self.resume_request(now, request),
            Waiter::Merged {
                from,
                partition,
                operation,
            } => {
                self.say_merged(from, partition, operation, Ok(()));
            }
            Waiter::PeerRead(read) => self.answer_read(read),
            Waiter::PeerPage(ask) => self.answer_list(ask),
            Waiter::Exchange(number) => self.scan_for_exchange(now, number),
            Waiter::Growth => self.grow(now),
            Waiter::PeerList(list) => self.list_keys(list),
            Waiter::PeerFetch(fetch) => self.send_state(fetch),
            Waiter::HandBack => self.hand_back_page(now),
            Waiter::Collection => self.collect_page(now),
            Waiter::PeerAsk(ask) => self.answer_ask(now, ask),
            Waiter::Forgetting(forgetting) => self.forget(now, forgetting),
            Waiter::Fetched(number, key, set) => self.take_fetched(now, number, key, set),
            Waiter::Copied {
                partition,
                version,
                from,
            } => self.copied(now, partition, version, from),
            Waiter::Agreement(records) => self.load_agreement(now, records),
            Waiter::Register(outputs) => self.obey_register(now, outputs),
        }
    }

    pub(super) fn say(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }
}

/// What there was of a key before it is changed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before {
    /// Nothing is stored for it, not even that it was forgotten.
    is_new: bool,
    /// The causal digest of its state, if it had one.
    digest: Option<u64>,
}

impl Before {
    /// The state was `set`.
    pub(super) fn of(set: Option<&VersionSet>) -> Self {
        let known = set.filter(|set| !set.is_empty());
        Self {
            is_new: set.is_none(),
            digest: known.map(VersionSet::causal_digest),
        }
    }
}

impl Waiter {
    /// Whether it is work that is not counted among the operations.
    const fn is_work(&self) -> bool {
        matches!(self, Self::PeerMerge(_) | Self::Request(_))
    }
}

/// What a replayed record is taken in by.
struct Known<'a> {
    window: &'a mut RequestWindow,
    clock: &'a mut Clock,
    source: &'a mut Source,
}

impl Known<'_> {
    /// Takes in the request ids, the clocks and the change of a record. Says whether it makes sense.
    fn replay(&mut self, replayed: Replayed<'_>) -> bool {
        match replayed {
            Replayed::State { key, set, segment } => {
                let Ok(set) = VersionSet::decode(set) else {
                    return false;
                };
                self.window.learn(key.digest(), &set);
                self.clock.restore(Token::of(&set).newest);
                let change = change_of(key, &set);
                self.source.replayed(segment, key.bucket(), change);
                true
            }
            Replayed::Note(bytes) => {
                let Ok(note) = postcard::from_bytes::<Note>(bytes) else {
                    return false;
                };
                self.clock.restore(Hlc::from_u64(note.newest));
                self.window.restore(&note.window)
            }
        }
    }
}
