//! Choices that follow from a seed.

use henge_core::rng::Rng;

/// A stream of choices.
#[derive(Clone, Debug)]
pub(crate) struct Draw(Rng);

impl Draw {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(Rng::new(seed))
    }

    /// A number from `least` to `most`, both included.
    pub(crate) const fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.0.below(most - least + 1)
    }

    /// The same, with each power of two as likely as the others.
    pub(crate) fn log_between(&mut self, least: u64, most: u64) -> u64 {
        let doublings = (most / least).max(1).ilog2();
        let low = least << self.between(0, u64::from(doublings));
        self.between(low, low.saturating_mul(2).min(most).max(low))
    }

    /// An index below `count`.
    pub(crate) fn index(&mut self, count: usize) -> usize {
        usize::try_from(self.0.below(count as u64)).expect("below a length")
    }

    /// One of `from`.
    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.index(from.len())]
    }

    /// Whether something of this probability happens.
    pub(crate) const fn happens(&mut self, permille: u64) -> bool {
        self.0.below(1_000) < permille
    }

    /// Heads or tails.
    pub(crate) const fn coin(&mut self) -> bool {
        self.0.below(2) == 0
    }
}
