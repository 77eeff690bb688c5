//! Which streams count for a watcher, and what it is told of what they bring.

use super::feed::Feed;
use super::telling::{drop_waiting, let_go};
use super::{Gateway, Phase, View, Waiting, Watch, mark};
use crate::hash::position;
use crate::id::PartitionId;
use crate::limits::{WATCH_CAUGHT_UP_MAX, WATCH_PATIENCE_MS};
use crate::planted::{Bug, is_planted};
use crate::storage::StoredKey;
use crate::time::{Duration, Instant};
use crate::watch::change::Change;
use crate::watch::position::Position;
use crate::wire::{FeedChange, WatchEvent};
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// What was found out of watches that are in the same position: whether for each partition there are
/// enough streams that count, and whether there are enough that can be heard.
type Findings = BTreeMap<(Option<PartitionId>, Vec<u32>), (bool, bool)>;

impl Gateway {
    /// A stream brings a change.
    pub(super) fn deliver(
        &mut self,
        now: Instant,
        view: View<'_>,
        stream: u32,
        FeedChange { bucket, change }: FeedChange,
    ) {
        let place = position(bucket, &change.key);
        let partition = view.state.target().partition_of(place);
        let Some(member) = self.feeds.get(&stream).map(|feed| feed.member) else {
            return;
        };
        // What somebody holds for others comes to those others.
        if !view.holders(partition).any(|holder| holder == member) {
            return;
        }
        let key = StoredKey::new(partition, bucket, &change.key);
        let (rank, version) = (change.rank(), change.version);
        let last = self.told.last(ALL, key.as_bytes()).cloned();
        let is_late = last.is_none() && self.told.is_late(partition, version);
        if last.as_ref().is_some_and(|last| last.rank > rank) {
            return;
        }
        let repeated = last.filter(|last| last.rank == rank);
        let has_heard = |watch: &Watch| {
            repeated.as_ref().is_some_and(|last| {
                let brought = |stream: &u32| watch.qualified.contains(stream);
                last.number > watch.since && last.streams.iter().any(brought)
            })
        };
        let mut watches = Vec::new();
        self.index.find(bucket, &change.key, |interest| {
            let interest = self.interests.get(interest);
            for number in interest.iter().flat_map(|it| &it.watches) {
                let Some(watch) = self.watches.get(number) else {
                    continue;
                };
                if watch.qualified.contains(&stream) && !has_heard(watch) {
                    watches.push(*number);
                }
            }
        });
        if is_late {
            // It may have been told, and what was told after it is not known any more. Another stream
            // has brought it, or will; if there is none, the watcher reads anew.
            for watch in watches {
                self.leave(watch, stream);
                self.look(now, view, watch);
            }
            return;
        }
        if repeated.is_some() {
            self.told.brings(ALL, key.as_bytes(), stream);
        } else {
            self.told.tell(ALL, key.as_bytes(), partition, rank, stream);
        }
        if !watches.is_empty() {
            self.enqueue(&watches, change);
        }
    }

    /// Tells a watcher what it has missed, unless another stream has brought it.
    pub(super) fn catch_up(&mut self, number: u64, change: Change) {
        let Some(watch) = self.watches.get_mut(&number) else {
            return;
        };
        let rank = change.rank();
        let known = watch.caught_up.get(&change.key);
        if known.is_some_and(|known| *known >= rank) {
            return;
        }
        if self.caught_up < WATCH_CAUGHT_UP_MAX {
            let is_new = watch.caught_up.insert(change.key.clone(), rank).is_none();
            self.caught_up += usize::from(is_new);
        }
        self.enqueue(&[number], change);
    }

    /// Puts a change to what watchers are told next. If too much waits for one, all of it is dropped, and
    /// it is told to read anew.
    fn enqueue(&mut self, watches: &[u64], change: Change) {
        let (bytes, change) = (change.bytes(), Arc::new(change));
        self.queued_bytes += bytes;
        for &number in watches {
            if !self.has_room(number, bytes) {
                self.resync(number);
                continue;
            }
            if let Some(watch) = self.watches.get_mut(&number) {
                watch.queue_bytes += bytes;
            }
            self.put(number, Waiting::Change(Arc::clone(&change)));
        }
        let_go(&mut self.queued_bytes, change);
    }

    /// What `stream` brings counts for a watch from now on, or from `at` on.
    pub(super) fn qualify(&mut self, number: u64, stream: u32, at: Option<Position>) {
        let (Some(watch), Some(feed)) = (self.watches.get_mut(&number), self.feeds.get(&stream))
        else {
            return;
        };
        if watch.qualified.contains(&stream) {
            return;
        }
        watch.qualified.push(stream);
        let event = WatchEvent::Joined {
            watch: watch.name,
            stream,
            mark: mark(feed, at.unwrap_or(feed.safe)),
        };
        self.put_event(number, event);
    }

    /// The stream counts for all who have this interest and have not read anything yet.
    pub(super) fn qualify_fresh(&mut self, interest: u64, stream: u32) {
        let watches = self.interests.get(&interest).map(|it| &it.watches);
        let is_fresh = |number: &&u64| {
            let watch = self.watches.get(number);
            watch.is_some_and(|it| it.token.is_empty() && matches!(it.phase, Phase::Begun(_)))
        };
        let fresh: Vec<u64> = (watches.into_iter().flatten().filter(is_fresh))
            .copied()
            .collect();
        for watch in fresh {
            self.qualify(watch, stream, None);
        }
    }

    /// All streams that bring it count for a watch that has not read anything yet, also those that did not
    /// for a while: what was lost then is read.
    fn qualify_again(&mut self, number: u64) {
        let Some(watch) = self.watches.get(&number) else {
            return;
        };
        if !watch.token.is_empty() || matches!(watch.phase, Phase::Live) {
            return;
        }
        let interest = watch.interest;
        let joined = self
            .feeds
            .iter()
            .filter(|(stream, feed)| feed.is_live() && self.has_joined(**stream, interest));
        for stream in joined.map(|(stream, _)| *stream).collect::<Vec<_>>() {
            self.qualify(number, stream, None);
        }
    }

    /// What `stream` brings does not count for a watch any more.
    pub(super) fn leave(&mut self, number: u64, stream: u32) {
        let Some(watch) = self.watches.get_mut(&number) else {
            return;
        };
        let Some(at) = watch.qualified.iter().position(|it| *it == stream) else {
            return;
        };
        watch.qualified.remove(at);
        let event = WatchEvent::Left {
            watch: watch.name,
            stream,
        };
        self.doubtful.insert(number);
        self.put_event(number, event);
    }

    /// Looks whether a watch misses something.
    pub(super) fn look(&mut self, now: Instant, view: View<'_>, number: u64) {
        self.look_with(now, view, number, &mut Findings::new());
    }

    /// The same for all watches of which that is in doubt.
    pub(super) fn look_at_all(&mut self, now: Instant, view: View<'_>) {
        let mut findings = Findings::new();
        let all: Vec<u64> = self.doubtful.iter().copied().collect();
        for number in all {
            self.look_with(now, view, number, &mut findings);
        }
    }

    fn look_with(&mut self, now: Instant, view: View<'_>, number: u64, findings: &mut Findings) {
        self.qualify_again(number);
        let Some(watch) = self.watches.get(&number) else {
            return;
        };
        let Some(interest) = self.interests.get(&watch.interest) else {
            return;
        };
        let partition = interest.partition;
        let name = (partition, watch.qualified.clone());
        let (is_covered, is_heard) = *findings.entry(name).or_insert_with(|| {
            let counts = |stream: u32, _: &Feed| watch.qualified.contains(&stream);
            let is_heard =
                |stream: u32, feed: &Feed| feed.is_live() && watch.qualified.contains(&stream);
            (
                self.is_covered(view, partition, &counts),
                self.is_covered(view, partition, &is_heard),
            )
        });
        let patience = Duration::from_millis(WATCH_PATIENCE_MS);
        let wanted = watch.interest;
        let is_resumed = !watch.token.is_empty();
        let (may_begin, must_wait) = match watch.phase {
            Phase::Begun(at) => {
                let is_patient = now.since(at) <= patience;
                let ticket = if is_resumed { number } else { wanted };
                let waits = is_patient && self.is_awaited(view, ticket);
                // A stream that comes after it was told that it watches would not count.
                (is_covered && (is_resumed || !waits), waits || !is_resumed)
            }
            Phase::Live if !is_covered => (false, false),
            Phase::Live => {
                let since = watch.deaf_since.unwrap_or(now);
                (false, is_heard || now.since(since) <= patience)
            }
        };
        let brings = |stream: u32, feed: &Feed| feed.is_live() && self.has_joined(stream, wanted);
        let should_resync = !may_begin
            && !must_wait
            && !is_planted(Bug::GapUnsaid)
            && self.is_covered(view, partition, &brings);
        if should_resync {
            return self.resync(number);
        }
        let all_count = self.feeds.iter().all(|(stream, _)| {
            !self.has_joined(*stream, wanted) || watch.qualified.contains(stream)
        });
        let Some(watch) = self.watches.get_mut(&number) else {
            return;
        };
        if may_begin {
            watch.phase = Phase::Live;
            let event = WatchEvent::Watching { watch: watch.name };
            self.put_event(number, event);
        } else if matches!(watch.phase, Phase::Live) {
            let is_deaf = !is_heard;
            watch.deaf_since = is_deaf.then(|| watch.deaf_since.unwrap_or(now));
            if !is_deaf && all_count {
                self.caught_up -= core::mem::take(&mut watch.caught_up).len();
                self.doubtful.remove(&number);
            }
        }
    }

    /// Tells a watcher to read anew. All streams that bring what it watches count from now on.
    pub(super) fn resync(&mut self, number: u64) {
        let Some(watch) = self.watches.get_mut(&number) else {
            return;
        };
        self.resyncs += 1;
        watch.queue_bytes = 0;
        for what in core::mem::take(&mut watch.queue) {
            drop_waiting(&mut self.queued_bytes, what);
        }
        watch.since = self.told.newest();
        watch.phase = Phase::Live;
        watch.deaf_since = None;
        watch.qualified.clear();
        watch.token.clear();
        self.caught_up -= core::mem::take(&mut watch.caught_up).len();
        let (interest, name) = (watch.interest, watch.name);
        self.doubtful.insert(number);
        self.put_event(number, WatchEvent::Resync { watch: name });
        let streams: Vec<u32> = self.feeds.keys().copied().collect();
        for stream in streams {
            if self.has_joined(stream, interest) {
                self.qualify(number, stream, None);
            }
        }
    }

    /// Whether for each partition there are enough owners whose streams are good.
    ///
    /// A write that a read at level `quorum` does not show is known to fewer owners than `enough`, so
    /// one of so many does not know it yet, and its stream will bring it.
    fn is_covered(
        &self,
        view: View<'_>,
        partition: Option<PartitionId>,
        is_good: &dyn Fn(u32, &Feed) -> bool,
    ) -> bool {
        let partitions = match partition {
            Some(one) => one.0..one.0 + 1,
            None => 0..view.state.target().partitions(),
        };
        let mut partitions = partitions.map(PartitionId);
        partitions.all(|partition| {
            let readers = view.state.ownership(partition);
            let readers = readers.map_or(0, |it| it.readers().len());
            let enough = match is_planted(Bug::OneStreamEnough) {
                true => 1,
                false => readers - readers / 2,
            };
            let good = view.holders(partition).filter(|member| {
                let shards = self.shards_of.get(member);
                let place = shards.map(|shards| (*member, partition.0 % shards));
                let stream = place.and_then(|place| self.places.get(&place));
                stream.is_some_and(|stream| {
                    let feed = self.feeds.get(stream);
                    feed.is_some_and(|feed| is_good(*stream, feed))
                })
            });
            good.count() >= enough
        })
    }
}

/// What one watcher is told is remembered for all.
const ALL: u64 = 0;
