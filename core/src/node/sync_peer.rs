//! Anti-entropy as another member begins it. Nothing is kept between its questions.

use super::storage::Waiter;
use super::sync::key_of;
use super::{InputError, Node};
use crate::causality::VersionSet;
use crate::id::{MemberId, PartitionId};
use crate::limits::{SYNC_KEYS_MAX, SYNC_PAGES_MAX};
use crate::planted::{Bug, is_planted};
use crate::storage::store::Scanned;
use crate::storage::{Lookup, StoredKey};
use crate::sync::tree::{BRANCHES, LeafSet};
use crate::time::Instant;
use crate::wire::{FrameError, ListedKey, PeerMessage, SyncMessage};
use alloc::vec::Vec;
use core::ops::Bound;

/// Another replica's question for the keys of some leaves, and what is found so far.
#[derive(Debug)]
pub(super) struct PeerList {
    from: MemberId,
    partition: PartitionId,
    exchange: u64,
    leaves: LeafSet,
    after: Option<StoredKey>,
    entries: Vec<ListedKey>,
    pages: usize,
}

/// Another replica's question for the state of a key.
#[derive(Debug)]
pub(super) struct PeerFetch {
    from: MemberId,
    exchange: u64,
    key: StoredKey,
}

impl Node {
    pub(super) fn handle_sync(
        &mut self,
        now: Instant,
        from: MemberId,
        partition: PartitionId,
        exchange: u64,
        message: SyncMessage,
    ) -> Result<(), InputError> {
        let malformed = InputError::Frame(FrameError::Malformed);
        if self.handed_list(now, exchange, from, &message) {
            return Ok(());
        }
        let is_owner = self.holds(partition);
        let tree = self.syncing.forest.tree(partition);
        let answer = match (message, tree.filter(|_| is_owner && self.report.ready)) {
            (
                message @ (SyncMessage::Same
                | SyncMessage::NotReady
                | SyncMessage::Branches(_)
                | SyncMessage::Leaves(_)
                | SyncMessage::Listed { .. }),
                _,
            ) => return self.handle_sync_answer(now, from, partition, exchange, message),
            (SyncMessage::State { key, set }, _) => {
                let key = key_of(partition, &key)?;
                return self.handle_fetched(now, exchange, &key, &set);
            }
            (_, None) => SyncMessage::NotReady,
            (SyncMessage::Root(root), Some(tree)) if root == tree.root() => SyncMessage::Same,
            (SyncMessage::Root(_), Some(tree)) => SyncMessage::Branches(tree.branches().to_vec()),
            (SyncMessage::PickBranches(branches), Some(tree)) => {
                let picked = (0..BRANCHES).filter(|branch| branches & 1 << branch != 0);
                SyncMessage::Leaves(picked.flat_map(|branch| tree.leaves(branch)).collect())
            }
            (SyncMessage::List { leaves, after }, Some(_)) => {
                let leaves = LeafSet::from_bytes(&leaves).ok_or(malformed)?;
                let after = match &after[..] {
                    [] => None,
                    bytes => Some(key_of(partition, bytes)?),
                };
                self.list_keys(PeerList {
                    from,
                    partition,
                    exchange,
                    leaves,
                    after,
                    entries: Vec::new(),
                    pages: 0,
                });
                return Ok(());
            }
            (SyncMessage::Fetch(keys), Some(_)) => {
                if keys.len() > SYNC_KEYS_MAX {
                    return Err(malformed);
                }
                for bytes in keys {
                    let key = key_of(partition, &bytes.0)?;
                    self.send_state(PeerFetch {
                        from,
                        exchange,
                        key,
                    });
                }
                return Ok(());
            }
        };
        self.say_sync(from, partition, exchange, answer);
        Ok(())
    }

    /// Looks for the keys that were asked for, a bounded number of pages at a time.
    pub(super) fn list_keys(&mut self, mut list: PeerList) {
        loop {
            let scanned = self.scan_keys(list.partition, list.after.as_ref(), Bound::Unbounded);
            let page = match scanned {
                Scanned::Page(page) => page,
                Scanned::Pending(batch) => return self.wait(batch, Waiter::PeerList(list)),
                Scanned::Unloaded(wanted) => {
                    return self.wait_for_block(wanted, Waiter::PeerList(list));
                }
                Scanned::Damaged(_) => {
                    let answer = SyncMessage::NotReady;
                    return self.say_sync(list.from, list.partition, list.exchange, answer);
                }
            };
            for entry in page.entries {
                if list.leaves.holds(entry.key.digest()) {
                    let set = VersionSet::decode(&entry.set).expect("checked before it was stored");
                    list.entries.push(ListedKey {
                        key: entry.key.as_bytes().to_vec(),
                        state: set.causal_digest(),
                    });
                }
            }
            list.pages += 1;
            list.after = page.next;
            // A page has as many keys as an answer may have, so another one might not fit.
            if list.after.is_none() || !list.entries.is_empty() || list.pages >= SYNC_PAGES_MAX {
                break;
            }
        }
        let upto = list
            .after
            .map_or_else(Vec::new, |key| key.as_bytes().to_vec());
        let entries = list.entries;
        let answer = SyncMessage::Listed { entries, upto };
        self.say_sync(list.from, list.partition, list.exchange, answer);
    }

    /// Sends the state of a key, once it is durable.
    pub(super) fn send_state(&mut self, fetch: PeerFetch) {
        let set = match self.store.lookup(&fetch.key) {
            Lookup::Durable(set) => set.to_vec(),
            Lookup::Pending(batch) if !is_planted(Bug::ShowBeforeDurable) => {
                return self.wait(batch, Waiter::PeerFetch(fetch));
            }
            Lookup::Unloaded(wanted) => {
                return self.wait_for_block(wanted, Waiter::PeerFetch(fetch));
            }
            Lookup::Absent => Vec::new(),
            Lookup::Damaged(_) | Lookup::Pending(_) => return,
        };
        let partition = fetch.key.partition();
        let key = fetch.key.as_bytes().to_vec();
        let state = SyncMessage::State { key, set };
        self.say_sync(fetch.from, partition, fetch.exchange, state);
    }

    pub(super) fn say_sync(
        &mut self,
        to: MemberId,
        partition: PartitionId,
        exchange: u64,
        message: SyncMessage,
    ) {
        let view = self.view(partition);
        let message = PeerMessage::Sync {
            view,
            exchange,
            message,
        };
        self.send(to, partition, &message);
    }
}
