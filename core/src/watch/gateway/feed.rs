//! The streams: what a gateway asks of the shards that have keys, and how it notices that it has missed
//! something. Whatever is lost on the way, it asks anew from where it was.

use super::{Gateway, View};
use crate::id::{MemberId, PartitionId};
use crate::limits::{
    WATCH_PING_MS, WATCH_RETURNS_PER_MESSAGE, WATCH_SELECTORS_PER_MESSAGE, WATCH_SILENCE_MS,
};
use crate::time::{Duration, Instant};
use crate::watch::position::Position;
use crate::wire::{FeedChange, FeedItem, FeedMessage, Ticket};
use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;

/// The stream of one shard. Its number is new when the shard's storage is another one.
#[derive(Debug)]
pub(super) struct Feed {
    pub(super) member: MemberId,
    shard: u16,
    /// What the shard knows it by; new each time it is asked anew.
    number: u64,
    /// 0 before the shard has answered.
    pub(super) incarnation: u64,
    /// What has come goes up to here without a hole, since it was asked last; `None` if it has not
    /// answered that.
    pub(super) cursor: Option<Position>,
    /// All watchers have heard everything up to here.
    pub(super) safe: Position,
    /// The interests that the stream brings.
    joined: BTreeSet<u64>,
    /// Those of them of which it is not known yet what was missed.
    returning: BTreeSet<u64>,
    /// Interests and watches that it is to be asked for, and those that it was.
    to_ask: VecDeque<u64>,
    asked: BTreeSet<u64>,
    asked_at: Instant,
    heard_at: Instant,
    pinged_at: Instant,
}

impl Feed {
    /// Whether what happens there is heard here.
    pub(super) const fn is_live(&self) -> bool {
        self.cursor.is_some()
    }

    fn ask(&mut self, ticket: u64) {
        if !self.asked.contains(&ticket) && !self.to_ask.contains(&ticket) {
            self.to_ask.push_back(ticket);
        }
    }
}

impl Gateway {
    /// A message of another shard, or of this one.
    pub fn handle(&mut self, now: Instant, view: View<'_>, from: MemberId, message: FeedMessage) {
        let (FeedMessage::Subscribed { feed, .. }
        | FeedMessage::Changes { feed, .. }
        | FeedMessage::Unknown { feed }) = &message
        else {
            return;
        };
        let is_it = |it: &Feed| it.member == from && it.number == *feed;
        let Some((&stream, it)) = self.feeds.iter_mut().find(|(_, it)| is_it(it)) else {
            return;
        };
        it.heard_at = now;
        match message {
            FeedMessage::Subscribed {
                shard,
                shards,
                incarnation,
                at,
                tickets,
                ..
            } => {
                if self.is_the_same(now, view, stream, (shard, shards), incarnation, at) {
                    self.subscribed(now, view, stream, at, tickets);
                }
            }
            FeedMessage::Changes {
                prev,
                upto,
                changes,
                ..
            } => self.changed(now, view, stream, (prev, upto), changes),
            _ => self.reopen(stream),
        }
        self.send_asks(now, view);
    }

    /// Frames can be sent to `member` again: it is asked for what was missed.
    pub fn peer_up(&mut self, now: Instant, view: View<'_>, member: MemberId) {
        let its = self.feeds.iter().filter(|(_, feed)| feed.member == member);
        let its: Vec<u32> = its.map(|(stream, _)| *stream).collect();
        for stream in its {
            self.reopen(stream);
        }
        self.send_asks(now, view);
    }

    /// Frames do not reach `member`, so that nothing can be asked of it.
    pub fn peer_down(&mut self, member: MemberId) {
        for feed in self.feeds.values_mut() {
            if feed.member == member {
                feed.cursor = None;
            }
        }
    }

    /// Whether `stream` brings `interest`.
    pub(super) fn has_joined(&self, stream: u32, interest: u64) -> bool {
        let feed = self.feeds.get(&stream);
        feed.is_some_and(|feed| feed.incarnation != 0 && feed.joined.contains(&interest))
    }

    /// Sees to it that all shards that have keys of `interest` are asked for it. Returns their streams.
    pub(super) fn want(&mut self, now: Instant, view: View<'_>, interest: u64) -> Vec<u32> {
        let Some(it) = self.interests.get(&interest) else {
            return Vec::new();
        };
        let partitions = match it.partition {
            Some(one) => one.0..one.0 + 1,
            None => 0..view.state.target().partitions(),
        };
        let holders = |partition: u16| {
            let holders = view.holders(PartitionId(partition));
            holders.map(move |member| (member, partition))
        };
        // A member is asked first how many shards it has.
        let shard = |(member, partition): (MemberId, u16)| {
            let shards = self.shards_of.get(&member);
            (member, shards.map_or(0, |shards| partition % shards))
        };
        let places: BTreeSet<(MemberId, u16)> = partitions.flat_map(holders).map(shard).collect();
        let mut streams = Vec::with_capacity(places.len());
        for (member, shard) in places {
            let stream = self.stream_of(now, member, shard);
            if !self.shards_of.contains_key(&member) {
                continue;
            }
            if let Some(feed) = self.feeds.get_mut(&stream) {
                if !feed.joined.contains(&interest) {
                    feed.ask(interest);
                }
                streams.push(stream);
            }
        }
        streams
    }

    /// Asks for all interests wherever they are not asked for, and for what watches have missed.
    pub(super) fn join_all(&mut self, now: Instant, view: View<'_>) {
        let interests: Vec<u64> = self.interests.keys().copied().collect();
        for interest in interests {
            let streams = self.want(now, view, interest);
            let watches = self.interests.get(&interest).map(|it| &it.watches);
            let watches: Vec<u64> = watches.into_iter().flatten().copied().collect();
            for watch in watches {
                for stream in &streams {
                    self.ask_for_watch(*stream, watch);
                }
            }
        }
        self.send_asks(now, view);
    }

    /// Asks what a watch has missed that goes on from a token.
    pub(super) fn ask_for_watch(&mut self, stream: u32, watch: u64) {
        let (Some(it), Some(feed)) = (self.watches.get_mut(&watch), self.feeds.get_mut(&stream))
        else {
            return;
        };
        if !it.token.is_empty() && !it.asked.contains(&stream) {
            it.asked.push(stream);
            feed.ask(watch);
        }
    }

    /// Whether a stream of a member that can be reached has yet to answer `ticket`, or anything.
    pub(super) fn is_awaited(&self, view: View<'_>, ticket: u64) -> bool {
        let waits = |feed: &Feed| {
            feed.incarnation == 0 || feed.asked.contains(&ticket) || feed.to_ask.contains(&ticket)
        };
        let mut reached = (self.feeds.values()).filter(|it| view.is_up(self.me, it.member));
        reached.any(waits)
    }

    /// The stream of a shard, which may be new.
    fn stream_of(&mut self, now: Instant, member: MemberId, shard: u16) -> u32 {
        if let Some(known) = self.places.get(&(member, shard)) {
            return *known;
        }
        let stream = self.next_stream;
        self.next_stream += 1;
        let feed = Feed {
            member,
            shard,
            number: self.take_number(),
            incarnation: 0,
            cursor: None,
            safe: Position::default(),
            joined: BTreeSet::new(),
            returning: BTreeSet::new(),
            to_ask: VecDeque::new(),
            asked: BTreeSet::new(),
            asked_at: Instant::default(),
            heard_at: now,
            pinged_at: now,
        };
        self.places.insert((member, shard), stream);
        self.feeds.insert(stream, feed);
        stream
    }

    /// Asks everything of a stream anew, from where it was.
    pub(super) fn reopen(&mut self, stream: u32) {
        let number = self.take_number();
        let Some(feed) = self.feeds.get_mut(&stream) else {
            return;
        };
        feed.number = number;
        feed.cursor = None;
        feed.returning = feed.joined.clone();
        let pending = core::mem::take(&mut feed.asked);
        let waiting = core::mem::take(&mut feed.to_ask);
        let all = feed.joined.iter().copied().chain(pending).chain(waiting);
        let mut seen = BTreeSet::new();
        feed.to_ask = all.filter(|ticket| seen.insert(*ticket)).collect();
        feed.asked_at = Instant::default();
    }

    /// Sends what is to be asked, one message at a time to each shard.
    pub(super) fn send_asks(&mut self, now: Instant, view: View<'_>) {
        for feed in self.feeds.values_mut() {
            let is_new = !feed.is_live() && feed.asked_at == Instant::default();
            let has_more = !feed.to_ask.is_empty() && feed.asked.is_empty();
            let may_send = is_new || (has_more && feed.is_live());
            if !may_send || !view.is_up(self.me, feed.member) {
                continue;
            }
            let mut items = Vec::new();
            let mut returns = 0;
            while items.len() < WATCH_SELECTORS_PER_MESSAGE
                && returns < WATCH_RETURNS_PER_MESSAGE
                && let Some(ticket) = feed.to_ask.pop_front()
            {
                let item = if let Some(interest) = self.interests.get(&ticket) {
                    let is_known = feed.joined.contains(&ticket);
                    let since = is_known.then(|| Vec::from([(feed.incarnation, feed.safe)]));
                    Some((ticket, &interest.selector, since))
                } else {
                    self.watches.get(&ticket).and_then(|watch| {
                        let interest = self.interests.get(&watch.interest)?;
                        let own = watch.token.iter().filter(|mark| mark.member == feed.member);
                        let since = own.map(|mark| (mark.incarnation, mark.position));
                        returns += 1;
                        Some((watch.interest, &interest.selector, Some(since.collect())))
                    })
                };
                let Some((subscription, selector, since)) = item else {
                    continue;
                };
                feed.asked.insert(ticket);
                items.push(FeedItem {
                    ticket,
                    subscription,
                    selector: selector.clone(),
                    since,
                });
            }
            feed.asked_at = now;
            let message = FeedMessage::Subscribe {
                feed: feed.number,
                reply: PartitionId(self.shard),
                items,
            };
            self.outputs
                .push_back((feed.member, PartitionId(feed.shard), message));
        }
    }

    /// Nobody has this interest any more.
    pub(super) fn unsubscribe(&mut self, interest: u64) {
        if self.interests.is_empty() {
            // They hear no more pings.
            self.feeds.clear();
            self.places.clear();
            self.due = Instant::default();
            return;
        }
        for feed in self.feeds.values_mut() {
            feed.returning.remove(&interest);
            feed.to_ask.retain(|ticket| *ticket != interest);
            let was_asked = feed.asked.contains(&interest);
            if feed.joined.remove(&interest) || was_asked {
                let message = FeedMessage::Unsubscribe {
                    feed: feed.number,
                    subscription: interest,
                };
                self.outputs
                    .push_back((feed.member, PartitionId(feed.shard), message));
            }
        }
    }

    /// Whether it is still the same shard that answers. If not, its stream is another one.
    fn is_the_same(
        &mut self,
        now: Instant,
        view: View<'_>,
        stream: u32,
        (shard, shards): (u16, u16),
        incarnation: u64,
        at: Position,
    ) -> bool {
        let Some(feed) = self.feeds.get_mut(&stream) else {
            return false;
        };
        let member = feed.member;
        let partitions = view.state.target().partitions();
        if shard != feed.shard || shards <= shard || shards > partitions || incarnation == 0 {
            return false;
        }
        let known = self.shards_of.insert(member, shards);
        if known.is_some_and(|known| known != shards) {
            let its = self.feeds.iter().filter(|(_, feed)| feed.member == member);
            let its: Vec<u32> = its.map(|(stream, _)| *stream).collect();
            its.into_iter().for_each(|stream| self.drop_feed(stream));
            self.join_all(now, view);
            return false;
        }
        if feed.incarnation == 0 {
            feed.incarnation = incarnation;
            feed.safe = at;
        } else if feed.incarnation != incarnation {
            self.drop_feed(stream);
            self.join_all(now, view);
            return false;
        }
        feed.cursor.get_or_insert(at);
        if known.is_none() {
            self.join_all(now, view);
        }
        true
    }

    fn subscribed(
        &mut self,
        now: Instant,
        view: View<'_>,
        stream: u32,
        at: Position,
        tickets: Vec<Ticket>,
    ) {
        let mut touched = BTreeSet::new();
        for Ticket {
            ticket,
            is_gap,
            changes,
        } in tickets
        {
            let Some(feed) = self.feeds.get_mut(&stream) else {
                return;
            };
            if !feed.asked.remove(&ticket) {
                continue;
            }
            if let Some(interest) = self.interests.get(&ticket) {
                touched.extend(interest.watches.iter().copied());
                if feed.returning.remove(&ticket) {
                    self.returned(now, view, stream, ticket, is_gap, changes);
                } else {
                    feed.joined.insert(ticket);
                    self.qualify_fresh(ticket, stream);
                }
            } else if let Some(watch) = self.watches.get(&ticket) {
                touched.insert(ticket);
                feed.joined.insert(watch.interest);
                if feed.cursor.is_some_and(|cursor| at < cursor) {
                    // Something that it watches may have come before this answer.
                    feed.ask(ticket);
                } else if !is_gap {
                    for FeedChange { change, .. } in changes {
                        self.catch_up(ticket, change);
                    }
                    self.qualify(ticket, stream, Some(at));
                }
            }
        }
        self.settle(stream);
        for watch in touched {
            self.look(now, view, watch);
        }
    }

    /// It is known what `interest` has missed of a stream.
    fn returned(
        &mut self,
        now: Instant,
        view: View<'_>,
        stream: u32,
        interest: u64,
        is_gap: bool,
        changes: Vec<FeedChange>,
    ) {
        for change in changes {
            self.deliver(now, view, stream, change);
        }
        if is_gap {
            let watches = self.interests.get(&interest).map(|it| &it.watches);
            let watches: Vec<u64> = watches.into_iter().flatten().copied().collect();
            watches.into_iter().for_each(|it| self.leave(it, stream));
        }
    }

    fn changed(
        &mut self,
        now: Instant,
        view: View<'_>,
        stream: u32,
        (prev, upto): (Position, Position),
        changes: Vec<FeedChange>,
    ) {
        let Some(feed) = self.feeds.get_mut(&stream) else {
            return;
        };
        let Some(cursor) = feed.cursor else { return };
        if prev < cursor && upto <= cursor {
            return;
        }
        if prev != cursor || upto < prev {
            return self.reopen(stream);
        }
        feed.cursor = Some(upto);
        for change in changes {
            self.deliver(now, view, stream, change);
        }
        self.settle(stream);
    }

    /// Where nothing is missing, the watchers have heard all that has come.
    fn settle(&mut self, stream: u32) {
        if let Some(feed) = self.feeds.get_mut(&stream)
            && feed.returning.is_empty()
            && let Some(cursor) = feed.cursor
        {
            feed.safe = feed.safe.max(cursor);
        }
    }

    /// A shard is not there any more, or not with that storage.
    pub(super) fn drop_feed(&mut self, stream: u32) {
        let Some(feed) = self.feeds.remove(&stream) else {
            return;
        };
        self.places.remove(&(feed.member, feed.shard));
        let is_told = |watch: &super::Watch| watch.qualified.contains(&stream);
        let told = self.watches.iter().filter(|(_, watch)| is_told(watch));
        let told: Vec<u64> = told.map(|(number, _)| *number).collect();
        told.into_iter().for_each(|it| self.leave(it, stream));
    }

    /// Asks for signs of life, and asks anew where there was none.
    pub(super) fn look_after_feeds(&mut self, now: Instant, view: View<'_>) {
        let ping = Duration::from_millis(WATCH_PING_MS);
        let mut silent = Vec::new();
        for (&stream, feed) in &mut self.feeds {
            if !view.is_up(self.me, feed.member) {
                feed.cursor = None;
                continue;
            }
            let is_waiting = !feed.is_live() || !feed.asked.is_empty();
            let is_silent = now.since(feed.heard_at) > Duration::from_millis(WATCH_SILENCE_MS);
            if (is_waiting && now.since(feed.asked_at) >= ping) || is_silent {
                feed.heard_at = now;
                silent.push(stream);
            } else if !is_waiting && feed.to_ask.is_empty() && now.since(feed.pinged_at) >= ping {
                feed.pinged_at = now;
                let message = FeedMessage::Ping {
                    feed: feed.number,
                    reply: PartitionId(self.shard),
                    subscriptions: feed.joined.len() as u64,
                };
                self.outputs
                    .push_back((feed.member, PartitionId(feed.shard), message));
            }
        }
        silent.into_iter().for_each(|stream| self.reopen(stream));
        self.send_asks(now, view);
    }
}
