//! Listings of what is here: the copies, and over them what waits for the ring.

use super::reading::{Answer, of_copy, of_waiting};
use super::record::{self, Copy};
use super::{Leaf, LeafOutput, Waiter};
use crate::limits::{CALLS_MAX, LISTING_ENTRIES_MAX};
use crate::selector::Span;
use crate::storage::store::{Scan, Scanned};
use crate::storage::table::reader::Wanted;
use crate::time::Instant;
use crate::wire::{ErrorCode, Failure};
use alloc::format;
use alloc::vec::Vec;
use core::ops::Bound;

/// A listing of this leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListId(pub u64);

/// What to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListSpec {
    /// Which keys.
    pub span: Span,
    /// Behind this key, in the order of the listing; empty from its beginning.
    pub after: Vec<u8>,
    /// Entries at most; more than [`LISTING_ENTRIES_MAX`] is as many.
    pub limit: usize,
    /// From the last key to the first.
    pub is_reverse: bool,
    /// Only copies of what the ring has, without what waits.
    pub is_of_copies: bool,
}

/// Some keys in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPage {
    /// The keys, each with its value.
    pub entries: Vec<(Vec<u8>, Answer)>,
    /// Behind which key to go on; `None` if there is nothing more. There can be more although there are no
    /// entries.
    pub next: Option<Vec<u8>>,
}

impl ListPage {
    /// Ends behind so many entries.
    fn cut(&mut self, count: usize) {
        if self.entries.len() > count {
            self.entries.truncate(count);
            self.next = self.entries.last().map(|(key, _)| key.clone());
        }
    }
}

impl Leaf {
    /// Lists keys that are here. The page comes as [`LeafOutput::Listed`]; it is all that the ring has if the
    /// keys are subscribed to and [`LeafOutput::Synced`] was said.
    ///
    /// # Errors
    ///
    /// If these cannot be keys, the leaf is not open, or too many listings are under way.
    pub fn list(&mut self, now: Instant, spec: ListSpec) -> Result<ListId, Failure> {
        self.now = now;
        self.check_open()?;
        spec.span.check()?;
        if self.lists.len() >= CALLS_MAX {
            let message = format!("{CALLS_MAX} listings are under way; await some of them first");
            return Err(Failure::new(ErrorCode::RateLimited, message));
        }
        let id = ListId(self.next_read);
        self.next_read += 1;
        self.lists.push((id, spec));
        self.go_on_listing(id);
        Ok(id)
    }

    /// Goes on with a listing.
    pub(super) fn go_on_listing(&mut self, id: ListId) {
        let Some(at) = self.lists.iter().position(|(it, _)| *it == id) else {
            return;
        };
        let result = match self.page(&self.lists[at].1) {
            Ok(page) => Ok(page),
            Err(Obstacle::Unloaded(wanted)) => return self.load(wanted, Waiter::List(id)),
            Err(Obstacle::Damaged) => Err(Failure::new(
                ErrorCode::Corrupt,
                "what is here of these keys is damaged; subscribe to them, or read them from the ring",
            )),
        };
        self.lists.remove(at);
        self.outputs
            .push_back(LeafOutput::Listed { list: id, result });
    }

    /// All listings end.
    pub(super) fn fail_lists(&mut self, failure: &Failure) {
        for (list, _) in core::mem::take(&mut self.lists) {
            let result = Err(failure.clone());
            self.outputs.push_back(LeafOutput::Listed { list, result });
        }
    }

    fn page(&self, spec: &ListSpec) -> Result<ListPage, Obstacle> {
        let limit = spec.limit.clamp(1, LISTING_ENTRIES_MAX);
        let mut page = self.copies_of(spec, limit)?;
        let is_before = |a: &[u8], b: &[u8]| if spec.is_reverse { a > b } else { a < b };
        let lodged = self
            .overlay
            .iter()
            .map(|it| (it.key.as_slice(), it.answer()));
        let own = self.outbox.newest_of_all();
        let own = own.map(|it| (it.key.as_slice(), of_waiting(it)));
        for (key, answer) in lodged.chain(own).filter(|_| !spec.is_of_copies) {
            let is_behind = !spec.after.is_empty() && !is_before(&spec.after, key);
            // What lies behind the end of the page belongs to another one.
            let is_beyond = page.next.as_ref().is_some_and(|end| is_before(end, key));
            if !spec.span.holds(key) || is_behind || is_beyond {
                continue;
            }
            let at = page
                .entries
                .partition_point(|(other, _)| is_before(other, key));
            let is_there = page.entries.get(at).is_some_and(|(other, _)| other == key);
            match (is_there, answer.value.is_some()) {
                (true, true) => page.entries[at].1 = answer,
                (true, false) => drop(page.entries.remove(at)),
                (false, true) => {
                    page.entries.insert(at, (key.to_vec(), answer));
                    page.cut(limit + 1);
                }
                (false, false) => {}
            }
        }
        page.cut(limit);
        Ok(page)
    }

    /// One page of the copies: one entry more than `limit`, if there is one.
    fn copies_of(&self, spec: &ListSpec, limit: usize) -> Result<ListPage, Obstacle> {
        let now_ms = self.now.as_millis();
        let (from, to) = record::bounds(&spec.span);
        let after = record::copy_key(&spec.after);
        let after = Some(Bound::Excluded(after.as_bytes())).filter(|_| !spec.after.is_empty());
        let (lower, upper) = (Bound::Included(&from[..]), Bound::Excluded(&to[..]));
        let page = self.store.scan(&Scan {
            from: after.filter(|_| !spec.is_reverse).unwrap_or(lower),
            to: after.filter(|_| spec.is_reverse).unwrap_or(upper),
            is_reverse: spec.is_reverse,
            live_at_ms: Some(0),
            shows_pending: true,
            entries_max: limit + 1,
            bytes_max: usize::MAX,
        });
        let page = match page {
            Scanned::Page(page) => page,
            Scanned::Unloaded(wanted) => return Err(Obstacle::Unloaded(wanted)),
            Scanned::Damaged(_) | Scanned::Pending(_) => return Err(Obstacle::Damaged),
        };
        let mut listed = ListPage {
            entries: Vec::with_capacity(page.entries.len()),
            next: page.next.map(|next| record::key_of(&next).to_vec()),
        };
        for entry in page.entries {
            let Some(copy) = record::decode::<Copy>(&entry.set) else {
                continue;
            };
            let answer = of_copy(copy, super::Source::Copy, now_ms);
            if answer.value.is_some() {
                listed
                    .entries
                    .push((record::key_of(&entry.key).to_vec(), answer));
            }
        }
        Ok(listed)
    }
}

/// Why there is no page yet.
enum Obstacle {
    Unloaded(Wanted),
    Damaged,
}
