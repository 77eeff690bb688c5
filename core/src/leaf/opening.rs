//! What is stored is read: the leaf's own record, the writes that wait, and the subscriptions.

use super::record::{self, COPIES, OUTBOX, Own};
use super::subscribing::Subscription;
use super::{Leaf, LeafOutput, Phase, Waiter, WriteId};
use crate::storage::Newest;
use crate::storage::store::{Scan, Scanned, ScannedEntry};
use crate::storage::table::reader::Wanted;
use alloc::format;
use alloc::string::String;
use core::ops::Bound;

impl Leaf {
    /// Goes on to read what is stored.
    pub(super) fn go_on_opening(&mut self) {
        match self.read_stored() {
            Ok(None) => {}
            Ok(Some(wanted)) => self.load(wanted, Waiter::Opening),
            Err(why) => self.fail(why),
        }
    }

    /// Reads what must be known before the leaf is open; returns the block that must be loaded first.
    fn read_stored(&mut self) -> Result<Option<Wanted>, String> {
        if matches!(self.phase, Phase::Opening) {
            if let Some(wanted) = self.read_own()? {
                return Ok(Some(wanted));
            }
            self.phase = Phase::Reading(None);
        }
        let first = record::outbox_key(self.own.oldest_write);
        while let Phase::Reading(after) = &self.phase {
            let page = self.store.scan(&Scan {
                from: match after {
                    Some(after) => Bound::Excluded(after.as_bytes()),
                    None => Bound::Included(first.as_bytes()),
                },
                to: Bound::Unbounded,
                is_reverse: false,
                live_at_ms: Some(0),
                // The leaf's own record may be on its way.
                shows_pending: true,
                entries_max: usize::MAX,
                bytes_max: usize::MAX,
            });
            let page = match page {
                Scanned::Page(page) => page,
                Scanned::Unloaded(wanted) => return Ok(Some(wanted)),
                Scanned::Pending(_) | Scanned::Damaged(_) => {
                    return Err("a table of it is damaged".into());
                }
            };
            for entry in &page.entries {
                self.take_stored(entry)?;
            }
            match page.next {
                Some(next) => self.phase = Phase::Reading(Some(next)),
                None => self.opened(),
            }
        }
        Ok(None)
    }

    /// Takes over a write that waits, or a subscription.
    fn take_stored(&mut self, entry: &ScannedEntry) -> Result<(), String> {
        if entry.key == record::own_key() {
            return Ok(());
        }
        if entry.key == record::greeting_key() {
            self.greeting = record::decode(&entry.set);
            return Ok(());
        }
        let number = record::number(&entry.key);
        if entry.key.partition() == OUTBOX {
            let waiting = record::decode_waiting(&entry.set);
            let write = number.zip(waiting);
            let (number, (waiting, before)) = write.ok_or("a write that waits in it is damaged")?;
            self.outbox.push(WriteId(number), waiting, before, true);
        } else if let (Some(id), Some(kept)) = (number, record::decode(&entry.set)) {
            self.subscriptions.push(Subscription::stored(id, kept));
        }
        Ok(())
    }

    /// All is known but which copies there are, which can be a hundred times more: that is found out later.
    fn opened(&mut self) {
        self.next_write = self.own.oldest_write.max(self.outbox.newest_id().0 + 1);
        self.store.forget_until(COPIES, 2);
        self.store.forget_until(OUTBOX, 2);
        self.phase = Phase::Open;
        let pending = self.outbox.len();
        self.outputs.push_back(LeafOutput::Opened { pending });
        self.note_cluster();
        self.send_writes();
        self.rest.opened(self.now);
    }

    /// Does `waiter` when the block is in memory.
    pub(super) fn load(&mut self, wanted: Wanted, waiter: Waiter) {
        let operation = self.store.load(wanted);
        self.loading.insert((operation, waiter));
    }

    /// Reads the leaf's own record; returns the block that must be loaded first.
    fn read_own(&mut self) -> Result<Option<Wanted>, String> {
        let own = match self.store.newest(&record::own_key()) {
            Newest::State(bytes) => record::decode::<Own>(bytes).ok_or("its record is damaged")?,
            Newest::Absent => {
                let bucket = self.settings.bucket.clone();
                self.own = Own {
                    bucket,
                    cluster: None,
                    oldest_write: 1,
                };
                self.put(record::own_key(), &record::encode(&self.own), true);
                return Ok(None);
            }
            Newest::Unloaded(wanted) => return Ok(Some(wanted)),
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
        Ok(None)
    }
}
