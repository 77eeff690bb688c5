//! Watches of an application: kept up over lost connections, and told each change once.
//!
//! A server tells a watch what one or more *streams* bring, and how far each of them is. With that the
//! watch goes on wherever the next connection leads to. The streams of two owners bring the same
//! changes, and a stream that goes on from a mark brings some again: what was told is remembered here,
//! for the [`WATCH_TOLD_MAX`] keys of which something was told last.

use super::call::{ClientError, ClientOutput};
use super::naming::BucketRef;
use super::session::{Client, Link};
use crate::id::{BucketId, MemberId, PartitionId};
use crate::limits::{
    WATCH_ACK_BYTES, WATCH_MARKS_MAX, WATCH_PROBE_MS, WATCH_PROBE_PATIENCE_MS, WATCH_TOLD_MAX,
    WATCHES_PER_CLIENT_MAX,
};
use crate::selector::{Selector, Span};
use crate::sorted::{Map, Set, words};
use crate::time::{Duration, Instant};
use crate::watch::told::Told;
use crate::watch::{Change, Mark, Position, Token};
use crate::wire::{
    ErrorCode, Failure, Features, Frame, FrameKind, Shown, WatchEvents, WatchRequest, decode_body,
    edge, put_message,
};
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

/// A watch of one client, numbered from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WatchId(pub u64);

words!(WatchId(u64));

/// What an application wants to watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchSpec {
    /// The bucket.
    pub bucket: BucketRef,
    /// Which of its keys.
    pub span: Span,
    /// What [`Client::watch_token`] has given an earlier watch of the same keys; empty to begin now.
    pub token: Vec<u8>,
}

/// What an application hears of a watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchOutput {
    /// What changes from here on will be told: what is read after this and what is told is everything.
    /// With a token also what has changed since then.
    Watching {
        /// The watch.
        watch: WatchId,
    },
    /// Keys have changed: each is in this state now, or in a later one that is still to be told.
    Changes {
        /// The watch.
        watch: WatchId,
        /// In which order they were heard of; never empty.
        changes: Vec<Change>,
    },
    /// It goes on where it was, over another connection or from a token: what had changed meanwhile has been
    /// told.
    Resumed {
        /// The watch.
        watch: WatchId,
    },
    /// Some changes are not known any more: what is read after this and what is told is everything.
    Resync {
        /// The watch.
        watch: WatchId,
    },
    /// An edge node shows a key otherwise than before. It may be older than what was read meanwhile.
    Shown {
        /// The watch.
        watch: WatchId,
        /// How.
        shown: Shown,
    },
    /// This cannot be watched; the watch has ended.
    Failed {
        /// The watch.
        watch: WatchId,
        /// Why.
        failure: Failure,
    },
}

/// All watches of a client.
#[derive(Debug)]
pub(super) struct Watches {
    pub(super) watches: Map<WatchId, Watch>,
    pub(super) made: u64,
    /// The watches by the numbers that the present connection has for them.
    pub(super) numbers: Map<u64, WatchId>,
    pub(super) next_number: u64,
    pub(super) streams: Map<StreamId, Stream>,
    pub(super) told: Told,
    pub(super) outputs: VecDeque<WatchOutput>,
    pub(super) requests: VecDeque<(PartitionId, WatchRequest)>,
    pub(super) unacknowledged: Map<PartitionId, usize>,
    /// When a server has told something last.
    pub(super) heard_at: Instant,
    pub(super) probed_at: Option<Instant>,
    pub(super) is_probing: bool,
}

/// A stream as the present connection numbers it: the shard there, and its number for the stream.
pub(super) type StreamId = (PartitionId, u32);

#[derive(Debug)]
pub(super) struct Watch {
    pub(super) bucket: BucketRef,
    /// Its number, once the watch has begun.
    pub(super) bucket_id: BucketId,
    pub(super) span: Span,
    pub(super) stage: Stage,
    /// What the present connection calls it.
    pub(super) number: u64,
    /// Where it is kept there.
    pub(super) home: PartitionId,
    /// It has begun without a token.
    pub(super) is_fresh: bool,
    /// The application knows that it watches, or has watched before.
    pub(super) is_known: bool,
    pub(super) streams: Set<StreamId>,
    pub(super) marks: Map<(MemberId, u64), Reached>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// To be begun when there is a connection, and the number of its bucket is known.
    Ready,
    Sent,
}

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) member: MemberId,
    pub(super) incarnation: u64,
    pub(super) reached: Option<Reached>,
}

/// Where a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reached {
    pub(super) position: Position,
    /// What was told last when it was heard.
    pub(super) number: u64,
}

impl Default for Watches {
    fn default() -> Self {
        Self {
            watches: Map::new(),
            made: 0,
            numbers: Map::new(),
            next_number: 1,
            streams: Map::new(),
            told: Told::new(WATCH_TOLD_MAX),
            outputs: VecDeque::new(),
            requests: VecDeque::new(),
            unacknowledged: Map::new(),
            heard_at: Instant::default(),
            probed_at: None,
            is_probing: true,
        }
    }
}

impl Client {
    /// Watches keys until [`Self::unwatch`]: what happens comes from [`Self::poll_watch`].
    ///
    /// # Errors
    ///
    /// If there are too many watches, or these keys or this token cannot be.
    pub fn watch(&mut self, now: Instant, spec: WatchSpec) -> Result<WatchId, Failure> {
        self.now = now;
        let selector = Selector {
            bucket: BucketId::default(),
            span: spec.span,
        };
        selector.check()?;
        if self.watches.watches.len() >= WATCHES_PER_CLIENT_MAX {
            let message = format!(
                "there are {WATCHES_PER_CLIENT_MAX} watches, and no more may be; end some first"
            );
            return Err(Failure::new(ErrorCode::RateLimited, message));
        }
        let token = match spec.token.as_slice() {
            [] => Token::default(),
            bytes => Token::decode(bytes)
                .map_err(|error| Failure::new(ErrorCode::Protocol, error.to_string()))?,
        };
        let number = self.watches.told.newest();
        let reached = |mark: Mark| {
            let position = mark.position;
            let reached = Reached { position, number };
            ((mark.member, mark.incarnation), reached)
        };
        let mut marks = Map::new();
        for (name, reached) in token.0.into_iter().map(reached) {
            marks.insert(name, reached);
        }
        self.watches.made += 1;
        let id = WatchId(self.watches.made);
        let watch = Watch {
            bucket: spec.bucket,
            bucket_id: BucketId::default(),
            span: selector.span,
            stage: Stage::Ready,
            number: 0,
            home: PartitionId(0),
            is_fresh: true,
            is_known: !marks.is_empty(),
            streams: Set::new(),
            marks,
        };
        self.watches.watches.insert(id, watch);
        Ok(id)
    }

    /// Watches these keys no more.
    pub fn unwatch(&mut self, now: Instant, watch: WatchId) {
        self.now = now;
        self.watches.end(watch);
    }

    /// What is to be handed on to start a watch of the same keys where this one is now, also in another
    /// process; `None` if there is no such watch, or it has not begun.
    #[must_use]
    pub fn watch_token(&self, watch: WatchId) -> Option<Vec<u8>> {
        let marks = self.watches.marks(self.watches.watches.get(watch)?);
        (!marks.is_empty()).then(|| Token(marks).encode())
    }

    /// What has happened to the watches. Drain it until `None` after [`Self::poll_output`].
    #[must_use]
    pub fn poll_watch(&mut self) -> Option<WatchOutput> {
        self.watches.outputs.pop_front()
    }

    /// A server tells something of watches.
    pub(super) fn on_events(&mut self, frame: &Frame<'_>) -> Result<(), ClientError> {
        let told: WatchEvents = decode_body(frame.body)?;
        let (shard, partitions) = (frame.partition, self.partitions());
        self.watches.heard_at = self.now;
        self.watches.probed_at = None;
        let unacknowledged = self.watches.unacknowledged.get_or_default(shard);
        *unacknowledged += frame.bytes.len();
        if *unacknowledged >= WATCH_ACK_BYTES {
            *unacknowledged = 0;
            let number = told.number;
            let ack = WatchRequest::Ack { number };
            self.watches.requests.push_back((shard, ack));
        }
        let mut changes = Map::new();
        for event in told.events {
            self.watches.hear(shard, partitions, event, &mut changes);
        }
        self.watches.flush(&mut changes);
        Ok(())
    }

    /// A connection is open.
    pub(super) fn begin_watches(&mut self) {
        self.watches.heard_at = self.now;
        self.watches.probed_at = None;
    }

    /// What was begun in the shards that `is_lost` is to be begun again.
    pub(super) fn lose_watches(&mut self, is_lost: impl Fn(PartitionId) -> bool) {
        self.watches.lose(is_lost);
    }

    /// Puts what is to be said of watches into a message.
    pub(super) fn put_watches(&mut self, message: &mut Vec<u8>) {
        let partitions = self.partitions();
        let ready: Vec<WatchId> = self.watches.ready().collect();
        for id in ready {
            let Some(watch) = self.watches.watches.get(id) else {
                continue;
            };
            let bucket = match &watch.bucket {
                _ if !self.serves(Features::WATCHES) => Err(self.cannot("watches")),
                BucketRef::Id(id) => Ok(*id),
                BucketRef::Name(name) => match self.names.find(name) {
                    Some(found) => found,
                    None => continue,
                },
            };
            match bucket {
                Ok(bucket) => self.watches.begin(id, bucket, partitions),
                Err(failure) => self.watches.fail(id, failure),
            }
        }
        while let Some((partition, request)) = self.watches.requests.pop_front() {
            put_message(message, FrameKind::Watch, partition, &request);
        }
    }

    /// When [`Self::probe_watches`] wants to be called.
    pub(super) fn next_probe(&self) -> Option<Instant> {
        let watches = &self.watches;
        if watches.watches.is_empty()
            || !watches.is_probing
            || !matches!(self.link, Link::Open { .. })
        {
            return None;
        }
        Some(match watches.probed_at {
            Some(at) => at + Duration::from_millis(WATCH_PROBE_PATIENCE_MS),
            None => watches.heard_at + Duration::from_millis(WATCH_PROBE_MS),
        })
    }

    /// Asks for a sign of life. Says whether there was none after the last time.
    pub(super) fn probe_watches(&mut self) -> bool {
        if self.next_probe().is_none_or(|due| due > self.now) {
            return false;
        }
        let Link::Open { heard_at, .. } = self.link else {
            return false;
        };
        if let Some(probed_at) = self.watches.probed_at.take()
            && heard_at <= probed_at
        {
            return true;
        }
        self.watches.probed_at = Some(self.now);
        if self.is_at_edge() {
            self.outputs.push_back(ClientOutput::Ping(edge::PING));
            return false;
        }
        let mut homes = Set::new();
        for (_, watch) in self.watches.watches.iter() {
            homes.insert(watch.home);
        }
        // Each shard there has its own streams; a home names one of them.
        for home in homes.iter() {
            self.watches.requests.push_back((home, WatchRequest::Probe));
        }
        false
    }
}

impl Watches {
    /// The watches that are to be begun.
    fn ready(&self) -> impl Iterator<Item = WatchId> + '_ {
        let is_ready = |(_, watch): &(WatchId, &Watch)| watch.stage == Stage::Ready;
        self.watches.iter().filter(is_ready).map(|(id, _)| id)
    }

    fn begin(&mut self, id: WatchId, bucket: BucketId, partitions: u16) {
        let Some(watch) = self.watches.get(id) else {
            return;
        };
        let selector = Selector {
            bucket,
            span: watch.span.clone(),
        };
        let token = self.marks(watch);
        let (number, home) = (self.next_number, selector.home(partitions));
        self.next_number += 1;
        self.numbers.insert(number, id);
        if let Some(watch) = self.watches.get_mut(id) {
            watch.stage = Stage::Sent;
            watch.number = number;
            watch.bucket_id = bucket;
            watch.home = home;
            watch.is_fresh = token.is_empty();
        }
        let begin = WatchRequest::Begin {
            watch: number,
            selector,
            token,
        };
        self.requests.push_back((home, begin));
    }

    fn end(&mut self, id: WatchId) {
        let Some(watch) = self.watches.remove(id) else {
            return;
        };
        self.told.forget(id.0);
        if watch.stage == Stage::Sent {
            self.numbers.remove(watch.number);
            let end = WatchRequest::End {
                watch: watch.number,
            };
            self.requests.push_back((watch.home, end));
        }
    }

    pub(super) fn fail(&mut self, id: WatchId, failure: Failure) {
        if let Some(watch) = self.watches.remove(id) {
            self.numbers.remove(watch.number);
            self.outputs
                .push_back(WatchOutput::Failed { watch: id, failure });
        }
    }

    /// Where a watch is. A place that was not heard of since something was told that is forgotten by
    /// now is left out: what the stream brings behind it could not be known for told.
    fn marks(&self, watch: &Watch) -> Vec<Mark> {
        let mut marks = Map::new();
        for (name, reached) in watch.marks.iter() {
            marks.insert(name, *reached);
        }
        for stream in watch.streams.iter() {
            self.fold(stream, &mut marks);
        }
        let is_fresh = |reached: &Reached| reached.number >= self.told.forgotten();
        let fresh = marks.iter().filter(|(_, it)| is_fresh(it));
        let mark = |((member, incarnation), it): ((MemberId, u64), &Reached)| Mark {
            member,
            incarnation,
            position: it.position,
        };
        fresh.map(mark).take(WATCH_MARKS_MAX).collect()
    }

    /// Adds how far `stream` is.
    fn fold(&self, stream: StreamId, marks: &mut Map<(MemberId, u64), Reached>) {
        let Some(it) = self.streams.get(stream) else {
            return;
        };
        if let (Some(reached), Some(mark)) =
            (it.reached, marks.get_mut((it.member, it.incarnation)))
        {
            *mark = reached.max(*mark);
        }
    }

    /// Takes what is there in the shards that `is_lost` for lost: where the watches are is kept.
    fn lose(&mut self, is_lost: impl Fn(PartitionId) -> bool) {
        let mut watches = core::mem::take(&mut self.watches);
        for id in watches.keys().collect::<Vec<_>>() {
            let Some(watch) = watches.get_mut(id) else {
                continue;
            };
            if watch.stage != Stage::Sent || !is_lost(watch.home) {
                continue;
            }
            while let Some(stream) = watch.streams.pop_first() {
                self.fold(stream, &mut watch.marks);
            }
            watch.stage = Stage::Ready;
            self.numbers.remove(watch.number);
        }
        self.watches = watches;
        self.requests.retain(|(partition, _)| !is_lost(*partition));
        self.streams.retain(|(shard, _), _| !is_lost(shard));
        self.unacknowledged.retain(|shard, _| !is_lost(shard));
    }
}
