//! Writes of clients are kept until the ring has them, and their makers hear of it.

use super::asking::Asked;
use super::{ClientId, Edge};
use crate::causality::Token;
use crate::id::RequestId;
use crate::leaf::{Before, Progress, Write, WriteId};
use crate::limits::{EDGE_MAKERS_PER_CLIENT_MAX, EDGE_OUTCOMES_MAX};
use crate::planted::{Bug, is_planted};
use crate::time::Instant;
use crate::wire::{EdgeNotice, EdgeReply, ErrorCode, Failure, FrameKind, Notice, Reply};
use alloc::collections::VecDeque;
use alloc::format;
use alloc::vec::Vec;

/// What the ring has said last of writes: a maker may not have heard of it when it makes the next, or hands
/// that one in again.
#[derive(Debug, Default)]
pub(super) struct Outcomes(VecDeque<(RequestId, Reply)>);

impl Outcomes {
    fn note(&mut self, request: RequestId, outcome: Reply) {
        if self.0.len() >= EDGE_OUTCOMES_MAX {
            self.0.pop_front();
        }
        self.0.push_back((request, outcome));
    }

    fn of(&self, request: RequestId) -> Option<&Reply> {
        let mut newest_first = self.0.iter().rev();
        let (_, outcome) = newest_first.find(|(it, _)| *it == request)?;
        Some(outcome)
    }

    fn context(&self, request: RequestId) -> Option<&[u8]> {
        match self.of(request)? {
            Reply::Written { context, .. } => Some(context),
            _ => None,
        }
    }
}

impl Edge {
    /// Takes a write of a client, whose maker has seen the write `after` at its key.
    pub(super) fn lodge(
        &mut self,
        now: Instant,
        asked: Asked,
        mut write: Write,
        request: RequestId,
        after: Option<RequestId>,
    ) {
        write.request = Some(request);
        write.before = match after {
            Some(after) if self.leaf.is_waiting(after) => Before::One(after),
            Some(after) => {
                let context = self.outcomes.context(after);
                write.context = joined(write.context, context);
                Before::None
            }
            None => Before::None,
        };
        if let Err(failure) = self.note_maker(asked.client, request.client) {
            return self.answer(&asked, Err(failure));
        }
        // The ring has it, and might take it anew: whom it has asked then need not have heard of it.
        if let Some(outcome) = self.outcomes.of(request).cloned() {
            self.answer(&asked, Ok(Reply::Edge(EdgeReply::Lodged)));
            return self.tell_outcome(request, Ok(outcome));
        }
        match self.leaf.write(now, write) {
            Ok(_) if is_planted(Bug::LodgedBeforeDurable) => {
                self.answer(&asked, Ok(Reply::Edge(EdgeReply::Lodged)));
            }
            Ok(write) => self.lodging.entry(write).or_default().push(asked),
            Err(failure) => self.answer(&asked, Err(failure)),
        }
    }

    /// What becomes of the writes of `maker` is told over this client's connection.
    fn note_maker(&mut self, client: ClientId, maker: u64) -> Result<(), Failure> {
        let Some(served) = self.clients.get_mut(&client) else {
            return Ok(());
        };
        if served.makers.contains(&maker) {
            return Ok(());
        }
        if served.makers.len() >= EDGE_MAKERS_PER_CLIENT_MAX {
            let message = format!(
                "writes of {EDGE_MAKERS_PER_CLIENT_MAX} makers have come over this connection, and \
                 no more may; connect again"
            );
            return Err(Failure::new(ErrorCode::RateLimited, message));
        }
        served.makers.push(maker);
        served.is_changed = true;
        Ok(())
    }

    /// A write has come further.
    pub(super) fn come_further(&mut self, write: WriteId, request: RequestId, progress: Progress) {
        for asked in self.lodging.remove(&write).unwrap_or_default() {
            self.answer(&asked, Ok(Reply::Edge(EdgeReply::Lodged)));
        }
        let result = match progress {
            Progress::Local | Progress::Edge => return,
            Progress::Ring {
                version,
                context,
                is_alone,
            } => {
                let outcome = Reply::Written {
                    version,
                    context,
                    is_alone,
                };
                self.outcomes.note(request, outcome.clone());
                Ok(outcome)
            }
            Progress::Refused { failure, .. } => Err(failure),
        };
        self.tell_outcome(request, result);
    }

    /// Tells all clients that its maker may be behind what has become of a write.
    fn tell_outcome(&mut self, request: RequestId, result: Result<Reply, Failure>) {
        let settled = Notice::Edge(EdgeNotice::Settled { request, result });
        for served in self.clients.values_mut() {
            if served.makers.contains(&request.client) {
                served.say(FrameKind::Notice, &settled);
            }
        }
    }
}

/// What has seen both. Contexts that cannot be read are refused where they are handed in.
fn joined(own: Vec<u8>, other: Option<&[u8]>) -> Vec<u8> {
    match (Token::decode(&own), other.map(Token::decode)) {
        (Ok(mut token), Some(Ok(other))) => {
            token.join(&other);
            token.encode()
        }
        _ => own,
    }
}
