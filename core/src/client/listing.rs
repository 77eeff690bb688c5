//! A whole list, in the order of the keys, out of the pages of all partitions (`docs/listing.md`).
//!
//! The next key can be given when one of each partition is here that has not come to its end. So each is
//! asked for few keys at a time, and asked again when half of them are given.

use crate::id::PartitionId;
use crate::limits::{LIST_ENTRIES_MAX, LISTING_ENTRIES, LISTING_PAGE_MIN, LISTING_PAGES_MAX};
use crate::selector::{Span, comes_before};
use crate::wire::{ErrorCode, Failure, Listed};
use alloc::collections::VecDeque;
use alloc::format;
use alloc::vec::Vec;

/// A list over one or all partitions of a ring.
///
/// Ask for what [`Listing::poll_page`] says until `None` (with [`super::Call::list`]), hand what comes to
/// [`Listing::handle_page`], and take the keys from [`Listing::poll_entry`] until `None`; then again, until
/// [`Listing::is_done`].
#[derive(Debug)]
pub struct Listing {
    span: Span,
    is_reverse: bool,
    /// The last key that was given.
    cursor: Vec<u8>,
    /// How many keys are still to be given.
    left: u64,
    /// How many a page is asked for.
    page: u32,
    /// The number of the first part's partition.
    first: u16,
    parts: Vec<Part>,
    /// Parts that have keys, by the first of these: the least comes last.
    order: Vec<u16>,
    /// Parts that are to be asked.
    wanting: VecDeque<u16>,
    under_way: usize,
    /// Parts that have no key here and are not at their ends.
    starving: usize,
    /// Keys that are here.
    held: u64,
}

/// What is known of one partition.
#[derive(Debug)]
struct Part {
    entries: VecDeque<Listed>,
    /// It goes on behind this key; `None` at its end.
    next: Option<Vec<u8>>,
    stage: Stage,
}

/// How it is with the next page of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It is not needed yet, or there is none.
    Enough,
    /// It is to be asked for.
    Wanted,
    /// It was asked for.
    Asked,
}

/// A page to be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageWanted {
    /// Of this partition.
    pub partition: PartitionId,
    /// Behind this key in the order of the list; empty to begin.
    pub after: Vec<u8>,
    /// From the last key to the first.
    pub is_reverse: bool,
    /// At most so many keys.
    pub limit: u32,
}

impl Listing {
    /// A list of `span` on a ring of `partitions`, or in the `one` of them that
    /// [`crate::selector::Selector::partition`] names.
    #[must_use]
    pub fn new(span: Span, one: Option<PartitionId>, partitions: u16) -> Self {
        let (first, count) = one.map_or((0, partitions.max(1)), |one| (one.0, 1));
        let ahead = LISTING_ENTRIES / usize::from(count);
        let page = ahead.clamp(LISTING_PAGE_MIN, LIST_ENTRIES_MAX);
        let part = || Part {
            entries: VecDeque::new(),
            next: Some(Vec::new()),
            stage: Stage::Wanted,
        };
        Self {
            span,
            is_reverse: false,
            cursor: Vec::new(),
            left: u64::MAX,
            page: u32::try_from(page).unwrap_or(u32::MAX),
            first,
            parts: (0..count).map(|_| part()).collect(),
            order: Vec::new(),
            wanting: (0..count).collect(),
            under_way: 0,
            starving: count.into(),
            held: 0,
        }
    }

    /// The same list from the last key to the first, if `is_so`. To be said before anything is asked for.
    #[must_use]
    pub const fn in_reverse(mut self, is_so: bool) -> Self {
        self.is_reverse = is_so;
        self
    }

    /// The same list behind `cursor`, which [`Self::cursor`] of an earlier one has given. To be said before
    /// anything is asked for.
    #[must_use]
    pub fn behind(mut self, cursor: Vec<u8>) -> Self {
        for part in &mut self.parts {
            part.next = Some(cursor.clone());
        }
        self.cursor = cursor;
        self
    }

    /// The same list, which ends after `limit` keys. To be said before anything is asked for.
    #[must_use]
    pub fn at_most(mut self, limit: u64) -> Self {
        self.left = limit;
        // About twice what each has if all have as many.
        let fair = limit / self.parts.len() as u64;
        let enough = fair.saturating_mul(2).saturating_add(2).min(limit.max(1));
        self.page = self.page.min(u32::try_from(enough).unwrap_or(u32::MAX));
        self
    }

    /// What it lists.
    #[must_use]
    pub const fn span(&self) -> &Span {
        &self.span
    }

    /// The last key that was given, or where it began: another list of this direction goes on behind it.
    #[must_use]
    pub fn cursor(&self) -> &[u8] {
        &self.cursor
    }

    /// Whether there is nothing more to come.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.left == 0 || self.is_at_end()
    }

    /// Whether all keys that there are were given.
    #[must_use]
    pub const fn is_at_end(&self) -> bool {
        self.starving == 0 && self.order.is_empty()
    }

    /// The next page to ask for; `None` until something was handed in or taken out.
    #[must_use]
    pub fn poll_page(&mut self) -> Option<PageWanted> {
        if self.under_way >= LISTING_PAGES_MAX || self.is_done() {
            return None;
        }
        let place = self.wanting.pop_front()?;
        self.under_way += 1;
        let part = &mut self.parts[usize::from(place)];
        part.stage = Stage::Asked;
        let after = part.next.clone();
        Some(PageWanted {
            partition: PartitionId(self.first + place),
            after: after.unwrap_or_default(),
            is_reverse: self.is_reverse,
            limit: self.page,
        })
    }

    /// The page of `partition` that was asked for: a [`crate::wire::Reply::Listed`].
    ///
    /// # Errors
    /// If it is none that was asked for, or its keys are not in order: the server is wrong.
    pub fn handle_page(
        &mut self,
        partition: PartitionId,
        entries: Vec<Listed>,
        next: Option<Vec<u8>>,
    ) -> Result<(), Failure> {
        let (place, is_reverse) = (partition.0.wrapping_sub(self.first), self.is_reverse);
        let part = self.parts.get_mut(usize::from(place));
        let is_asked = |part: &&mut Part| part.stage == Stage::Asked;
        let Some(part) = part
            .filter(is_asked)
            .filter(|it| it.goes_on(is_reverse, &entries, next.as_deref()))
        else {
            let message = format!(
                "the page of partition {} is not the one that was asked for, or out of order",
                partition.0
            );
            return Err(Failure::new(ErrorCode::Protocol, message));
        };
        let was_empty = part.entries.is_empty();
        self.held += entries.len() as u64;
        part.entries.extend(entries);
        part.next = next;
        part.stage = Stage::Enough;
        self.under_way -= 1;
        let is_fed = !part.entries.is_empty();
        if was_empty && (is_fed || part.next.is_none()) {
            self.starving -= 1;
        }
        if was_empty && is_fed {
            self.put_in_order(place);
        }
        self.want(place);
        Ok(())
    }

    /// The next key; `None` if it is not here yet, or nothing more is to come.
    #[must_use]
    pub fn poll_entry(&mut self) -> Option<Listed> {
        if self.left == 0 || self.starving > 0 {
            return None;
        }
        let place = self.order.pop()?;
        let part = &mut self.parts[usize::from(place)];
        let entry = part.entries.pop_front()?;
        self.held -= 1;
        self.left -= 1;
        self.cursor.clear();
        self.cursor.extend_from_slice(&entry.key);
        if !part.entries.is_empty() {
            self.put_in_order(place);
        } else if part.next.is_some() {
            self.starving += 1;
        }
        self.want(place);
        Some(entry)
    }

    /// Has a part asked if it has few keys left, and more than those that are here are wanted.
    fn want(&mut self, place: u16) {
        let part = &mut self.parts[usize::from(place)];
        let is_low = part.entries.len() <= self.page as usize / 2 && self.left > self.held;
        let is_idle = part.stage == Stage::Enough && part.next.is_some();
        if is_idle && (is_low || part.entries.is_empty()) {
            part.stage = Stage::Wanted;
            self.wanting.push_back(place);
        }
    }

    fn put_in_order(&mut self, place: u16) {
        let first = |place: u16| {
            let entries = &self.parts[usize::from(place)].entries;
            entries.front().map(|entry| entry.key.as_slice())
        };
        // A part without a key is in no order.
        let new = first(place).unwrap_or_default();
        let is_later = |other: &u16| {
            let other = first(*other).unwrap_or_default();
            comes_before(self.is_reverse, new, other)
        };
        let at = self.order.partition_point(is_later);
        self.order.insert(at, place);
    }
}

impl Part {
    /// Whether a page is in order behind what is here, and its end behind it.
    fn goes_on(&self, is_reverse: bool, entries: &[Listed], next: Option<&[u8]>) -> bool {
        let after = self.next.as_deref().unwrap_or_default();
        // Nothing is the beginning of both directions, and no key.
        let is_behind = |one: &[u8], other: &[u8]| {
            !other.is_empty() && (one.is_empty() || comes_before(is_reverse, one, other))
        };
        let keys = core::iter::once(after).chain(entries.iter().map(|it| it.key.as_slice()));
        let last = entries.last().map_or(after, |entry| &entry.key);
        keys.is_sorted_by(|one, other| is_behind(one, other))
            && next.is_none_or(|next| {
                is_behind(after, next) && (next == last || is_behind(last, next))
            })
    }
}
