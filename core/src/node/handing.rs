//! Handing back what is held for other members: each state goes to every owner of its partition,
//! and when all of them have made all of it durable, the partition is dropped here.

use super::Node;
use super::storage::Waiter;
use super::sync::split;
use crate::id::{MemberId, PartitionId};
use crate::limits::{HAND_BACK_KEYS, HAND_BACK_PATIENCE_MS, HAND_BACK_RETRY_MS};
use crate::planted::{Bug, is_planted};
use crate::storage::StoredKey;
use crate::storage::store::Scanned;
use crate::time::{Duration, Instant};
use crate::wire::PeerMessage;
use alloc::collections::BTreeSet;
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
    /// Which states are not with which owner yet, by the numbers of the merges.
    pending: BTreeSet<(u64, MemberId)>,
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

    /// The partitions that are held for others.
    pub(super) fn partitions(&self) -> impl Iterator<Item = PartitionId> + '_ {
        self.strays.iter().copied()
    }
}

impl Node {
    /// Finds what an earlier life has held for others.
    pub(super) fn begin_handing(&mut self) {
        let is_stray = |partition: &PartitionId| {
            self.owners(*partition).me().is_none() && self.store.keys_of(*partition) > 0
        };
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
            pending: BTreeSet::new(),
            is_touched: false,
            deadline: patience(now),
            is_reading: true,
        });
        self.hand_back_page(now);
    }

    /// Sends the next page to all owners.
    pub(super) fn hand_back_page(&mut self, now: Instant) {
        let may_read = |it: &&HandBack| it.is_reading && self.report.ready;
        let Some(current) = self.handing.current.as_ref().filter(may_read) else {
            return;
        };
        let (partition, owners) = (current.partition, current.owners.clone());
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
        let mut pending = BTreeSet::new();
        for entry in entries {
            let op = self.next_operation;
            self.next_operation += 1;
            let (bucket, key) = split(&entry.key);
            for owner in &owners {
                pending.insert((op, *owner));
                let message = PeerMessage::Merge {
                    op,
                    bucket,
                    key: key.clone(),
                    set: entry.set.clone(),
                };
                self.send(*owner, partition, &message);
            }
        }
        if let Some(current) = &mut self.handing.current {
            current.pending = pending;
            current.next = next;
            current.is_reading = false;
            current.deadline = patience(now);
        }
        if is_planted(Bug::HintDropped)
            && let Some(current) = &mut self.handing.current
        {
            current.pending.clear();
        }
        self.end_hand_back_page(now);
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
        if !current.pending.is_empty() {
            return;
        }
        if current.next.is_some() {
            current.after = current.next.take();
            current.is_reading = true;
            return self.hand_back_page(now);
        }
        let (partition, is_touched) = (current.partition, current.is_touched);
        self.handing.current = None;
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
