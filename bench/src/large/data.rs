//! Pairs of 256 B to 10 KB whose values follow from their number.

use henge_core::causality::Value;
use henge_core::client::Call;
use henge_core::hash::hash64;
use henge_core::id::BucketId;

/// Shortest and longest value, in bytes.
const LENGTHS: (f64, f64) = (256.0, 10_000.0);
/// What texts are made of.
const WORDS: [&str; 32] = [
    "stone", "ring", "moss", "granite", "dawn", "circle", "shadow", "lintel", "chalk", "river",
    "north", "solstice", "trench", "post", "mortise", "tenon", "sarsen", "hill", "path", "light",
    "winter", "west", "bank", "ditch", "avenue", "heel", "altar", "blue", "henge", "barrow",
    "field", "rain",
];

/// The pairs of a run.
pub(super) struct Data {
    /// Bytes of all pairs up to each number.
    sums: Vec<u64>,
}

impl Data {
    /// Pairs of `gib` in all.
    pub(super) fn new(gib: f64) -> Self {
        let mut sums = vec![0_u64];
        let mut sum = 0;
        while (sum as f64) < gib * f64::from(1 << 30) {
            let index = sums.len() as u64 - 1;
            sum += (length(index) + key(index).len()) as u64;
            sums.push(sum);
        }
        Self { sums }
    }

    pub(super) const fn pairs(&self) -> u64 {
        self.sums.len() as u64 - 1
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes_until(self.pairs())
    }

    /// Bytes of the pairs before `index`.
    pub(super) fn bytes_until(&self, index: u64) -> u64 {
        self.sums[usize::try_from(index).expect("a pair of this run")]
    }

    pub(super) fn key(&self, index: u64) -> Vec<u8> {
        assert!(index < self.pairs(), "a pair of this run");
        key(index)
    }

    pub(super) fn value(&self, index: u64) -> Vec<u8> {
        assert!(index < self.pairs(), "a pair of this run");
        value(index)
    }

    pub(super) fn put(&self, index: u64) -> Call {
        let value = Value {
            encoding: 2,
            bytes: self.value(index),
        };
        Call::put(BucketId(0), self.key(index), value)
    }
}

fn digest(index: u64, turn: u64) -> u64 {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&index.to_le_bytes());
    bytes[8..].copy_from_slice(&turn.to_le_bytes());
    hash64(&bytes)
}

fn key(index: u64) -> Vec<u8> {
    format!("places/{:016x}", digest(index, 0)).into_bytes()
}

/// Short values are as frequent as long ones for each doubling of their length.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between the two lengths"
)]
fn length(index: u64) -> usize {
    let share = (digest(index, 1) >> 11) as f64 / (1_u64 << 53) as f64;
    let (least, most) = LENGTHS;
    (least * (most / least).powf(share)) as usize
}

/// JSON: field names that repeat, numbers that do not, words of a small vocabulary.
fn value(index: u64) -> Vec<u8> {
    let length = length(index);
    let mut text = format!("{{\"id\":{index},\"records\":[");
    let mut turn = 2;
    while text.len() < length {
        let random = digest(index, turn);
        turn += 1;
        let word = |shift: u32| WORDS[usize::from((random >> shift).to_le_bytes()[0] & 31)];
        text += &format!(
            "{{\"name\":\"{} {} {}\",\"lat\":{}.{:05},\"token\":\"{:08x}\"}},",
            word(0),
            word(5),
            word(10),
            random % 90,
            (random >> 15) % 100_000,
            (random >> 32) as u32
        );
    }
    text.truncate(length);
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_their_lengths_and_compress_as_json_does() {
        let values: Vec<Vec<u8>> = (0..2_000).map(value).collect();
        assert!(
            values
                .iter()
                .all(|value| (256..=10_000).contains(&value.len()))
        );
        let joined = values.concat();
        let packed = lz4_flex::block::compress(&joined).len();
        let ratio = joined.len() as f64 / packed as f64;
        assert!((1.6..3.0).contains(&ratio), "{ratio}");
    }
}
