//! Messages of other members.

use super::storage::Waiter;
use super::writing::refusal;
use super::{InputError, Node, Origin};
use crate::causality::{Token, VersionSet};
use crate::hash::hash64;
use crate::id::{BucketId, MemberId, PartitionId};
use crate::storage::{Lookup, StoredKey};
use crate::time::Instant;
use crate::wire::{self, ErrorCode, Failure, FrameError, FrameKind, PeerMessage, ReadAnswer};

impl Node {
    pub(super) fn handle_peer_frame(
        &mut self,
        now: Instant,
        from: MemberId,
        bytes: &[u8],
    ) -> Result<(), InputError> {
        self.known(from)?;
        let frame = self.take_frame(bytes, FrameKind::Peer)?;
        let partition = frame.partition;
        match wire::decode_body(frame.body).map_err(InputError::Frame)? {
            PeerMessage::Merge {
                op,
                bucket,
                key,
                set,
            } => {
                let set = VersionSet::decode(&set)
                    .map_err(|_| InputError::Frame(FrameError::Malformed))?;
                self.check_place(partition, bucket, &key)?;
                let key = StoredKey::new(partition, bucket, &key);
                self.handle_merge(now, from, partition, op, key, &set);
            }
            PeerMessage::Merged { op, result } => self.handle_merged(op, from, result),
            PeerMessage::Read {
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
                    operation: op,
                    key,
                    have,
                });
            }
            PeerMessage::State { op, answer } => self.handle_state(op, from, answer),
            PeerMessage::Forward { op, request } => {
                let origin = Origin::Member {
                    member: from,
                    operation: op,
                };
                self.handle_request(now, partition, origin, request);
            }
            PeerMessage::Forwarded { op, result } => self.handle_forwarded(op, from, result),
        }
        Ok(())
    }

    fn check_place(
        &self,
        partition: PartitionId,
        bucket: BucketId,
        key: &[u8],
    ) -> Result<(), InputError> {
        let place = self.ring.partition_of(crate::hash::position(bucket, key));
        let is_key = (1..=crate::limits::KEY_BYTES_MAX).contains(&key.len());
        if is_key && place == partition {
            Ok(())
        } else {
            Err(InputError::Frame(FrameError::Malformed))
        }
    }

    fn handle_merge(
        &mut self,
        now: Instant,
        from: MemberId,
        partition: PartitionId,
        operation: u64,
        key: StoredKey,
        set: &VersionSet,
    ) {
        let merged = self
            .observe(now, Token::of(set).newest)
            .and_then(|()| self.merge_into_store(key, set).map_err(refusal));
        match merged {
            _ if operation == 0 => {}
            Ok(Some(batch)) => {
                self.wait(
                    batch,
                    Waiter::Merged {
                        from,
                        partition,
                        operation,
                    },
                );
            }
            Ok(None) => self.say_merged(from, partition, operation, Ok(())),
            Err(failure) => self.say_merged(from, partition, operation, Err(failure)),
        }
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

    /// Says what is here for a key, once that is durable.
    pub(super) fn answer_read(&mut self, read: PeerRead) {
        let answer = match self.store.lookup(&read.key) {
            _ if !self.report.ready => {
                let message = "the log is being replayed";
                ReadAnswer::Failed(Failure::new(ErrorCode::Unavailable, message))
            }
            Lookup::Absent => ReadAnswer::Set([].into()),
            Lookup::Durable(set) if read.have == Some(hash64(set)) => ReadAnswer::Same,
            Lookup::Durable(set) => ReadAnswer::Set(set.into()),
            Lookup::Pending(batch) => return self.wait(batch, Waiter::PeerRead(read)),
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

/// Another member's question for the state of a key.
#[derive(Debug)]
pub(super) struct PeerRead {
    from: MemberId,
    partition: PartitionId,
    operation: u64,
    key: StoredKey,
    have: Option<u64>,
}
