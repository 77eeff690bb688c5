//! The client's state machine.

use super::backoff::delay;
use super::call::{Call, CallId, ClientError, ClientOutput, ConnectionState};
use super::lists::Lists;
use super::naming::Names;
use super::pending::{Calls, Pending, Stage};
use super::seen::{Seen, name};
use super::watching::Watches;
use crate::causality::DecodeError;
use crate::hash::{partition_at, position};
use crate::id::{BucketId, PartitionId};
use crate::limits::{
    CALL_BYTES_MAX, CALLS_MAX, CLIENT_MESSAGE_BYTES, PARTITIONS_MAX, PROTOCOL_VERSION,
};
use crate::rng::Rng;
use crate::time::{Duration, Instant};
use crate::wire::{
    EdgeOperation, ErrorCode, Failure, Features, FrameKind, Frames, Hello, Operation, Refusal,
    Role, Welcome, decode_body, edge, message_frame, put_message,
};
use alloc::collections::VecDeque;
use alloc::format;
use alloc::vec::Vec;

/// A client of the ring.
///
/// * The application: [`Client::submit`], [`Client::list`], [`Client::cancel`], [`Client::watch`],
///   [`Client::unwatch`].
/// * The socket: [`Client::handle_dialing`], [`Client::handle_connected`],
///   [`Client::handle_message`], [`Client::handle_disconnected`].
/// * The clock: [`Client::handle_timeout`], when [`Client::poll_timeout`] says.
/// * What to do: [`Client::poll_output`], drained after each of them; then [`Client::poll_watch`].
///
/// A write carries one request id through all its sends, so a resend is applied at most once.
#[derive(Debug)]
pub struct Client {
    session: u64,
    pub(super) rng: Rng,
    pub(super) now: Instant,
    pub(super) link: Link,
    pub(super) welcome: Option<Welcome>,
    /// The cluster that it belongs to, once it has met one.
    cluster: Option<u64>,
    pub(super) calls: Calls,
    pub(super) names: Names,
    pub(super) watches: Watches,
    pub(super) lists: Lists,
    calls_made: u64,
    pub(super) seen: Seen,
    pub(super) redials: u32,
    pub(super) outputs: VecDeque<ClientOutput>,
}

/// The connection, as the driver has told of it.
#[derive(Clone, Debug)]
pub(super) enum Link {
    Down,
    /// Dialled or greeted; given up at this moment.
    Opening(Instant),
    Open {
        since: Instant,
        heard_at: Instant,
    },
    Refused(Refusal),
}

impl Client {
    /// A client without a connection. `session` must be random: it numbers the writes of this
    /// client among those of all others.
    #[must_use]
    pub fn new(session: u64) -> Self {
        Self {
            session,
            rng: Rng::new(session),
            now: Instant::default(),
            link: Link::Down,
            welcome: None,
            cluster: None,
            calls: Calls::default(),
            names: Names::default(),
            watches: Watches::default(),
            lists: Lists::default(),
            calls_made: 0,
            seen: Seen::default(),
            redials: 0,
            outputs: VecDeque::new(),
        }
    }

    /// The driver has begun to open a socket. Not required, but without it nothing limits how long
    /// that takes.
    pub fn handle_dialing(&mut self, now: Instant) {
        self.now = now;
        self.open_until(now + Duration::from_millis(DIAL_MS));
    }

    /// A socket is open.
    pub fn handle_connected(&mut self, now: Instant) {
        self.now = now;
        self.open_until(now + Duration::from_millis(GREETING_MS));
        // Once it has met a cluster it takes no other: writes that wait belong to that one.
        let hello = Hello::new(self.cluster, Role::Client);
        let frame = message_frame(FrameKind::Hello, PartitionId(0), &hello);
        self.outputs.push_back(ClientOutput::Send(frame));
    }

    /// The socket is closed, or could not be opened. To be told once for each socket, and not for
    /// one that was dropped for [`ClientOutput::Redial`].
    pub fn handle_disconnected(&mut self, now: Instant) {
        self.now = now;
        self.drop_link(None);
    }

    /// The socket has brought one binary message: a batch of frames. After an error drop the
    /// socket and call [`Client::handle_disconnected`].
    pub fn handle_message(&mut self, now: Instant, message: &[u8]) -> Result<(), ClientError> {
        self.now = now;
        for frame in Frames::new(message) {
            let frame = frame?;
            match (&mut self.link, frame.kind) {
                (Link::Down | Link::Refused(_), _) => return Ok(()),
                (Link::Opening(_), FrameKind::Welcome) => {
                    self.on_welcome(decode_body(frame.body)?)?;
                }
                (
                    Link::Open { heard_at, .. },
                    FrameKind::Response | FrameKind::Notice | FrameKind::Events,
                ) => {
                    *heard_at = now;
                    self.on_open_frame(&frame)?;
                }
                (_, FrameKind::Refusal) => self.on_refusal(decode_body(frame.body)?),
                (_, kind) => return Err(ClientError::Unexpected(kind)),
            }
        }
        Ok(())
    }

    /// The socket has brought text: an edge node's sign of life. After an error drop the socket and call
    /// [`Client::handle_disconnected`].
    pub fn handle_text(&mut self, now: Instant, text: &str) -> Result<(), ClientError> {
        self.now = now;
        match &mut self.link {
            Link::Open { heard_at, .. } if text == edge::PONG => *heard_at = now,
            _ => return Err(ClientError::Text),
        }
        self.begin_watches();
        Ok(())
    }

    /// Takes a call: its outcome comes as [`ClientOutput::Done`]. An error is its outcome at once,
    /// and nothing was sent.
    pub fn submit(&mut self, now: Instant, call: Call) -> Result<CallId, Failure> {
        self.now = now;
        self.take_call(call, None)
    }

    /// Takes a call, which may be for a page of a list.
    pub(super) fn take_call(&mut self, call: Call, list: Option<u64>) -> Result<CallId, Failure> {
        if let Link::Refused(refusal) = &self.link {
            return Err(refused(refusal));
        }
        self.check(&call)?;
        let id = CallId(self.calls_made + 1);
        let pending = Pending::new(self.now, self.session, id, call, list);
        if !self.calls.has_room(&pending) {
            return Err(Failure::new(
                ErrorCode::RateLimited,
                format!(
                    "{} calls are waiting; at most {CALLS_MAX} calls and {CALL_BYTES_MAX} bytes \
                     may; await some of them first",
                    self.calls.len()
                ),
            ));
        }
        self.calls_made = id.0;
        self.calls.insert(id, pending);
        self.name(id);
        Ok(id)
    }

    /// Numbers a call that is none of the server's.
    pub(super) const fn number_call(&mut self) -> CallId {
        self.calls_made += 1;
        CallId(self.calls_made)
    }

    /// Forgets a call: it will have no outcome. True if it is a write that may be applied
    /// nevertheless.
    pub fn cancel(&mut self, call: CallId) -> bool {
        self.cancel_list(call);
        self.calls
            .remove(call)
            .is_some_and(|pending| pending.is_uncertain())
    }

    /// Time has come to what [`Client::poll_timeout`] said.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        self.drop_old_lists();
        while let Some((due, id)) = self.calls.next_due()
            && due <= now
        {
            self.on_due(id);
        }
        let is_slow = matches!(self.link, Link::Opening(until) if until <= now);
        if self.probe_watches() || is_slow {
            self.drop_link(None);
        }
    }

    /// When to call [`Client::handle_timeout`] next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let call = self.calls.next_due().map(|(due, _)| due);
        let opening = match self.link {
            Link::Opening(until) => Some(until),
            _ => None,
        };
        let all = [call, opening, self.next_probe(), self.lists.next_due()];
        all.into_iter().flatten().min()
    }

    /// The next thing to do; `None` until something happens.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<ClientOutput> {
        let ready = self.outputs.pop_front().or_else(|| self.batch());
        // What cannot be sent has its outcome at once.
        ready.or_else(|| self.outputs.pop_front())
    }

    /// Who answered last, and what it serves.
    #[must_use]
    pub const fn welcome(&self) -> Option<&Welcome> {
        self.welcome.as_ref()
    }

    /// The application has seen of this key what `context` says, and not as the answer to a call: later reads
    /// are not answered with less.
    ///
    /// # Errors
    ///
    /// If it is no context.
    pub fn note_seen(
        &mut self,
        bucket: &str,
        key: &[u8],
        context: &[u8],
    ) -> Result<(), DecodeError> {
        match self.names.find(bucket) {
            Some(Ok(bucket)) => self.seen.learn(name(bucket, key), context),
            // Nobody has asked for a key of it yet, or can.
            _ => Ok(()),
        }
    }

    /// What this client has read and written, for another client to go on from: one that joins it reads
    /// no less than this one. It has the keys of the last [`crate::limits::SESSION_KEYS_MAX`].
    #[must_use]
    pub fn session_token(&self) -> Vec<u8> {
        self.seen.encode(self.cluster)
    }

    /// Goes on from what another client has read and written, and takes no other cluster than that one has
    /// met: nobody else could answer.
    ///
    /// # Errors
    ///
    /// If `token` is none that [`Self::session_token`] has given, or this client has met another cluster;
    /// nothing is joined then.
    pub fn join_session(&mut self, token: &[u8]) -> Result<(), Failure> {
        self.cluster = self.seen.join(token, self.cluster)?;
        Ok(())
    }

    /// Asks for no signs of life: who has dialled this client sees to that.
    pub const fn stop_probing(&mut self) {
        self.watches.is_probing = false;
    }

    /// Takes no other cluster than the one of this id, from now on.
    pub fn expect_cluster(&mut self, now: Instant, cluster: u64) {
        self.now = now;
        self.cluster = Some(cluster);
        let met = self.welcome.as_ref().map(|welcome| welcome.cluster);
        if met.is_some_and(|met| met != cluster) {
            self.welcome = None;
            self.drop_link(None);
        }
    }

    /// Whether who answers is an edge node.
    #[must_use]
    pub fn is_at_edge(&self) -> bool {
        matches!(self.link, Link::Open { .. }) && self.serves(Features::EDGE)
    }

    /// Whether a server has refused this client for good.
    #[must_use]
    pub const fn is_refused(&self) -> bool {
        matches!(self.link, Link::Refused(_))
    }

    /// Calls without an outcome.
    #[must_use]
    pub fn open_calls(&self) -> usize {
        self.calls.len()
    }

    fn open_until(&mut self, until: Instant) {
        if !matches!(self.link, Link::Opening(_)) {
            self.outputs
                .push_back(ClientOutput::State(ConnectionState::Connecting));
        }
        self.link = Link::Opening(until);
    }

    fn on_welcome(&mut self, welcome: Welcome) -> Result<(), ClientError> {
        let Welcome {
            version,
            partitions,
            ..
        } = welcome;
        let is_usable = version == PROTOCOL_VERSION
            && partitions.is_power_of_two()
            && partitions <= PARTITIONS_MAX;
        if !is_usable {
            return Err(ClientError::Welcome {
                version,
                partitions,
            });
        }
        self.link = Link::Open {
            since: self.now,
            heard_at: self.now,
        };
        self.outputs
            .push_back(ClientOutput::State(ConnectionState::Online {
                member: welcome.name.clone(),
                replicas: welcome.replicas,
            }));
        self.cluster = Some(welcome.cluster);
        self.welcome = Some(welcome);
        self.begin_watches();
        Ok(())
    }

    fn on_refusal(&mut self, refusal: Refusal) {
        if refusal.code.is_retryable() {
            self.drop_link(Some(refused(&refusal)));
            return;
        }
        for id in self.calls.ids() {
            self.finish(id, |pending| Err(pending.failed(refused(&refusal))));
        }
        self.link = Link::Refused(refusal.clone());
        self.outputs.push_back(ClientOutput::Refused(refusal));
    }

    /// The connection is lost or given up: dials again, unless the server refused this client.
    pub(super) fn drop_link(&mut self, failure: Option<Failure>) {
        match self.link {
            Link::Refused(_) => return,
            Link::Open { since, .. }
                if self.now.since(since) >= Duration::from_millis(STEADY_MS) =>
            {
                self.redials = 0;
            }
            _ => {}
        }
        self.link = Link::Down;
        self.names.forget();
        let lost = self.calls.sent(|_| true);
        self.send_again(&lost);
        self.lose_watches(|_| true);
        let at = self.now + delay(&mut self.rng, self.redials, REDIAL_FIRST_MS, REDIAL_MAX_MS);
        self.redials = self.redials.saturating_add(1);
        self.outputs
            .push_back(ClientOutput::State(ConnectionState::Offline {
                redial_at: at,
                failure,
            }));
        self.outputs.push_back(ClientOutput::Redial { at });
    }

    /// Everything that is ready, as one message; nothing waits for more to come.
    fn batch(&mut self) -> Option<ClientOutput> {
        if !matches!(self.link, Link::Open { .. }) {
            return None;
        }
        let partitions = self.partitions();
        let mut message = Vec::new();
        self.put_watches(&mut message);
        while message.len() < CLIENT_MESSAGE_BYTES
            && let Some(id) = self.calls.next_ready()
        {
            let now = self.now;
            if let Some(failure) = self.lacks(id) {
                self.finish(id, |_| Err(failure));
                continue;
            }
            if let Some(pending) = self.calls.pending(id) {
                let asked = pending.request.timeout_ms;
                pending.request.timeout_ms = pending.server_timeout_ms(now);
                let partition = pending.partition(partitions);
                let name = pending.seen_name();
                if let Operation::Get { seen, .. }
                | Operation::Settle { seen, .. }
                | Operation::Edge(EdgeOperation::Read { seen }) = &mut pending.request.operation
                    && let Some(name) = name
                {
                    // What no token is was refused when the call was made.
                    let _ = self.seen.learn(name, seen);
                    *seen = self.seen.of(name);
                }
                put_message(
                    &mut message,
                    FrameKind::Request,
                    partition,
                    &pending.request,
                );
                pending.request.timeout_ms = asked;
            }
            self.calls.put_in(id, Stage::Sent(now));
        }
        (!message.is_empty()).then_some(ClientOutput::Send(message))
    }

    pub(super) fn partitions(&self) -> u16 {
        self.welcome
            .as_ref()
            .map_or(1, |welcome| welcome.partitions)
    }
}

/// The partition of `key` of `bucket` on a ring of `partitions`, a power of two: the highest bits of its
/// position.
#[must_use]
pub fn partition_of(bucket: BucketId, key: &[u8], partitions: u16) -> PartitionId {
    partition_at(position(bucket, key), partitions)
}

fn refused(refusal: &Refusal) -> Failure {
    Failure::new(refusal.code, refusal.message.clone())
}

/// How long a socket may take to open, in milliseconds.
const DIAL_MS: u64 = 5_000;
/// How long a server may take to greet, in milliseconds.
const GREETING_MS: u64 = 5_000;
/// First and longest wait before a lost connection is dialled again, in milliseconds.
const REDIAL_FIRST_MS: u64 = 50;
const REDIAL_MAX_MS: u64 = 5_000;
/// A connection that lasted this long, in milliseconds, was a good one: the next wait is the first.
const STEADY_MS: u64 = 5_000;
