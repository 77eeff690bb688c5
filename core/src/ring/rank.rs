//! Rendezvous ranks: the one source of variety in a placement.

use crate::hash::hash64;
use crate::id::PartitionId;
use core::cmp::Ordering;

/// How a candidate stands in the contest for one partition (Thaler, Ravishankar: Using Name-Based
/// Mappings to Increase Hit Rates, 1998). The lowest rank wins.
///
/// The hash is divided by the weight, so a heavier candidate wins more often. How much each gets in
/// the end is fixed by its target, so the exact odds do not matter, and neither logarithms nor
/// floats are needed: two quotients are compared by cross-multiplication.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rank {
    hash: u64,
    weight: u64,
    token: u64,
}

impl Rank {
    /// The rank for `partition` of the candidate that `token` names. `weight` must not be 0.
    pub(super) fn new(partition: PartitionId, token: u64, weight: u64) -> Self {
        debug_assert!(weight > 0, "a candidate without weight does not compete");
        let mut bytes = [0; 10];
        bytes[..8].copy_from_slice(&token.to_le_bytes());
        bytes[8..].copy_from_slice(&partition.0.to_le_bytes());
        Self {
            hash: hash64(&bytes),
            weight,
            token,
        }
    }
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        let this = u128::from(self.hash) * u128::from(other.weight);
        let that = u128::from(other.hash) * u128::from(self.weight);
        this.cmp(&that).then(self.token.cmp(&other.token))
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Rank {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Rank {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_times_the_weight_wins_more_than_twice_as_often() {
        let heavy_wins = (0..4_096)
            .map(PartitionId)
            .filter(|&at| Rank::new(at, 1, 3) < Rank::new(at, 2, 1))
            .count();
        assert!((2_900..3_600).contains(&heavy_wins), "{heavy_wins}");
    }
}
