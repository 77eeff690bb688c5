//! What the owners of a partition have answered to a question for some of its keys.

use crate::causality::{DecodeError, Policy, Token, VersionSet};
use crate::limits::{LIST_PAGE_BYTES, LIST_REPAIRS_MAX};
use crate::planted::{Bug, is_planted};
use crate::selector::comes_before;
use crate::wire::{Listed, PageQuestion, StatePage};
use alloc::vec::Vec;

/// The pages of one list, as the replicas have them.
#[derive(Clone, Debug)]
pub struct PageRead {
    /// What was asked; with the digest of the coordinator's own page, once that is known.
    pub question: PageQuestion,
    policy: Policy,
    /// Each different page once; the first is the coordinator's own if it has a digest.
    pages: Vec<Page>,
}

/// A page that one or more replicas have.
#[derive(Clone, Debug)]
struct Page {
    replicas: u32,
    states: Vec<(Vec<u8>, VersionSet)>,
    upto: Option<Vec<u8>>,
}

/// What the pages make together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergedPage {
    /// The keys with values.
    pub entries: Vec<Listed>,
    /// The list goes on behind this key.
    pub next: Option<Vec<u8>>,
    /// Keys that some replicas lack something of.
    pub repairs: Vec<Repair>,
}

/// A state that some replicas lack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// The key.
    pub key: Vec<u8>,
    /// What all of them should have.
    pub set: VersionSet,
    /// Who has less.
    pub behind: Vec<usize>,
}

impl PageRead {
    /// A question that nobody has answered.
    #[must_use]
    pub const fn new(question: PageQuestion, policy: Policy) -> Self {
        Self {
            question,
            policy,
            pages: Vec::new(),
        }
    }

    /// The coordinator, which is replica `index`, has this page; the others are asked to compare with it.
    ///
    /// # Errors
    /// If a state does not decode.
    pub fn answer_own(&mut self, index: usize, page: StatePage) -> Result<(), DecodeError> {
        let digest = page.digest();
        self.pages.insert(0, Page::decode(index, page)?);
        self.question.have = Some(digest);
        Ok(())
    }

    /// Replica `index` has the coordinator's page. False if that has none.
    #[must_use]
    pub fn answer_same(&mut self, index: usize) -> bool {
        let own = (self.question.have).and_then(|_| self.pages.first_mut());
        own.map(|page| page.replicas |= 1 << index).is_some()
    }

    /// Replica `index` has this page.
    ///
    /// # Errors
    /// If a state does not decode.
    pub fn answer(&mut self, index: usize, page: StatePage) -> Result<(), DecodeError> {
        self.pages.push(Page::decode(index, page)?);
        Ok(())
    }

    /// What the pages make together at `now_ms`: no further than the first of them ends, for of what is
    /// behind that one replica has said nothing.
    #[must_use]
    pub fn merge(&mut self, now_ms: u64) -> MergedPage {
        for (_, state) in self.pages.iter_mut().flat_map(|page| &mut page.states) {
            state.expire(now_ms);
        }
        let is_reverse = self.question.is_reverse;
        let ends = self.pages.iter().filter_map(|page| page.upto.as_deref());
        let end = first_of(is_reverse != is_planted(Bug::PageBeyondEnd), ends);
        let mut merged = MergedPage {
            entries: Vec::new(),
            next: end.map(<[u8]>::to_vec),
            repairs: Vec::new(),
        };
        let limit = self.question.limit as usize;
        let (mut places, mut bytes) = (alloc::vec![0; self.pages.len()], 0);
        let mut last: Option<&[u8]> = None;
        loop {
            let heads = self.pages.iter().zip(&places);
            let heads = heads.filter_map(|(page, place)| page.states.get(*place));
            let first = first_of(is_reverse, heads.map(|(key, _)| key.as_slice()));
            let is_behind = |key: &[u8]| end.is_some_and(|end| comes_before(is_reverse, end, key));
            let Some(key) = first.filter(|key| !is_behind(key)) else {
                return merged;
            };
            let (set, repair) = self.merge_key(key, &mut places);
            let listed = listed(key, &set, now_ms);
            let size = listed.as_ref().map_or(0, size_of_listed);
            let is_full = merged.entries.len() == limit
                || !merged.entries.is_empty() && bytes + size > LIST_PAGE_BYTES;
            if listed.is_some() && is_full {
                merged.next = last.map(<[u8]>::to_vec);
                return merged;
            }
            bytes += size;
            merged.entries.extend(listed);
            if merged.repairs.len() < LIST_REPAIRS_MAX {
                merged.repairs.extend(repair);
            }
            last = Some(key);
        }
    }

    /// What all pages that are at `key` have of it together, and who has less. Moves them on.
    fn merge_key(&self, key: &[u8], places: &mut [usize]) -> (VersionSet, Option<Repair>) {
        let mut set = VersionSet::new();
        let mut has = Vec::with_capacity(self.pages.len());
        for (page, place) in self.pages.iter().zip(places) {
            let state = page.states.get(*place).filter(|(name, _)| name == key);
            let state = state.map(|(_, state)| state);
            *place += usize::from(state.is_some());
            if let Some(state) = state {
                set.merge(state, self.policy);
            }
            has.push((page.replicas, state));
        }
        let lacking = has.into_iter().filter(|(_, state)| *state != Some(&set));
        let lacking = lacking.fold(0, |all, (replicas, _)| all | replicas);
        let behind: Vec<usize> = (0..32).filter(|index| lacking & 1 << index != 0).collect();
        let repair = (!behind.is_empty()).then(|| Repair {
            key: key.to_vec(),
            set: set.clone(),
            behind,
        });
        (set, repair)
    }
}

impl Page {
    /// What replica `index` has sent.
    fn decode(index: usize, page: StatePage) -> Result<Self, DecodeError> {
        let states = page.states.into_iter();
        let states = states.map(|it| Ok((it.key, VersionSet::decode(&it.set)?)));
        Ok(Self {
            replicas: 1 << index,
            states: states.collect::<Result<_, DecodeError>>()?,
            upto: page.upto,
        })
    }
}

/// The one of `keys` that comes first.
fn first_of<'a>(is_reverse: bool, keys: impl Iterator<Item = &'a [u8]>) -> Option<&'a [u8]> {
    if is_reverse { keys.max() } else { keys.min() }
}

/// `key` as it is listed, if it has a value at `now_ms`.
fn listed(key: &[u8], set: &VersionSet, now_ms: u64) -> Option<Listed> {
    let mut live = set.live(now_ms);
    let winner = live.next()?;
    let siblings = live.filter_map(|version| version.value.clone()).collect();
    Some(Listed {
        key: key.to_vec(),
        value: winner.value.clone()?,
        version: winner.hlc,
        siblings,
        expires_at_ms: winner.expires_at_ms,
        context: Token::of(set).encode(),
    })
}

fn size_of_listed(listed: &Listed) -> usize {
    let siblings = listed.siblings.iter().map(|value| value.bytes.len());
    let values = listed.value.bytes.len() + siblings.sum::<usize>();
    listed.key.len() + values + listed.context.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::causality::{Hlc, Value};
    use crate::id::{ActorId, BucketId, RequestId};
    use crate::selector::Span;
    use crate::wire::StoredState;
    use alloc::vec;

    /// The state of a key that was written once, at `version`: a value of so many bytes, or none.
    fn state(version: u64, bytes: Option<usize>) -> Vec<u8> {
        let request = RequestId {
            client: 1,
            sequence: version,
        };
        let value = bytes.map(|length| Value {
            encoding: 0,
            bytes: vec![0; length],
        });
        let mut set = VersionSet::new();
        let (actor, hlc) = (ActorId(version), Hlc::from_u64(version << 16));
        set.write(actor, hlc, request, value, None, Policy::Lww);
        set.encode()
    }

    fn page(states: &[(&str, Vec<u8>)], upto: Option<&str>) -> StatePage {
        let states = states.iter().map(|(key, set)| StoredState {
            key: key.as_bytes().to_vec(),
            set: set.clone(),
        });
        StatePage {
            states: states.collect(),
            upto: upto.map(|key| key.as_bytes().to_vec()),
        }
    }

    fn read(limit: u32) -> PageRead {
        let question = PageQuestion {
            bucket: BucketId(0),
            span: Span::Prefix(vec![]),
            after: vec![],
            is_reverse: false,
            limit,
            have: None,
        };
        PageRead::new(question, Policy::Lww)
    }

    /// What `pages`, of replicas in this order, make together: keys with versions, and where it goes on.
    fn check(
        limit: u32,
        pages: &[StatePage],
        expect: &[(&str, u64)],
        next: Option<&str>,
    ) -> MergedPage {
        let mut read = read(limit);
        for (index, page) in pages.iter().enumerate() {
            read.answer(index, page.clone()).unwrap();
        }
        let merged = read.merge(1);
        let found: Vec<_> = (merged.entries.iter())
            .map(|it| {
                (
                    core::str::from_utf8(&it.key).unwrap(),
                    it.version.as_u64() >> 16,
                )
            })
            .collect();
        assert_eq!(found, expect);
        assert_eq!(merged.next.as_deref(), next.map(str::as_bytes));
        merged
    }

    #[test]
    fn pages_are_merged_up_to_where_the_first_of_them_ends() {
        let short = page(&[("a", state(1, Some(1)))], Some("b"));
        let long = page(&[("a", state(2, Some(1))), ("c", state(3, Some(1)))], None);
        check(9, &[short.clone(), long.clone()], &[("a", 2)], Some("b"));
        check(9, &[long, short], &[("a", 2)], Some("b"));
    }

    #[test]
    fn what_is_deleted_anywhere_is_no_key_and_what_only_one_has_is() {
        let all = [("a", state(1, Some(1))), ("b", state(2, Some(1)))];
        let some = [("b", state(3, None)), ("c", state(4, Some(1)))];
        check(
            9,
            &[page(&all, None), page(&some, None)],
            &[("a", 1), ("c", 4)],
            None,
        );
    }

    #[test]
    fn a_page_of_nothing_but_deleted_keys_is_empty_and_goes_on() {
        let dead = page(&[("a", state(1, None))], Some("a"));
        check(1, &[dead], &[], Some("a"));
    }

    #[test]
    fn a_page_ends_when_it_is_full_and_goes_on_behind_its_last_key() {
        let keys = ["a", "b", "c"].map(|key| (key, state(1, Some(1))));
        let other = [("d", state(1, Some(1)))];
        let pages = [page(&keys, None), page(&other, None)];
        check(2, &pages, &[("a", 1), ("b", 1)], Some("b"));
        check(4, &pages, &[("a", 1), ("b", 1), ("c", 1), ("d", 1)], None);
        // Behind the last key there may be deleted ones; they are no reason to go on.
        let dead = [("b", state(2, Some(1))), ("c", state(1, None))];
        check(1, &[page(&dead, None)], &[("b", 2)], None);
    }

    #[test]
    fn a_page_has_as_many_bytes_as_allowed_or_one_key() {
        let large = |key| (key, state(1, Some(LIST_PAGE_BYTES - 200)));
        let pages = [page(&[large("a")], None), page(&[large("b")], None)];
        check(9, &pages, &[("a", 1)], Some("a"));
        let huge = [("a", state(1, Some(3 * LIST_PAGE_BYTES)))];
        check(9, &[page(&huge, None)], &[("a", 1)], None);
    }

    #[test]
    fn who_has_less_is_named_with_what_it_lacks() {
        let whole = page(&[("a", state(2, Some(1))), ("b", state(3, None))], None);
        let old = page(&[("a", state(1, Some(1))), ("b", state(3, None))], None);
        let merged = check(9, &[whole.clone(), old, page(&[], None)], &[("a", 2)], None);
        let behind = merged
            .repairs
            .iter()
            .map(|it| (it.key.as_slice(), it.behind.as_slice()));
        // The newer write does not know of the older one, so both owners lack something.
        assert_eq!(
            behind.collect::<Vec<_>>(),
            [(&b"a"[..], &[0, 1, 2][..]), (b"b", &[2])]
        );
        assert_eq!(
            check(9, &[whole.clone(), whole], &[("a", 2)], None).repairs,
            []
        );
    }

    #[test]
    fn who_has_the_same_counts_for_the_coordinators_page_and_not_without_one() {
        let own = page(&[("a", state(2, Some(1)))], None);
        let mut read = read(9);
        assert!(!read.answer_same(1));
        read.answer(2, page(&[], None)).unwrap();
        assert!(
            !read.answer_same(1),
            "another page is not the coordinator's"
        );
        read.answer_own(0, own.clone()).unwrap();
        assert_eq!(read.question.have, Some(own.digest()));
        assert!(read.answer_same(1));
        let repairs = read.merge(1).repairs;
        assert_eq!(repairs.len(), 1);
        assert_eq!(repairs[0].behind, [2]);
    }

    #[test]
    fn a_state_that_does_not_decode_is_no_answer() {
        assert!(read(9).answer(0, page(&[("a", vec![9, 9])], None)).is_err());
    }
}
