//! What a server says of watches, and which of it is news to the application.

use super::session::{Client, partition_of};
use super::watching::{Reached, Stage, Stream, StreamId, Watch, WatchId, WatchOutput, Watches};
use crate::causality::{Dot, Token};
use crate::id::{ActorId, PartitionId};
use crate::limits::{WATCH_MARKS_MAX, WATCH_TOLD_MAX};
use crate::planted::{Bug, is_planted};
use crate::sorted::{Map, Set};
use crate::watch::{Change, Mark, Rank};
use crate::wire::{Listed, WatchEvent, WatchRequest};
use alloc::vec::Vec;

impl Client {
    /// A list that was made for `watch` has brought a key. Says whether that is news: then it counts as told,
    /// and what is older will not be told any more.
    ///
    /// It is remembered of as many keys as leave room for changes.
    pub fn note_listed(&mut self, watch: WatchId, listed: &Listed) -> bool {
        let partitions = self.partitions();
        let (watches, told) = (&self.watches.watches, &mut self.watches.told);
        let Some(it) = watches.get(watch) else {
            return true;
        };
        let rank = rank_of(listed);
        match told.last(watch.0, &listed.key) {
            Some(last) if last.rank.version >= listed.version => return false,
            None if told.len() >= WATCH_TOLD_MAX / 2 => {}
            _ => {
                let partition = partition_of(it.bucket_id, &listed.key, partitions);
                told.tell(watch.0, &listed.key, partition, rank, 0);
            }
        }
        true
    }
}

/// The place of a listed state among the changes of its key. A list does not say which write it shows; if
/// there was only one writer, that is the last one, and else any that is told in this version is news.
fn rank_of(listed: &Listed) -> Rank {
    let token = Token::decode(&listed.context).unwrap_or_default();
    let mut seen = token.seen.iter();
    let (actor, counter) = match (seen.next(), seen.next()) {
        (Some(only), None) => only,
        _ => (ActorId(0), 0),
    };
    Rank {
        version: listed.version,
        dot: Dot { actor, counter },
    }
}

impl Watches {
    /// Takes in one thing that shard `shard` says. Changes that are news are gathered in `changes`.
    pub(super) fn hear(
        &mut self,
        shard: PartitionId,
        partitions: u16,
        event: WatchEvent,
        changes: &mut Map<WatchId, Vec<Change>>,
    ) {
        match event {
            WatchEvent::Changed { watches, change } => {
                for number in watches {
                    if let Some(id) = self.numbers.get(number).copied() {
                        self.changed(id, partitions, &change, changes);
                    }
                }
            }
            WatchEvent::Shown { watches, shown } => {
                self.flush(changes);
                for number in watches {
                    if let Some(watch) = self.numbers.get(number).copied() {
                        let shown = shown.clone();
                        self.outputs.push_back(WatchOutput::Shown { watch, shown });
                    }
                }
            }
            WatchEvent::Marks(marks) => {
                let number = self.told.newest();
                for (stream, position) in marks {
                    if let Some(stream) = self.streams.get_mut((shard, stream)) {
                        stream.reached = Some(Reached { position, number });
                    }
                }
            }
            WatchEvent::Joined {
                watch,
                stream,
                mark,
            } => self.joined(watch, (shard, stream), mark),
            WatchEvent::Left { watch, stream } => {
                let stream = (shard, stream);
                let name = self.streams.get(stream);
                let name = name.map(|it| (it.member, it.incarnation));
                if let Some(watch) = self.by_number(watch) {
                    watch.streams.remove(stream);
                    if let Some(name) = name {
                        watch.marks.remove(name);
                    }
                }
            }
            WatchEvent::Watching { watch } => self.watching(watch, changes),
            WatchEvent::Resync { watch } => {
                if let Some(watch) = self.by_number(watch) {
                    watch.streams = Set::new();
                    watch.marks = Map::new();
                    watch.is_fresh = true;
                }
                self.watching(watch, changes);
            }
            WatchEvent::Failed { watch, failure } => {
                self.flush(changes);
                if let Some(id) = self.numbers.get(watch).copied() {
                    self.fail(id, failure);
                }
            }
        }
    }

    fn joined(&mut self, number: u64, stream: StreamId, mark: Mark) {
        let told = self.told.newest();
        let Some(watch) = self.by_number(number) else {
            return;
        };
        if watch.marks.len() >= WATCH_MARKS_MAX {
            return;
        }
        let position = mark.position;
        let reached = Reached {
            position,
            number: told,
        };
        watch.marks.insert((mark.member, mark.incarnation), reached);
        watch.streams.insert(stream);
        if !self.streams.contains(stream) {
            let new = Stream {
                member: mark.member,
                incarnation: mark.incarnation,
                reached: None,
            };
            self.streams.insert(stream, new);
        }
    }

    /// A watch has begun, or begun anew, or goes on where it was.
    fn watching(&mut self, number: u64, changes: &mut Map<WatchId, Vec<Change>>) {
        self.flush(changes);
        let Some(id) = self.numbers.get(number).copied() else {
            return;
        };
        let Some(watch) = self.watches.get_mut(id) else {
            return;
        };
        let was_known = core::mem::replace(&mut watch.is_known, true);
        let was_fresh = core::mem::replace(&mut watch.is_fresh, false);
        let output = match (was_known, was_fresh) {
            (true, true) => WatchOutput::Resync { watch: id },
            (true, false) => WatchOutput::Resumed { watch: id },
            (false, _) => WatchOutput::Watching { watch: id },
        };
        self.outputs.push_back(output);
    }

    /// Tells a change if it is news. One that is so old that this cannot be said makes the watch begin
    /// anew.
    fn changed(
        &mut self,
        id: WatchId,
        partitions: u16,
        change: &Change,
        changes: &mut Map<WatchId, Vec<Change>>,
    ) {
        let Some(watch) = self.watches.get(id) else {
            return;
        };
        let partition = partition_of(watch.bucket_id, &change.key, partitions);
        let is_late = match self.told.last(id.0, &change.key) {
            _ if is_planted(Bug::ToldTwice) => false,
            Some(last) if last.rank >= change.rank() => return,
            Some(_) => false,
            None => self.told.is_late(partition, change.version),
        };
        if is_late {
            return self.begin_anew(id);
        }
        self.told
            .tell(id.0, &change.key, partition, change.rank(), 0);
        changes.get_or_default(id).push(change.clone());
    }

    fn begin_anew(&mut self, id: WatchId) {
        let Some(watch) = self.watches.get_mut(id) else {
            return;
        };
        let end = WatchRequest::End {
            watch: watch.number,
        };
        self.requests.push_back((watch.home, end));
        self.numbers.remove(watch.number);
        watch.stage = Stage::Ready;
        watch.streams = Set::new();
        watch.marks = Map::new();
    }

    /// Gives out what was gathered.
    pub(super) fn flush(&mut self, changes: &mut Map<WatchId, Vec<Change>>) {
        while let Some((watch, changes)) = changes.pop_first() {
            self.outputs
                .push_back(WatchOutput::Changes { watch, changes });
        }
    }

    fn by_number(&mut self, number: u64) -> Option<&mut Watch> {
        let id = self.numbers.get(number)?;
        self.watches.get_mut(*id)
    }
}
