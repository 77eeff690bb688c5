//! The calls that have no outcome yet.

use super::call::{Action, Call, CallId};
use super::naming::BucketRef;
use super::seen::name;
use super::session::partition_of;
use crate::id::{BucketId, PartitionId, RequestId};
use crate::limits::{
    CALL_BYTES_MAX, CALLS_IN_FLIGHT_MAX, CALLS_MAX, TIMEOUT_DEFAULT_MS, TIMEOUT_MAX_MS,
};
use crate::sorted::{Map, Set};
use crate::time::{Duration, Instant};
use crate::wire::{EdgeOperation, EdgeReply, ErrorCode, Failure, Operation, Reply, Request};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Where a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The number of its bucket is not known yet.
    Naming,
    /// To be sent as soon as there is a connection.
    Ready,
    /// Sent over the connection there is, at this moment.
    Sent(Instant),
    /// Refused for now; to be sent again at this moment, which is before its deadline.
    Resting(Instant),
}

/// A call without an outcome.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    /// The message; its `timeout_ms` is what the application asked for.
    pub(super) request: Request,
    /// Where a list is to be made; a key says where it lies.
    pub(super) place: Option<PartitionId>,
    /// The client's list that it is a page of, if it is one.
    pub(super) list: Option<u64>,
    /// The bucket as the application has named it, if by name; the message has its number.
    pub(super) bucket_name: Option<String>,
    /// When the application stops waiting.
    pub(super) deadline: Instant,
    /// How often an answer was lost with a connection or a shard.
    pub(super) losses: u32,
    /// How often the server refused it for now, and how it said so last.
    pub(super) refusals: u32,
    refused: Option<Failure>,
    /// Whether it belongs to the client's session.
    pub(super) in_session: bool,
    stage: Stage,
}

impl Pending {
    /// `call` as the client `session` numbers it.
    pub(super) fn new(
        now: Instant,
        session: u64,
        id: CallId,
        call: Call,
        list: Option<u64>,
    ) -> Self {
        let timeout_ms = match call.timeout_ms {
            0 => TIMEOUT_DEFAULT_MS,
            asked => asked.min(TIMEOUT_MAX_MS),
        };
        let (bucket, bucket_name) = match call.bucket {
            BucketRef::Id(id) => (id, None),
            BucketRef::Name(name) => (BucketId::default(), Some(name)),
        };
        let stage = match bucket_name {
            Some(_) => Stage::Naming,
            None => Stage::Ready,
        };
        let (level, mut place) = (call.level, None);
        let request = call
            .request
            .unwrap_or_else(|| RequestId::new(session, id.0));
        let (is_for_edge, after) = (call.is_for_edge, call.after);
        let write = |value, ttl_ms, context| match is_for_edge {
            true => Operation::Edge(EdgeOperation::Lodge {
                request,
                after,
                context,
                value,
                ttl_ms,
            }),
            false => Operation::Write {
                level,
                request,
                context,
                value,
                ttl_ms,
            },
        };
        let operation = match call.action {
            Action::Get { seen, .. } if is_for_edge => {
                Operation::Edge(EdgeOperation::Read { seen })
            }
            Action::Get { seen, settles } => match settles {
                true => Operation::Settle { level, seen },
                false => Operation::Get { level, seen },
            },
            Action::Put {
                value,
                ttl_ms,
                context,
            } => write(Some(value), ttl_ms, context),
            Action::Delete { context } => write(None, None, context),
            Action::List {
                span,
                partition,
                after,
                is_reverse,
                limit,
            } => {
                place = Some(partition);
                let r = level;
                match is_for_edge {
                    true => Operation::Edge(EdgeOperation::Copies { span, after, limit }),
                    false => Operation::List {
                        span,
                        after,
                        is_reverse,
                        limit,
                        r,
                    },
                }
            }
        };
        Self {
            request: Request {
                id: id.0,
                timeout_ms,
                bucket,
                key: call.key,
                operation,
            },
            place,
            list,
            bucket_name,
            deadline: now + Duration::from_millis(timeout_ms.into()),
            losses: 0,
            refusals: 0,
            refused: None,
            in_session: call.in_session,
            stage,
        }
    }

    /// Where it stands.
    pub(super) const fn stage(&self) -> Stage {
        self.stage
    }

    /// Where it goes, on a ring of `partitions`.
    pub(super) fn partition(&self, partitions: u16) -> PartitionId {
        let by_key = || partition_of(self.request.bucket, &self.request.key, partitions);
        self.place.unwrap_or_else(by_key)
    }

    /// Whether `reply` can be an answer to it.
    pub(super) const fn fits(&self, reply: &Reply) -> bool {
        matches!(
            (&self.request.operation, reply),
            (
                Operation::Get { .. }
                    | Operation::Settle { .. }
                    | Operation::Edge(EdgeOperation::Read { .. }),
                Reply::Found(_) | Reply::Missing { .. }
            ) | (
                Operation::Edge(EdgeOperation::Read { .. }),
                Reply::Edge(EdgeReply::Waiting { .. })
            ) | (
                Operation::Edge(EdgeOperation::Lodge { .. }),
                Reply::Edge(EdgeReply::Lodged)
            ) | (Operation::Write { .. }, Reply::Written { .. })
                | (
                    Operation::List { .. } | Operation::Edge(EdgeOperation::Copies { .. }),
                    Reply::Listed { .. }
                )
        )
    }

    /// What its key is called in the session, if it belongs to it.
    pub(super) fn seen_name(&self) -> Option<u64> {
        let request = &self.request;
        self.in_session.then(|| name(request.bucket, &request.key))
    }

    /// Whether it writes.
    pub(super) const fn is_write(&self) -> bool {
        matches!(
            self.request.operation,
            Operation::Write { .. } | Operation::Edge(EdgeOperation::Lodge { .. })
        )
    }

    /// Whether it is a write that may have been applied although no answer says so.
    pub(super) const fn is_uncertain(&self) -> bool {
        self.is_write() && (self.losses > 0 || matches!(self.stage, Stage::Sent(_)))
    }

    /// What the server is given to answer, in milliseconds: a little less than what is left, so that its
    /// own word on the outcome comes before the client gives up.
    pub(super) fn server_timeout_ms(&self, now: Instant) -> u32 {
        let left = self.deadline.since(now).as_millis();
        let answer_by = left - (left / 8).min(ANSWER_MARGIN_MS);
        u32::try_from(answer_by).unwrap_or(TIMEOUT_MAX_MS).max(1)
    }

    /// What the caller is told if the server's last word is `failure`.
    pub(super) fn failed(&self, failure: Failure) -> Failure {
        let is_same_for_every_send = matches!(
            failure.code,
            ErrorCode::KeyTooLarge
                | ErrorCode::ValueTooLarge
                | ErrorCode::Level
                | ErrorCode::Indeterminate
        );
        if self.is_write() && self.losses > 0 && !is_same_for_every_send {
            return indeterminate(&format!(
                "an earlier answer was lost; then: {}",
                failure.message
            ));
        }
        failure
    }

    /// What the caller is told if the answer was lost once too often.
    pub(super) fn lost(&self) -> Failure {
        let why = format!(
            "the connection was lost {} times before the answer came",
            self.losses
        );
        if self.is_write() {
            return indeterminate(&why);
        }
        Failure::new(ErrorCode::Unavailable, format!("{why}; try again"))
    }

    /// What the caller is told if time has run out.
    pub(super) fn expired(&self) -> Failure {
        let timeout_ms = self.request.timeout_ms;
        if self.is_uncertain() {
            return indeterminate(&format!("no answer came within {timeout_ms} ms"));
        }
        if let Some(refused) = &self.refused {
            return refused.clone();
        }
        let was_sent = self.losses > 0 || matches!(self.stage, Stage::Sent(_));
        let message = if was_sent {
            format!("no answer came within {timeout_ms} ms; try again or raise the timeout")
        } else if self.stage == Stage::Naming {
            format!(
                "not sent: no server has said within {timeout_ms} ms which buckets there are, so \
                 nothing was changed; try again when the server can be reached"
            )
        } else {
            format!(
                "not sent: there was no connection for {timeout_ms} ms, so nothing was changed; try \
                 again when the server can be reached"
            )
        };
        Failure::new(ErrorCode::Timeout, message)
    }

    /// Notes that the server refused it for now.
    pub(super) fn refuse(&mut self, failure: Failure) {
        self.refusals += 1;
        self.refused = Some(failure);
    }

    /// Bytes that it holds, about.
    fn bytes(&self) -> usize {
        let operation = match &self.request.operation {
            // What was seen of its key is filled in when it is sent.
            Operation::Get { .. }
            | Operation::Settle { .. }
            | Operation::Edge(EdgeOperation::Read { .. }) => 0,
            Operation::List { span, after, .. }
            | Operation::Edge(EdgeOperation::Copies { span, after, .. }) => {
                span.bytes() + after.len()
            }
            Operation::Write { context, value, .. }
            | Operation::Edge(EdgeOperation::Lodge { context, value, .. }) => {
                context.len() + value.as_ref().map_or(0, |value| value.bytes.len())
            }
        };
        let name = self.bucket_name.as_ref().map_or(0, String::len);
        size_of::<Self>() + self.request.key.len() + name + operation
    }

    /// The moment at which something must happen to it.
    const fn due(&self) -> Instant {
        match self.stage {
            Stage::Resting(until) => until,
            Stage::Naming | Stage::Ready | Stage::Sent(_) => self.deadline,
        }
    }
}

fn indeterminate(why: &str) -> Failure {
    Failure::new(
        ErrorCode::Indeterminate,
        format!(
            "{why}: the write may or may not have been applied; read the key to see, or write it \
             again"
        ),
    )
}

/// All calls without an outcome, in the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: Map<CallId, Pending>,
    ready: Set<CallId>,
    due: Set<(Instant, CallId)>,
    sent: usize,
    bytes: usize,
}

impl Calls {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }

    /// Whether one more finds room.
    pub(super) fn has_room(&self, pending: &Pending) -> bool {
        self.calls.len() < CALLS_MAX && self.bytes + pending.bytes() <= CALL_BYTES_MAX
    }

    /// Adds a call; it is ready to be sent if the number of its bucket is known.
    pub(super) fn insert(&mut self, id: CallId, pending: Pending) {
        self.bytes += pending.bytes();
        self.due.insert((pending.due(), id));
        if pending.stage == Stage::Ready {
            self.ready.insert(id);
        }
        self.calls.insert(id, pending);
    }

    /// Takes a call out.
    pub(super) fn remove(&mut self, id: CallId) -> Option<Pending> {
        let pending = self.calls.remove(id)?;
        self.bytes -= pending.bytes();
        self.due.remove((pending.due(), id));
        self.leave(id, pending.stage);
        Some(pending)
    }

    /// The call of this id.
    pub(super) fn pending(&mut self, id: CallId) -> Option<&mut Pending> {
        self.calls.get_mut(id)
    }

    /// Moves a call to another stage.
    pub(super) fn put_in(&mut self, id: CallId, stage: Stage) {
        let Some(pending) = self.calls.get_mut(id) else {
            return;
        };
        let before = pending.stage;
        self.due.remove((pending.due(), id));
        pending.stage = stage;
        self.due.insert((pending.due(), id));
        self.leave(id, before);
        match stage {
            Stage::Ready => {
                self.ready.insert(id);
            }
            Stage::Sent(_) => self.sent += 1,
            Stage::Naming | Stage::Resting(_) => {}
        }
    }

    /// The oldest call that is ready, unless as many as may be are under way.
    pub(super) fn next_ready(&self) -> Option<CallId> {
        if self.sent >= CALLS_IN_FLIGHT_MAX {
            return None;
        }
        self.ready.first()
    }

    /// The calls that wait for an answer, of those that `which` picks.
    pub(super) fn sent(&self, which: impl Fn(&Pending) -> bool) -> Vec<CallId> {
        let is_sent = |pending: &Pending| matches!(pending.stage, Stage::Sent(_));
        self.calls
            .iter()
            .filter(|(_, pending)| is_sent(pending) && which(pending))
            .map(|(id, _)| id)
            .collect()
    }

    /// The calls whose buckets have no number yet.
    pub(super) fn naming(&self) -> Vec<CallId> {
        let calls = self.calls.iter();
        calls
            .filter(|(_, pending)| pending.stage == Stage::Naming)
            .map(|(id, _)| id)
            .collect()
    }

    /// The calls for pages of a list.
    pub(super) fn of_list(&self, list: u64) -> Vec<CallId> {
        let calls = self.calls.iter();
        calls
            .filter(|(_, pending)| pending.list == Some(list))
            .map(|(id, _)| id)
            .collect()
    }

    /// Every call.
    pub(super) fn ids(&self) -> Vec<CallId> {
        self.calls.keys().collect()
    }

    /// The next moment at which something must happen, and to which call.
    pub(super) fn next_due(&self) -> Option<(Instant, CallId)> {
        self.due.first()
    }

    fn leave(&mut self, id: CallId, stage: Stage) {
        match stage {
            Stage::Ready => {
                self.ready.remove(id);
            }
            Stage::Sent(_) => self.sent -= 1,
            Stage::Naming | Stage::Resting(_) => {}
        }
    }
}

/// Most time kept back from the server's, in milliseconds.
const ANSWER_MARGIN_MS: u64 = 250;
