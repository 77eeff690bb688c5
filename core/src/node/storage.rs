//! What the medium answers, and who waits for it.

use super::peer::PeerRead;
use super::{Event, Node, Output};
use crate::causality::VersionSet;
use crate::id::{MemberId, PartitionId};
use crate::storage::store::StoreEvent;
use crate::storage::{
    BatchNumber, OperationId, StorageAnswer, StorageFault, StoredFile, StoredKey,
};
use crate::time::Instant;

/// What is to be done when a batch of the log is durable.
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
}

impl Node {
    pub(super) fn handle_opened(&mut self, files: &[StoredFile]) {
        let (window, clock) = (&mut self.window, &mut self.clock);
        let event = self
            .store
            .open(files, &mut |key, set| replay(window, clock, key, set));
        self.handle_store_event(event);
    }

    pub(super) fn handle_storage_done(
        &mut self,
        now: Instant,
        operation: OperationId,
        result: Result<StorageAnswer<'_>, StorageFault>,
    ) {
        let (window, clock) = (&mut self.window, &mut self.clock);
        let event = self
            .store
            .handle_done(now, operation, result, &mut |key, set| {
                replay(window, clock, key, set)
            });
        self.handle_store_event(event);
    }

    pub(super) fn wait(&mut self, batch: BatchNumber, waiter: Waiter) {
        self.waiters.entry(batch).or_default().push(waiter);
    }

    fn handle_store_event(&mut self, event: Option<StoreEvent>) {
        match event {
            None => {}
            Some(StoreEvent::Opened { records }) => {
                self.report.ready = true;
                let (keys, _) = self.store.size();
                let incarnation = self.store.incarnation();
                self.say(Event::Ready {
                    keys,
                    records,
                    incarnation,
                });
            }
            Some(StoreEvent::TailCut(tail)) => {
                let (segment, offset, bytes) = (tail.segment, tail.offset, tail.bytes);
                self.say(Event::LogTailCut {
                    segment,
                    offset,
                    bytes,
                });
            }
            Some(StoreEvent::Full) => self.say(Event::StorageFull),
            Some(StoreEvent::Failed(why)) => {
                self.report.ready = false;
                self.say(Event::StorageFailed(why));
            }
            Some(StoreEvent::Durable(batch)) => {
                let later = self.waiters.split_off(&BatchNumber(batch.0 + 1));
                let due = core::mem::replace(&mut self.waiters, later);
                for waiter in due.into_values().flatten() {
                    self.wake(waiter);
                }
            }
        }
    }

    fn wake(&mut self, waiter: Waiter) {
        match waiter {
            Waiter::OwnWrite(number) => self.own_write_durable(number),
            Waiter::OwnRead(number) => {
                self.answer_own(number);
                self.finish_read(number);
            }
            Waiter::Merged {
                from,
                partition,
                operation,
            } => {
                self.say_merged(from, partition, operation, Ok(()));
            }
            Waiter::PeerRead(read) => self.answer_read(read),
        }
    }

    fn say(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }
}

/// Takes in a replayed state: its request ids and its clocks. Says whether it makes sense.
fn replay(
    window: &mut crate::replication::RequestWindow,
    clock: &mut crate::causality::Clock,
    key: &StoredKey,
    set: &[u8],
) -> bool {
    let Ok(set) = VersionSet::decode(set) else {
        return false;
    };
    window.learn(key.digest(), &set);
    clock.restore(crate::causality::Token::of(&set).newest);
    true
}
