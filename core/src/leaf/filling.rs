//! All keys of a subscription are fetched: page by page of each partition that has some, several at a
//! time. What is here and was neither listed nor heard of meanwhile is on the ring no more.

use super::jobs::Job;
use super::record::{Copy, Found};
use super::subscribing::{Subscription, SubscriptionId};
use super::taking::Incoming;
use super::{Leaf, LeafOutput, Purpose};
use crate::client::Call;
use crate::hash::hash64;
use crate::id::PartitionId;
use crate::limits::{
    FILL_CALLS_MAX, FILL_PAGE_ENTRIES, OUTBOX_RETRY_FIRST_MS, OUTBOX_RETRY_MAX_MS, TIMEOUT_MAX_MS,
};
use crate::replication::Level;
use crate::time::{Duration, Instant};
use crate::wire::{Failure, Listed, Reply};
use alloc::vec::Vec;
use core::ops::Range;
use foldhash::fast::FixedState;
use hashbrown::HashSet;

/// A subscription's keys are being fetched.
#[derive(Debug)]
pub(super) struct Fill {
    /// Which fill of this leaf it is: what an earlier one has asked for is not its own.
    pub(super) number: u64,
    /// What was not asked for yet; `None` before a server has greeted.
    partitions: Option<Range<u16>>,
    /// Pages that are to be asked for: the partition, and behind which key.
    pages: Vec<(PartitionId, Vec<u8>)>,
    asked: usize,
    /// Pages that failed are asked for again at this moment.
    retry_at: Option<Instant>,
    failures: u32,
    /// It asks an edge node for all partitions at once.
    is_at_edge: bool,
    /// Hashes of the keys that the ring has.
    listed: HashSet<u64, FixedState>,
}

impl Fill {
    fn new(number: u64) -> Self {
        Self {
            number,
            partitions: None,
            pages: Vec::new(),
            asked: 0,
            retry_at: None,
            failures: 0,
            is_at_edge: false,
            listed: HashSet::with_hasher(FixedState::default()),
        }
    }

    fn is_done(&self) -> bool {
        self.asked == 0
            && self.pages.is_empty()
            && self.partitions.as_ref().is_some_and(Range::is_empty)
    }

    /// Whether it lists what an edge node has, which may be behind the ring.
    pub(super) const fn is_at_edge(&self) -> bool {
        self.is_at_edge
    }

    /// Whether the ring has said something of `key`.
    pub(super) fn has(&self, key: &[u8]) -> bool {
        self.listed.contains(&hash64(key))
    }
}

/// A page that was asked for.
#[derive(Clone, Debug)]
pub(super) struct PageAsked {
    subscription: SubscriptionId,
    fill: u64,
    partition: PartitionId,
    after: Vec<u8>,
}

impl Leaf {
    /// Fetches all keys of a subscription.
    pub(super) fn fill(&mut self, id: SubscriptionId) {
        let number = self.next_read;
        self.next_read += 1;
        if let Some(it) = self.subscription(id) {
            it.fill = Some(Fill::new(number));
            self.go_on_filling();
        }
    }

    /// The ring has said something of `key`.
    pub(super) fn note_listed(&mut self, key: &[u8]) {
        for it in &mut self.subscriptions {
            let is_selected = it.kept.span.holds(key);
            if let Some(fill) = it.fill.as_mut().filter(|_| is_selected) {
                fill.listed.insert(hash64(key));
            }
        }
    }

    /// Asks for the pages that come next, unless there is enough to take in already; ends what is through.
    pub(super) fn go_on_filling(&mut self) {
        let now = self.now;
        for fill in self
            .subscriptions
            .iter_mut()
            .filter_map(|it| it.fill.as_mut())
        {
            fill.retry_at = fill.retry_at.filter(|at| *at > now);
        }
        if !self.is_online || self.incoming.len() >= FILL_PAGE_ENTRIES {
            return;
        }
        for at in 0..self.subscriptions.len() {
            while let Some(page) = self.next_page(at) {
                self.ask_page(page);
            }
        }
        if !self.incoming.is_empty() {
            return;
        }
        let number = |it: &Subscription| {
            let fill = it.fill.as_ref().filter(|fill| fill.is_done())?;
            Some((it.id, fill.number))
        };
        for (id, fill) in self
            .subscriptions
            .iter()
            .filter_map(number)
            .collect::<Vec<_>>()
        {
            self.begin_job(Job::sweep(id, fill));
        }
    }

    fn next_page(&mut self, at: usize) -> Option<PageAsked> {
        let bucket = self.settings.bucket.clone().into();
        let (is_at_edge, number) = (self.client.is_at_edge(), self.next_read);
        self.next_read += 1;
        let it = &mut self.subscriptions[at];
        let fill = it.fill.as_mut()?;
        if fill.partitions.is_some() && fill.is_at_edge != is_at_edge {
            // One has pages of each partition, and the other has not.
            *fill = Fill::new(number);
        }
        fill.is_at_edge = is_at_edge;
        if fill.asked >= FILL_CALLS_MAX || fill.retry_at.is_some() {
            return None;
        }
        if fill.partitions.is_none() {
            fill.partitions = Some(match is_at_edge {
                true => 0..1,
                false => self.client.partitions_of(&bucket, &it.kept.span),
            });
        }
        let (partition, after) = match fill.pages.pop() {
            Some(page) => page,
            None => (PartitionId(fill.partitions.as_mut()?.next()?), Vec::new()),
        };
        fill.asked += 1;
        Some(PageAsked {
            subscription: it.id,
            fill: fill.number,
            partition,
            after,
        })
    }

    fn ask_page(&mut self, page: PageAsked) {
        let Some(it) = self.subscription(page.subscription) else {
            return;
        };
        let span = it.kept.span.clone();
        let (bucket, limit) = (self.settings.bucket.clone(), FILL_PAGE_ENTRIES);
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let call = Call::list(bucket, span, page.partition, page.after.clone(), limit)
            .with_level(Some(Level::Quorum))
            .with_timeout_ms(TIMEOUT_MAX_MS);
        let call = match self.client.is_at_edge() {
            true => {
                self.was_at_edge = true;
                call.at_edge(None)
            }
            false => call,
        };
        match self.client.submit(self.now, call) {
            Ok(call) => drop(self.calls.insert(call, Purpose::Page(page))),
            Err(failure) => self.page_failed(page, failure),
        }
    }

    /// The ring has answered.
    pub(super) fn listed(&mut self, page: PageAsked, result: Result<Reply, Failure>) {
        let (entries, next) = match result {
            Ok(Reply::Listed { entries, next }) => (entries, next),
            Ok(_) => return,
            Err(failure) => return self.page_failed(page, failure),
        };
        let Some(fill) = self.fill_of(&page) else {
            return;
        };
        fill.asked -= 1;
        fill.failures = 0;
        if let Some(next) = next {
            fill.pages.push((page.partition, next));
        }
        for entry in entries {
            self.incoming.push(entry.into());
        }
        self.take_in();
    }

    /// What the page was asked for, unless that has begun anew, or ended.
    fn fill_of(&mut self, page: &PageAsked) -> Option<&mut Fill> {
        let fill = self.subscription(page.subscription)?.fill.as_mut()?;
        Some(fill).filter(|fill| fill.number == page.fill)
    }

    /// A page has no answer: it is asked for again.
    pub(super) fn forget_page(&mut self, page: &PageAsked) {
        if let Some(fill) = self.fill_of(page) {
            fill.asked -= 1;
            fill.pages.push((page.partition, page.after.clone()));
        }
    }

    /// A page has failed: it is asked for again, later, or the subscription ends.
    fn page_failed(&mut self, page: PageAsked, failure: Failure) {
        let now = self.now;
        let Some(fill) = self.fill_of(&page) else {
            return;
        };
        fill.asked -= 1;
        fill.pages.push((page.partition, page.after));
        if failure.code.is_retryable() {
            let wait = OUTBOX_RETRY_FIRST_MS << fill.failures.min(16);
            fill.failures = fill.failures.saturating_add(1);
            fill.retry_at = Some(now + Duration::from_millis(wait.min(OUTBOX_RETRY_MAX_MS)));
            return;
        }
        let subscription = page.subscription;
        self.unsubscribe(now, subscription);
        self.outputs.push_back(LeafOutput::Unsubscribed {
            subscription,
            failure,
        });
    }

    /// When the next page that has failed is asked for again.
    pub(super) fn next_retry(&self) -> Option<Instant> {
        let fills = self.subscriptions.iter().filter_map(|it| it.fill.as_ref());
        let retries = fills
            .filter(|fill| !fill.pages.is_empty())
            .filter_map(|fill| fill.retry_at);
        retries.min().filter(|_| self.is_online)
    }

    /// All keys of a subscription are here, and what the ring has no more is gone.
    pub(super) fn filled(&mut self, id: SubscriptionId) {
        let Some(it) = self.subscription(id) else {
            return;
        };
        it.fill = None;
        it.kept.is_whole = true;
        self.keep(id);
        self.end_resuming();
    }
}

impl From<Listed> for Incoming {
    fn from(listed: Listed) -> Self {
        let Listed {
            key,
            value,
            version,
            siblings,
            expires_at_ms,
            context,
        } = listed;
        let found = Some(Found {
            value,
            version,
            siblings,
            expires_at_ms,
        });
        Self::of_ring(key, Copy { found, context })
    }
}
