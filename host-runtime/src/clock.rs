//! The only place that reads clocks.

use henge_core::time::Instant;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The wall clock as it was at the start, carried on by a monotonic clock: it never runs
/// backwards, whatever is done to the system's time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall: Duration,
    start: std::time::Instant,
}

impl Clock {
    /// Reads the wall clock, once.
    #[must_use]
    pub fn start() -> Self {
        // A system time before 1970 is no time; other members will refuse it as too far off.
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            wall,
            start: std::time::Instant::now(),
        }
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Instant {
        let micros = (self.wall + self.start.elapsed()).as_micros();
        Instant::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// When `at` is, on the clock that tokio's timers use.
    #[must_use]
    pub fn deadline(&self, at: Instant) -> tokio::time::Instant {
        let since_start = Duration::from_micros(at.as_micros()).saturating_sub(self.wall);
        // Tokio rounds up to its next millisecond; a deadline far off is as good as none.
        let capped = since_start.min(self.start.elapsed() + Duration::from_secs(3_600));
        tokio::time::Instant::from_std(self.start + capped)
    }

    /// Time since the start.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        self.start.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_lies_as_far_ahead_as_its_moment() {
        let clock = Clock::start();
        let at = clock.now() + henge_core::time::Duration::from_millis(500);
        let ahead = clock.deadline(at) - tokio::time::Instant::now();
        assert!(ahead <= Duration::from_millis(500) && ahead > Duration::from_millis(400));
        assert!(clock.deadline(Instant::from_micros(0)) <= tokio::time::Instant::now());
    }
}
