//! Lists that a client makes itself: page after page of the keys of all partitions, in order.
//!
//! Each page is a call. What a list has in hand when its page is full is kept for a while, for the call that
//! goes on behind it: so whoever takes a list page by page asks each partition for each key once.

use super::call::{Call, CallId, ClientOutput};
use super::listing::Listing;
use super::naming::BucketRef;
use super::session::Client;
use crate::id::PartitionId;
use crate::limits::{
    LIST_ENTRIES_MAX, LIST_PAGE_BYTES, LISTINGS_KEPT_MAX, LISTINGS_KEPT_MS, LISTINGS_MAX,
};
use crate::replication::Level;
use crate::selector::Span;
use crate::time::{Duration, Instant};
use crate::wire::{ErrorCode, Failure, Listed, Reply};
use alloc::format;
use alloc::vec::Vec;

/// What an application wants to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListSpec {
    /// The bucket.
    pub bucket: BucketRef,
    /// Which of its keys.
    pub span: Span,
    /// Those behind this key in the order of the list; empty to begin.
    pub after: Vec<u8>,
    /// How many are wanted in all. A page has [`LIST_ENTRIES_MAX`] of them at most, and ends when it has
    /// [`LIST_PAGE_BYTES`].
    pub limit: u64,
    /// From the last key to the first.
    pub is_reverse: bool,
    /// Replicas that must agree; `None` takes the bucket's level.
    pub level: Option<Level>,
    /// How long a partition has to answer, in milliseconds; 0 takes the default.
    pub timeout_ms: u32,
}

/// The lists of a client.
#[derive(Debug, Default)]
pub(super) struct Lists {
    lists: Vec<List>,
    made: u64,
}

/// One of them.
#[derive(Debug)]
struct List {
    number: u64,
    spec: ListSpec,
    listing: Listing,
    /// The call that waits for a page; `None` while nobody does.
    call: Option<CallId>,
    entries: Vec<Listed>,
    bytes: usize,
    /// When the last page was given.
    given_at: Instant,
}

impl Client {
    /// Lists keys of all partitions in order. The outcome is one page, a [`Reply::Listed`]; the next one is
    /// what the same list gives behind its `next`.
    ///
    /// # Errors
    ///
    /// If these cannot be keys, no server has greeted yet, or too many lists are under way.
    pub fn list(&mut self, now: Instant, spec: ListSpec) -> Result<CallId, Failure> {
        self.now = now;
        self.check_list(&spec.span, PartitionId(0), &spec.after)?;
        let lists = &mut self.lists.lists;
        let place = lists.iter().position(|list| list.goes_on_with(&spec));
        if place.is_none() && lists.iter().filter(|it| it.call.is_some()).count() >= LISTINGS_MAX {
            let message =
                format!("{LISTINGS_MAX} lists are under way, and no more may be; await one first");
            return Err(Failure::new(ErrorCode::RateLimited, message));
        }
        let mut list = match place {
            Some(place) => lists.swap_remove(place),
            None => self.new_list(&spec),
        };
        let call = self.number_call();
        list.call = Some(call);
        list.spec = spec;
        let number = list.number;
        self.lists.lists.push(list);
        self.go_on_listing(number);
        Ok(call)
    }

    fn new_list(&mut self, spec: &ListSpec) -> List {
        let places = self.partitions_of(&spec.bucket, &spec.span);
        let one = (places.len() == 1).then_some(PartitionId(places.start));
        let listing = Listing::new(spec.span.clone(), one, self.partitions())
            .in_reverse(spec.is_reverse)
            .behind(spec.after.clone())
            .at_most(spec.limit);
        self.lists.made += 1;
        List {
            number: self.lists.made,
            spec: spec.clone(),
            listing,
            call: None,
            entries: Vec::new(),
            bytes: 0,
            given_at: self.now,
        }
    }

    /// A partition has answered a list, or has not.
    pub(super) fn take_page(
        &mut self,
        number: u64,
        partition: PartitionId,
        result: Result<Reply, Failure>,
    ) {
        let Some(list) = self.lists.get_mut(number) else {
            return;
        };
        let taken = result.and_then(|reply| match reply {
            Reply::Listed { entries, next } => list.listing.handle_page(partition, entries, next),
            _ => Ok(()),
        });
        match taken {
            Ok(()) => self.go_on_listing(number),
            Err(failure) => self.end_list(number, Some(failure)),
        }
    }

    /// Gives a page if it is whole, and asks for what is missing.
    fn go_on_listing(&mut self, number: u64) {
        if let Some(list) = self.lists.get_mut(number)
            && let Some(done) = list.page(self.now)
        {
            self.outputs.push_back(done);
            if list.listing.is_done() {
                return self.end_list(number, None);
            }
            if let Some(oldest) = self.lists.oldest_beyond(LISTINGS_KEPT_MAX) {
                self.end_list(oldest, None);
            }
        }
        // What is asked may fail at once, and the list with it.
        while let Some(list) = self.lists.get_mut(number)
            && let Some(wanted) = list.listing.poll_page()
        {
            let (spec, partition) = (&list.spec, wanted.partition);
            let (bucket, span) = (spec.bucket.clone(), spec.span.clone());
            let call = Call::list(bucket, span, partition, wanted.after, wanted.limit)
                .in_reverse(spec.is_reverse)
                .with_level(spec.level)
                .with_timeout_ms(spec.timeout_ms);
            if let Err(failure) = self.take_call(call, Some(number)) {
                self.take_page(number, partition, Err(failure));
            }
        }
    }

    /// Ends a list. Whoever waits for it is told why.
    fn end_list(&mut self, number: u64, failure: Option<Failure>) {
        let lists = &mut self.lists.lists;
        let Some(place) = lists.iter().position(|list| list.number == number) else {
            return;
        };
        let list = lists.swap_remove(place);
        for id in self.calls.of_list(number) {
            self.calls.remove(id);
        }
        if let (Some(call), Some(failure)) = (list.call, failure) {
            let result = Err(failure);
            self.outputs.push_back(ClientOutput::Done { call, result });
        }
    }

    /// Forgets the list that `call` waits for, if it is one.
    pub(super) fn cancel_list(&mut self, call: CallId) {
        let waits = self.lists.lists.iter().find(|it| it.call == Some(call));
        if let Some(number) = waits.map(|list| list.number) {
            self.end_list(number, None);
        }
    }

    /// Drops what nobody has gone on with for long.
    pub(super) fn drop_old_lists(&mut self) {
        while let Some(due) = self.lists.next_due()
            && due <= self.now
            && let Some(oldest) = self.lists.oldest_beyond(0)
        {
            self.end_list(oldest, None);
        }
    }
}

impl Lists {
    fn get_mut(&mut self, number: u64) -> Option<&mut List> {
        self.lists.iter_mut().find(|list| list.number == number)
    }

    /// When [`Client::drop_old_lists`] wants to be called.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let kept = self.kept().map(|list| list.given_at);
        Some(kept.min()? + Duration::from_millis(LISTINGS_KEPT_MS))
    }

    /// The oldest of the lists that nobody waits for, if there are more than `most` of them.
    fn oldest_beyond(&self, most: usize) -> Option<u64> {
        let oldest = self.kept().min_by_key(|list| list.given_at)?;
        (self.kept().count() > most).then_some(oldest.number)
    }

    /// Lists that nobody waits for.
    #[cfg(test)]
    pub(super) fn kept_count(&self) -> usize {
        self.kept().count()
    }

    fn kept(&self) -> impl Iterator<Item = &List> {
        self.lists.iter().filter(|list| list.call.is_none())
    }
}

impl List {
    /// Whether it is where `spec` is to go on.
    fn goes_on_with(&self, spec: &ListSpec) -> bool {
        let own = &self.spec;
        self.call.is_none()
            && self.listing.cursor() == spec.after
            && own.is_reverse == spec.is_reverse
            && own.level == spec.level
            && own.bucket == spec.bucket
            && own.span == spec.span
    }

    /// The page that somebody waits for, if it is whole.
    fn page(&mut self, now: Instant) -> Option<ClientOutput> {
        let call = self.call?;
        let limit = usize::try_from(self.spec.limit)
            .map_or(LIST_ENTRIES_MAX, |it| it.min(LIST_ENTRIES_MAX));
        let is_full = |list: &Self| list.entries.len() >= limit || list.bytes >= LIST_PAGE_BYTES;
        while !is_full(self)
            && let Some(entry) = self.listing.poll_entry()
        {
            self.bytes += entry.key.len() + entry.value.bytes.len();
            self.entries.push(entry);
        }
        if !is_full(self) && !self.listing.is_done() {
            return None;
        }
        let next = (!self.listing.is_at_end()).then(|| self.listing.cursor().to_vec());
        let entries = core::mem::take(&mut self.entries);
        (self.bytes, self.call, self.given_at) = (0, None, now);
        let result = Ok(Reply::Listed { entries, next });
        Some(ClientOutput::Done { call, result })
    }
}
