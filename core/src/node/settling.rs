//! Reads that are answered when as many replicas have what they show as their level asks: those that have
//! less are sent it, and say when it is durable there.

use super::storage::Waiter;
use super::writing::Merged;
use super::{Node, Operation};
use crate::causality::{Token, VersionSet};
use crate::id::MemberId;
use crate::storage::StoredKey;
use crate::time::Instant;
use crate::wire::{KeyState, PeerMessage};

impl Node {
    /// Sends what all answers make together to those who have less.
    pub(super) fn settle(&mut self, now: Instant, number: u64) {
        let Some(Operation::Read(read)) = self.operations.get_mut(&number) else {
            return;
        };
        let (owners, partition, bucket) = (read.owners.clone(), read.partition, read.bucket);
        let Some(key) = read.key() else { return };
        let behind = key.send();
        let (name, merged) = (key.name.clone(), key.merged().clone());
        for index in behind {
            self.report.repairs += 1;
            if Some(index) == owners.me() {
                let key = StoredKey::new(partition, bucket, &name);
                self.settle_own(now, number, index, &key, &merged);
                continue;
            }
            let message = PeerMessage::Merge(KeyState {
                view: owners.view(),
                op: number,
                bucket,
                key: name.clone(),
                set: merged.encode(),
            });
            self.send(owners.member(index), partition, &message);
        }
    }

    /// Takes in what the others have. The node's own state is looked at again when that is durable.
    fn settle_own(
        &mut self,
        now: Instant,
        number: u64,
        me: usize,
        key: &StoredKey,
        merged: &VersionSet,
    ) {
        if self.observe(now, Token::of(merged).newest).is_err() {
            return;
        }
        match self.merge_into_store(key, merged) {
            Ok(Merged::Durable) => self.stored_at(now, number, me),
            Ok(Merged::Pending(batch)) => self.wait(batch, Waiter::OwnRead(number)),
            Ok(Merged::Unloaded(wanted)) => {
                if let Some(Operation::Read(read)) = self.operations.get_mut(&number)
                    && let Some(key) = read.key()
                {
                    key.unsent(me);
                }
                self.wait_for_block(wanted, Waiter::OwnRead(number));
            }
            // The others may be enough.
            Err(_) => {}
        }
    }

    /// Replica `from` has made durable what it was sent, unless it cannot.
    pub(super) fn settled(&mut self, now: Instant, number: u64, from: MemberId, is_stored: bool) {
        let Some(Operation::Read(read)) = self.operations.get(&number) else {
            return;
        };
        if let Some(index) = read.owners.index_of(from).filter(|_| is_stored) {
            self.stored_at(now, number, index);
        }
    }

    fn stored_at(&mut self, now: Instant, number: u64, index: usize) {
        if let Some(Operation::Read(read)) = self.operations.get_mut(&number)
            && let Some(key) = read.key()
        {
            key.stored(index);
            self.finish_read(now, number);
        }
    }
}
