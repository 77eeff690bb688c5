//! Timers: a deadline, what it is for, and whose it is. A timer of an operation that has ended is
//! recognised when it fires, not looked for and cancelled before.

use crate::time::Instant;
use alloc::collections::BTreeSet;

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimerKind {
    /// A full medium is tried again.
    Storage,
    /// Partitions are compared with other replicas.
    Sync,
    /// What is held for absent members is handed back.
    HandBack,
    /// Deleted keys are looked for.
    Collect,
    /// Changes of owners go on.
    Moving,
    /// Members agree on the state of the cluster.
    Agreement,
    /// The membership protocol goes on.
    Gossip,
    /// Those who watch are looked after.
    Watching,
    /// A read asks the replicas that it had hoped to spare.
    Hedge,
    /// An operation has taken as long as it may.
    Deadline,
}

/// The timers of all operations.
#[derive(Debug, Default)]
pub struct Timers(BTreeSet<(Instant, u64, TimerKind)>);

impl Timers {
    /// At `at`, `kind` of `operation` is due.
    pub fn set(&mut self, at: Instant, operation: u64, kind: TimerKind) {
        self.0.insert((at, operation, kind));
    }

    /// The next one.
    #[must_use]
    pub fn next(&self) -> Option<(Instant, TimerKind)> {
        self.0.first().map(|(at, _, kind)| (*at, *kind))
    }

    /// Takes out one that is due.
    pub fn take_due(&mut self, now: Instant) -> Option<(u64, TimerKind)> {
        let (at, operation, kind) = *self.0.first()?;
        (at <= now).then(|| {
            self.0.pop_first();
            (operation, kind)
        })
    }
}
