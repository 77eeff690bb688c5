//! The clock of one seat: the world's time, seen wrongly.

use henge_core::time::{Duration, Instant};

/// A clock that was read once when the node was made, and has counted since: so a wrong setting is
/// an offset, a wrong quartz is drift, and it never runs backwards.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SkewedClock {
    /// When it was read, in the world's time.
    began: Instant,
    /// What it said then.
    said: Instant,
    /// Microseconds that it is wrong by in a second.
    drift_ppm: i64,
}

impl SkewedClock {
    /// A clock that is read at `now` and wrong by `offset_micros` then.
    pub(crate) fn new(now: Instant, offset_micros: i64, drift_ppm: i64) -> Self {
        let said = now.as_micros().saturating_add_signed(offset_micros);
        Self {
            began: now,
            said: Instant::from_micros(said),
            drift_ppm,
        }
    }

    /// What it says at `now`.
    pub(crate) fn at(&self, now: Instant) -> Instant {
        let elapsed = now.since(self.began).as_micros();
        if self.drift_ppm == 0 {
            return self.said + Duration::from_micros(elapsed);
        }
        let elapsed = i128::from(elapsed);
        let seen = elapsed + elapsed * i128::from(self.drift_ppm) / 1_000_000;
        self.said + Duration::from_micros(u64::try_from(seen).unwrap_or(0))
    }

    /// The world's time when it says `said`, a little later at most.
    pub(crate) fn when(&self, said: Instant) -> Instant {
        let seen = said.since(self.said).as_micros();
        if self.drift_ppm == 0 {
            return self.began + Duration::from_micros(seen);
        }
        let elapsed = i128::from(seen) * 1_000_000 / i128::from(1_000_000 + self.drift_ppm) + 1;
        self.began + Duration::from_micros(u64::try_from(elapsed).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_says_what_it_was_asked_to_wait_for_and_never_runs_backwards() {
        let began = Instant::from_micros(1_000_000_000);
        for (offset, drift) in [(0, 0), (-9_000_000, 0), (5_000, 200), (70_000_000, -200)] {
            let clock = SkewedClock::new(began, offset, drift);
            let mut before = Instant::default();
            for step in 0..1_000 {
                let now = began + Duration::from_micros(step * 7_919);
                let said = clock.at(now);
                assert!(said >= before, "drift {drift}");
                before = said;
                let wanted = said + Duration::from_micros(1_234);
                assert!(clock.at(clock.when(wanted)) >= wanted, "drift {drift}");
            }
        }
    }
}
