//! The half that has keys: it tells other shards of the changes that they ask for.
//!
//! A state is told of when it is durable, in the order of the log. Whoever asks anew after it has
//! missed something gets that from the tail, or hears that it is gone.

use super::change::Change;
use super::index::Index;
use super::position::Position;
use super::tail::{Tail, TailEntry};
use crate::id::{BucketId, MemberId, PartitionId};
use crate::limits::{
    WATCH_FEED_LIFE_MS, WATCH_FEEDS_MAX, WATCH_SELECTORS_MAX, WATCH_SELECTORS_PER_MESSAGE,
    WATCH_TAIL_MESSAGE_BYTES,
};
use crate::planted::{Bug, is_planted};
use crate::selector::Selector;
use crate::storage::BatchNumber;
use crate::time::{Duration, Instant};
use crate::wire::{FeedChange, FeedItem, FeedMessage, Ticket};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Who gets a feed: a member, and the partition that names one of its shards.
type Place = (MemberId, PartitionId);

/// The changes of one shard, and who gets them.
#[derive(Debug)]
pub struct Source {
    shard: u16,
    shards: u16,
    incarnation: u64,
    tail: Tail,
    /// The place of the state that was written last.
    written: Position,
    /// What is not durable yet.
    pending: VecDeque<Pending>,
    feeds: BTreeMap<Place, Feed>,
    index: Index<(Place, u64)>,
    subscriptions: usize,
    outputs: VecDeque<(Place, FeedMessage)>,
}

#[derive(Debug)]
struct Pending {
    batch: BatchNumber,
    position: Position,
    change: Option<(BucketId, Arc<Change>)>,
}

/// What one gateway gets.
#[derive(Debug)]
struct Feed {
    number: u64,
    subscriptions: BTreeMap<u64, Selector>,
    /// It was told of everything up to here.
    sent: Position,
    heard_at: Instant,
    /// What it is to be told next.
    changes: Vec<FeedChange>,
    bytes: usize,
}

impl Source {
    /// The source of shard `shard` of `shards`, before its storage is open. It remembers so many bytes of
    /// changes.
    #[must_use]
    pub fn new(shard: u16, shards: u16, tail_bytes_max: u32) -> Self {
        Self {
            shard,
            shards,
            incarnation: 0,
            tail: Tail::new(tail_bytes_max),
            written: Position::default(),
            pending: VecDeque::new(),
            feeds: BTreeMap::new(),
            index: Index::new(),
            subscriptions: 0,
            outputs: VecDeque::new(),
        }
    }

    /// A state is replayed from segment `segment` of the log.
    pub fn replayed(&mut self, segment: u64, bucket: BucketId, change: Option<Change>) {
        if self.tail.newest() == Position::default() {
            self.tail.begin(Position::before(segment));
        }
        self.written = self.written.next_in(segment);
        let position = self.written;
        self.tail.pass(position);
        if let Some(change) = change {
            let change = Arc::new(change);
            self.tail.push(TailEntry {
                position,
                bucket,
                change,
            });
        }
    }

    /// The storage is open; its log begins with `segment`.
    pub fn opened(&mut self, segment: u64, incarnation: u64) {
        self.incarnation = incarnation;
        self.tail.begin(Position::before(segment));
        self.written = self.written.max(Position::before(segment));
    }

    /// A state was written into segment `segment` of the log, and is durable with `batch`.
    pub fn wrote(&mut self, segment: u64, batch: BatchNumber, change: Option<(BucketId, Change)>) {
        self.written = self.written.next_in(segment);
        self.pending.push_back(Pending {
            batch,
            position: self.written,
            change: change.map(|(bucket, change)| (bucket, Arc::new(change))),
        });
        if is_planted(Bug::ChangeBeforeDurable) {
            self.durable(batch);
        }
    }

    /// Everything up to `batch` is durable: now others may hear of it.
    pub fn durable(&mut self, batch: BatchNumber) {
        while let Some(written) = self.pending.pop_front_if(|it| it.batch <= batch) {
            let Pending {
                position, change, ..
            } = written;
            self.tail.pass(position);
            if let Some((bucket, change)) = change {
                self.match_feeds(position, bucket, &change);
                self.tail.push(TailEntry {
                    position,
                    bucket,
                    change,
                });
            }
        }
        let upto = self.tail.newest();
        for (place, feed) in &mut self.feeds {
            if !feed.changes.is_empty() {
                self.outputs.push_back((*place, feed.flush(upto)));
            }
        }
    }

    /// Puts a change to what the feeds are told next.
    fn match_feeds(&mut self, position: Position, bucket: BucketId, change: &Arc<Change>) {
        let (feeds, outputs) = (&mut self.feeds, &mut self.outputs);
        let mut last = None;
        self.index.find(bucket, &change.key, |(place, _)| {
            if last == Some(*place) {
                return;
            }
            last = Some(*place);
            let Some(feed) = feeds.get_mut(place) else {
                return;
            };
            // One with two selectors of different kinds is named twice.
            if feed.is_full_with(change) {
                let before = Position {
                    index: position.index - 1,
                    ..position
                };
                outputs.push_back((*place, feed.flush(before)));
            }
            feed.add(bucket, change);
        });
    }

    /// A message of `from`. Whatever is in it, the work is bounded.
    pub fn handle(&mut self, now: Instant, from: MemberId, message: FeedMessage) {
        match message {
            FeedMessage::Subscribe { feed, reply, items } => {
                self.subscribe(now, (from, reply), feed, items);
            }
            FeedMessage::Unsubscribe { feed, subscription } => {
                let place = self
                    .feeds
                    .iter()
                    .find(|((member, _), it)| *member == from && it.number == feed);
                if let Some((place, _)) = place {
                    self.unsubscribe(*place, subscription);
                }
            }
            FeedMessage::Ping {
                feed,
                reply,
                subscriptions,
            } => self.ping(now, (from, reply), feed, subscriptions),
            FeedMessage::Subscribed { .. }
            | FeedMessage::Changes { .. }
            | FeedMessage::Unknown { .. } => {}
        }
    }

    /// What is to be sent next: to whom, and in frames of which partition.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<(MemberId, PartitionId, FeedMessage)> {
        let ((member, reply), message) = self.outputs.pop_front()?;
        Some((member, reply, message))
    }

    /// Gateways that get something.
    #[must_use]
    pub fn feeds(&self) -> usize {
        self.feeds.len()
    }

    /// The newest changes.
    #[must_use]
    pub const fn tail(&self) -> &Tail {
        &self.tail
    }

    /// Whether `incarnation` has begun: before that nothing can be said.
    const fn is_open(&self) -> bool {
        self.incarnation != 0
    }

    fn subscribe(&mut self, now: Instant, place: Place, number: u64, items: Vec<FeedItem>) {
        if !self.is_open() || items.len() > WATCH_SELECTORS_PER_MESSAGE {
            return;
        }
        if self.feeds.get(&place).is_none_or(|it| it.number != number) {
            self.drop_feed(place);
            self.drop_silent(now);
            if self.feeds.len() >= WATCH_FEEDS_MAX {
                return;
            }
            let feed = Feed::new(number, self.tail.newest(), now);
            self.feeds.insert(place, feed);
        }
        let mut tickets = Vec::new();
        let mut bytes = 0;
        for item in items {
            if self.subscriptions >= WATCH_SELECTORS_MAX || item.selector.check().is_err() {
                continue;
            }
            self.register(place, &item);
            let ticket = self.missed(&item);
            let of = |change: &FeedChange| change.change.bytes();
            bytes += ticket.changes.iter().map(of).sum::<usize>();
            tickets.push(ticket);
            if bytes > WATCH_TAIL_MESSAGE_BYTES {
                bytes = 0;
                self.answer(place, number, core::mem::take(&mut tickets));
            }
        }
        self.answer(place, number, tickets);
    }

    fn register(&mut self, place: Place, item: &FeedItem) {
        let Some(feed) = self.feeds.get_mut(&place) else {
            return;
        };
        let (subscription, selector) = (item.subscription, item.selector.clone());
        if feed.subscriptions.contains_key(&subscription) {
            return;
        }
        self.index.insert(&selector, (place, subscription));
        self.subscriptions += 1;
        feed.subscriptions.insert(subscription, selector);
    }

    /// What one that asks has missed.
    fn missed(&self, item: &FeedItem) -> Ticket {
        let is_own = |since: &&(u64, Position)| since.0 == self.incarnation;
        let found = item.since.as_ref().map(|since| {
            let (_, position) = since.iter().find(is_own)?;
            self.tail.since(*position)
        });
        let selects = |entry: &&TailEntry| {
            entry.bucket == item.selector.bucket && item.selector.selects(&entry.change.key)
        };
        let told = |entry: &TailEntry| FeedChange {
            bucket: entry.bucket,
            change: Change::clone(&entry.change),
        };
        let (is_gap, changes) = match found {
            None => (false, Vec::new()),
            Some(None) => (!is_planted(Bug::GapUnsaid), Vec::new()),
            Some(Some(entries)) => (false, entries.filter(selects).map(told).collect()),
        };
        let ticket = item.ticket;
        Ticket {
            ticket,
            is_gap,
            changes,
        }
    }

    fn answer(&mut self, place: Place, feed: u64, tickets: Vec<Ticket>) {
        let message = FeedMessage::Subscribed {
            feed,
            shard: self.shard,
            shards: self.shards,
            incarnation: self.incarnation,
            at: self.tail.newest(),
            tickets,
        };
        self.outputs.push_back((place, message));
    }

    fn ping(&mut self, now: Instant, place: Place, number: u64, subscriptions: u64) {
        if !self.is_open() {
            return;
        }
        let upto = self.tail.newest();
        let message = match self.feeds.get_mut(&place) {
            Some(feed)
                if feed.number == number && feed.subscriptions.len() as u64 == subscriptions =>
            {
                feed.heard_at = now;
                feed.flush(upto)
            }
            _ => FeedMessage::Unknown { feed: number },
        };
        self.outputs.push_back((place, message));
        self.drop_silent(now);
    }

    fn unsubscribe(&mut self, place: Place, subscription: u64) {
        let Some(feed) = self.feeds.get_mut(&place) else {
            return;
        };
        if let Some(selector) = feed.subscriptions.remove(&subscription) {
            self.subscriptions -= 1;
            self.index.remove(&selector, &(place, subscription));
        }
        if feed.subscriptions.is_empty() {
            self.feeds.remove(&place);
        }
    }

    fn drop_feed(&mut self, place: Place) {
        let Some(feed) = self.feeds.remove(&place) else {
            return;
        };
        for (subscription, selector) in feed.subscriptions {
            self.subscriptions -= 1;
            self.index.remove(&selector, &(place, subscription));
        }
    }

    /// Drops the feeds of those who do not ask any more.
    fn drop_silent(&mut self, now: Instant) {
        let life = Duration::from_millis(WATCH_FEED_LIFE_MS);
        let is_silent = |feed: &Feed| now.since(feed.heard_at) > life;
        let silent = self.feeds.iter().filter(|(_, feed)| is_silent(feed));
        let silent: Vec<Place> = silent.map(|(place, _)| *place).collect();
        for place in silent {
            self.drop_feed(place);
        }
    }
}

impl Feed {
    const fn new(number: u64, sent: Position, now: Instant) -> Self {
        Self {
            number,
            subscriptions: BTreeMap::new(),
            sent,
            heard_at: now,
            changes: Vec::new(),
            bytes: 0,
        }
    }

    fn is_full_with(&self, change: &Change) -> bool {
        self.bytes > 0 && self.bytes + change.bytes() > WATCH_TAIL_MESSAGE_BYTES
    }

    /// Adds a change, unless it is the one that was added last.
    fn add(&mut self, bucket: BucketId, change: &Arc<Change>) {
        let is_last = self.changes.last().is_some_and(|last| {
            last.bucket == bucket
                && last.change.key == change.key
                && last.change.rank() == change.rank()
        });
        if is_last {
            return;
        }
        self.bytes += change.bytes();
        let change = Change::clone(change);
        self.changes.push(FeedChange { bucket, change });
    }

    /// What it has not been told of up to `upto`.
    fn flush(&mut self, upto: Position) -> FeedMessage {
        self.bytes = 0;
        let prev = core::mem::replace(&mut self.sent, upto);
        FeedMessage::Changes {
            feed: self.number,
            prev,
            upto,
            changes: core::mem::take(&mut self.changes),
        }
    }
}
