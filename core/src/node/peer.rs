//! Messages of other members.

use super::listing::PeerPage;
use super::storage::Waiter;
use super::sync::split;
use super::writing::{Merged, refusal};
use super::{InputError, Node, Origin};
use crate::causality::{Token, VersionSet};
use crate::hash::hash64;
use crate::id::{BucketId, MemberId, PartitionId};
use crate::planted::{Bug, is_planted};
use crate::storage::{Lookup, StoredKey};
use crate::time::Instant;
use crate::wire::{
    self, ErrorCode, Failure, FrameError, FrameKind, KeyState, PeerMessage, ReadAnswer,
};
use alloc::vec::Vec;

impl Node {
    pub(super) fn handle_peer_frame(
        &mut self,
        now: Instant,
        from: MemberId,
        bytes: &[u8],
    ) -> Result<(), InputError> {
        let frame = self.take_frame(bytes, FrameKind::Peer)?;
        let partition = frame.partition;
        let message = wire::decode_body(frame.body).map_err(InputError::Frame)?;
        // Shards of one member speak of changes as members do, and of nothing else.
        let is_sibling = self.config.shards > 1 && matches!(message, PeerMessage::Feed(_));
        if from == self.config.me && !is_sibling {
            return Err(InputError::Myself);
        }
        match message {
            PeerMessage::Cluster(message) => self.handle_cluster(now, from, partition, message),
            PeerMessage::Merge(state) => {
                let (view, merge) = (state.view, self.merge_of(from, partition, &state)?);
                if merge.operation == 0 || self.has_same_view(from, partition, view) {
                    self.handle_merge(now, merge);
                }
            }
            PeerMessage::Hint(state) => {
                let (view, merge) = (state.view, self.merge_of(from, partition, &state)?);
                if self.has_same_view(from, partition, view) {
                    self.handle_hint(now, merge);
                }
            }
            PeerMessage::Merged { op, result } => {
                if !self.handed_back(now, op, from, result.is_ok()) {
                    self.handle_merged(now, op, from, result);
                }
            }
            PeerMessage::Sync {
                view,
                exchange,
                message,
            } => {
                if self.has_same_view(from, partition, view) {
                    return self.handle_sync(now, from, partition, exchange, message);
                }
            }
            PeerMessage::Read {
                view,
                op,
                bucket,
                key,
                have,
            } => {
                self.check_place(partition, bucket, &key)?;
                let key = StoredKey::new(partition, bucket, &key);
                self.answer_read(PeerRead {
                    from,
                    partition,
                    view,
                    operation: op,
                    key,
                    have,
                });
            }
            PeerMessage::Collect { view, op, message } => {
                if self.has_same_view(from, partition, view) {
                    return self.handle_collect(now, from, partition, op, message);
                }
            }
            PeerMessage::State { op, answer } => self.handle_state(now, op, from, answer),
            PeerMessage::List { view, op, question } => {
                return self.handle_list(PeerPage {
                    from,
                    partition,
                    view,
                    operation: op,
                    question,
                });
            }
            PeerMessage::Page { op, answer } => self.handle_page(now, op, from, answer),
            PeerMessage::Forward { op, request } => {
                let origin = Origin::Member {
                    member: from,
                    operation: op,
                };
                self.handle_request(now, partition, origin, request);
            }
            PeerMessage::Forwarded { op, result } => self.handle_forwarded(op, from, result),
            PeerMessage::Gossip(packet) => return self.handle_gossip(now, from, &packet),
            PeerMessage::Feed(message) => self.handle_feed(now, from, message),
        }
        Ok(())
    }

    fn merge_of(
        &self,
        from: MemberId,
        partition: PartitionId,
        state: &KeyState,
    ) -> Result<PeerMerge, InputError> {
        let malformed = |_| InputError::Frame(FrameError::Malformed);
        let set = VersionSet::decode(&state.set).map_err(malformed)?;
        self.check_place(partition, state.bucket, &state.key)?;
        let key = StoredKey::new(partition, state.bucket, &state.key);
        Ok(PeerMerge {
            from,
            partition,
            operation: state.op,
            key,
            set,
        })
    }

    fn check_place(
        &self,
        partition: PartitionId,
        bucket: BucketId,
        key: &[u8],
    ) -> Result<(), InputError> {
        let ring = self.agreement.state.target();
        let place = ring.partition_of(crate::hash::position(bucket, key));
        let is_key = (1..=crate::limits::KEY_BYTES_MAX).contains(&key.len());
        if is_key && place == partition {
            Ok(())
        } else {
            Err(InputError::Frame(FrameError::Malformed))
        }
    }

    pub(super) fn handle_merge(&mut self, now: Instant, merge: PeerMerge) {
        let PeerMerge {
            from,
            partition,
            operation,
            ..
        } = merge;
        if !self.holds(partition) {
            self.handing.note(partition);
        }
        let is_delete = merge.set.versions().iter().all(|it| it.value.is_none());
        if is_delete && is_planted(Bug::TombstoneDropped) {
            return self.say_merged(from, partition, operation, Ok(()));
        }
        let merged = self
            .observe(now, Token::of(&merge.set).newest)
            .and_then(|()| self.check_parked())
            .and_then(|()| {
                self.merge_into_store(&merge.key, &merge.set)
                    .map_err(refusal)
            });
        match merged {
            Ok(Merged::Unloaded(wanted)) => {
                self.wait_for_block(wanted, Waiter::PeerMerge(merge));
            }
            _ if operation == 0 => {}
            Ok(Merged::Pending(batch)) if !is_planted(Bug::MergedBeforeDurable) => {
                self.wait(
                    batch,
                    Waiter::Merged {
                        from,
                        partition,
                        operation,
                    },
                );
            }
            Ok(Merged::Durable | Merged::Pending(_)) => {
                self.say_merged(from, partition, operation, Ok(()));
            }
            Err(failure) => self.say_merged(from, partition, operation, Err(failure)),
        }
    }

    /// Sends a state that another replica lacks; it does not answer.
    pub(super) fn send_repair(&mut self, to: MemberId, key: &StoredKey, set: Vec<u8>) {
        let partition = key.partition();
        let (bucket, name) = split(key);
        let state = KeyState {
            view: self.view(partition),
            op: 0,
            bucket,
            key: name,
            set,
        };
        self.send(to, partition, &PeerMessage::Merge(state));
    }

    pub(super) fn say_merged(
        &mut self,
        to: MemberId,
        partition: PartitionId,
        op: u64,
        result: Result<(), Failure>,
    ) {
        self.send(to, partition, &PeerMessage::Merged { op, result });
    }

    /// Says what is here for a key, once that is durable. Who owns it may have changed meanwhile: then this is
    /// no answer any more.
    pub(super) fn answer_read(&mut self, read: PeerRead) {
        if !self.has_same_view(read.from, read.partition, read.view) {
            return;
        }
        let answer = match self.store.lookup(&read.key) {
            _ if !self.report.ready => {
                let message = "the log is being replayed";
                ReadAnswer::Failed(Failure::new(ErrorCode::Unavailable, message))
            }
            Lookup::Absent => ReadAnswer::Set([].into()),
            Lookup::Durable(set) if read.have == Some(hash64(set)) => ReadAnswer::Same,
            Lookup::Durable(set) => ReadAnswer::Set(set.into()),
            Lookup::Pending(batch) => return self.wait(batch, Waiter::PeerRead(read)),
            Lookup::Unloaded(wanted) => {
                return self.wait_for_block(wanted, Waiter::PeerRead(read));
            }
            Lookup::Damaged(_) => {
                let message = "what is stored for the key is damaged here";
                ReadAnswer::Failed(Failure::new(ErrorCode::Unavailable, message))
            }
        };
        self.send(
            read.from,
            read.partition,
            &PeerMessage::State {
                op: read.operation,
                answer,
            },
        );
    }
}

/// A state that another member has sent.
#[derive(Debug)]
pub(super) struct PeerMerge {
    pub(super) from: MemberId,
    pub(super) partition: PartitionId,
    /// Its number for the answer; 0 if it wants none.
    pub(super) operation: u64,
    key: StoredKey,
    set: VersionSet,
}

/// Another member's question for the state of a key.
#[derive(Debug)]
pub(super) struct PeerRead {
    from: MemberId,
    partition: PartitionId,
    view: u64,
    operation: u64,
    key: StoredKey,
    have: Option<u64>,
}
