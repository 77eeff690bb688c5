//! Pages of lists: what this node has of one, and what the owners have together. `docs/listing.md`.
//!
//! A page is a read like that of a key (`reading`); here is what is different.

use super::storage::Waiter;
use super::{InputError, Node, Operation};
use crate::id::{BucketId, MemberId, PartitionId};
use crate::limits::{KEY_BYTES_MAX, LIST_ENTRIES_MAX, LIST_PAGE_BYTES, LISTS_MAX};
use crate::planted::{Bug, is_planted};
use crate::replication::{MergedPage, Subject};
use crate::selector::{Span, comes_before};
use crate::storage::StoredKey;
use crate::storage::key::STORED_KEY_PREFIX_BYTES;
use crate::storage::store::{Page, Scan, Scanned};
use crate::time::Instant;
use crate::wire::{
    ErrorCode, Failure, FrameError, PageAnswer, PageQuestion, PeerMessage, Reply, Request,
    StatePage, StoredState,
};
use alloc::format;
use alloc::vec::Vec;
use core::ops::Bound;

/// Another member's question for a page.
#[derive(Debug)]
pub(super) struct PeerPage {
    pub(super) from: MemberId,
    pub(super) partition: PartitionId,
    pub(super) view: u64,
    pub(super) operation: u64,
    pub(super) question: PageQuestion,
}

impl Node {
    /// Checks what a client wants listed.
    pub(super) fn check_list(
        &self,
        request: &Request,
        span: &Span,
        after: &[u8],
    ) -> Result<(), Failure> {
        self.settings_of(request.bucket)?;
        self.check_parked()?;
        span.check()?;
        if after.len() > KEY_BYTES_MAX {
            let message = format!(
                "the key to list behind has {} bytes; allowed are 0 to {KEY_BYTES_MAX}",
                after.len()
            );
            return Err(Failure::new(ErrorCode::KeyTooLarge, message));
        }
        if !request.key.is_empty() {
            let message = "a list has no key; its span says which keys it is about";
            return Err(Failure::new(ErrorCode::Protocol, message));
        }
        let is_list = |operation: &&Operation| matches!(operation, Operation::Read(read) if matches!(read.subject, Subject::Page(_)));
        // Only when so much is under way is it counted of what kind it is.
        if self.operations.len() >= LISTS_MAX
            && self.operations.values().filter(is_list).count() >= LISTS_MAX
        {
            let message = format!("{LISTS_MAX} lists are under way here; try again later");
            return Err(Failure::new(ErrorCode::RateLimited, message));
        }
        Ok(())
    }

    /// Adds the node's own page to a list, as soon as it is in memory and durable.
    pub(super) fn answer_own_page(&mut self, number: u64) {
        let Some(Operation::Read(read)) = self.operations.get(&number) else {
            return;
        };
        let (Some(me), Subject::Page(page)) = (read.owners.me(), &read.subject) else {
            return;
        };
        let own = self.state_page(read.partition, &page.question);
        match own {
            Err(Scanned::Pending(batch)) => self.wait(batch, Waiter::OwnRead(number)),
            Err(Scanned::Unloaded(wanted)) => self.wait_for_block(wanted, Waiter::OwnRead(number)),
            own => {
                let Some(Operation::Read(read)) = self.operations.get_mut(&number) else {
                    return;
                };
                let Some(page) = read.page() else { return };
                let taken = own.ok().map(|own| page.answer_own(me, own));
                if matches!(taken, Some(Ok(()))) {
                    read.quorum.answer(me);
                } else {
                    read.quorum.fail(me);
                }
            }
        }
    }

    /// What is stored here of the keys that `question` is about, or what keeps them from being read.
    fn state_page(
        &self,
        partition: PartitionId,
        question: &PageQuestion,
    ) -> Result<StatePage, Scanned> {
        let (from, to) = bounds(partition, question);
        let scan = Scan {
            from: from.as_ref().map(Vec::as_slice),
            to: to.as_ref().map(Vec::as_slice),
            is_reverse: question.is_reverse,
            live_at_ms: None,
            shows_pending: false,
            entries_max: (question.limit as usize).min(LIST_ENTRIES_MAX),
            bytes_max: LIST_PAGE_BYTES,
        };
        match self.store.scan(&scan) {
            Scanned::Page(page) => Ok(cut(page)),
            obstacle => Err(obstacle),
        }
    }

    /// Takes another member's question for a page.
    ///
    /// # Errors
    /// If it asks for what cannot be.
    pub(super) fn handle_list(&mut self, ask: PeerPage) -> Result<(), InputError> {
        let question = &ask.question;
        let is_sound = question.span.check().is_ok()
            && question.after.len() <= KEY_BYTES_MAX
            && (1..=LIST_ENTRIES_MAX).contains(&(question.limit as usize));
        if !is_sound {
            return Err(InputError::Frame(FrameError::Malformed));
        }
        self.answer_list(ask);
        Ok(())
    }

    /// Says what is here of a page, once that is durable, to one who goes by the same owners.
    pub(super) fn answer_list(&mut self, ask: PeerPage) {
        if !self.has_same_view(ask.from, ask.partition, ask.view) {
            return;
        }
        let unavailable =
            |message| PageAnswer::Failed(Failure::new(ErrorCode::Unavailable, message));
        let answer = match self.state_page(ask.partition, &ask.question) {
            _ if !self.report.ready => unavailable("the log is being replayed"),
            Ok(page) if ask.question.have == Some(page.digest()) => PageAnswer::Same,
            Ok(page) => PageAnswer::Page(page),
            Err(Scanned::Pending(batch)) => return self.wait(batch, Waiter::PeerPage(ask)),
            Err(Scanned::Unloaded(wanted)) => {
                return self.wait_for_block(wanted, Waiter::PeerPage(ask));
            }
            Err(Scanned::Damaged(_) | Scanned::Page(_)) => {
                unavailable("what is stored for some key is damaged here")
            }
        };
        let op = ask.operation;
        self.send(ask.from, ask.partition, &PeerMessage::Page { op, answer });
    }

    /// An owner has answered a question for a page.
    pub(super) fn handle_page(
        &mut self,
        now: Instant,
        number: u64,
        from: MemberId,
        answer: PageAnswer,
    ) {
        let Some(Operation::Read(read)) = self.operations.get(&number) else {
            return;
        };
        let (Some(index), Subject::Page(page)) = (read.owners.index_of(from), &read.subject) else {
            return;
        };
        if read.quorum.has_answered(index) {
            return;
        }
        let is_sound = match &answer {
            PageAnswer::Page(states) => self.is_sound(read.partition, &page.question, states),
            PageAnswer::Same | PageAnswer::Failed(_) => true,
        };
        let Some(Operation::Read(read)) = self.operations.get_mut(&number) else {
            return;
        };
        let Some(page) = read.page() else { return };
        let has_answered = match answer {
            PageAnswer::Same => page.answer_same(index),
            PageAnswer::Page(states) => is_sound && page.answer(index, states).is_ok(),
            PageAnswer::Failed(_) => false,
        };
        self.replica_answered(now, number, index, has_answered);
    }

    /// Whether `page` can be an answer to `question`: in order, of those keys, and further than before.
    fn is_sound(&self, partition: PartitionId, question: &PageQuestion, page: &StatePage) -> bool {
        let ring = self.agreement.state.target();
        let is_asked_for = |key: &[u8]| {
            let place = crate::hash::position(question.bucket, key);
            question.span.holds(key) && ring.partition_of(place) == partition
        };
        let is_behind = |key: &[u8], other: &[u8]| {
            other.is_empty() || comes_before(question.is_reverse, other, key)
        };
        let mut last = question.after.as_slice();
        for state in &page.states {
            if !is_behind(&state.key, last) || !is_asked_for(&state.key) {
                return false;
            }
            last = &state.key;
        }
        let is_further = |upto: &Vec<u8>| {
            is_behind(upto, &question.after)
                && (upto == last || is_behind(upto, last))
                && question.span.holds(upto)
        };
        page.states.len() <= question.limit as usize && page.upto.as_ref().is_none_or(is_further)
    }

    /// Enough owners have answered: says what their pages make together, and repairs who is behind.
    pub(super) fn finish_page(&mut self, now: Instant, number: u64) {
        let Some(Operation::Read(mut read)) = self.operations.remove(&number) else {
            return;
        };
        let (partition, bucket) = (read.partition, read.bucket);
        let (origin, Subject::Page(page)) = (read.origin.take(), &mut read.subject) else {
            return;
        };
        let MergedPage {
            entries,
            next,
            repairs,
        } = page.merge(now.as_millis());
        if let Some(origin) = origin {
            self.answer(partition, origin, Ok(Reply::Listed { entries, next }));
        }
        for repair in repairs {
            let key = StoredKey::new(partition, bucket, &repair.key);
            self.bring_up(now, &read.owners, &key, &repair.set, repair.behind);
        }
    }
}

/// As many keys as a page may have, of one who asks for `limit`.
pub(super) const fn page_limit(limit: u32) -> u32 {
    match limit {
        0 => MOST,
        limit if limit > MOST => MOST,
        limit => limit,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "it is a thousand")]
const MOST: u32 = LIST_ENTRIES_MAX as u32;

/// Where the stored keys that `question` is about lie.
fn bounds(partition: PartitionId, question: &PageQuestion) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    let stored = |key: &[u8]| stored(partition, question.bucket, key);
    let (first, mut to) = match &question.span {
        Span::Key(key) => (key, Bound::Included(stored(key))),
        Span::Prefix(prefix) => (prefix, behind_prefix(stored(prefix))),
        Span::Range { from, to } if to.is_empty() => (from, behind_prefix(stored(&[]))),
        Span::Range { from, to } => (from, Bound::Excluded(stored(to))),
    };
    let mut from = Bound::Included(stored(first));
    if !question.after.is_empty() {
        let after = stored(&question.after);
        // Where to go on may lie outside of what is asked for.
        let is_inside = match &to {
            _ if !question.is_reverse => question.after >= *first,
            Bound::Included(end) | Bound::Excluded(end) => after <= *end,
            Bound::Unbounded => true,
        };
        if is_inside {
            let bound = if question.is_reverse {
                &mut to
            } else {
                &mut from
            };
            *bound = Bound::Excluded(after);
        }
    }
    (from, to)
}

/// Partition, bucket and key as they are stored; the key may be empty.
fn stored(partition: PartitionId, bucket: BucketId, key: &[u8]) -> Vec<u8> {
    StoredKey::new(partition, bucket, key).as_bytes().to_vec()
}

/// The end of all that begins with `prefix`.
fn behind_prefix(mut prefix: Vec<u8>) -> Bound<Vec<u8>> {
    while let Some(last) = prefix.pop() {
        if let Some(next) = last.checked_add(1) {
            prefix.push(next);
            return Bound::Excluded(prefix);
        }
    }
    Bound::Unbounded
}

/// What of a scanned page goes into a message: no more than [`LIST_PAGE_BYTES`], or one state however large.
fn cut(page: Page) -> StatePage {
    let name = |key: &StoredKey| key.as_bytes()[STORED_KEY_PREFIX_BYTES..].to_vec();
    let mut upto = page.next.as_ref().map(name);
    let (mut states, mut bytes): (Vec<StoredState>, _) = (Vec::new(), 0);
    let mut last = None;
    for entry in page.entries {
        bytes += entry.key.as_bytes().len() + entry.set.len();
        if bytes > LIST_PAGE_BYTES && last.is_some() {
            upto = last;
            break;
        }
        let key = name(&entry.key);
        last = Some(key.clone());
        let is_left_out = entry.set == super::storage::FORGOTTEN
            || entry.facts.is_tombstone && is_planted(Bug::PageWithoutTombstones);
        if !is_left_out {
            let set = entry.set;
            states.push(StoredState { key, set });
        }
    }
    StatePage { states, upto }
}
