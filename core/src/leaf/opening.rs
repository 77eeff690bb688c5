//! What is stored is read: the leaf's own record, the writes that wait, and which copies there are.

use super::record::{self, COPIES, Copy, OUTBOX, Own, Waiting};
use super::subscribing::Subscription;
use super::{Leaf, LeafOutput, Phase, Waiter, WriteId};
use crate::storage::store::{Scan, Scanned, ScannedEntry};
use crate::storage::table::reader::Wanted;
use crate::storage::{Newest, StoredKey};
use alloc::format;
use alloc::string::String;
use core::ops::Bound;

impl Leaf {
    /// Goes on to read what is stored.
    pub(super) fn go_on_opening(&mut self) {
        let after = match &mut self.phase {
            Phase::Opening => match self.load_own() {
                Ok(true) => return self.list_own(),
                Ok(false) => return,
                Err(why) => return self.fail(why),
            },
            Phase::Keeping => return self.list_own(),
            Phase::Listing(after) => after.take(),
            Phase::Open | Phase::Failed(_) => return,
        };
        self.phase = Phase::Listing(after);
        match self.list_pages() {
            Ok(None) => {
                self.next_write = self.outbox.newest_id().0 + 1;
                self.store.forget_until(COPIES, 2);
                self.store.forget_until(OUTBOX, 2);
                self.phase = Phase::Open;
                let pending = self.outbox.len();
                self.outputs.push_back(LeafOutput::Opened { pending });
                self.note_cluster();
                self.send_writes();
            }
            Ok(Some(wanted)) => self.load(wanted, Waiter::Opening),
            Err(why) => self.fail(why),
        }
    }

    /// Reads which subscriptions there were, and goes on.
    fn list_own(&mut self) {
        self.phase = Phase::Keeping;
        let own = record::own_key();
        let page = self.store.scan(&Scan {
            from: Bound::Excluded(own.as_bytes()),
            to: Bound::Unbounded,
            is_reverse: false,
            live_at_ms: Some(0),
            shows_pending: true,
            // There are fewer than a page has.
            entries_max: usize::MAX,
            bytes_max: usize::MAX,
        });
        let page = match page {
            Scanned::Page(page) => page,
            Scanned::Unloaded(wanted) => return self.load(wanted, Waiter::Opening),
            Scanned::Pending(_) | Scanned::Damaged(_) => {
                return self.fail("its record is damaged".into());
            }
        };
        for entry in page.entries {
            if let (Some(id), Some(kept)) = (record::number(&entry.key), record::decode(&entry.set))
            {
                self.subscriptions.push(Subscription::stored(id, kept));
            }
        }
        self.phase = Phase::Listing(None);
        self.go_on_opening();
    }

    /// Does `waiter` when the block is in memory.
    pub(super) fn load(&mut self, wanted: Wanted, waiter: Waiter) {
        let operation = self.store.load(wanted);
        self.loading.insert((operation, waiter));
    }

    /// Reads the leaf's own record; false if a block must be loaded first.
    fn load_own(&mut self) -> Result<bool, String> {
        let own = match self.store.newest(&record::own_key()) {
            Newest::State(bytes) => record::decode::<Own>(bytes).ok_or("its record is damaged")?,
            Newest::Absent => {
                let bucket = self.settings.bucket.clone();
                self.own = Own {
                    bucket,
                    cluster: None,
                };
                self.put(record::own_key(), &record::encode(&self.own), true);
                return Ok(true);
            }
            Newest::Unloaded(wanted) => {
                self.load(wanted, Waiter::Opening);
                return Ok(false);
            }
            Newest::Damaged(_) => return Err("its record is damaged".into()),
        };
        if own.bucket != self.settings.bucket {
            return Err(format!(
                "it belongs to the bucket {}, not to {}; open it with that one, or under another name",
                own.bucket, self.settings.bucket
            ));
        }
        if let Some(cluster) = own.cluster {
            self.client.expect_cluster(self.now, cluster);
        }
        self.own = own;
        Ok(true)
    }

    /// There is a copy: one that no subscription keeps is dropped when others need the room.
    fn note_copy(&mut self, entry: &ScannedEntry) {
        let is_kept = self.is_kept(record::key_of(&entry.key));
        let has_value = || record::decode::<Copy>(&entry.set).is_some_and(|it| it.found.is_some());
        if !(is_kept && has_value()) {
            self.copies.touch(&entry.key);
        }
    }

    /// Reads page after page; returns the block that must be loaded first.
    fn list_pages(&mut self) -> Result<Option<Wanted>, String> {
        let end = record::own_key();
        loop {
            let Phase::Listing(after) = &self.phase else {
                return Ok(None);
            };
            let from = after.as_ref().map(StoredKey::as_bytes);
            let page = self.store.scan(&Scan {
                from: from.map_or(Bound::Unbounded, Bound::Excluded),
                to: Bound::Excluded(end.as_bytes()),
                is_reverse: false,
                live_at_ms: Some(0),
                shows_pending: false,
                entries_max: usize::MAX,
                bytes_max: usize::MAX,
            });
            let page = match page {
                Scanned::Page(page) => page,
                Scanned::Unloaded(wanted) => return Ok(Some(wanted)),
                // All of it was there before the storage was opened, but for the record behind it.
                Scanned::Pending(_) => return Err("it changes while it is read".into()),
                Scanned::Damaged(_) => return Err("a table of it is damaged".into()),
            };
            for entry in page.entries {
                if entry.key.partition() == COPIES {
                    self.note_copy(&entry);
                    continue;
                }
                let number = record::number(&entry.key);
                let waiting = record::decode::<Waiting>(&entry.set);
                let (Some(number), Some(waiting)) = (number, waiting) else {
                    return Err("a write that waits in it is damaged".into());
                };
                self.outbox.push(WriteId(number), waiting, true);
            }
            match page.next {
                Some(next) => self.phase = Phase::Listing(Some(next)),
                None => return Ok(None),
            }
        }
    }
}
