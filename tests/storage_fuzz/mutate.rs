//! Changes of bytes.

use henge_core::rng::Rng;

/// A number below `limit` as a length in memory; 0 below 0.
pub(crate) fn below(rng: &mut Rng, limit: usize) -> usize {
    if limit == 0 {
        return 0;
    }
    usize::try_from(rng.below(limit as u64)).expect("below a length in memory")
}

/// Numbers at which decoders go wrong.
const EDGES: [u64; 12] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0xffff_fffe,
    0xffff_ffff,
    u64::MAX - 1,
    u64::MAX,
];

/// Up to `bytes` bytes that mean nothing.
pub(crate) fn noise(rng: &mut Rng, bytes: usize) -> Vec<u8> {
    (0..below(rng, bytes + 1))
        .map(|_| rng.next_u64().to_le_bytes()[0])
        .collect()
}

/// Changes `bytes` in one to four places.
pub(crate) fn mutate(rng: &mut Rng, bytes: &mut Vec<u8>) {
    for _ in 0..=rng.below(4) {
        let at = below(rng, bytes.len());
        let length = below(rng, bytes.len() - at + 1).min(64);
        match rng.below(9) {
            0 | 1 if !bytes.is_empty() => bytes[at] ^= 1 << rng.below(8),
            2 if !bytes.is_empty() => bytes[at] = rng.next_u64().to_le_bytes()[0],
            3 => bytes.truncate(at),
            4 => {
                let more = noise(rng, 40);
                bytes.extend_from_slice(&more);
            }
            5 => {
                // A piece of it again at another place.
                let piece = bytes[at..at + length].to_vec();
                let to = below(rng, bytes.len());
                bytes.splice(to..to, piece);
            }
            6 => drop(bytes.drain(at..at + length)),
            7 => {
                // A length or a number as it stands in fixed fields.
                let number = EDGES[below(rng, EDGES.len())].to_le_bytes();
                let width = [1, 2, 4, 8][below(rng, 4)].min(bytes.len() - at);
                bytes[at..at + width].copy_from_slice(&number[..width]);
            }
            _ => {
                // The same as a varint, in the place of one byte.
                let mut number = EDGES[below(rng, EDGES.len())];
                let mut varint = Vec::new();
                while number >= 0x80 {
                    varint.push(number.to_le_bytes()[0] | 0x80);
                    number >>= 7;
                }
                varint.push(number.to_le_bytes()[0]);
                let to = (at + 1).min(bytes.len());
                bytes.splice(at..to, varint);
            }
        }
    }
}
