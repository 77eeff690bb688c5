//! Whether the other side still lives, judged by evidence.
//!
//! Silence alone proves nothing: this process may have been stopped, or its machine asleep. So a
//! tick counts, not the time: after each tick the other side had its chance to answer a ping, and
//! only so many chances missed in a row are a death.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

/// Ticks without a sign of life after which the other side is dead.
const MISSED_MAX: u32 = 3;

/// The pulse of one connection.
#[derive(Debug, Default)]
pub struct Pulse {
    missed: AtomicU32,
    ping: Notify,
}

impl Pulse {
    /// Something came from the other side.
    pub fn beat(&self) {
        self.missed.store(0, Ordering::Relaxed);
    }

    /// Waits until a ping is to be sent.
    pub async fn ping_due(&self) {
        self.ping.notified().await;
    }

    /// Asks for a ping each `tick`, and returns once the other side is dead.
    pub async fn watch(&self, tick: Duration) {
        let mut ticks = interval(tick);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if self.missed.fetch_add(1, Ordering::Relaxed) >= MISSED_MAX {
                return;
            }
            self.ping.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::timeout;

    #[tokio::test]
    async fn a_side_that_answers_lives_and_a_silent_one_is_dead_after_three_chances() {
        let tick = Duration::from_millis(20);
        let pulse = Pulse::default();
        let answering = async {
            loop {
                pulse.ping_due().await;
                pulse.beat();
            }
        };
        let lived = timeout(10 * tick, async {
            tokio::select! { () = pulse.watch(tick) => (), () = answering => () }
        });
        assert!(lived.await.is_err());
        assert!(timeout(10 * tick, pulse.watch(tick)).await.is_ok());
    }
}
