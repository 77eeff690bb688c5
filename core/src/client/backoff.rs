//! How long to wait before the next attempt: doubling, bounded, with jitter.

use crate::rng::Rng;
use crate::time::Duration;

/// The wait before attempt `attempt` (from 0): between half and all of `first_ms` doubled `attempt`
/// times, at most `most_ms`, so that clients which failed together do not come back together.
pub(super) fn delay(rng: &mut Rng, attempt: u32, first_ms: u64, most_ms: u64) -> Duration {
    let doubled = first_ms.saturating_mul(1 << attempt.min(32));
    let whole = Duration::from_millis(doubled.min(most_ms)).as_micros();
    Duration::from_micros(whole / 2 + rng.below(whole / 2 + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_its_bound_and_is_never_below_half() {
        let mut rng = Rng::new(7);
        for attempt in 0..80 {
            let whole = 50_000_u64
                .saturating_mul(1 << attempt.min(32))
                .min(5_000_000);
            let waited = delay(&mut rng, attempt, 50, 5_000).as_micros();
            assert!(
                (whole / 2..=whole).contains(&waited),
                "attempt {attempt}: {waited}"
            );
        }
    }

    #[test]
    fn two_clients_wait_differently() {
        let waits = |seed| delay(&mut Rng::new(seed), 3, 50, 5_000);
        assert_ne!(waits(1), waits(2));
    }
}
