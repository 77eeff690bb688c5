//! Writes for keys that this member does not own: an owner coordinates them, so that one put mints
//! one dot. The request id travels along: a second owner that gets the same write after the first
//! was lost applies it at most once.

use super::{Node, Operation, Origin};
use crate::id::{MemberId, PartitionId};
use crate::limits::TIMEOUT_MAX_MS;
use crate::replication::Owners;
use crate::time::Instant;
use crate::wire::{ErrorCode, Failure, PeerMessage, Reply, Request};
use alloc::vec::Vec;

/// A request that an owner carries out.
#[derive(Debug)]
pub(super) struct ForwardOperation {
    origin: Origin,
    pub(super) partition: PartitionId,
    request: Request,
    owners: Owners,
    /// Who carries it out.
    to: MemberId,
    /// Another owner had it before, was lost, and may have applied it.
    was_elsewhere: bool,
    /// It does not coordinate writes of the key, in its view of the cluster.
    is_refused: bool,
    deadline_at: Instant,
}

impl Node {
    pub(super) fn start_forward(
        &mut self,
        now: Instant,
        partition: PartitionId,
        origin: Origin,
        request: Request,
    ) -> Result<(), Failure> {
        if matches!(origin, Origin::Member { .. }) {
            let message = "this member does not own the key; the members' lists differ";
            return Err(Failure::new(ErrorCode::Misrouted, message));
        }
        let owners = self.readers(partition);
        let Some((_, to)) = owners.others().find(|(_, member)| self.is_up(*member)) else {
            let message = "none of the key's owners can be reached; try again later";
            return Err(Failure::new(ErrorCode::Unavailable, message));
        };
        let timeout_ms = request.timeout_ms;
        let deadline_at = now + crate::time::Duration::from_millis(u64::from(timeout_ms));
        let message_request = request.clone();
        let forward = ForwardOperation {
            origin,
            partition,
            request,
            owners,
            to,
            was_elsewhere: false,
            is_refused: false,
            deadline_at,
        };
        let number = self.begin(now, timeout_ms, Operation::Forward(forward));
        let message = PeerMessage::Forward {
            op: number,
            request: message_request,
        };
        self.send(to, partition, &message);
        Ok(())
    }

    pub(super) fn handle_forwarded(
        &mut self,
        number: u64,
        from: MemberId,
        result: Result<Reply, Failure>,
    ) {
        if let Some(Operation::Forward(forward)) = self.operations.get(&number)
            && forward.to == from
        {
            if let Err(failure) = &result
                && matches!(failure.code, ErrorCode::Misrouted | ErrorCode::NoSuchBucket)
            {
                return self.forward_refused(number);
            }
            let Some(Operation::Forward(forward)) = self.operations.remove(&number) else {
                return;
            };
            match result {
                // This owner has not applied it; of the one before nobody knows.
                Err(_) if forward.was_elsewhere => self.expire_forward(&forward),
                result => self.answer(forward.partition, forward.origin, result),
            }
        }
    }

    /// Hands the request to the next owner if the one that has it was lost.
    pub(super) fn forward_lost_peer(&mut self, now: Instant, number: u64, peer: MemberId) {
        let Some(Operation::Forward(forward)) = self.operations.get(&number) else {
            return;
        };
        if forward.to != peer {
            return;
        }
        let next = forward
            .owners
            .others()
            .find(|(_, member)| self.is_up(*member));
        let Some((_, to)) = next else { return };
        let Some(Operation::Forward(forward)) = self.operations.get_mut(&number) else {
            return;
        };
        forward.was_elsewhere |= !forward.is_refused;
        self.forward_to(now, number, to);
    }

    /// Its owner goes by other owners, or does not know the bucket: one of the two is behind.
    fn forward_refused(&mut self, number: u64) {
        let Some(Operation::Forward(forward)) = self.operations.get_mut(&number) else {
            return;
        };
        forward.is_refused = true;
        let (to, partition) = (forward.to, forward.partition);
        self.ask_for_epoch(to, partition);
    }

    /// `peer` goes by the same state as this member, or a newer one: what it has refused before is
    /// handed on again.
    pub(super) fn forward_again(&mut self, now: Instant, peer: MemberId, partition: PartitionId) {
        let is_refused = |operation: &Operation| match operation {
            Operation::Forward(it) => it.is_refused && it.to == peer && it.partition == partition,
            _ => false,
        };
        let refused = (self.operations.iter()).filter(|(_, operation)| is_refused(operation));
        let numbers: Vec<u64> = refused.map(|(number, _)| *number).collect();
        for number in numbers {
            self.turn_forward(now, number);
        }
    }

    /// The owners have changed, or another member has come to know them.
    pub(super) fn turn_forward(&mut self, now: Instant, number: u64) {
        let Some(Operation::Forward(forward)) = self.operations.get(&number) else {
            return;
        };
        // One that has not refused it may be applying it.
        if !forward.is_refused {
            return;
        }
        let owners = self.readers(forward.partition);
        let next = (owners.others()).find(|(_, member)| self.is_up(*member));
        let is_mine = owners.me().is_some();
        let left_ms = forward.deadline_at.since(now).as_millis();
        if is_mine && left_ms > 0 {
            let Some(Operation::Forward(mut forward)) = self.operations.remove(&number) else {
                return;
            };
            if forward.was_elsewhere {
                return self.expire_forward(&forward);
            }
            forward.request.timeout_ms = u32::try_from(left_ms).unwrap_or(TIMEOUT_MAX_MS);
            return self.handle_request(now, forward.partition, forward.origin, forward.request);
        }
        if let Some((_, to)) = next
            && let Some(Operation::Forward(forward)) = self.operations.get_mut(&number)
        {
            forward.owners = owners;
            self.forward_to(now, number, to);
        }
    }

    fn forward_to(&mut self, now: Instant, number: u64, to: MemberId) {
        let Some(Operation::Forward(forward)) = self.operations.get_mut(&number) else {
            return;
        };
        forward.to = to;
        forward.is_refused = false;
        let mut request = forward.request.clone();
        let left_ms = forward.deadline_at.since(now).as_millis();
        request.timeout_ms = u32::try_from(left_ms).unwrap_or(u32::MAX).max(1);
        let partition = forward.partition;
        self.send(
            to,
            partition,
            &PeerMessage::Forward {
                op: number,
                request,
            },
        );
    }

    pub(super) fn expire_forward(&mut self, forward: &ForwardOperation) {
        let message = "the key's owner has not answered in time; the write may or may not last, and a \
                       retry with the same request id is applied at most once";
        let failure = Failure::new(ErrorCode::Indeterminate, message);
        self.answer(forward.partition, forward.origin, Err(failure));
    }
}
