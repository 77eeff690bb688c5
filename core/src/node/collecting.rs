//! Collecting deleted keys: what is deleted is forgotten when every owner knows that it is.
//!
//! A tombstone that some owners have dropped does not stop an older value that another one still has.
//! So the first owner of each partition goes through its keys, once in each horizon, and asks the
//! other owners about those that have been deleted for longer than the horizon. A key of which all of
//! them have just the same state, durably and while nobody's part in the partition changes, is
//! forgotten by each: nobody is left who could bring the value back. Who is not an owner may: what is
//! held for others is given up before the horizon is over (`handing`).
//!
//! A forgotten key is stored as the empty version set until a merge of tables drops it. Its counters
//! begin behind those that were forgotten (`own`), for a dot must not be given out twice.

use super::storage::Waiter;
use super::sync::key_of;
use super::{InputError, Node};
use crate::causality::VersionSet;
use crate::id::{MemberId, PartitionId};
use crate::limits::{COLLECT_KEYS_MAX, COLLECT_PATIENCE_MS, COLLECT_STEP_MS};
use crate::planted::{Bug, is_planted};
use crate::storage::store::Scanned;
use crate::storage::{Lookup, Newest, StoredKey};
use crate::time::{Duration, Instant};
use crate::wire::{CollectMessage, FrameError, ListedKey, PeerMessage};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::ops::Bound;

/// What the node knows of collections.
#[derive(Debug, Default)]
pub(super) struct Collecting {
    /// When the next thing is to be done.
    due: Instant,
    /// Which of the partitions that this node serves comes next.
    place: u16,
    current: Option<Collection>,
}

/// A partition that is gone through.
#[derive(Debug)]
struct Collection {
    partition: PartitionId,
    /// The keys up to this one are done.
    after: Option<StoredKey>,
    /// Where the page under way ends; `None` if it is the last.
    next: Option<StoredKey>,
    /// The deleted keys of the page, and which of them all have so far.
    keys: Vec<ListedKey>,
    same: u64,
    /// The number of the question, and who has yet to answer it.
    op: u64,
    pending: BTreeSet<MemberId>,
    /// The next page is to be read.
    is_reading: bool,
}

/// The first owner's question, and what is found so far.
#[derive(Debug)]
pub(super) struct PeerAsk {
    from: MemberId,
    partition: PartitionId,
    op: u64,
    keys: Vec<(StoredKey, u64)>,
    place: usize,
    same: u64,
}

/// A key that is to be forgotten if its state is still this one.
#[derive(Debug)]
pub(super) struct Forgetting {
    view: u64,
    key: StoredKey,
    state: u64,
}

impl Node {
    /// When `tick_collecting` wants to be called.
    pub(super) fn next_collecting(&self) -> Option<Instant> {
        self.report.ready.then_some(self.collecting.due)
    }

    pub(super) fn tick_collecting(&mut self, now: Instant) {
        if self.next_collecting().is_none_or(|at| at > now) {
            return;
        }
        match &self.collecting.current {
            Some(current) if current.is_reading => self.collect_page(now),
            // Somebody has not answered in time: the next round comes.
            _ => self.begin_collection(now),
        }
    }

    /// Once in each horizon it is each partition's turn.
    fn begin_collection(&mut self, now: Instant) {
        let served = u64::from(self.config.partitions.div_ceil(self.config.shards));
        let pause = Duration::from_millis(self.config.horizon_ms / served.max(1));
        let is_first_time = self.collecting.due == Instant::default();
        self.collecting.current = None;
        self.collecting.due = now + pause;
        if is_first_time {
            return;
        }
        let place = self.collecting.place;
        let partition = place.checked_mul(self.config.shards);
        let partition = partition.and_then(|it| it.checked_add(self.config.shard));
        let Some(partition) = partition.filter(|it| *it < self.config.partitions) else {
            self.collecting.place = 0;
            return;
        };
        self.collecting.place = place + 1;
        let partition = PartitionId(partition);
        if self.collectors(partition).is_none() {
            return;
        }
        self.collecting.current = Some(Collection {
            partition,
            after: None,
            next: None,
            keys: Vec::new(),
            same: 0,
            op: 0,
            pending: BTreeSet::new(),
            is_reading: true,
        });
        self.collect_page(now);
    }

    /// The other owners of `partition`, if this member is to collect it: it is the first owner, the
    /// owners do not change, and all can be reached.
    fn collectors(&self, partition: PartitionId) -> Option<Vec<MemberId>> {
        let ownership = self.agreement.state.ownership(partition)?;
        let owners = ownership.readers();
        let is_mine = ownership.is_settled() && owners.first() == Some(&self.config.me);
        let is_careless = is_planted(Bug::CollectedUnasked);
        let are_up = is_careless || owners.iter().all(|owner| self.is_up(*owner));
        let others = owners.iter().copied().skip(1);
        (is_mine && are_up && self.store.keys_of(partition) > 0).then(|| others.collect())
    }

    /// Looks for deleted keys on the next page, and asks the others about them.
    pub(super) fn collect_page(&mut self, now: Instant) {
        let may_read = |it: &&Collection| it.is_reading && self.report.ready;
        let Some(current) = self.collecting.current.as_ref().filter(may_read) else {
            return;
        };
        let partition = current.partition;
        let Some(others) = self.collectors(partition) else {
            self.collecting.current = None;
            return;
        };
        let page = match self.scan_keys(partition, current.after.as_ref(), Bound::Unbounded) {
            Scanned::Page(page) => page,
            Scanned::Pending(batch) => return self.wait(batch, Waiter::Collection),
            Scanned::Unloaded(wanted) => return self.wait_for_block(wanted, Waiter::Collection),
            Scanned::Damaged(_) => {
                self.collecting.current = None;
                return;
            }
        };
        let mut next = page.next;
        let mut keys = Vec::new();
        for entry in page.entries {
            let mut set = VersionSet::decode(&entry.set).expect("checked before it was stored");
            if self.is_over(now, &mut set) {
                let state = set.causal_digest();
                let key = entry.key.as_bytes().to_vec();
                keys.push(ListedKey { key, state });
            }
            if keys.len() == COLLECT_KEYS_MAX {
                next = Some(entry.key);
                break;
            }
        }
        let op = self.next_operation;
        self.next_operation += 1;
        let has_found = !keys.is_empty();
        if let Some(current) = &mut self.collecting.current {
            current.next = next;
            current.keys.clone_from(&keys);
            current.same = u64::MAX;
            current.op = op;
            current.pending = others.iter().copied().collect();
            current.is_reading = false;
            if !has_found || is_planted(Bug::CollectedUnasked) {
                current.pending.clear();
            }
        }
        self.collecting.due = now + Duration::from_millis(COLLECT_PATIENCE_MS);
        if has_found {
            for other in others {
                self.say_collect(other, partition, op, CollectMessage::Ask(keys.clone()));
            }
        }
        self.end_collected_page(now);
    }

    /// Whether everything in `set` has been deleted or over for longer than the horizon. Values whose
    /// time is over are dropped from it.
    fn is_over(&self, now: Instant, set: &mut VersionSet) -> bool {
        set.expire(now.as_millis());
        let ends = set.versions().iter().map(|version| {
            let expiry = version.expires_at_ms.unwrap_or(0);
            version.hlc.physical_ms().max(expiry)
        });
        let newest = ends.max();
        let is_deleted = set.versions().iter().all(|it| it.value.is_none());
        let is_old = |at: u64| at.saturating_add(self.config.horizon_ms) <= now.as_millis();
        is_deleted && newest.is_some_and(is_old)
    }

    pub(super) fn handle_collect(
        &mut self,
        now: Instant,
        from: MemberId,
        partition: PartitionId,
        op: u64,
        message: CollectMessage,
    ) -> Result<(), InputError> {
        match message {
            CollectMessage::Ask(keys) => {
                let keys = named_keys(partition, &keys)?;
                let (place, same) = (0, 0);
                self.answer_ask(
                    now,
                    PeerAsk {
                        from,
                        partition,
                        op,
                        keys,
                        place,
                        same,
                    },
                );
            }
            CollectMessage::Same(same) => {
                if let Some(current) = &mut self.collecting.current
                    && current.op == op
                    && current.pending.remove(&from)
                {
                    current.same &= same;
                    self.end_collected_page(now);
                }
            }
            CollectMessage::Forget(keys) => {
                let view = self.view(partition);
                for (key, state) in named_keys(partition, &keys)? {
                    self.forget(now, Forgetting { view, key, state });
                }
            }
        }
        Ok(())
    }

    /// Says which keys are deleted here too, with just the states that the first owner has.
    pub(super) fn answer_ask(&mut self, now: Instant, mut ask: PeerAsk) {
        while let Some((key, state)) = ask.keys.get(ask.place) {
            match self.store.lookup(key) {
                Lookup::Durable(bytes) => {
                    let mut set = VersionSet::decode(bytes).expect("checked before it was stored");
                    let is_same = self.is_over(now, &mut set) && set.causal_digest() == *state;
                    ask.same |= u64::from(is_same) << ask.place;
                }
                Lookup::Unloaded(wanted) => {
                    return self.wait_for_block(wanted, Waiter::PeerAsk(ask));
                }
                // It is asked for again in the next round.
                Lookup::Absent | Lookup::Pending(_) | Lookup::Damaged(_) => {}
            }
            ask.place += 1;
        }
        if self.holds(ask.partition) && self.report.ready {
            let same = CollectMessage::Same(ask.same);
            self.say_collect(ask.from, ask.partition, ask.op, same);
        }
    }

    /// Once all have answered, all forget what all have.
    fn end_collected_page(&mut self, now: Instant) {
        let Some(current) = &mut self.collecting.current else {
            return;
        };
        if !current.pending.is_empty() {
            return;
        }
        let (partition, same) = (current.partition, current.same);
        let numbered = core::mem::take(&mut current.keys).into_iter().enumerate();
        let same = numbered.filter(|(place, _)| same & 1 << place != 0);
        let keys: Vec<ListedKey> = same.map(|(_, key)| key).collect();
        current.after = current.next.take();
        current.is_reading = current.after.is_some();
        let is_last = !current.is_reading;
        // One that began anew meanwhile is not asked: it would have to agree again.
        let Some(others) = self.collectors(partition) else {
            self.collecting.current = None;
            return;
        };
        if is_last {
            self.collecting.current = None;
            let served = u64::from(self.config.partitions.div_ceil(self.config.shards));
            self.collecting.due = now + Duration::from_millis(self.config.horizon_ms / served);
        } else {
            self.collecting.due = now + Duration::from_millis(COLLECT_STEP_MS);
        }
        if keys.is_empty() {
            return;
        }
        for other in others {
            self.say_collect(other, partition, 0, CollectMessage::Forget(keys.clone()));
        }
        let view = self.view(partition);
        for ListedKey { key, state } in keys {
            if let Some(key) = StoredKey::from_bytes(&key) {
                self.forget(now, Forgetting { view, key, state });
            }
        }
    }

    /// Forgets a deleted key, unless there is more to it by now.
    pub(super) fn forget(&mut self, now: Instant, it: Forgetting) {
        let partition = it.key.partition();
        if it.view != self.view(partition) || self.store.can_write().is_err() {
            return;
        }
        let mut set = match self.store.newest(&it.key) {
            Newest::State(bytes) => {
                VersionSet::decode(bytes).expect("checked before it was stored")
            }
            Newest::Unloaded(wanted) => {
                return self.wait_for_block(wanted, Waiter::Forgetting(it));
            }
            Newest::Absent | Newest::Damaged(_) => return,
        };
        if set.causal_digest() != it.state || !self.is_over(now, &mut set) {
            return;
        }
        self.raise_floor(now, partition, set.context().counter(self.actor(partition)));
        self.report.collected += 1;
        let forest = &mut self.syncing.forest;
        forest.change(&it.key, Some(it.state), None);
        self.write_forgotten(it.key);
    }

    /// Counters of `partition` begin behind `counter` from now on.
    fn raise_floor(&mut self, now: Instant, partition: PartitionId, counter: u64) {
        let mut record = self.remembered(partition);
        if record.floor < counter && !is_planted(Bug::FloorForgotten) {
            record.floor = counter;
            self.remember(now, partition, record);
        }
    }

    fn say_collect(
        &mut self,
        to: MemberId,
        partition: PartitionId,
        op: u64,
        message: CollectMessage,
    ) {
        let view = self.view(partition);
        self.send(to, partition, &PeerMessage::Collect { view, op, message });
    }
}

/// Keys of `partition` that another member has named, with the states that it has.
fn named_keys(
    partition: PartitionId,
    keys: &[ListedKey],
) -> Result<Vec<(StoredKey, u64)>, InputError> {
    if keys.len() > COLLECT_KEYS_MAX {
        return Err(InputError::Frame(FrameError::Malformed));
    }
    let named = keys.iter();
    named
        .map(|listed| Ok((key_of(partition, &listed.key)?, listed.state)))
        .collect()
}
