//! Work on all copies of a span, a page at a time: one job after another.

use super::filling::Fill;
use super::record::{self, Copy, REMOVED};
use super::subscribing::{Subscription, SubscriptionId};
use super::{Leaf, LeafOutput, Waiter};
use crate::selector::Span;
use crate::storage::StoredKey;
use crate::storage::store::{Scan, Scanned};
use alloc::vec::Vec;
use core::ops::Bound;

/// What is to be done.
#[derive(Debug)]
pub(super) struct Job {
    task: Task,
    /// Where it is.
    after: Option<StoredKey>,
}

#[derive(Debug)]
enum Task {
    /// What this fill of a subscription has not come by is removed.
    Sweep(SubscriptionId, u64),
    /// Copies that no subscription keeps any more are dropped when others need the room.
    LetGo(Span),
    /// The copies of earlier runs are noted, so that those can be dropped that no subscription keeps.
    Note,
    /// It is noted when the values of this span end.
    NoteExpiring(Span),
    /// What has ended is stored as gone, and told.
    Expire,
}

impl Job {
    /// Removes what fill `number` of a subscription has not listed.
    pub(super) const fn sweep(id: SubscriptionId, number: u64) -> Self {
        let task = Task::Sweep(id, number);
        Self { task, after: None }
    }

    /// Finds out which copies earlier runs have left.
    pub(super) const fn note() -> Self {
        let task = Task::Note;
        Self { task, after: None }
    }

    /// Finds out when the values of `span` end.
    pub(super) const fn note_expiring(span: Span) -> Self {
        let task = Task::NoteExpiring(span);
        Self { task, after: None }
    }

    /// Ends what is due.
    pub(super) const fn expire() -> Self {
        let task = Task::Expire;
        Self { task, after: None }
    }

    /// Keeps the copies of `span` no longer than others.
    pub(super) const fn let_go(span: Span) -> Self {
        let task = Task::LetGo(span);
        Self { task, after: None }
    }
}

impl Leaf {
    pub(super) fn begin_job(&mut self, job: Job) {
        let is_same = |it: &Job| match (&it.task, &job.task) {
            (Task::Sweep(_, this), Task::Sweep(_, that)) => this == that,
            _ => false,
        };
        if self.jobs.iter().any(is_same) {
            return;
        }
        self.jobs.push_back(job);
        if self.jobs.len() == 1 {
            self.go_on_with_jobs();
        }
    }

    /// Does what can be done now.
    pub(super) fn go_on_with_jobs(&mut self) {
        while let Some(mut job) = self.jobs.pop_front() {
            match self.do_page(&mut job) {
                Done::All => {}
                Done::Page => self.jobs.push_front(job),
                Done::Waits => return self.jobs.push_front(job),
            }
        }
    }

    fn do_page(&mut self, job: &mut Job) -> Done {
        let span = match &job.task {
            Task::Expire => return self.expire_some(),
            Task::LetGo(span) | Task::NoteExpiring(span) => span.clone(),
            Task::Note => Span::Prefix(Vec::new()),
            Task::Sweep(id, number) => {
                let it = self.subscription(*id);
                let is_same = |it: &&mut Subscription| {
                    it.fill.as_ref().is_some_and(|fill| fill.number == *number)
                };
                match it.filter(is_same) {
                    Some(it) => it.kept.span.clone(),
                    None => return Done::All,
                }
            }
        };
        let writes = !matches!(job.task, Task::Note | Task::NoteExpiring(_));
        if writes && self.store.can_write().is_err() {
            return self.stall();
        }
        let (from, to) = record::bounds(&span);
        let page = self.store.scan(&Scan {
            from: match &job.after {
                Some(after) => Bound::Excluded(after.as_bytes()),
                None => Bound::Included(&from),
            },
            to: Bound::Excluded(&to),
            is_reverse: false,
            live_at_ms: Some(0),
            shows_pending: true,
            entries_max: usize::MAX,
            bytes_max: usize::MAX,
        });
        let page = match page {
            Scanned::Page(page) => page,
            Scanned::Unloaded(wanted) => {
                self.load(wanted, Waiter::Job);
                return Done::Waits;
            }
            // A damaged table of copies: they read as none.
            Scanned::Damaged(_) | Scanned::Pending(_) => return self.end_job(job),
        };
        for entry in page.entries {
            let key = record::key_of(&entry.key).to_vec();
            match job.task {
                Task::Sweep(id, _) => self.sweep(id, &key, &entry.set),
                Task::LetGo(_) => self.let_go(&entry.key, &key),
                Task::Note => self.note_copy(&entry.key, &key, &entry.set),
                Task::NoteExpiring(_) => {
                    if let Some(copy) = record::decode(&entry.set) {
                        self.note_expiry(&key, &copy);
                    }
                }
                Task::Expire => {}
            }
        }
        match page.next {
            Some(next) => {
                job.after = Some(next);
                Done::Page
            }
            None => self.end_job(job),
        }
    }

    /// A job goes on when the storage takes writes.
    pub(super) const fn stall(&mut self) -> Done {
        self.is_stalled = true;
        Done::Waits
    }

    fn end_job(&mut self, job: &Job) -> Done {
        match job.task {
            Task::Sweep(id, _) => self.filled(id),
            Task::Note => self.copies.all_are_noted(),
            Task::LetGo(_) | Task::NoteExpiring(_) | Task::Expire => {}
        }
        Done::All
    }

    fn sweep(&mut self, id: SubscriptionId, key: &[u8], set: &[u8]) {
        let is_listed = |fill: &Fill| fill.has(key);
        let Some(it) = self.subscription(id) else {
            return;
        };
        if it.fill.as_ref().is_none_or(is_listed) {
            return;
        }
        let is_at_edge = it.fill.as_ref().is_some_and(Fill::is_at_edge);
        let copy = record::decode::<Copy>(set).unwrap_or_default();
        let (is_over, is_shown) = (copy.is_over(self.now.as_millis()), copy.found.is_some());
        // A deletion keeps what the edge node may have, and is older, from being taken in.
        if is_at_edge && !is_over && (!is_shown || self.doubt(key, copy.context.clone())) {
            return;
        }
        let stored = record::copy_key(key);
        self.copies.remove(&stored);
        self.put(stored, REMOVED, false);
        if self.settings.is_edge {
            let (key, context) = (key.to_vec(), copy.context);
            self.outputs.push_back(LeafOutput::Swept { key, context });
        }
        if is_over {
            if self.outbox.newest(key).is_none() {
                self.tell_expired(key.to_vec());
            }
        } else if is_shown {
            self.tell(key);
        }
    }

    fn let_go(&mut self, stored: &StoredKey, key: &[u8]) {
        if self.is_kept(key) {
            return;
        }
        if let Some(oldest) = self.copies.touch(stored) {
            self.put(oldest, REMOVED, false);
        }
    }

    /// A copy that no subscription keeps, or that only says that there is no value, is dropped when others
    /// need the room. One that there is no room for stays until the next run, if the storage takes no writes.
    fn note_copy(&mut self, stored: &StoredKey, key: &[u8], set: &[u8]) {
        let has_value = || record::decode::<Copy>(set).is_some_and(|it| it.found.is_some());
        let is_pinned = self.is_kept(key) && has_value();
        if !is_pinned && !self.copies.note(stored) && self.store.can_write().is_ok() {
            self.put(stored.clone(), REMOVED, false);
        }
    }
}

/// How far a page of a job has come.
pub(super) enum Done {
    All,
    Page,
    /// For a block, or for room to write.
    Waits,
}
