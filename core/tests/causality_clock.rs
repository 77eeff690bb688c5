//! The hybrid clock: later ticks are greater whatever physical time does, and what a clock accepts
//! bounds how far it runs ahead.

use henge_core::causality::{Clock, ClockError, Hlc};
use henge_core::time::{Duration, Instant};
use proptest::collection::vec;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Tick { now_ms: u64 },
    Observe { now_ms: u64, remote: Hlc },
    Restore { seen: Hlc },
}

/// Times close together, so that they meet; logical counts at both ends, so that they carry.
fn hlc() -> impl Strategy<Value = Hlc> {
    let logical = prop_oneof![0..3_u64, 0xfffd..=0xffff_u64];
    (0..40_u64, logical).prop_map(|(ms, logical)| Hlc::from_u64((ms << 16) | logical))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..30_u64).prop_map(|now_ms| Step::Tick { now_ms }),
        4 => (0..30_u64, hlc()).prop_map(|(now_ms, remote)| Step::Observe { now_ms, remote }),
        1 => hlc().prop_map(|seen| Step::Restore { seen }),
    ]
}

fn at(now_ms: u64) -> Instant {
    Instant::from_micros(now_ms * 1_000 + 999)
}

/// `PROPTEST_CASES` cases of each promise, or enough to meet every carry.
fn config() -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|text| text.parse().ok());
    let cases = asked.unwrap_or(20_000);
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_tick_is_after_everything_seen_and_never_later_than_it_must_be(
        steps in vec(step(), 1..40), skew_ms in 0..20_u64,
    ) {
        let mut clock = Clock::new(Hlc::default(), Duration::from_millis(skew_ms));
        let mut seen = Hlc::default();
        for step in steps {
            match step {
                Step::Tick { now_ms } => {
                    let tick = clock.tick(at(now_ms));
                    prop_assert!(tick > seen && tick.physical_ms() >= now_ms);
                    let least = (now_ms << 16).max(seen.as_u64() + 1);
                    prop_assert_eq!(tick.as_u64(), least);
                    seen = tick;
                }
                Step::Observe { now_ms, remote } => {
                    let ahead_ms = remote.physical_ms().saturating_sub(now_ms);
                    let outcome = clock.observe(at(now_ms), remote);
                    if ahead_ms > skew_ms {
                        let allowed_ms = skew_ms;
                        prop_assert_eq!(outcome, Err(ClockError::FarFuture { ahead_ms, allowed_ms }));
                    } else {
                        prop_assert_eq!(outcome, Ok(()));
                        seen = seen.max(remote);
                    }
                }
                Step::Restore { seen: own } => {
                    clock.restore(own);
                    seen = seen.max(own);
                }
            }
            prop_assert_eq!(clock.last(), seen);
        }
    }

    #[test]
    fn the_text_of_timestamps_sorts_as_they_do(a: u64, b: u64) {
        let (a, b) = (Hlc::from_u64(a), Hlc::from_u64(b));
        prop_assert_eq!(a.to_string().cmp(&b.to_string()), a.cmp(&b));
        prop_assert_eq!(a.to_string().parse(), Ok(a));
    }
}
