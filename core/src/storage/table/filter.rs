//! A bloom filter over the hashes of keys: "not here" is certain, "here" is likely.
//!
//! The probes of a hash are `h1 + i * h2` of its halves (Kirsch and Mitzenmacher, "Less Hashing,
//! Same Performance", ESA 2006). The first byte is the number of probes, the rest the bits.

use alloc::vec::Vec;

/// Writes the filter of `hashes` with `bits_per_key` behind what `out` already holds. With 10 bits
/// one absent key in 120 seems to be there; with 0 bits all do, and nothing is stored.
pub fn build(hashes: &[u64], bits_per_key: u8, out: &mut Vec<u8>) {
    if bits_per_key == 0 || hashes.is_empty() {
        return;
    }
    // The best number of probes is ln 2 for each bit.
    let probes = (u32::from(bits_per_key) * 69 / 100).clamp(1, 30);
    let bytes = (hashes.len() * usize::from(bits_per_key))
        .div_ceil(8)
        .max(8);
    out.push(probes.to_le_bytes()[0]);
    let begin = out.len();
    out.resize(begin + bytes, 0);
    let bits = &mut out[begin..];
    for hash in hashes {
        for bit in positions(*hash, probes, bytes) {
            bits[bit / 8] |= 1 << (bit % 8);
        }
    }
}

/// Whether a key of this hash may be among those that `filter` was built of.
#[must_use]
pub fn may_hold(filter: &[u8], hash: u64) -> bool {
    let Some((&probes, bits)) = filter.split_first() else {
        return true;
    };
    if bits.is_empty() {
        return true;
    }
    positions(hash, u32::from(probes), bits.len()).all(|bit| bits[bit / 8] & 1 << (bit % 8) != 0)
}

fn positions(hash: u64, probes: u32, bytes: usize) -> impl Iterator<Item = usize> {
    let bits = bytes as u64 * 8;
    let [a, b, c, d, e, f, g, h] = hash.to_le_bytes();
    let (first, step) = (
        u32::from_le_bytes([a, b, c, d]),
        u32::from_le_bytes([e, f, g, h]) | 1,
    );
    (0..probes).map(move |i| {
        let probe = u64::from(first.wrapping_add(i.wrapping_mul(step)));
        // Less than `bits`, which a length in memory bounds.
        usize::try_from((probe * bits) >> 32).expect("less than the bits there are")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn what_is_in_is_found_and_few_others_seem_to_be() {
        let mut rng = Rng::new(3);
        let hashes: Vec<u64> = (0..20_000).map(|_| rng.next_u64()).collect();
        let mut filter = Vec::new();
        build(&hashes, 10, &mut filter);
        assert_eq!(filter.len(), 1 + 25_000);
        assert!(hashes.iter().all(|hash| may_hold(&filter, *hash)));
        let wrong = (0..100_000)
            .filter(|_| may_hold(&filter, rng.next_u64()))
            .count();
        assert!((600..1_100).contains(&wrong), "{wrong} of 100,000");
    }

    #[test]
    fn no_bits_and_no_keys_hold_everything_back_from_nobody() {
        let mut filter = Vec::new();
        build(&[1, 2], 0, &mut filter);
        build(&[], 10, &mut filter);
        assert!(filter.is_empty() && may_hold(&filter, 7) && may_hold(&[7], 7));
    }
}
