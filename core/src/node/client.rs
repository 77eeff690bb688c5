//! Requests of clients, and those that other members hand on.

use super::storage::Waiter;
use super::{InputError, Node, Origin, Output};
use crate::causality::Token;
use crate::id::PartitionId;
use crate::limits::{
    KEY_BYTES_MAX, OPERATIONS_MAX, TIMEOUT_DEFAULT_MS, TIMEOUT_MAX_MS, TTL_MAX_MS,
};
use crate::storage::table::reader::Wanted;
use crate::time::{Duration, Instant};
use crate::wire::{
    self, ClientId, ErrorCode, Failure, Frame, FrameError, FrameKind, Refusal, Request,
};
use alloc::format;
use alloc::string::ToString;

impl Node {
    pub(super) fn handle_client_frame(
        &mut self,
        now: Instant,
        client: ClientId,
        bytes: &[u8],
    ) -> Result<(), InputError> {
        if bytes.get(1) == Some(&(FrameKind::Watch as u8)) {
            return self.handle_watch_frame(now, client, bytes);
        }
        let frame = self.take_frame(bytes, FrameKind::Request)?;
        let request: Request = wire::decode_body(frame.body).map_err(InputError::Frame)?;
        let origin = Origin::Client {
            client,
            id: request.id,
        };
        self.handle_request(now, frame.partition, origin, request);
        Ok(())
    }

    /// Tells a client that its frame was refused: it waits for an answer that cannot come.
    pub(super) fn refuse(&mut self, client: ClientId, error: &InputError) {
        let refusal = Refusal {
            code: ErrorCode::Protocol,
            message: error.to_string(),
        };
        let frame = wire::message_frame(FrameKind::Refusal, PartitionId(0), &refusal);
        self.outputs.push_back(Output::Client { client, frame });
    }

    /// Takes the one frame that `bytes` must be, and checks that it belongs here.
    pub(super) fn take_frame<'a>(
        &self,
        bytes: &'a [u8],
        kind: FrameKind,
    ) -> Result<Frame<'a>, InputError> {
        let (frame, rest) = Frame::take(bytes).map_err(InputError::Frame)?;
        if !rest.is_empty() {
            return Err(InputError::Frame(FrameError::TrailingBytes(rest.len())));
        }
        if frame.kind != kind {
            return Err(InputError::Frame(FrameError::Kind(frame.kind as u8)));
        }
        if !self.serves(frame.partition) {
            return Err(InputError::Partition(frame.partition));
        }
        Ok(frame)
    }

    pub(super) fn handle_request(
        &mut self,
        now: Instant,
        partition: PartitionId,
        origin: Origin,
        mut request: Request,
    ) {
        request.timeout_ms = match request.timeout_ms {
            0 => TIMEOUT_DEFAULT_MS,
            asked => asked.min(TIMEOUT_MAX_MS),
        };
        let is_checked = self
            .check_membership(origin)
            .and_then(|()| self.check(partition, &request));
        let outcome = is_checked.and_then(|()| {
            let is_owner = self.readers(partition).me().is_some();
            match request.operation {
                wire::Operation::Get { .. } | wire::Operation::List { .. } => {
                    self.start_read(now, partition, origin, request)
                }
                wire::Operation::Write { .. } if is_owner => {
                    self.start_write(now, partition, origin, request)
                }
                wire::Operation::Write { .. } => {
                    self.start_forward(now, partition, origin, request)
                }
                wire::Operation::Edge(_) => Err(no_edge()),
            }
        });
        if let Err(failure) = outcome {
            self.answer(partition, origin, Err(failure));
        }
    }

    /// Who is no member is answered by none, so it can do nothing for clients.
    fn check_membership(&self, origin: Origin) -> Result<(), Failure> {
        let is_member = self.agreement.state.member(self.config.me).is_some();
        if is_member || matches!(origin, Origin::Member { .. }) {
            return Ok(());
        }
        let message = "this is no member of the cluster, or not yet; ask one that is";
        Err(Failure::new(ErrorCode::Unavailable, message))
    }

    /// Whether one more request or merge can be taken.
    pub(super) fn check_parked(&self) -> Result<(), Failure> {
        if self.operations.len() + self.parked < OPERATIONS_MAX {
            return Ok(());
        }
        let message = format!("{OPERATIONS_MAX} requests are under way here; try again later");
        Err(Failure::new(ErrorCode::RateLimited, message))
    }

    /// Does a request again when the block that it needs is in memory.
    pub(super) fn park(
        &mut self,
        now: Instant,
        wanted: Wanted,
        partition: PartitionId,
        origin: Origin,
        request: Request,
    ) {
        let timeout = Duration::from_millis(u64::from(request.timeout_ms));
        let parked = ParkedRequest {
            deadline: now + timeout,
            partition,
            origin,
            request,
        };
        self.wait_for_block(wanted, Waiter::Request(parked));
    }

    pub(super) fn resume_request(&mut self, now: Instant, parked: ParkedRequest) {
        let ParkedRequest {
            deadline,
            partition,
            origin,
            mut request,
        } = parked;
        let left_ms = deadline.since(now).as_millis();
        if left_ms == 0 {
            let message = "the disk has not answered in time; nothing was written";
            let failure = Failure::new(ErrorCode::Timeout, message);
            return self.answer(partition, origin, Err(failure));
        }
        request.timeout_ms = u32::try_from(left_ms).unwrap_or(TIMEOUT_MAX_MS);
        self.handle_request(now, partition, origin, request);
    }

    fn check(&self, partition: PartitionId, request: &Request) -> Result<(), Failure> {
        let context = match &request.operation {
            wire::Operation::List { span, after, .. } => {
                return self.check_list(request, span, after);
            }
            wire::Operation::Get { seen: context, .. } | wire::Operation::Write { context, .. } => {
                context
            }
            wire::Operation::Edge(_) => return Err(no_edge()),
        };
        if request.key.is_empty() || request.key.len() > KEY_BYTES_MAX {
            let message = format!(
                "a key of {} bytes; allowed are 1 to {KEY_BYTES_MAX} bytes",
                request.key.len()
            );
            return Err(Failure::new(ErrorCode::KeyTooLarge, message));
        }
        let ring = self.agreement.state.target();
        let place = ring.partition_of(crate::hash::position(request.bucket, &request.key));
        if place != partition {
            let message = format!(
                "the frame names partition {}, but its key lies in {}; the client computes it wrongly",
                partition.0, place.0
            );
            return Err(Failure::new(ErrorCode::Misrouted, message));
        }
        self.settings_of(request.bucket)?;
        self.check_parked()?;
        if !context.is_empty() && Token::decode(context).is_err() {
            let message = "the causal context is not one that a read or a write has handed out";
            return Err(Failure::new(ErrorCode::Protocol, message));
        }
        let wire::Operation::Write { value, ttl_ms, .. } = &request.operation else {
            return Ok(());
        };
        if ttl_ms.is_some_and(|ttl| value.is_none() || ttl == 0 || ttl > TTL_MAX_MS) {
            let message = format!(
                "a time to live goes with a value and is 1 to {TTL_MAX_MS} milliseconds long"
            );
            return Err(Failure::new(ErrorCode::Protocol, message));
        }
        let length = request.key.len() + value.as_ref().map_or(0, |value| value.bytes.len());
        if length > self.config.pair_bytes_max as usize {
            let message = format!(
                "key and value take {length} bytes; at most {} are allowed together",
                self.config.pair_bytes_max
            );
            return Err(Failure::new(ErrorCode::ValueTooLarge, message));
        }
        Ok(())
    }
}

/// What is said to who takes a stone for an edge node.
fn no_edge() -> Failure {
    let message = "this is a member of the ring and no edge node; ask it as one asks members";
    Failure::new(ErrorCode::Protocol, message)
}

/// A request that waits for a block.
#[derive(Debug)]
pub(super) struct ParkedRequest {
    deadline: Instant,
    partition: PartitionId,
    origin: Origin,
    request: Request,
}
