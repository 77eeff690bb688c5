//! The half that has clients: it asks the shards that have the keys, and tells each watcher once.
//!
//! A stream is *qualified* for a watcher if it has had no gap since before the watcher has read
//! everything. Every write comes to every owner of its partition in the end, so a watcher misses nothing
//! as long as it is told, for each partition, what enough owners' qualified streams bring: so many that
//! one of them did not know yet what the reads did not show. If too few are left for some partition, the
//! watcher is told to read anew, and all streams that are there by then are qualified again.
//!
//! * `feed`: the streams of other shards, and of this one.
//! * `judging`: which of them count for whom, and what a watcher is told.
//! * `telling`: what waits for clients, and how much may.

mod feed;
mod judging;
mod telling;

use super::change::{Change, Rank};
use super::index::Index;
use super::position::{Mark, Position};
use super::told::Told;
use crate::cluster::ClusterState;
use crate::id::{MemberId, PartitionId};
use crate::limits::{
    WATCH_MARKS_MAX, WATCH_RANGES_MAX, WATCH_TICK_MS, WATCH_TOLD_MAX, WATCHES_MAX,
    WATCHES_PER_CLIENT_MAX,
};
use crate::selector::{Selector, Span};
use crate::time::{Duration, Instant};
use crate::wire::{ClientId, ErrorCode, Failure, FeedMessage, WatchEvent};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use feed::Feed;
use serde::{Deserialize, Serialize};
use telling::Connection;

/// What a gateway must know of its node.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Who owns what.
    pub state: &'a ClusterState,
    /// Who can be reached, besides this member.
    pub up: &'a BTreeSet<MemberId>,
}

/// The watches of one shard's clients.
#[derive(Debug)]
pub struct Gateway {
    me: MemberId,
    shard: u16,
    /// The next number for a feed, an interest or a watch.
    next: u64,
    next_stream: u32,
    /// How many shards each member has, once that is known.
    shards_of: BTreeMap<MemberId, u16>,
    feeds: BTreeMap<u32, Feed>,
    places: BTreeMap<(MemberId, u16), u32>,
    interests: BTreeMap<u64, Interest>,
    selectors: BTreeMap<Selector, u64>,
    ranges: usize,
    index: Index<u64>,
    watches: BTreeMap<u64, Watch>,
    /// Watches that are not qualified for all that they could be told.
    doubtful: BTreeSet<u64>,
    clients: BTreeMap<ClientId, Connection>,
    /// Clients for whom something may be ready, and the one whose turn it is.
    busy: BTreeSet<ClientId>,
    next_client: ClientId,
    /// Bytes of frames that were given out since this began.
    turn_bytes: usize,
    turned_at: Instant,
    told: Told,
    /// Keys that all watches together remember to be told of since they have come back.
    caught_up: usize,
    /// Bytes of what waits for clients. A change that waits for many is in memory once.
    queued_bytes: usize,
    due: Instant,
    outputs: VecDeque<(MemberId, PartitionId, FeedMessage)>,
    changes_told: u64,
    resyncs: u64,
}

/// The numbers of a shard's watches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchReport {
    /// Watches of clients now.
    pub watches: u64,
    /// Different selectors among them.
    pub selectors: u64,
    /// Shards now that this one is told by.
    pub streams: u64,
    /// Shards now that this one tells.
    pub feeds: u64,
    /// Changes that it remembers for those who come back.
    pub tail: u64,
    /// Bytes now that wait for clients.
    pub queued_bytes: u64,
    /// Changes that clients were told since the start.
    pub changes: u64,
    /// How often a watcher was told to read anew.
    pub resyncs: u64,
}

/// One selector, and those who have it.
#[derive(Debug)]
struct Interest {
    selector: Selector,
    /// The one partition of its keys, if there is one.
    partition: Option<PartitionId>,
    watches: BTreeSet<u64>,
}

/// One watch of a client.
#[derive(Debug)]
struct Watch {
    client: ClientId,
    /// The client's number.
    name: u64,
    interest: u64,
    /// It has not heard what was told up to this number.
    since: u64,
    phase: Phase,
    /// Where it goes on, if it does.
    token: Vec<Mark>,
    /// The streams that were asked for what it has missed.
    asked: Vec<u32>,
    /// What it has missed and is told: the streams that it asks bring the same.
    caught_up: BTreeMap<Vec<u8>, Rank>,
    /// The streams without which nothing is missed, as long as there is one for each partition.
    qualified: Vec<u32>,
    /// Since when no such stream can be heard for some partition.
    deaf_since: Option<Instant>,
    queue: VecDeque<Waiting>,
    queue_bytes: usize,
    /// Its connection has it among those that are ready.
    is_ready: bool,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// It was not told yet that it watches.
    Begun(Instant),
    Live,
}

/// What waits to be told.
#[derive(Debug)]
enum Waiting {
    Event(Box<WatchEvent>),
    Change(Arc<Change>),
}

impl Gateway {
    /// The gateway of shard `shard` of `shards` of member `me`. `first` is random: it numbers what this
    /// life asks.
    #[must_use]
    pub fn new(me: MemberId, shard: u16, shards: u16, first: u64) -> Self {
        Self {
            me,
            shard,
            next: first,
            next_stream: 1,
            shards_of: BTreeMap::from([(me, shards)]),
            feeds: BTreeMap::new(),
            places: BTreeMap::new(),
            interests: BTreeMap::new(),
            selectors: BTreeMap::new(),
            ranges: 0,
            index: Index::new(),
            watches: BTreeMap::new(),
            doubtful: BTreeSet::new(),
            clients: BTreeMap::new(),
            busy: BTreeSet::new(),
            next_client: ClientId(0),
            turn_bytes: 0,
            turned_at: Instant::default(),
            told: Told::new(WATCH_TOLD_MAX),
            caught_up: 0,
            queued_bytes: 0,
            due: Instant::default(),
            outputs: VecDeque::new(),
            changes_told: 0,
            resyncs: 0,
        }
    }

    /// A client wants to watch.
    pub fn begin(
        &mut self,
        now: Instant,
        view: View<'_>,
        client: ClientId,
        name: u64,
        selector: Selector,
        token: Vec<Mark>,
    ) {
        self.end(client, name);
        if let Err(failure) = self.check(client, &selector, &token) {
            return self.refuse(client, name, failure);
        }
        let interest = self.take_interest(view, selector);
        let number = self.take_number();
        let is_fresh = token.is_empty();
        let watch = Watch {
            client,
            name,
            interest,
            since: self.told.newest(),
            phase: Phase::Begun(now),
            token,
            asked: Vec::new(),
            caught_up: BTreeMap::new(),
            qualified: Vec::new(),
            deaf_since: None,
            queue: VecDeque::new(),
            queue_bytes: 0,
            is_ready: false,
        };
        self.watches.insert(number, watch);
        self.clients
            .entry(client)
            .or_default()
            .names
            .insert(name, number);
        if let Some(it) = self.interests.get_mut(&interest) {
            it.watches.insert(number);
        }
        self.doubtful.insert(number);
        if self.due == Instant::default() {
            self.due = now + Duration::from_millis(WATCH_TICK_MS);
        }
        let streams = self.want(now, view, interest);
        for stream in streams {
            if !is_fresh {
                self.ask_for_watch(stream, number);
            } else if self.has_joined(stream, interest) {
                self.qualify(number, stream, None);
            }
        }
        self.send_asks(now, view);
        self.look(now, view, number);
    }

    /// A client does not want to watch any more.
    pub fn end(&mut self, client: ClientId, name: u64) {
        let Some(connection) = self.clients.get_mut(&client) else {
            return;
        };
        if let Some(number) = connection.names.remove(&name) {
            connection.ready.retain(|ready| *ready != number);
            self.drop_watch(number);
        }
    }

    /// A client's connection is gone.
    pub fn client_gone(&mut self, client: ClientId) {
        let Some(connection) = self.clients.remove(&client) else {
            return;
        };
        self.busy.remove(&client);
        for number in connection.names.into_values() {
            self.drop_watch(number);
        }
    }

    /// The owners of partitions, or the members, have changed.
    pub fn turn(&mut self, now: Instant, view: View<'_>) {
        if self.interests.is_empty() {
            return;
        }
        let is_member = |member: MemberId| view.state.member(member).is_some();
        let gone = self
            .feeds
            .iter()
            .filter(|(_, feed)| !is_member(feed.member));
        let gone: Vec<u32> = gone.map(|(stream, _)| *stream).collect();
        for stream in gone {
            self.drop_feed(stream);
        }
        self.doubtful.extend(self.watches.keys());
        self.join_all(now, view);
        self.look_at_all(now, view);
    }

    /// When [`Self::handle_timeout`] wants to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let due = (!self.interests.is_empty()).then_some(self.due);
        let rest = self.has_more().then_some(self.turned_at);
        [due, rest].into_iter().flatten().min()
    }

    /// Looks after the streams and those who wait for them.
    pub fn handle_timeout(&mut self, now: Instant, view: View<'_>) {
        if self.interests.is_empty() || self.due > now {
            return;
        }
        self.due = now + Duration::from_millis(WATCH_TICK_MS);
        self.look_after_feeds(now, view);
        self.look_at_all(now, view);
    }

    /// What is to be sent next: to whom, and in frames of which partition.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<(MemberId, PartitionId, FeedMessage)> {
        self.outputs.pop_front()
    }

    /// The gateway's part of the numbers.
    #[must_use]
    pub fn report(&self) -> WatchReport {
        WatchReport {
            watches: self.watches.len() as u64,
            selectors: self.interests.len() as u64,
            streams: self.feeds.len() as u64,
            queued_bytes: self.queued_bytes as u64,
            changes: self.changes_told,
            resyncs: self.resyncs,
            ..WatchReport::default()
        }
    }

    fn check(&self, client: ClientId, selector: &Selector, token: &[Mark]) -> Result<(), Failure> {
        selector.check()?;
        if token.len() > WATCH_MARKS_MAX {
            let message = "the token of a watch is too long; begin the watch without it";
            return Err(Failure::new(ErrorCode::Protocol, message));
        }
        let own = self.clients.get(&client).map_or(0, |it| it.names.len());
        let is_range = matches!(selector.span, Span::Range { .. });
        let is_new = !self.selectors.contains_key(selector);
        let (limit, of) = if own >= WATCHES_PER_CLIENT_MAX {
            (WATCHES_PER_CLIENT_MAX, "watches of one connection")
        } else if self.watches.len() >= WATCHES_MAX {
            (WATCHES_MAX, "watches of one shard")
        } else if is_range && is_new && self.ranges >= WATCH_RANGES_MAX {
            (WATCH_RANGES_MAX, "different ranges")
        } else {
            return Ok(());
        };
        let message = format!("there are {limit} {of} here, and no more are kept; end some first");
        Err(Failure::new(ErrorCode::RateLimited, message))
    }

    /// The number of the interest in `selector`, which may be new.
    fn take_interest(&mut self, view: View<'_>, selector: Selector) -> u64 {
        if let Some(known) = self.selectors.get(&selector) {
            return *known;
        }
        let number = self.take_number();
        self.ranges += usize::from(matches!(selector.span, Span::Range { .. }));
        self.index.insert(&selector, number);
        self.selectors.insert(selector.clone(), number);
        let interest = Interest {
            partition: selector.partition(view.state.target().partitions()),
            selector,
            watches: BTreeSet::new(),
        };
        self.interests.insert(number, interest);
        number
    }

    fn drop_watch(&mut self, number: u64) {
        self.doubtful.remove(&number);
        let Some(watch) = self.watches.remove(&number) else {
            return;
        };
        self.caught_up -= watch.caught_up.len();
        for what in watch.queue {
            telling::drop_waiting(&mut self.queued_bytes, what);
        }
        let Some(interest) = self.interests.get_mut(&watch.interest) else {
            return;
        };
        interest.watches.remove(&number);
        if interest.watches.is_empty()
            && let Some(interest) = self.interests.remove(&watch.interest)
        {
            self.selectors.remove(&interest.selector);
            self.index.remove(&interest.selector, &watch.interest);
            let is_range = matches!(interest.selector.span, Span::Range { .. });
            self.ranges -= usize::from(is_range);
            self.unsubscribe(watch.interest);
        }
    }

    const fn take_number(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }
}

impl View<'_> {
    /// Whether frames can be sent to `member`.
    fn is_up(&self, me: MemberId, member: MemberId) -> bool {
        member == me || self.up.contains(&member)
    }

    /// Those who get the writes to `partition`.
    fn holders(&self, partition: PartitionId) -> impl Iterator<Item = MemberId> {
        let ownership = self.state.ownership(partition);
        ownership.into_iter().flat_map(|it| it.holders())
    }
}

/// Where the stream of a shard is.
const fn mark(feed: &Feed, position: Position) -> Mark {
    Mark {
        member: feed.member,
        incarnation: feed.incarnation,
        position,
    }
}

#[cfg(test)]
mod tests;
