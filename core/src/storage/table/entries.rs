//! Pairs in a block, in key order, each key without what it shares with the one before.
//!
//! An entry is, each number a varint: bytes shared with the key before, bytes of the key that
//! follow, length of the value times 4 plus 2 for a tombstone plus 1 for an expiry; the expiry if
//! there is one; the key's bytes; the value. At every **restart** nothing is shared, so a search
//! can begin there. Behind the entries stand the offsets of the restarts and their number, 4 bytes
//! little-endian each.

use crate::limits::{BLOCK_ENTRIES_MAX, STORED_KEY_BYTES_MAX};
use crate::storage::facts::Facts;
use crate::storage::key::{common_prefix, compare};
use crate::storage::varint;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::ops::Range;

/// Builds the content of one block.
#[derive(Debug)]
pub struct EntriesBuilder {
    bytes: Vec<u8>,
    restarts: Vec<u32>,
    interval: u32,
    since_restart: u32,
    last_key: Vec<u8>,
}

impl EntriesBuilder {
    /// An empty block with a restart at every `interval` entries.
    #[must_use]
    pub const fn new(interval: u32) -> Self {
        Self {
            bytes: Vec::new(),
            restarts: Vec::new(),
            interval,
            since_restart: 0,
            last_key: Vec::new(),
        }
    }

    /// Adds a pair, whose key must be above the last one.
    pub fn push(
        &mut self,
        key: &[u8],
        value: &[u8],
        is_tombstone: bool,
        expires_at_ms: Option<u64>,
    ) {
        let mut shared = 0;
        if self.restarts.is_empty() || self.since_restart == self.interval {
            self.restarts
                .push(u32::try_from(self.bytes.len()).expect("a block is bounded"));
            self.since_restart = 0;
        } else {
            shared = common_prefix(&self.last_key, key);
        }
        self.since_restart += 1;
        let flags = u64::from(is_tombstone) << 1 | u64::from(expires_at_ms.is_some());
        varint::put(&mut self.bytes, shared as u64);
        varint::put(&mut self.bytes, (key.len() - shared) as u64);
        varint::put(&mut self.bytes, (value.len() as u64) << 2 | flags);
        if let Some(at) = expires_at_ms {
            varint::put(&mut self.bytes, at);
        }
        self.bytes.extend_from_slice(&key[shared..]);
        self.bytes.extend_from_slice(value);
        self.last_key.truncate(shared);
        self.last_key.extend_from_slice(&key[shared..]);
    }

    /// Bytes so far.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes.len() + 4 * self.restarts.len() + 4
    }

    /// Whether nothing was added.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.restarts.is_empty()
    }

    /// The last key added.
    #[must_use]
    pub fn last_key(&self) -> &[u8] {
        &self.last_key
    }

    /// Writes the block's content into `out`, and begins the next one.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes);
        for restart in &self.restarts {
            out.extend_from_slice(&restart.to_le_bytes());
        }
        let count = u32::try_from(self.restarts.len()).expect("a block is bounded");
        out.extend_from_slice(&count.to_le_bytes());
        self.bytes.clear();
        self.restarts.clear();
        self.since_restart = 0;
        self.last_key.clear();
    }
}

/// The content of a block, as a reader sees it.
#[derive(Clone, Copy, Debug)]
pub struct Entries<'a> {
    entries: &'a [u8],
    restarts: &'a [[u8; 4]],
}

/// The content makes no sense, although its checksum was right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// One entry as it stands in the block.
#[derive(Clone, Copy, Debug)]
struct Raw<'a> {
    shared: usize,
    suffix: &'a [u8],
    value: Found<'a>,
}

/// What a key was found with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// Its value.
    pub value: &'a [u8],
    /// Whether it is a tombstone.
    pub is_tombstone: bool,
    /// When it expires.
    pub expires_at_ms: Option<u64>,
}

impl Found<'_> {
    /// What the block says of the state; `written_at_ms` is not in it.
    #[must_use]
    pub const fn facts(&self) -> Facts {
        Facts {
            written_at_ms: 0,
            is_tombstone: self.is_tombstone,
            expires_at_ms: self.expires_at_ms,
        }
    }
}

impl<'a> Entries<'a> {
    /// The block's content.
    pub fn new(raw: &'a [u8]) -> Result<Self, Malformed> {
        let (rest, count) = raw.split_last_chunk::<4>().ok_or(Malformed)?;
        let length = (u32::from_le_bytes(*count) as usize)
            .checked_mul(4)
            .ok_or(Malformed)?;
        let entries = rest.len().checked_sub(length).ok_or(Malformed)?;
        let (entries, restarts) = rest.split_at(entries);
        Ok(Self {
            entries,
            restarts: restarts.as_chunks().0,
        })
    }

    /// What `key` was stored with here.
    pub fn get(&self, key: &[u8]) -> Result<Option<Found<'a>>, Malformed> {
        // The last restart whose key is not above.
        let (mut low, mut high) = (0, self.restarts.len());
        while high - low > 1 {
            let middle = usize::midpoint(low, high);
            let mut at = self.restart(middle)?;
            let entry = Raw::take(&mut at)?;
            match compare(entry.suffix, key) {
                Ordering::Less => low = middle,
                Ordering::Equal => return Ok(Some(entry.value)),
                Ordering::Greater => high = middle,
            }
        }
        if low == high {
            return Ok(None);
        }
        let mut rest = self.restart(low)?;
        // Bytes that `key` shares with the entry before, which is below it.
        let mut matched = 0;
        let mut is_first = true;
        while !rest.is_empty() {
            let entry = Raw::take(&mut rest)?;
            if is_first && entry.shared != 0 {
                return Err(Malformed);
            }
            is_first = false;
            match entry.shared.cmp(&matched) {
                // It parts from the one before where `key` goes on with it: it is above both.
                Ordering::Less => return Ok(None),
                // It goes on with the one before where `key` parts from that: it is below `key`.
                Ordering::Greater => {}
                Ordering::Equal => {
                    let wanted = &key[matched..];
                    let common = common_prefix(entry.suffix, wanted);
                    match (entry.suffix.get(common), wanted.get(common)) {
                        (None, None) => return Ok(Some(entry.value)),
                        (Some(_), None) => return Ok(None),
                        (Some(here), Some(there)) if here > there => return Ok(None),
                        _ => matched += common,
                    }
                }
            }
        }
        Ok(None)
    }

    /// Number of restarts. In an index each entry is one.
    #[must_use]
    pub const fn restarts(&self) -> usize {
        self.restarts.len()
    }

    /// Key and value at restart `index`.
    pub fn at_restart(&self, index: usize) -> Result<(&'a [u8], &'a [u8]), Malformed> {
        let entry = Raw::take(&mut self.restart(index)?)?;
        if entry.shared != 0 {
            return Err(Malformed);
        }
        Ok((entry.suffix, entry.value.value))
    }

    /// The first restart whose key is not below `key`; in an index, where each entry is one, the
    /// block that may hold it.
    pub fn search(&self, key: &[u8]) -> Result<usize, Malformed> {
        let (mut low, mut high) = (0, self.restarts.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if compare(self.at_restart(middle)?.0, key) == Ordering::Less {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    fn restart(&self, index: usize) -> Result<&'a [u8], Malformed> {
        let offset = self.restarts.get(index).ok_or(Malformed)?;
        self.entries
            .get(u32::from_le_bytes(*offset) as usize..)
            .ok_or(Malformed)
    }
}

impl<'a> Raw<'a> {
    fn take(bytes: &mut &'a [u8]) -> Result<Self, Malformed> {
        Self::parse(bytes).ok_or(Malformed)
    }

    fn parse(bytes: &mut &'a [u8]) -> Option<Self> {
        let shared = varint::take_length(bytes)?;
        let key = varint::take_length(bytes)?;
        let length = varint::take(bytes)?;
        let expires_at_ms = match length & 1 {
            0 => None,
            _ => Some(varint::take(bytes)?),
        };
        if key > STORED_KEY_BYTES_MAX || shared > STORED_KEY_BYTES_MAX {
            return None;
        }
        let (suffix, rest) = bytes.split_at_checked(key)?;
        let (value, rest) = rest.split_at_checked(usize::try_from(length >> 2).ok()?)?;
        *bytes = rest;
        Some(Self {
            shared,
            suffix,
            value: Found {
                value,
                is_tombstone: length & 2 != 0,
                expires_at_ms,
            },
        })
    }
}

/// All entries of a block with their whole keys, for going through them in either direction. Its
/// memory is used again for the next block.
#[derive(Debug, Default)]
pub struct Decoded {
    keys: Vec<u8>,
    entries: Vec<Slot>,
}

#[derive(Clone, Debug)]
struct Slot {
    key: Range<u32>,
    value: Range<u32>,
    is_tombstone: bool,
    expires_at_ms: Option<u64>,
}

impl Decoded {
    /// Takes the entries of `raw`, a block's content, in the place of what was there.
    pub fn load(&mut self, raw: &[u8]) -> Result<(), Malformed> {
        self.keys.clear();
        self.entries.clear();
        let entries = Entries::new(raw)?.entries;
        let mut rest = entries;
        let (mut begin, mut end) = (0, 0);
        while !rest.is_empty() {
            let entry = Raw::take(&mut rest)?;
            // Without these a few bytes could ask for any amount of memory.
            let is_key = entry.shared + entry.suffix.len() <= STORED_KEY_BYTES_MAX;
            if entry.shared > end - begin || !is_key || self.entries.len() == BLOCK_ENTRIES_MAX {
                return Err(Malformed);
            }
            let shared = begin..begin + entry.shared;
            begin = end;
            self.keys.extend_from_within(shared);
            self.keys.extend_from_slice(entry.suffix);
            end = self.keys.len();
            let value_end = entries.len() - rest.len();
            self.entries.push(Slot {
                key: range(begin..end)?,
                value: range(value_end - entry.value.value.len()..value_end)?,
                is_tombstone: entry.value.is_tombstone,
                expires_at_ms: entry.value.expires_at_ms,
            });
        }
        Ok(())
    }

    /// Bytes in memory, beside the block's content.
    #[must_use]
    pub const fn memory(&self) -> usize {
        self.keys.capacity() + self.entries.capacity() * size_of::<Slot>()
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Key `index`.
    #[must_use]
    pub fn key(&self, index: usize) -> &[u8] {
        let range = &self.entries[index].key;
        &self.keys[range.start as usize..range.end as usize]
    }

    /// What stands with key `index`; `raw` is what was loaded.
    #[must_use]
    pub fn found<'a>(&self, index: usize, raw: &'a [u8]) -> Found<'a> {
        let slot = &self.entries[index];
        Found {
            value: &raw[slot.value.start as usize..slot.value.end as usize],
            is_tombstone: slot.is_tombstone,
            expires_at_ms: slot.expires_at_ms,
        }
    }

    /// The first entry whose key is not below `key`.
    #[must_use]
    pub fn search(&self, key: &[u8]) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if compare(self.key(middle), key) == Ordering::Less {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

fn range(range: Range<usize>) -> Result<Range<u32>, Malformed> {
    let number = |length: usize| u32::try_from(length).map_err(|_| Malformed);
    Ok(number(range.start)?..number(range.end)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use proptest::prelude::*;

    type Pairs = BTreeMap<Vec<u8>, (Vec<u8>, bool, Option<u64>)>;

    fn pairs() -> impl Strategy<Value = Pairs> {
        let key = prop::collection::vec(0_u8..4, 1..12);
        let value = prop::collection::vec(any::<u8>(), 0..40);
        prop::collection::btree_map(key, (value, any::<bool>(), any::<Option<u64>>()), 0..60)
    }

    fn build(pairs: &Pairs, interval: u32) -> Vec<u8> {
        let mut builder = EntriesBuilder::new(interval);
        for (key, (value, is_tombstone, expires_at_ms)) in pairs {
            builder.push(key, value, *is_tombstone, *expires_at_ms);
        }
        let mut raw = Vec::new();
        let bytes = builder.bytes();
        builder.finish(&mut raw);
        assert_eq!(raw.len(), bytes);
        raw
    }

    proptest! {
        #[test]
        fn what_is_built_is_found_and_listed(pairs in pairs(), interval in 1_u32..20, other in prop::collection::vec(0_u8..5, 0..12)) {
            let raw = build(&pairs, interval);
            let entries = Entries::new(&raw).unwrap();
            let expected = |key: &[u8]| {
                pairs.get(key).map(|(value, is_tombstone, expires_at_ms)| Found {
                    value,
                    is_tombstone: *is_tombstone,
                    expires_at_ms: *expires_at_ms,
                })
            };
            for key in pairs.keys().chain([&other]) {
                prop_assert_eq!(entries.get(key).unwrap(), expected(key));
            }
            let mut decoded = Decoded::default();
            decoded.load(&raw).unwrap();
            prop_assert_eq!(decoded.len(), pairs.len());
            for (index, key) in pairs.keys().enumerate() {
                prop_assert_eq!(decoded.key(index), &key[..]);
                prop_assert_eq!(Some(decoded.found(index, &raw)), expected(key));
            }
            prop_assert_eq!(decoded.search(&other), pairs.range(..other.clone()).count());
            if interval == 1 {
                prop_assert_eq!(entries.search(&other).unwrap(), pairs.range(..other).count());
            }
        }

        #[test]
        fn no_bytes_make_a_reader_panic(raw in prop::collection::vec(any::<u8>(), 0..80), key in prop::collection::vec(any::<u8>(), 0..8)) {
            if let Ok(entries) = Entries::new(&raw) {
                let _ = entries.get(&key);
                let _ = entries.search(&key);
            }
            let _ = Decoded::default().load(&raw);
        }

        #[test]
        fn no_change_makes_a_reader_panic(pairs in pairs(), at in any::<prop::sample::Index>(), to in any::<u8>(), key in prop::collection::vec(0_u8..5, 0..12)) {
            let mut raw = build(&pairs, 4);
            let at = at.index(raw.len());
            raw[at] = to;
            if let Ok(entries) = Entries::new(&raw) {
                let _ = entries.get(&key);
                let _ = entries.search(&key);
            }
            let _ = Decoded::default().load(&raw);
        }
    }
}
