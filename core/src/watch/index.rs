//! Who watches a key: found by the key, however many watch others.

use crate::id::BucketId;
use crate::selector::{Selector, Span};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// Selectors, each with those who have it.
#[derive(Debug)]
pub struct Index<T>(BTreeMap<BucketId, Spans<T>>);

/// The selectors of one bucket.
#[derive(Debug)]
struct Spans<T> {
    keys: BTreeMap<Vec<u8>, BTreeSet<T>>,
    prefixes: BTreeMap<Vec<u8>, BTreeSet<T>>,
    /// How many prefixes there are of each length: a key is looked up once for each length.
    lengths: BTreeMap<usize, usize>,
    /// By begin and end. All that begin before a key are looked at.
    ranges: BTreeMap<(Vec<u8>, Vec<u8>), BTreeSet<T>>,
}

impl<T: Ord> Index<T> {
    /// An index of nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Whether nobody watches anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// From now on `who` has `selector`.
    pub fn insert(&mut self, selector: &Selector, who: T) {
        let spans = self.0.entry(selector.bucket).or_insert_with(Spans::new);
        let those = match &selector.span {
            Span::Key(key) => spans.keys.entry(key.clone()).or_default(),
            Span::Prefix(prefix) => {
                if !spans.prefixes.contains_key(prefix) {
                    *spans.lengths.entry(prefix.len()).or_default() += 1;
                }
                spans.prefixes.entry(prefix.clone()).or_default()
            }
            Span::Range { from, to } => spans.ranges.entry((from.clone(), to.clone())).or_default(),
        };
        those.insert(who);
    }

    /// `who` does not have `selector` any more.
    pub fn remove(&mut self, selector: &Selector, who: &T) {
        let Some(spans) = self.0.get_mut(&selector.bucket) else {
            return;
        };
        match &selector.span {
            Span::Key(key) => {
                leave(&mut spans.keys, key, who);
            }
            Span::Prefix(prefix) => {
                if leave(&mut spans.prefixes, prefix, who)
                    && let Some(count) = spans.lengths.get_mut(&prefix.len())
                {
                    *count -= 1;
                    if *count == 0 {
                        spans.lengths.remove(&prefix.len());
                    }
                }
            }
            Span::Range { from, to } => {
                leave(&mut spans.ranges, &(from.clone(), to.clone()), who);
            }
        }
        if spans.keys.is_empty() && spans.prefixes.is_empty() && spans.ranges.is_empty() {
            self.0.remove(&selector.bucket);
        }
    }

    /// Names those who have a selector for `key`; one with several of them as often.
    pub fn find(&self, bucket: BucketId, key: &[u8], mut name: impl FnMut(&T)) {
        let Some(spans) = self.0.get(&bucket) else {
            return;
        };
        spans
            .keys
            .get(key)
            .into_iter()
            .flatten()
            .for_each(&mut name);
        for length in spans.lengths.keys() {
            let Some(prefix) = key.get(..*length) else {
                break;
            };
            let those = spans.prefixes.get(prefix);
            those.into_iter().flatten().for_each(&mut name);
        }
        for ((from, to), those) in &spans.ranges {
            if from.as_slice() > key {
                break;
            }
            if to.is_empty() || key < to.as_slice() {
                those.iter().for_each(&mut name);
            }
        }
    }
}

impl<T: Ord> Default for Index<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Spans<T> {
    const fn new() -> Self {
        Self {
            keys: BTreeMap::new(),
            prefixes: BTreeMap::new(),
            lengths: BTreeMap::new(),
            ranges: BTreeMap::new(),
        }
    }
}

/// Takes `who` from those under `name`. Says whether nobody is left there.
fn leave<K: Ord, T: Ord>(map: &mut BTreeMap<K, BTreeSet<T>>, name: &K, who: &T) -> bool {
    let Some(those) = map.get_mut(name) else {
        return false;
    };
    those.remove(who);
    let is_last = those.is_empty();
    if is_last {
        map.remove(name);
    }
    is_last
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    fn draw(rng: &mut Rng) -> Selector {
        let mut text = || -> Vec<u8> {
            let length = rng.below(4);
            (0..length)
                .map(|_| if rng.below(2) == 0 { b'a' } else { b'b' })
                .collect()
        };
        let (from, to) = (text(), text());
        let span = match rng.below(3) {
            0 => Span::Key(from),
            1 => Span::Prefix(from),
            _ => Span::Range { from, to },
        };
        let bucket = BucketId(u32::from(rng.below(2) == 0));
        Selector { bucket, span }
    }

    #[test]
    fn it_finds_just_those_whose_selectors_select_the_key() {
        let mut rng = Rng::new(7);
        let mut index = Index::new();
        let mut all: BTreeMap<u64, Selector> = BTreeMap::new();
        for number in 0..2_000 {
            let selector = draw(&mut rng);
            index.insert(&selector, number);
            all.insert(number, selector);
            if number > 60 {
                let gone = rng.below(number);
                if let Some(selector) = all.remove(&gone) {
                    index.remove(&selector, &gone);
                }
            }
            let Selector { bucket, span } = draw(&mut rng);
            let (Span::Key(key) | Span::Prefix(key) | Span::Range { from: key, .. }) = span;
            let mut found = BTreeSet::new();
            index.find(bucket, &key, |who| {
                found.insert(*who);
            });
            let selects = |it: &Selector| it.bucket == bucket && it.selects(&key);
            let expected = all.iter().filter(|(_, it)| selects(it));
            assert_eq!(found, expected.map(|(number, _)| *number).collect());
        }
        for (number, selector) in all {
            index.remove(&selector, &number);
        }
        assert!(index.is_empty());
    }
}
