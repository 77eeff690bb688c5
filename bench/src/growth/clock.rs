//! The time that this process has had a processor, so that others on the machine do not count.

use std::sync::OnceLock;
use std::time::Instant;

/// Nanoseconds since the first call.
pub(super) fn nanos() -> u64 {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    let elapsed = BEGAN.get_or_init(Instant::now).elapsed();
    u64::try_from(elapsed.as_nanos()).expect("centuries")
}

/// How long this thread has had a processor, and when that was.
pub(super) struct ProcessTime {
    at: Instant,
    /// `None` where the system does not say.
    busy_nanos: Option<u64>,
}

impl ProcessTime {
    pub(super) fn now() -> Self {
        let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
        let busy = told.and_then(|told| told.split(' ').next()?.parse().ok());
        Self {
            at: Instant::now(),
            busy_nanos: busy,
        }
    }

    /// Which part of the time since `before` this thread had a processor; 1 where nobody knows.
    pub(super) fn share_since(&self, before: &Self) -> f64 {
        let elapsed = self.at.duration_since(before.at).as_nanos() as f64;
        match (self.busy_nanos, before.busy_nanos) {
            (Some(after), Some(before)) => (after - before) as f64 / elapsed,
            _ => 1.0,
        }
    }
}
