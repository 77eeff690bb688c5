//! The keys and values of a run: they follow from numbers, so that whatever is read can be checked
//! without being kept.

use henge_core::hash::hash64;
use henge_core::rng::Rng;

/// Pairs of one prefix, on average.
const GROUP_PAIRS: u64 = 200;
/// Different values, but for their heads. So many that one block hardly has the same twice.
const TAILS: u64 = 8 * 1_024;
/// Characters without meaning in a field of a value: with these lz4 halves it, as a test says. Short
/// values are alike for a larger part.
const fn field_random(value_bytes: usize) -> usize {
    if value_bytes < 256 { 18 } else { 9 }
}

/// Keys and values of one length.
pub(crate) struct Data {
    keys: u64,
    groups: u64,
    value_bytes: usize,
    tails: Vec<u8>,
}

impl Data {
    /// `keys` pairs with values of `value_bytes`.
    pub(crate) fn new(keys: u64, value_bytes: usize) -> Self {
        let mut rng = Rng::new(value_bytes as u64);
        let mut tails = Vec::new();
        for _ in 0..TAILS {
            tail(&mut rng, value_bytes, &mut tails);
        }
        Self {
            keys,
            groups: (keys / GROUP_PAIRS).max(1),
            value_bytes,
            tails,
        }
    }

    /// Pairs.
    pub(crate) const fn keys(&self) -> u64 {
        self.keys
    }

    /// Prefixes.
    pub(crate) const fn groups(&self) -> u64 {
        self.groups
    }

    /// Which prefix the key of pair `index` has.
    pub(crate) fn group(&self, index: u64) -> u64 {
        digest(index) % self.groups
    }

    /// The prefix that the keys of a group share.
    pub(crate) fn prefix(&self, group: u64) -> Vec<u8> {
        format!("g{group:06x}/").into_bytes()
    }

    /// The key of pair `index`: 18 to 24 bytes, in no order. Pairs from `keys` on are absent.
    pub(crate) fn key(&self, index: u64, into: &mut Vec<u8>) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let digest = digest(index);
        let group = digest % self.groups;
        into.clear();
        into.push(b'g');
        for place in (0..6).rev() {
            into.push(HEX[(group >> (4 * place) & 15) as usize]);
        }
        into.push(b'/');
        let digest = digest.rotate_left(32);
        for place in 0..10 + index % 7 {
            into.push(HEX[(digest >> (60 - 4 * place) & 15) as usize]);
        }
    }

    /// The value of pair `index` after it was written `version` times more.
    pub(crate) fn value(&self, index: u64, version: u32, into: &mut Vec<u8>) {
        into.clear();
        into.extend_from_slice(b"{\"id\":");
        into.extend_from_slice(&index.to_le_bytes());
        into.extend_from_slice(&version.to_le_bytes());
        let at = self.value_bytes * (hash64(&into[6..]) % TAILS) as usize;
        let rest = self.value_bytes - into.len();
        into.extend_from_slice(&self.tails[at..at + rest]);
    }
}

/// The order of keys has nothing to do with that of their numbers.
fn digest(index: u64) -> u64 {
    hash64(&index.to_le_bytes())
}

/// Fields as in JSON, half of which compresses.
fn tail(rng: &mut Rng, length: usize, into: &mut Vec<u8>) {
    const NAMES: [&str; 6] = ["name", "email", "street", "city", "phone", "comment"];
    const LETTERS: &[u8; 26] = b"abcdefghijklmnopqrstuvwxyz";
    let end = into.len() + length;
    for name in NAMES.iter().cycle() {
        into.extend_from_slice(format!(",\"customer.{name}\":\"").as_bytes());
        for _ in 0..field_random(length) {
            into.push(LETTERS[(rng.next_u64() % 26) as usize]);
        }
        into.push(b'"');
        if into.len() >= end {
            break;
        }
    }
    into.truncate(end);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn keys_are_unique_begin_with_their_prefix_and_have_16_to_24_bytes() {
        let data = Data::new(100_000, 100);
        let (mut keys, mut key) = (BTreeSet::new(), Vec::new());
        for index in 0..120_000 {
            data.key(index, &mut key);
            assert!((16..=24).contains(&key.len()), "{}", key.len());
            assert!(key.starts_with(&data.prefix(data.group(index))));
            assert!(keys.insert(key.clone()));
        }
    }

    #[test]
    fn a_block_of_values_compresses_about_2_to_1() {
        for (value_bytes, block_bytes) in [(100, 4_096), (1_024, 4_096), (1_024, 8_192)] {
            let data = Data::new(1_000, value_bytes);
            let (mut block, mut value) = (Vec::new(), Vec::new());
            for index in 0.. {
                data.value(index, 0, &mut value);
                assert_eq!(value.len(), value_bytes);
                block.extend_from_slice(&value);
                if block.len() >= block_bytes {
                    break;
                }
            }
            let ratio = block.len() as f64 / lz4_flex::compress(&block).len() as f64;
            assert!((1.7..2.3).contains(&ratio), "{value_bytes}: {ratio}");
        }
    }
}
