//! What clients ask: reads and lists are answered from here where that is right; what is meant for the ring
//! is passed on.

use super::Edge;
use crate::causality::Token;
use crate::client::{Call, partition_of};
use crate::id::PartitionId;
use crate::leaf::{Answer, ListId, ListPage, ListSpec, PassId, ReadFrom, ReadId, Source, Write};
use crate::limits::{
    EDGE_REQUESTS_PER_CLIENT_MAX, KEY_BYTES_MAX, LIST_PAGE_BYTES, LISTING_ENTRIES_MAX,
};
use crate::selector::Span;
use crate::time::Instant;
use crate::wire::{
    ClientId, EdgeOperation, EdgeReply, Entry, ErrorCode, Failure, FrameKind, Listed, Operation,
    Reply, Request, Response,
};
use alloc::format;
use alloc::vec::Vec;

/// Who has asked, and what.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) client: ClientId,
    id: u64,
    read: Option<ReadAsked>,
}

/// A read.
#[derive(Clone, Debug)]
struct ReadAsked {
    key: Vec<u8>,
    /// What its reader has seen.
    seen: Vec<u8>,
    timeout_ms: u32,
    /// It may show what waits here.
    is_for_edge: bool,
}

impl Edge {
    /// Does what a client asks.
    pub(super) fn ask(
        &mut self,
        now: Instant,
        client: ClientId,
        partition: PartitionId,
        request: Request,
    ) {
        let asked = Asked {
            client,
            id: request.id,
            read: None,
        };
        let Some(served) = self.clients.get_mut(&client) else {
            return;
        };
        served.open += 1;
        let checked = match served.open > EDGE_REQUESTS_PER_CLIENT_MAX {
            true => Err(Failure::new(
                ErrorCode::RateLimited,
                format!(
                    "{EDGE_REQUESTS_PER_CLIENT_MAX} requests of this client are under way here; await \
                     some of them first"
                ),
            )),
            false => self.check(partition, &request),
        };
        let done = checked.and_then(|()| self.carry_out(now, asked.clone(), partition, request));
        if let Err(failure) = done {
            self.answer(&asked, Err(failure));
        }
    }

    /// Answers a request.
    pub(super) fn answer(&mut self, asked: &Asked, result: Result<Reply, Failure>) {
        if let Some(served) = self.clients.get_mut(&asked.client) {
            served.open = served.open.saturating_sub(1);
            let id = asked.id;
            served.say(FrameKind::Response, &Response { id, result });
        }
    }

    /// As a member checks a request; what only the ring can know, it says itself.
    fn check(&self, partition: PartitionId, request: &Request) -> Result<(), Failure> {
        let Some(greeted) = self.leaf.greeted() else {
            return Ok(());
        };
        if request.bucket != greeted.bucket {
            let known = core::iter::once(self.leaf.bucket());
            return Err(Failure::no_such_bucket(
                format!("of the number {}", request.bucket.0),
                known,
            ));
        }
        if let Operation::List { .. } | Operation::Edge(EdgeOperation::Copies { .. }) =
            request.operation
        {
            return Ok(());
        }
        let length = request.key.len();
        if !(1..=KEY_BYTES_MAX).contains(&length) {
            let message =
                format!("a key of {length} bytes; allowed are 1 to {KEY_BYTES_MAX} bytes");
            return Err(Failure::new(ErrorCode::KeyTooLarge, message));
        }
        let place = partition_of(request.bucket, &request.key, greeted.partitions);
        if place != partition {
            let message = format!(
                "the frame names partition {}, but its key lies in {}; the client computes it wrongly",
                partition.0, place.0
            );
            return Err(Failure::new(ErrorCode::Misrouted, message));
        }
        Ok(())
    }

    fn carry_out(
        &mut self,
        now: Instant,
        asked: Asked,
        partition: PartitionId,
        request: Request,
    ) -> Result<(), Failure> {
        let Request {
            timeout_ms,
            bucket,
            key,
            operation,
            ..
        } = request;
        let call = match operation {
            Operation::Edge(EdgeOperation::Read { seen }) => {
                return self.read(now, asked, key, seen, timeout_ms, true);
            }
            Operation::Get { level: None, seen } => {
                return self.read(now, asked, key, seen, timeout_ms, false);
            }
            Operation::Edge(EdgeOperation::Copies { span, after, limit }) => {
                return self.list(now, asked, span, after, limit);
            }
            Operation::Edge(EdgeOperation::Lodge {
                request,
                after,
                context,
                value,
                ttl_ms,
            }) => {
                let write = Write {
                    key,
                    value,
                    ttl_ms,
                    context,
                    ..Write::default()
                };
                self.lodge(now, asked, write, request, after);
                return Ok(());
            }
            Operation::Get { level, seen } => {
                Call::get(bucket, key).with_level(level).with_seen(seen)
            }
            Operation::Write {
                level,
                request,
                context,
                value,
                ttl_ms,
            } => match value {
                Some(value) => Call::put(bucket, key, value),
                None => Call::delete(bucket, key),
            }
            .with_level(level)
            .with_ttl_ms(ttl_ms)
            .with_context(context)
            .with_request(request),
            Operation::List {
                span,
                after,
                is_reverse,
                limit,
                r,
            } => Call::list(bucket, span, partition, after, limit)
                .in_reverse(is_reverse)
                .with_level(r),
        };
        let pass = self.leaf.pass(now, call.with_timeout_ms(timeout_ms))?;
        self.passes.insert(pass, asked);
        Ok(())
    }

    fn read(
        &mut self,
        now: Instant,
        mut asked: Asked,
        key: Vec<u8>,
        seen: Vec<u8>,
        timeout_ms: u32,
        is_for_edge: bool,
    ) -> Result<(), Failure> {
        if let Err(error) = Token::decode(&seen) {
            let message = format!("what was seen is no context that a read has returned: {error}");
            return Err(Failure::new(ErrorCode::Protocol, message));
        }
        let from = ReadFrom::Nearest;
        let id = self.leaf.read(now, key.clone(), from, None, timeout_ms)?;
        asked.read = Some(ReadAsked {
            key,
            seen,
            timeout_ms,
            is_for_edge,
        });
        self.reads.insert(id, asked);
        Ok(())
    }

    /// The leaf has read. What is older than what the reader has seen is not shown: the ring is asked.
    pub(super) fn has_read(&mut self, now: Instant, read: ReadId, result: Result<Answer, Failure>) {
        let Some(asked) = self.reads.remove(&read) else {
            return;
        };
        let answer = match result {
            Ok(answer) => answer,
            Err(failure) => return self.answer(&asked, Err(failure)),
        };
        let Some(of) = &asked.read else { return };
        let is_shown = match answer.source {
            Source::Waiting => of.is_for_edge,
            Source::Copy | Source::Ring => covers(&answer.context, &of.seen),
        };
        if is_shown {
            return self.answer(&asked, Ok(reply(answer)));
        }
        let call = Call::get(self.leaf.bucket_ref(), of.key.clone())
            .with_seen(of.seen.clone())
            .with_timeout_ms(of.timeout_ms);
        match self.leaf.pass(now, call) {
            Ok(pass) => drop(self.passes.insert(pass, asked)),
            Err(failure) => self.answer(&asked, Err(failure)),
        }
    }

    /// The ring has answered what was passed on.
    pub(super) fn has_passed(&mut self, pass: PassId, result: Result<Reply, Failure>) {
        if let Some(asked) = self.passes.remove(&pass) {
            self.answer(&asked, result);
        }
    }

    fn list(
        &mut self,
        now: Instant,
        asked: Asked,
        span: Span,
        after: Vec<u8>,
        limit: u32,
    ) -> Result<(), Failure> {
        let limit = match usize::try_from(limit) {
            Ok(limit @ 1..) => limit.min(LISTING_ENTRIES_MAX),
            _ => LISTING_ENTRIES_MAX,
        };
        let spec = ListSpec {
            span,
            after,
            limit,
            is_reverse: false,
            is_of_copies: true,
        };
        let id = self.leaf.list(now, spec)?;
        self.lists.insert(id, asked);
        Ok(())
    }

    /// The leaf has a page of copies.
    pub(super) fn has_listed(&mut self, list: ListId, result: Result<ListPage, Failure>) {
        if let Some(asked) = self.lists.remove(&list) {
            self.answer(&asked, result.map(page));
        }
    }
}

/// What a reader is told. A write that waits is one that may be shown, or has a version.
fn reply(answer: Answer) -> Reply {
    let Answer {
        source,
        value,
        version,
        siblings,
        context,
        ..
    } = answer;
    if source == Source::Waiting {
        return Reply::Edge(EdgeReply::Waiting { value, context });
    }
    match value.zip(version) {
        Some((value, version)) => Reply::Found(Entry {
            value,
            version,
            siblings,
            context,
        }),
        None => Reply::Missing { context },
    }
}

/// A page of no more bytes than one of the ring has.
fn page(page: ListPage) -> Reply {
    let mut entries: Vec<Listed> = Vec::new();
    let (mut bytes, mut next) = (0, page.next);
    for (key, answer) in page.entries {
        let Some((value, version)) = answer.value.zip(answer.version) else {
            continue;
        };
        let siblings = answer.siblings.iter().map(|it| it.bytes.len());
        bytes += key.len() + value.bytes.len() + siblings.sum::<usize>();
        if bytes > LIST_PAGE_BYTES
            && let Some(last) = entries.last()
        {
            next = Some(last.key.clone());
            break;
        }
        entries.push(Listed {
            key,
            value,
            version,
            siblings: answer.siblings,
            expires_at_ms: answer.expires_at_ms,
            context: answer.context,
        });
    }
    Reply::Listed { entries, next }
}

/// Whether who has `context` has seen all of `seen`.
fn covers(context: &[u8], seen: &[u8]) -> bool {
    let token = |bytes| Token::decode(bytes).unwrap_or_default();
    token(context).seen.covers(&token(seen).seen)
}
