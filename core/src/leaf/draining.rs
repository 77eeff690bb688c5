//! Writes go to the ring.

use super::record::{self, Copy, Found, REMOVED, Waiting};
use super::taking::Acknowledged;
use super::{FirstDial, Leaf, LeafOutput, Phase, Progress, Purpose, WriteId};
use crate::causality::{Hlc, Token};
use crate::client::{Call, ConnectionState};
use crate::hash::hash64;
use crate::id::RequestId;
use crate::limits::{
    OUTBOX_GONE_MAX, OUTBOX_IN_FLIGHT_MAX, OUTBOX_RETRY_FIRST_MS, OUTBOX_RETRY_MAX_MS,
    TIMEOUT_MAX_MS,
};
use crate::time::Duration;
use crate::wire::{EdgeReply, ErrorCode, Failure, Reply};
use alloc::string::String;
use alloc::vec::Vec;

impl Leaf {
    /// The connection is in another state.
    pub(super) fn turn_to(&mut self, state: ConnectionState) {
        self.is_online = matches!(state, ConnectionState::Online { .. });
        if state != ConnectionState::Connecting {
            self.first_dial = FirstDial::Over;
        }
        self.outputs.push_back(LeafOutput::State(state));
        if !self.is_online {
            self.hear_nothing();
            self.leave_edge();
            if self.first_dial == FirstDial::Over {
                self.answer_nearest();
            }
            return;
        }
        self.connections += 1;
        self.note_cluster();
        self.outbox.wake_all();
        self.send_writes();
        self.go_on_filling();
        self.doubt_again();
    }

    /// What is here belongs to the cluster that has greeted first.
    pub(super) fn note_cluster(&mut self) {
        if self.settings.is_edge {
            self.note_greeting();
        }
        let met = self.client.welcome().map(|welcome| welcome.cluster);
        if met.is_some() && self.own.cluster.is_none() && matches!(self.phase, Phase::Open) {
            self.own.cluster = met;
            self.put(record::own_key(), &record::encode(&self.own), false);
        }
    }

    /// Sends what may be sent.
    pub(super) fn send_writes(&mut self) {
        if !self.is_online || !matches!(self.phase, Phase::Open) {
            return;
        }
        while self.writes_under_way < OUTBOX_IN_FLIGHT_MAX
            && let Some((id, waiting)) = self.outbox.take_ready()
        {
            let mut call = call(&self.settings.bucket, waiting, self.now.as_millis());
            if self.client.is_at_edge() {
                self.was_at_edge = true;
                call = call.at_edge(self.outbox.before(id).map(|before| before.request));
            }
            match self.client.submit(self.now, call) {
                Ok(call) => {
                    self.calls.insert(call, Purpose::Write(id));
                    self.writes_under_way += 1;
                }
                Err(failure) => self.settle(id, failure),
            }
        }
    }

    /// An edge node has heard what has become of a write.
    pub(super) fn settled(&mut self, request: RequestId, result: Result<Reply, Failure>) {
        if let Some(id) = self.outbox.find(request) {
            // To the client it was over when it was lodged.
            if let (Some(waiting), Ok(Reply::Written { context, .. })) =
                (self.outbox.get(id), &result)
            {
                let bucket = &self.settings.bucket;
                // A context that is none has seen nothing.
                let _ = self.client.note_seen(bucket, &waiting.key, context);
            }
            self.come_to(id, result);
            self.send_writes();
        }
    }

    /// The connection is gone. If it was to an edge node, the next may be to a stone, which takes one write
    /// of a key at a time, and pages by their partitions.
    fn leave_edge(&mut self) {
        if !core::mem::take(&mut self.was_at_edge) {
            return;
        }
        for id in self.calls.keys().collect::<Vec<_>>() {
            match self.calls.get(id) {
                Some(Purpose::Write(_)) => self.writes_under_way -= 1,
                Some(Purpose::Page(page)) => self.forget_page(&page.clone()),
                _ => continue,
            }
            self.calls.remove(id);
            self.client.cancel(id);
        }
        let held = &self.held;
        self.outbox
            .take_back(|id| held.iter().any(|(_, it)| *it == id));
    }

    /// A write that was under way has come to this.
    pub(super) fn written(&mut self, id: WriteId, result: Result<Reply, Failure>) {
        self.writes_under_way -= 1;
        self.come_to(id, result);
        self.send_writes();
    }

    fn come_to(&mut self, id: WriteId, result: Result<Reply, Failure>) {
        match result {
            Ok(Reply::Written {
                version,
                context,
                is_alone,
            }) => {
                let Some(waiting) = self.outbox.get(id) else {
                    return;
                };
                // The key shows other writes too, or, if this one was sent before, others by now.
                if !is_alone {
                    return self.confirm(id, version);
                }
                let expires_at_ms = waiting.expires_at_ms();
                let found = waiting.value.clone().map(|value| Found {
                    value,
                    version,
                    siblings: Vec::new(),
                    expires_at_ms,
                });
                self.acknowledge(Acknowledged {
                    write: id,
                    version,
                    copy: Copy { found, context },
                });
            }
            Ok(Reply::Edge(EdgeReply::Lodged)) => {
                if let Some(waiting) = self.outbox.get(id) {
                    let request = waiting.request;
                    self.outbox.lodge(id);
                    self.say(id, request, Progress::Edge);
                }
            }
            Ok(_) => self.settle(
                id,
                Failure::new(ErrorCode::Internal, "no answer to a write"),
            ),
            Err(failure) => self.settle(id, failure),
        }
    }

    /// Reads what a key shows whose write the ring has taken before.
    fn confirm(&mut self, id: WriteId, version: Hlc) {
        let Some(waiting) = self.outbox.get(id) else {
            return;
        };
        let call = Call::get(self.settings.bucket.clone(), waiting.key.clone())
            .with_timeout_ms(TIMEOUT_MAX_MS);
        match self.client.submit(self.now, call) {
            Ok(call) => {
                self.calls.insert(call, Purpose::Confirm(id, version));
                self.writes_under_way += 1;
            }
            Err(failure) => self.settle(id, failure),
        }
    }

    /// What a key shows whose write the ring has taken before.
    pub(super) fn confirmed(
        &mut self,
        write: WriteId,
        version: Hlc,
        result: Result<Reply, Failure>,
    ) {
        self.writes_under_way -= 1;
        match result.map(Copy::of_reply) {
            Ok(Some(copy)) => self.acknowledge(Acknowledged {
                write,
                version,
                copy,
            }),
            Ok(None) => {}
            Err(failure) => self.settle(write, failure),
        }
        self.send_writes();
    }

    /// The ring has taken a write, and this is the copy to have of its key. That is stored before the write
    /// is taken out: a log that ends between them must not show an older copy.
    fn acknowledge(&mut self, acknowledged: Acknowledged) {
        let write = acknowledged.write;
        if !self.outbox.is_oldest(write) {
            // What an edge node has said of the one before is still looked into. That one must not be shown,
            // nor sent again after a crash, when this one is out.
            self.early.insert(write, acknowledged);
            return;
        }
        self.acknowledged.push_back(acknowledged);
        self.take_in();
    }

    /// The write before `next` at its key is out: what the ring has said of this one counts.
    fn acknowledge_next(&mut self, next: Option<WriteId>) {
        if let Some(early) = next.and_then(|next| self.early.remove(next)) {
            self.acknowledged.push_back(early);
        }
    }

    /// The ring has taken a write, and its copy is stored.
    pub(super) fn end_write(&mut self, acknowledged: Acknowledged) {
        let Acknowledged {
            write,
            version,
            copy,
        } = acknowledged;
        let Some((waiting, next)) = self.remove(write) else {
            return;
        };
        if let Some(follower) = self.outbox.follower(&waiting, next) {
            self.follow(follower, &waiting.context, &copy.context);
        }
        let is_alone = match (&waiting.value, &copy.found) {
            // Of a write that was over before there is no more than the version of a later one.
            (Some(value), Some(found)) => {
                found.version == version && found.value == *value && found.siblings.is_empty()
            }
            (None, None) => true,
            _ => false,
        };
        let progress = Progress::Ring {
            version,
            context: copy.context,
            is_alone,
        };
        self.say(write, waiting.request, progress);
        self.go_on(&waiting.key);
        self.acknowledge_next(next);
    }

    /// Gives a write up if the ring will never take it, and lets it rest otherwise.
    fn settle(&mut self, id: WriteId, failure: Failure) {
        let is_final = matches!(
            failure.code,
            ErrorCode::KeyTooLarge
                | ErrorCode::ValueTooLarge
                | ErrorCode::Level
                | ErrorCode::NoSuchBucket
                | ErrorCode::Protocol
        );
        // A server that takes nobody says nothing about the write.
        if !is_final || self.client.is_refused() {
            let now = self.now;
            return self.outbox.give_back(id, |failures| {
                let wait = OUTBOX_RETRY_FIRST_MS << failures.min(16);
                now + Duration::from_millis(wait.min(OUTBOX_RETRY_MAX_MS))
            });
        }
        if let Some((waiting, next)) = self.remove(id) {
            self.go_on(&waiting.key);
            let key = waiting.key;
            // It is not shown any more.
            self.tell(&key);
            self.say(id, waiting.request, Progress::Refused { key, failure });
            self.acknowledge_next(next);
            self.take_in();
        }
    }

    /// Takes a write out. The next of its key is sent when that is durable: a life after this one must not
    /// send the older write again when the ring has the newer one.
    fn remove(&mut self, id: WriteId) -> Option<(Waiting, Option<WriteId>)> {
        let (waiting, next) = self.outbox.finish(id)?;
        self.early.remove(id);
        if let Some(batch) = self.put(record::outbox_key(id.0), REMOVED, false) {
            let key = hash64(&waiting.key);
            self.leaving.insert((key, id));
            self.left.push_back((batch, (key, id)));
            if let Some(next) = next {
                self.held.push_back((batch, next));
            }
        }
        self.note_oldest();
        Some((waiting, next))
    }

    /// Notes now and then below which number nothing waits, so that the next run need not go through all
    /// that has waited ever.
    fn note_oldest(&mut self) {
        let oldest = self.outbox.oldest_id().map_or(self.next_write, |it| it.0);
        if oldest >= self.own.oldest_write + OUTBOX_GONE_MAX {
            self.own.oldest_write = oldest;
            self.put(record::own_key(), &record::encode(&self.own), false);
        }
    }

    /// The next write of a key has seen what the one before has come to: also after a restart.
    /// If its outcome shows writes of others too, which nobody here has seen, it is not taken for seen: they
    /// stay, beside the write before, where the bucket keeps siblings.
    fn follow(&mut self, next: WriteId, before: &[u8], after: &[u8]) {
        let (Ok(before), Ok(mut token)) = (Token::decode(before), Token::decode(after)) else {
            return;
        };
        if !is_one_write(&before, &token) {
            token.seen = before.seen;
        }
        if let Ok(own) = Token::decode(self.outbox.context(next)) {
            token.join(&own);
        }
        let before = self.outbox.seen_before(next);
        if let Some(waiting) = self.outbox.set_context(next, token.encode()) {
            let bytes = record::encode_waiting(waiting, before);
            self.put(record::outbox_key(next.0), &bytes, false);
        }
    }
}

/// Whether there is one write between these, and no more.
fn is_one_write(before: &Token, after: &Token) -> bool {
    let news = after.seen.iter().map(|(actor, counter)| {
        let known = before.seen.counter(actor);
        counter.saturating_sub(known)
    });
    news.sum::<u64>() == 1
}

/// The request of a write at `now_ms`. What has ended meanwhile deletes what was there before it.
fn call(bucket: &str, waiting: &Waiting, now_ms: u64) -> Call {
    let (bucket, key) = (String::from(bucket), waiting.key.clone());
    let (value, ttl_ms) = waiting.left(now_ms);
    let call = match value {
        Some(value) => Call::put(bucket, key, value.clone()),
        None => Call::delete(bucket, key),
    };
    call.with_ttl_ms(ttl_ms)
        .with_context(waiting.context.clone())
        .with_request(waiting.request)
        .with_timeout_ms(TIMEOUT_MAX_MS)
}
