//! Handing back what is held for other members, or was owned before: every owner of the partition
//! says what it has, gets what it lacks, and when all of them have all of it durable, the partition
//! is dropped here.

use super::Node;
use super::storage::Waiter;
use super::sync::split;
use crate::causality::VersionSet;
use crate::id::{MemberId, PartitionId};
use crate::limits::{HAND_BACK_KEYS, HAND_BACK_PATIENCE_MS, HAND_BACK_RETRY_MS};
use crate::planted::{Bug, is_planted};
use crate::storage::StoredKey;
use crate::storage::store::{Scanned, ScannedEntry};
use crate::sync::tree::LeafSet;
use crate::time::{Duration, Instant};
use crate::wire::{KeyState, ListedKey, PeerMessage, SyncMessage};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::ops::Bound;

/// What is held here for others.
#[derive(Debug, Default)]
pub(super) struct Handing {
    /// Partitions that this member does not own and has keys of.
    strays: BTreeSet<PartitionId>,
    current: Option<HandBack>,
    /// No new one is begun before this.
    next_at: Instant,
}

/// One partition that is being handed back.
#[derive(Debug)]
struct HandBack {
    partition: PartitionId,
    owners: Vec<MemberId>,
    /// Everything up to this key is with all owners.
    after: Option<StoredKey>,
    /// The page under way ends here; `None` if it is the last.
    next: Option<StoredKey>,
    /// The page under way.
    page: Vec<ScannedEntry>,
    /// Who has yet to say that a state is durable there.
    pending: BTreeSet<(u64, MemberId)>,
    /// Who has yet to say which keys of the page it has, behind which one.
    lists: BTreeMap<(u64, MemberId), Vec<u8>>,
    /// More has come in the meantime, so the partition must not be dropped at the end.
    is_touched: bool,
    deadline: Instant,
    /// The page is not read yet: its scan waits for a block or for the log.
    is_reading: bool,
}

impl Handing {
    /// Something of `partition` is taken in.
    pub(super) fn note(&mut self, partition: PartitionId) {
        self.strays.insert(partition);
        if let Some(current) = &mut self.current
            && current.partition == partition
        {
            current.is_touched = true;
        }
    }

    /// The owners of `partition` have changed, and it `is_stray` now or is not any more.
    pub(super) fn turn(&mut self, partition: PartitionId, is_stray: bool) {
        if is_stray {
            self.strays.insert(partition);
        } else {
            self.strays.remove(&partition);
        }
        self.current
            .take_if(|current| current.partition == partition);
    }

    /// `peer` may have refused what it was asked, and would not any more.
    pub(super) fn begin_anew(&mut self, now: Instant, peer: MemberId) {
        let waits = |current: &mut HandBack| {
            let mut waited_for = current.pending.iter().chain(current.lists.keys());
            waited_for.any(|(_, it)| *it == peer)
        };
        if self.current.take_if(waits).is_some() {
            self.next_at = now;
        }
    }

    /// The partitions that are held for others.
    pub(super) fn partitions(&self) -> impl Iterator<Item = PartitionId> + '_ {
        self.strays.iter().copied()
    }
}

impl Node {
    /// Finds what an earlier life has held for others.
    pub(super) fn begin_handing(&mut self) {
        let is_stray =
            |partition: &PartitionId| !self.holds(*partition) && self.store.keys_of(*partition) > 0;
        self.handing.strays = self.served().filter(is_stray).collect();
    }

    /// When `tick_handing` wants to be called.
    pub(super) fn next_handing(&self) -> Option<Instant> {
        if !self.report.ready {
            return None;
        }
        match &self.handing.current {
            Some(current) => Some(current.deadline),
            None => (!self.handing.strays.is_empty()).then_some(self.handing.next_at),
        }
    }

    pub(super) fn tick_handing(&mut self, now: Instant) {
        if self.next_handing().is_none_or(|at| at > now) {
            return;
        }
        self.handing.current = None;
        self.handing.next_at = now + Duration::from_millis(HAND_BACK_RETRY_MS);
        let can_take = |partition: &PartitionId| {
            let owners = self.owners(*partition);
            owners.others().all(|(_, member)| self.is_up(member))
        };
        let Some(partition) = self.handing.partitions().find(can_take) else {
            return;
        };
        let owners = self.owners(partition);
        self.handing.current = Some(HandBack {
            partition,
            owners: owners.others().map(|(_, member)| member).collect(),
            after: None,
            next: None,
            page: Vec::new(),
            pending: BTreeSet::new(),
            lists: BTreeMap::new(),
            is_touched: false,
            deadline: patience(now),
            is_reading: true,
        });
        self.hand_back_page(now);
    }

    /// Asks all owners what they have of the next page.
    pub(super) fn hand_back_page(&mut self, now: Instant) {
        let may_read = |it: &&HandBack| it.is_reading && self.report.ready;
        let Some(current) = self.handing.current.as_ref().filter(may_read) else {
            return;
        };
        let (partition, owners) = (current.partition, current.owners.clone());
        let after = current.after.as_ref();
        let after = after.map_or_else(Vec::new, |key| key.as_bytes().to_vec());
        let scanned = self.scan_keys(partition, current.after.as_ref(), Bound::Unbounded);
        let page = match scanned {
            Scanned::Page(page) => page,
            Scanned::Pending(batch) => return self.wait(batch, Waiter::HandBack),
            Scanned::Unloaded(wanted) => return self.wait_for_block(wanted, Waiter::HandBack),
            Scanned::Damaged(_) => {
                self.handing.current = None;
                return;
            }
        };
        let is_cut = page.entries.len() > HAND_BACK_KEYS;
        let mut entries = page.entries;
        entries.truncate(HAND_BACK_KEYS);
        let next = match entries.last() {
            Some(last) if is_cut => Some(last.key.clone()),
            _ => page.next,
        };
        if let Some(current) = &mut self.handing.current {
            current.page = entries;
            current.next = next;
            current.is_reading = false;
            current.deadline = patience(now);
        }
        if !is_planted(Bug::HintDropped) {
            for owner in owners {
                self.ask_for_list(partition, owner, after.clone());
            }
        }
        self.end_hand_back_page(now);
    }

    /// Asks an owner which keys it has behind `after`.
    fn ask_for_list(&mut self, partition: PartitionId, owner: MemberId, after: Vec<u8>) {
        let op = self.next_operation;
        self.next_operation += 1;
        if let Some(current) = &mut self.handing.current {
            current.lists.insert((op, owner), after.clone());
        }
        let leaves = LeafSet::full().to_bytes();
        self.say_sync(owner, partition, op, SyncMessage::List { leaves, after });
    }

    /// An owner has said what it has of the page, up to a key: it gets the rest. Says whether it was
    /// asked for a hand-back.
    pub(super) fn handed_list(
        &mut self,
        now: Instant,
        op: u64,
        owner: MemberId,
        message: &SyncMessage,
    ) -> bool {
        let is_ready = self.report.ready;
        let Some(current) = self.handing.current.as_mut().filter(|_| is_ready) else {
            return false;
        };
        let Some(after) = current.lists.remove(&(op, owner)) else {
            return false;
        };
        let (listed, upto): (&[ListedKey], &[u8]) = match message {
            SyncMessage::Listed { entries, upto } if upto.is_empty() || *upto > after => {
                (entries, upto)
            }
            // It cannot say, or does not get on.
            _ => {
                self.handing.current = None;
                return true;
            }
        };
        let partition = current.partition;
        let is_listed = |key: &[u8]| key > after.as_slice() && (upto.is_empty() || key <= upto);
        let asked = (current.page.iter()).filter(|entry| is_listed(entry.key.as_bytes()));
        let asked: Vec<ScannedEntry> = asked.cloned().collect();
        let last = current.page.last().map(|entry| entry.key.as_bytes());
        let rest = last.filter(|last| !is_listed(last) && *last > after.as_slice());
        let rest = rest.map(|_| upto.to_vec());
        let mut lacking = Vec::new();
        for entry in asked {
            let set = VersionSet::decode(&entry.set).expect("checked before it was stored");
            let key = entry.key.as_bytes();
            match listed.binary_search_by(|it| it.key.as_slice().cmp(key)) {
                Ok(place) if listed[place].state == set.causal_digest() => {}
                // The owners may have had it and have forgotten it since.
                Err(_) if self.is_past(now, &set) => self.report.hints.expired += 1,
                _ => lacking.push(entry),
            }
        }
        if let Some(upto) = rest {
            self.ask_for_list(partition, owner, upto);
        }
        let view = self.view(partition);
        for entry in lacking {
            let op = self.next_operation;
            self.next_operation += 1;
            if let Some(current) = &mut self.handing.current {
                current.pending.insert((op, owner));
            }
            let (bucket, key) = split(&entry.key);
            let message = PeerMessage::Merge(KeyState {
                view,
                op,
                bucket,
                key,
                set: entry.set,
            });
            self.send(owner, partition, &message);
        }
        self.end_hand_back_page(now);
        true
    }

    /// An owner has made a state durable, or has refused it. Says whether it was one that is being
    /// handed back.
    pub(super) fn handed_back(
        &mut self,
        now: Instant,
        op: u64,
        owner: MemberId,
        is_durable: bool,
    ) -> bool {
        let is_ready = self.report.ready;
        let Some(current) = self.handing.current.as_mut().filter(|_| is_ready) else {
            return false;
        };
        if !current.pending.contains(&(op, owner)) {
            return false;
        }
        if is_durable {
            current.pending.remove(&(op, owner));
            self.end_hand_back_page(now);
        } else {
            // It is tried again from the beginning after a pause.
            self.handing.current = None;
        }
        true
    }

    fn end_hand_back_page(&mut self, now: Instant) {
        let Some(current) = &mut self.handing.current else {
            return;
        };
        if !(current.pending.is_empty() && current.lists.is_empty()) {
            return;
        }
        if current.next.is_some() {
            current.after = current.next.take();
            current.is_reading = true;
            return self.hand_back_page(now);
        }
        let (partition, is_touched) = (current.partition, current.is_touched);
        self.handing.current = None;
        self.handing.next_at = now;
        if is_touched {
            return;
        }
        self.report.hints.handed_back += self.store.keys_of(partition);
        self.handing.strays.remove(&partition);
        self.store.drop_partition(partition);
        self.syncing.forest.plant(partition, true);
    }
}

fn patience(now: Instant) -> Instant {
    now + Duration::from_millis(HAND_BACK_PATIENCE_MS)
}
