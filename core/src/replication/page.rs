//! What the owners of a partition have answered to a question for some of its keys.

use crate::causality::{DecodeError, Policy, Token, VersionSet};
use crate::limits::{LIST_PAGE_BYTES, LIST_REPAIRS_MAX};
use crate::planted::{Bug, is_planted};
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
        let ends = self.pages.iter().filter_map(|page| page.upto.as_deref());
        let end = if is_planted(Bug::PageBeyondEnd) {
            ends.max()
        } else {
            ends.min()
        };
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
            let first = heads.map(|(key, _)| key.as_slice()).min();
            let Some(key) = first.filter(|key| end.is_none_or(|end| *key <= end)) else {
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
