//! How a call comes to its outcome: answers, refusals, losses and deadlines.

use super::backoff::delay;
use super::call::{CallId, ClientError, ClientOutput};
use super::pending::{Pending, Stage};
use super::session::{Client, Link};
use crate::time::Duration;
use crate::wire::{
    EdgeNotice, Entry, ErrorCode, Failure, Features, Frame, FrameKind, Notice, Reply, Response,
    decode_body,
};
use alloc::format;

impl Client {
    /// A frame of a server that has greeted.
    pub(super) fn on_open_frame(&mut self, frame: &Frame<'_>) -> Result<(), ClientError> {
        // It does answer: the next loss is a new story.
        self.redials = 0;
        match frame.kind {
            FrameKind::Response => return self.on_response(decode_body(frame.body)?),
            FrameKind::Events => return self.on_events(frame),
            _ => {}
        }
        let (modulus, remainder) = match decode_body(frame.body)? {
            Notice::ShardRestarted { modulus, remainder } => (modulus, remainder),
            Notice::Buckets(buckets) => {
                self.on_buckets(buckets);
                return Ok(());
            }
            Notice::Edge(EdgeNotice::Settled { request, result }) => {
                let settled = ClientOutput::Settled { request, result };
                self.outputs.push_back(settled);
                return Ok(());
            }
        };
        if modulus == 0 {
            return Err(ClientError::NoShards);
        }
        let partitions = self.partitions();
        let lost = self
            .calls
            .sent(|pending| pending.partition(partitions).0 % modulus == remainder);
        self.send_again(&lost);
        self.lose_watches(|place| place.0 % modulus == remainder);
        Ok(())
    }

    fn on_response(&mut self, response: Response) -> Result<(), ClientError> {
        let id = CallId(response.id);
        // An answer to a call that was cancelled or has timed out is nobody's.
        let Some(pending) = self.calls.pending(id) else {
            return Ok(());
        };
        match response.result {
            Ok(reply) => {
                if !pending.fits(&reply) {
                    return Err(ClientError::WrongReply(id));
                }
                if let (
                    Reply::Found(Entry { context, .. })
                    | Reply::Missing { context }
                    | Reply::Written { context, .. },
                    Some(name),
                ) = (&reply, pending.seen_name())
                {
                    let learned = self.seen.learn(name, context);
                    learned.map_err(|_| ClientError::WrongReply(id))?;
                }
                self.finish(id, |_| Ok(reply));
            }
            Err(failure) if matches!(pending.stage(), Stage::Sent(_)) => {
                self.on_failure(id, failure);
            }
            // It was sent again since: that answer counts.
            Err(_) => {}
        }
        Ok(())
    }

    /// Why a call cannot be sent to the server that there is: that would end the connection.
    pub(super) fn lacks(&mut self, id: CallId) -> Option<Failure> {
        let is_list = self.calls.pending(id)?.place.is_some();
        (is_list && !self.serves(Features::LISTS)).then(|| self.cannot("lists"))
    }

    /// Whether the server says that it serves `feature`.
    pub(super) fn serves(&self, feature: Features) -> bool {
        self.welcome()
            .is_some_and(|welcome| welcome.features.has(feature))
    }

    /// What is said of something that the server does not serve.
    pub(super) fn cannot(&self, what: &str) -> Failure {
        let name = self.welcome().map_or("the server", |welcome| &welcome.name);
        let message = format!("{name} is of a version without {what}; upgrade it, or use another");
        Failure::new(ErrorCode::Protocol, message)
    }

    /// A failure that may pass is tried again while there is time; any other is the outcome.
    fn on_failure(&mut self, id: CallId, failure: Failure) {
        let Some(pending) = self.calls.pending(id) else {
            return;
        };
        if matches!(
            failure.code,
            ErrorCode::Unavailable | ErrorCode::RateLimited
        ) {
            let wait = delay(
                &mut self.rng,
                pending.refusals,
                RETRY_FIRST_MS,
                RETRY_MAX_MS,
            );
            let at = self.now + wait;
            if at < pending.deadline {
                pending.refuse(failure);
                self.calls.put_in(id, Stage::Resting(at));
                return;
            }
        }
        self.finish(id, |pending| Err(pending.failed(failure)));
    }

    /// The moment of a call has come: its deadline, or the end of its rest.
    pub(super) fn on_due(&mut self, id: CallId) {
        let Some(pending) = self.calls.pending(id) else {
            return;
        };
        let stage = pending.stage();
        if self.now < pending.deadline {
            self.calls.put_in(id, Stage::Ready);
            return;
        }
        self.finish(id, |pending| Err(pending.expired()));
        if let (Stage::Sent(at), Link::Open { heard_at, .. }) = (stage, &self.link)
            && *heard_at <= at
            && self.now.since(at) >= Duration::from_millis(SILENCE_MS)
        {
            self.drop_link(None);
        }
    }

    /// The answers to these calls are lost. The same request id makes sending again safe; a call
    /// that brings every connection down must end some time.
    pub(super) fn send_again(&mut self, lost: &[CallId]) {
        for &id in lost {
            let Some(pending) = self.calls.pending(id) else {
                continue;
            };
            pending.losses += 1;
            if pending.losses < crate::limits::CALL_SENDS_MAX {
                self.calls.put_in(id, Stage::Ready);
            } else {
                self.finish(id, |pending| Err(pending.lost()));
            }
        }
    }

    /// Takes a call out with its outcome.
    pub(super) fn finish(
        &mut self,
        id: CallId,
        how: impl FnOnce(&Pending) -> Result<Reply, Failure>,
    ) {
        let Some(pending) = self.calls.remove(id) else {
            return;
        };
        let result = how(&pending);
        match (pending.list, pending.place) {
            (Some(list), Some(place)) => self.take_page(list, place, result),
            _ => self
                .outputs
                .push_back(ClientOutput::Done { call: id, result }),
        }
    }
}

/// First and longest wait before a refused call is sent again, in milliseconds.
const RETRY_FIRST_MS: u64 = 20;
const RETRY_MAX_MS: u64 = 500;
/// A call that ends without an answer this long after it was sent, in milliseconds, on a connection
/// that has brought nothing else since, is evidence that the connection is dead.
const SILENCE_MS: u64 = 3_000;
