//! A member that comes to own a partition of which it has keys already was away in between, or has held
//! them for others. What is old among that is forgotten before the partition is compared with the
//! other owners, who have it unless it was deleted and forgotten meanwhile: so a value does not come
//! back to life. Done while the hash tree is grown.

use super::{Node, storage};
use crate::causality::VersionSet;
use crate::id::PartitionId;
use crate::planted::{Bug, is_planted};
use crate::storage::Facts;
use crate::storage::StoredKey;
use crate::storage::store::Page;
use crate::time::Instant;

impl Node {
    /// Sees to it that what is here of `partition` is sifted, if this member holds it anew.
    pub(super) fn begin_sifting(&mut self, now: Instant, partition: PartitionId) {
        let me = self.config.me;
        let ownership = self.agreement.state.ownership(partition);
        let Some(since) = ownership.filter(|it| it.holds(me)).map(|it| it.since(me)) else {
            return;
        };
        if self.remembered(partition).sifted == since {
            return;
        }
        if self.store.keys_of(partition) == 0 {
            self.end_sifting(now, partition);
        } else {
            self.syncing.sifting.insert(partition);
            self.syncing.forest.plant(partition, false);
        }
    }

    /// Takes what is too old out of the next page of the scan that grows a tree.
    pub(super) fn sift_page(&mut self, now: Instant, partition: PartitionId, page: &mut Page) {
        if !self.syncing.sifting.contains(&partition) {
            return;
        }
        page.entries.retain(|entry| {
            let set = VersionSet::decode(&entry.set).expect("checked before it was stored");
            let is_kept = !self.is_past(now, &set);
            if !is_kept {
                self.report.hints.expired += 1;
                self.write_forgotten(entry.key.clone());
            }
            is_kept
        });
        if page.next.is_none() {
            self.syncing.sifting.remove(&partition);
            self.end_sifting(now, partition);
        }
    }

    fn end_sifting(&mut self, now: Instant, partition: PartitionId) {
        let mut record = self.remembered(partition);
        let ownership = self.agreement.state.ownership(partition);
        record.sifted = ownership.map_or(0, |it| it.since(self.config.me));
        self.remember(now, partition, record);
    }

    /// Whether `set` is so old that the owners of its key may have forgotten it since.
    pub(super) fn is_past(&self, now: Instant, set: &VersionSet) -> bool {
        let until_ms = set.facts().written_at_ms + self.config.horizon_ms / 4 * 3;
        until_ms <= now.as_millis() && !is_planted(Bug::StrayKept)
    }

    /// Stores that the key is forgotten.
    pub(super) fn write_forgotten(&mut self, key: StoredKey) {
        let facts = Facts {
            is_tombstone: true,
            ..Facts::default()
        };
        self.write_state(key, storage::FORGOTTEN, facts, false);
    }
}
