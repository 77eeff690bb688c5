//! Sorted maps and sets whose keys are one or two numbers.
//!
//! A web page downloads the code of each map once for each type of key and value. Here the tree is one type:
//! it maps two words to the place of a value, and what is generic around it is thin.

mod key;
#[cfg(test)]
mod tests;

pub(crate) use key::words;
pub use key::{Key, Word, Words};

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::marker::PhantomData;
use core::ops::RangeInclusive;
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A map in the order of its keys.
#[derive(Debug)]
pub struct Map<K, V> {
    index: Index,
    values: Vec<Option<V>>,
    key: PhantomData<K>,
}

/// A set in order.
#[derive(Debug)]
pub struct Set<K> {
    index: Index,
    key: PhantomData<K>,
}

/// Words and places.
#[derive(Debug)]
struct Index {
    places: BTreeMap<Words, usize>,
    /// Places below the number of places that no words have.
    free: Vec<usize>,
}

impl<K: Key, V> Map<K, V> {
    /// An empty map.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            index: Index::new(),
            values: Vec::new(),
            key: PhantomData,
        }
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.places.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.places.is_empty()
    }

    /// Whether `key` is there.
    #[must_use]
    pub fn contains(&self, key: K) -> bool {
        self.index.find(key.to_words()).is_some()
    }

    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: K) -> Option<&V> {
        self.values[self.index.find(key.to_words())?].as_ref()
    }

    /// The value of `key`, to be changed.
    pub fn get_mut(&mut self, key: K) -> Option<&mut V> {
        self.values[self.index.find(key.to_words())?].as_mut()
    }

    /// Gives `key` a value. Returns the one that it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let place = self.place(key);
        self.values[place].replace(value)
    }

    /// The value of `key`, to be changed; a default one if it had none.
    pub fn get_or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        let place = self.place(key);
        self.values[place].get_or_insert_default()
    }

    /// Takes `key` out. Returns its value.
    pub fn remove(&mut self, key: K) -> Option<V> {
        self.values[self.index.remove(key.to_words())?].take()
    }

    /// Takes out the first key.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        let key = self.index.first()?;
        Some((K::from_words(key), self.remove(K::from_words(key))?))
    }

    /// Takes out all keys but those that `keeps` picks.
    pub fn retain(&mut self, keeps: impl Fn(K, &V) -> bool) {
        let gone = self.iter().filter(|(key, value)| !keeps(*key, value));
        for key in gone.map(|(key, _)| key).collect::<Vec<_>>() {
            self.remove(key);
        }
    }

    /// All keys, in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = K> + '_ {
        self.index.places.keys().map(|words| K::from_words(*words))
    }

    /// The keys in `range`, in order.
    pub fn range(&self, range: RangeInclusive<K>) -> impl DoubleEndedIterator<Item = K> + '_ {
        self.index
            .range(range.start().to_words()..=range.end().to_words())
            .map(|words| K::from_words(*words))
    }

    /// All keys with their values, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (K, &V)> + '_ {
        let all = self.index.places.iter();
        all.filter_map(|(words, place)| {
            Some((K::from_words(*words), self.values[*place].as_ref()?))
        })
    }

    /// The place of `key`, which has one from now on.
    fn place(&mut self, key: K) -> usize {
        let place = self.index.add(key.to_words());
        if place == self.values.len() {
            self.values.push(None);
        }
        place
    }
}

impl<K: Key> Set<K> {
    /// An empty set.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            index: Index::new(),
            key: PhantomData,
        }
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.places.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.places.is_empty()
    }

    /// Whether `key` is there.
    #[must_use]
    pub fn contains(&self, key: K) -> bool {
        self.index.find(key.to_words()).is_some()
    }

    /// Adds `key`; true if it was not there.
    pub fn insert(&mut self, key: K) -> bool {
        self.index.places.insert(key.to_words(), 0).is_none()
    }

    /// Takes `key` out; true if it was there.
    pub fn remove(&mut self, key: K) -> bool {
        self.index.places.remove(&key.to_words()).is_some()
    }

    /// The first key.
    #[must_use]
    pub fn first(&self) -> Option<K> {
        self.index.first().map(K::from_words)
    }

    /// Takes out the first key.
    pub fn pop_first(&mut self) -> Option<K> {
        let first = self.first()?;
        self.remove(first);
        Some(first)
    }

    /// All keys, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = K> + '_ {
        self.index.places.keys().map(|words| K::from_words(*words))
    }

    /// The keys in `range`, in order.
    pub fn range(&self, range: RangeInclusive<K>) -> impl DoubleEndedIterator<Item = K> + '_ {
        self.index
            .range(range.start().to_words()..=range.end().to_words())
            .map(|words| K::from_words(*words))
    }
}

impl Index {
    const fn new() -> Self {
        Self {
            places: BTreeMap::new(),
            free: Vec::new(),
        }
    }

    #[inline(never)]
    fn find(&self, words: Words) -> Option<usize> {
        self.places.get(&words).copied()
    }

    #[inline(never)]
    fn first(&self) -> Option<Words> {
        self.places.first_key_value().map(|(words, _)| *words)
    }

    fn range(&self, range: RangeInclusive<Words>) -> impl DoubleEndedIterator<Item = &Words> {
        self.places.range(range).map(|(words, _)| words)
    }

    /// The place of `words`, which have one from now on.
    #[inline(never)]
    fn add(&mut self, words: Words) -> usize {
        if let Some(place) = self.find(words) {
            return place;
        }
        let place = self.free.pop().unwrap_or(self.places.len());
        self.places.insert(words, place);
        place
    }

    /// Takes `words` out. Returns the place that they had.
    #[inline(never)]
    fn remove(&mut self, words: Words) -> Option<usize> {
        let place = self.places.remove(&words)?;
        self.free.push(place);
        Some(place)
    }
}

impl<K: Key, V> Default for Map<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Key> Default for Set<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Key, V> FromIterator<(K, V)> for Map<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(all: I) -> Self {
        let mut map = Self::new();
        for (key, value) in all {
            map.insert(key, value);
        }
        map
    }
}

impl<K: Key> FromIterator<K> for Set<K> {
    fn from_iter<I: IntoIterator<Item = K>>(all: I) -> Self {
        let mut set = Self::new();
        for key in all {
            set.insert(key);
        }
        set
    }
}

impl<K: Key, V: Clone> Clone for Map<K, V> {
    fn clone(&self) -> Self {
        self.iter()
            .map(|(key, value)| (key, value.clone()))
            .collect()
    }
}

impl<K: Key> Clone for Set<K> {
    fn clone(&self) -> Self {
        self.iter().collect()
    }
}

impl<K: Key, V: PartialEq> PartialEq for Map<K, V> {
    fn eq(&self, other: &Self) -> bool {
        let words = |(key, value): (K, _)| (key.to_words(), value);
        self.iter().map(words).eq(other.iter().map(words))
    }
}

impl<K: Key, V: Eq> Eq for Map<K, V> {}

impl<K: Key> PartialEq for Set<K> {
    fn eq(&self, other: &Self) -> bool {
        let words = K::to_words;
        self.iter().map(words).eq(other.iter().map(words))
    }
}

impl<K: Key> Eq for Set<K> {}

/// As a sequence of pairs, in the order of the keys: in postcard that is what a map is.
impl<K: Key + Serialize, V: Serialize> Serialize for Map<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut pairs = serializer.serialize_seq(Some(self.len()))?;
        for pair in self.iter() {
            pairs.serialize_element(&pair)?;
        }
        pairs.end()
    }
}

impl<'de, K: Key + Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for Map<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pairs = Vec::<(K, V)>::deserialize(deserializer)?;
        Ok(pairs.into_iter().collect())
    }
}
