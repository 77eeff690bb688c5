//! Anti-entropy as this node begins it: trees are grown, and partitions compared with other owners.

use super::storage::{FORGOTTEN, Waiter};
use super::writing::{Merged, refusal};
use super::{InputError, Node};
use crate::causality::{Token, VersionSet};
use crate::id::{BucketId, MemberId, PartitionId};
use crate::limits::{EXCHANGES_MAX, SYNC_KEYS_MAX, SYNC_PATIENCE_MS, SYNC_STEP_MS};
use crate::planted::{Bug, is_planted};
use crate::storage::StoredKey;
use crate::storage::key::STORED_KEY_PREFIX_BYTES;
use crate::storage::store::{Page, Scan, Scanned};
use crate::sync::exchange::Next;
use crate::sync::schedule::Turn;
use crate::sync::{Exchange, Forest, Schedule};
use crate::time::{Duration, Instant};
use crate::wire::{FrameError, KeyBytes, SyncMessage};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::ops::Bound;

/// What the node knows of comparisons.
#[derive(Debug, Default)]
pub(super) struct Syncing {
    pub(super) forest: Forest,
    /// The partitions that this node serves and its member owns.
    pub(super) owned: Vec<PartitionId>,
    pub(super) schedule: Schedule,
    /// Comparisons that this node has begun.
    exchanges: BTreeMap<u64, Exchange>,
    next_exchange: u64,
    /// Those whose next step is a scan here.
    scans: BTreeSet<u64>,
    /// Partitions that came to this member while it had keys of them already: see `sifting`.
    pub(super) sifting: BTreeSet<PartitionId>,
    /// The scan that grows a tree waits for a block or for the log.
    growth_waits: bool,
    /// No scan before this: reading for others must leave room for requests.
    next_step: Instant,
}

impl Syncing {
    /// Nothing under way; comparisons are numbered from `first` on.
    pub(super) fn new(first: u64) -> Self {
        Self {
            next_exchange: first,
            ..Self::default()
        }
    }

    /// Whether `partition` is being compared with `peer`, begun here.
    pub(super) fn is_comparing(&self, partition: PartitionId, peer: MemberId) -> bool {
        let mut exchanges = self.exchanges.values();
        exchanges.any(|exchange| exchange.partition == partition && exchange.peer == peer)
    }

    /// Gives up some comparisons that were begun here.
    pub(super) fn drop_exchanges(&mut self, is_over: impl Fn(&Exchange) -> bool) {
        self.exchanges.retain(|_, exchange| !is_over(exchange));
    }
}

impl Node {
    /// The storage is open: trees are grown from now on.
    pub(super) fn begin_sync(&mut self) {
        for partition in self.served() {
            let is_empty = self.store.keys_of(partition) == 0;
            self.syncing.forest.plant(partition, is_empty);
        }
        self.syncing.owned = self.find_owned();
    }

    /// When `tick_sync` wants to be called.
    pub(super) fn next_sync(&self) -> Option<Instant> {
        let syncing = &self.syncing;
        if !self.report.ready || self.peers_up.is_empty() {
            return None;
        }
        let is_growing = !syncing.growth_waits && syncing.forest.growing().is_some();
        let step = (is_growing || !syncing.scans.is_empty()).then_some(syncing.next_step);
        let may_begin = syncing.exchanges.len() < EXCHANGES_MAX && !syncing.owned.is_empty();
        let begin = may_begin.then(|| syncing.schedule.next_at());
        let give_up = syncing.exchanges.values().map(|exchange| exchange.deadline);
        [step, begin, give_up.min()].into_iter().flatten().min()
    }

    pub(super) fn tick_sync(&mut self, now: Instant) {
        if self.next_sync().is_none_or(|at| at > now) {
            return;
        }
        self.syncing
            .exchanges
            .retain(|_, exchange| exchange.deadline > now);
        if self.syncing.next_step <= now {
            self.syncing.next_step = now + Duration::from_millis(SYNC_STEP_MS);
            self.grow(now);
            for number in core::mem::take(&mut self.syncing.scans) {
                self.scan_for_exchange(now, number);
            }
        }
        self.begin_exchanges(now);
    }

    /// Compares everything that is shared with `peer`, which is back.
    pub(super) fn hurry_sync(&mut self, peer: MemberId) {
        for index in 0..self.syncing.owned.len() {
            let partition = self.syncing.owned[index];
            if self.owners(partition).index_of(peer).is_some() {
                self.syncing.schedule.hurry(partition, peer);
            }
        }
    }

    fn begin_exchanges(&mut self, now: Instant) {
        let owned = self.syncing.owned.len();
        let round = Duration::from_millis(u64::from(self.config.sync_round_ms));
        while self.syncing.exchanges.len() < EXCHANGES_MAX
            && let Some(turn) = self.syncing.schedule.take(now, owned, round)
        {
            let (partition, peer) = match turn {
                Turn::With(partition, peer) => (partition, Some(peer)),
                Turn::Regular { place, replica } => {
                    let partition = self.syncing.owned[place];
                    let owners = self.owners(partition);
                    let others = owners.len().saturating_sub(1).max(1);
                    let peer = owners.others().nth(replica % others);
                    (partition, peer.map(|(_, member)| member))
                }
            };
            // Owners may have changed while the turn waited: who is none may have what was forgotten.
            let shares = |peer: &MemberId| {
                let owners = self.owners(partition);
                self.holds(partition) && owners.index_of(*peer).is_some()
            };
            let Some(peer) = peer.filter(|peer| self.is_up(*peer) && shares(peer)) else {
                continue;
            };
            let Some(tree) = self.syncing.forest.tree(partition) else {
                continue;
            };
            let root = SyncMessage::Root(tree.root());
            let number = self.syncing.next_exchange;
            self.syncing.next_exchange += 1;
            let exchange = Exchange::new(partition, peer, patience(now));
            self.syncing.exchanges.insert(number, exchange);
            self.report.sync.exchanges += 1;
            self.ask_replica(number, root);
        }
    }

    /// The other side of exchange `number` has answered.
    pub(super) fn handle_sync_answer(
        &mut self,
        now: Instant,
        from: MemberId,
        partition: PartitionId,
        number: u64,
        message: SyncMessage,
    ) -> Result<(), InputError> {
        let syncing = &mut self.syncing;
        let Some(exchange) = syncing.exchanges.get_mut(&number) else {
            return Ok(());
        };
        if exchange.peer != from || exchange.partition != partition {
            return Ok(());
        }
        let Some(tree) = syncing.forest.tree(partition) else {
            syncing.exchanges.remove(&number);
            return Ok(());
        };
        let is_same = matches!(message, SyncMessage::Same);
        let is_ignored =
            is_planted(Bug::DifferenceIgnored) && matches!(message, SyncMessage::Branches(_));
        match exchange.answer(tree, message) {
            Ok(Next::Ask(_)) if is_ignored => {
                syncing.exchanges.remove(&number);
            }
            Ok(next) => {
                exchange.deadline = patience(now);
                self.report.sync.same += u64::from(is_same);
                self.go_on(now, number, next);
            }
            // An answer that came late or twice, or nonsense: the next round begins anew.
            Err(_) => self.report.sync.senseless += 1,
        }
        Ok(())
    }

    /// The other side has sent the state of a key, or says that it has none any more.
    pub(super) fn handle_fetched(
        &mut self,
        now: Instant,
        number: u64,
        key: &StoredKey,
        set: &[u8],
    ) -> Result<(), InputError> {
        if !set.is_empty() {
            let malformed = |_| InputError::Frame(FrameError::Malformed);
            let set = VersionSet::decode(set).map_err(malformed)?;
            self.take_fetched(now, number, key.clone(), set);
        } else {
            self.fetched(now, number, key);
        }
        Ok(())
    }

    /// Merges a state that this node has asked for.
    pub(super) fn take_fetched(
        &mut self,
        now: Instant,
        number: u64,
        key: StoredKey,
        set: VersionSet,
    ) {
        if !self.holds(key.partition()) {
            self.handing.note(key.partition());
        }
        let merged = self
            .observe(now, Token::of(&set).newest)
            .and_then(|()| self.merge_into_store(&key, &set).map_err(refusal));
        match merged {
            Ok(Merged::Unloaded(wanted)) => {
                self.wait_for_block(wanted, Waiter::Fetched(number, key, set));
            }
            Ok(Merged::Durable | Merged::Pending(_)) => self.fetched(now, number, &key),
            // What was not taken is not here: the next round begins anew.
            Err(_) => {
                self.syncing.exchanges.remove(&number);
            }
        }
    }

    fn fetched(&mut self, now: Instant, number: u64, key: &StoredKey) {
        if let Some(exchange) = self.syncing.exchanges.get_mut(&number) {
            exchange.deadline = patience(now);
            if let Some(next) = exchange.received(key) {
                self.go_on(now, number, next);
            }
        }
    }

    fn go_on(&mut self, now: Instant, number: u64, next: Next) {
        match next {
            Next::Ask(message) => self.ask_replica(number, message),
            Next::Scan => {
                self.syncing.scans.insert(number);
            }
            Next::Done => {
                if let Some(exchange) = self.syncing.exchanges.remove(&number) {
                    self.exchange_ended(now, &exchange);
                }
            }
            Next::GiveUp => {
                self.syncing.exchanges.remove(&number);
            }
        }
    }

    fn ask_replica(&mut self, number: u64, message: SyncMessage) {
        if let Some(exchange) = self.syncing.exchanges.get(&number) {
            let (peer, partition) = (exchange.peer, exchange.partition);
            self.say_sync(peer, partition, number, message);
        }
    }

    /// Compares the next page of one's own keys.
    pub(super) fn scan_for_exchange(&mut self, now: Instant, number: u64) {
        let Some(exchange) = self.syncing.exchanges.get(&number) else {
            return;
        };
        let Some((after, upto)) = exchange.range() else {
            return;
        };
        let (peer, partition) = (exchange.peer, exchange.partition);
        let page = match self.scan_keys(partition, after, upto.map(StoredKey::as_bytes)) {
            Scanned::Page(page) => page,
            Scanned::Pending(batch) => return self.wait(batch, Waiter::Exchange(number)),
            Scanned::Unloaded(wanted) => {
                return self.wait_for_block(wanted, Waiter::Exchange(number));
            }
            Scanned::Damaged(_) => {
                self.syncing.exchanges.remove(&number);
                return;
            }
        };
        let Some(exchange) = self.syncing.exchanges.get_mut(&number) else {
            return;
        };
        exchange.deadline = patience(now);
        let (found, next) = exchange.compare(page);
        self.report.sync.pushed += found.push.len() as u64;
        self.report.sync.fetched += found.fetch.len() as u64;
        let next = exchange.hold(&found.fetch, next);
        for (key, set) in found.push {
            self.send_repair(peer, &key, set);
        }
        for keys in found.fetch.chunks(SYNC_KEYS_MAX) {
            let keys = keys.iter().map(|key| KeyBytes(key.as_bytes().to_vec()));
            self.ask_replica(number, SyncMessage::Fetch(keys.collect()));
        }
        if let Some(next) = next {
            self.go_on(now, number, next);
        }
    }

    /// Grows the next tree by a page.
    pub(super) fn grow(&mut self, now: Instant) {
        self.syncing.growth_waits = false;
        let Some((partition, after)) = self.syncing.forest.growing() else {
            return;
        };
        match self.scan_keys(partition, after, Bound::Unbounded) {
            Scanned::Page(mut page) => {
                self.sift_page(now, partition, &mut page);
                self.syncing.forest.grow(partition, page);
            }
            Scanned::Pending(batch) => {
                self.syncing.growth_waits = true;
                self.wait(batch, Waiter::Growth);
            }
            Scanned::Unloaded(wanted) => {
                self.syncing.growth_waits = true;
                self.wait_for_block(wanted, Waiter::Growth);
            }
            // Its keys are read one by one all the same; only the comparison needs the whole.
            Scanned::Damaged(_) => self.syncing.forest.fell(partition),
        }
    }

    /// The next keys of `partition` behind `after` and up to `upto`, tombstones included; not those that
    /// were forgotten.
    pub(super) fn scan_keys(
        &self,
        partition: PartitionId,
        after: Option<&StoredKey>,
        upto: Bound<&[u8]>,
    ) -> Scanned {
        let first = partition.0.to_be_bytes();
        let next = partition.0.checked_add(1).map(u16::to_be_bytes);
        let end = next
            .as_ref()
            .map_or(Bound::Unbounded, |next| Bound::Excluded(&next[..]));
        let scan = Scan {
            from: after.map_or(Bound::Included(&first[..]), |key| {
                Bound::Excluded(key.as_bytes())
            }),
            to: match upto {
                Bound::Unbounded => end,
                bound => bound,
            },
            is_reverse: false,
            live_at_ms: None,
            shows_pending: false,
            entries_max: SYNC_KEYS_MAX,
            bytes_max: usize::MAX,
        };
        if after
            .is_some_and(|after| matches!(upto, Bound::Included(upto) if after.as_bytes() >= upto))
        {
            return Scanned::Page(Page::default());
        }
        match self.store.scan(&scan) {
            Scanned::Page(mut page) => {
                page.entries.retain(|entry| entry.set != FORGOTTEN);
                Scanned::Page(page)
            }
            obstacle => obstacle,
        }
    }

    /// Finds the partitions that this node serves and whose writes its member gets.
    pub(super) fn find_owned(&self) -> Vec<PartitionId> {
        let owns = |partition: &PartitionId| self.holds(*partition);
        self.served().filter(owns).collect()
    }

    pub(super) fn served(&self) -> impl Iterator<Item = PartitionId> + use<> {
        let (first, step) = (self.config.shard, usize::from(self.config.shards));
        (first..self.config.partitions)
            .step_by(step)
            .map(PartitionId)
    }
}

/// Bucket and key of a stored key.
pub(super) fn split(key: &StoredKey) -> (BucketId, Vec<u8>) {
    let name = &key.as_bytes()[STORED_KEY_PREFIX_BYTES..];
    (key.bucket(), name.to_vec())
}

fn patience(now: Instant) -> Instant {
    now + Duration::from_millis(SYNC_PATIENCE_MS)
}

/// A key that another member has named, if it is one of `partition`.
pub(super) fn key_of(partition: PartitionId, bytes: &[u8]) -> Result<StoredKey, InputError> {
    StoredKey::from_bytes(bytes)
        .filter(|key| key.partition() == partition)
        .ok_or(InputError::Frame(FrameError::Malformed))
}
