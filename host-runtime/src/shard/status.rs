//! What others may know about a shard while it works.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Whether a shard serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShardState {
    /// Its log is being replayed.
    Replaying,
    /// It serves.
    Ready,
    /// Its storage failed; it serves nothing.
    Failed(String),
}

/// Numbers of one shard's thread.
#[derive(Debug)]
pub struct ShardStatus {
    /// The shard's number.
    pub shard: u16,
    state: Mutex<ShardState>,
    restarts: AtomicU64,
    last_restart_ms: AtomicU64,
    guest_bytes: AtomicU64,
    steps: AtomicU64,
    requests: AtomicU64,
}

impl ShardStatus {
    pub(super) fn new(shard: u16) -> Self {
        Self {
            shard,
            state: Mutex::new(ShardState::Replaying),
            restarts: AtomicU64::new(0),
            last_restart_ms: AtomicU64::new(0),
            guest_bytes: AtomicU64::new(0),
            steps: AtomicU64::new(0),
            requests: AtomicU64::new(0),
        }
    }

    /// Whether it serves.
    #[must_use]
    pub fn state(&self) -> ShardState {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// How often its guest was replaced after a trap.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// Milliseconds from the last trap until requests were served again; `None` without a trap.
    #[must_use]
    pub fn last_restart_ms(&self) -> Option<u64> {
        (self.restarts() > 0).then(|| self.last_restart_ms.load(Ordering::Relaxed))
    }

    /// Bytes of memory that its guest has taken.
    #[must_use]
    pub fn guest_bytes(&self) -> u64 {
        self.guest_bytes.load(Ordering::Relaxed)
    }

    /// Calls into its guest.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }

    /// Requests of clients that have no answer yet.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    pub(super) fn set_state(&self, state: ShardState) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    pub(super) fn trapped(&self) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
        self.set_state(ShardState::Replaying);
    }

    pub(super) fn recovered(&self, took_ms: u64) {
        self.last_restart_ms.store(took_ms, Ordering::Relaxed);
    }

    pub(super) fn stepped(&self, guest_bytes: usize, requests: usize) {
        self.requests.store(requests as u64, Ordering::Relaxed);
        self.steps.fetch_add(1, Ordering::Relaxed);
        self.guest_bytes
            .store(guest_bytes as u64, Ordering::Relaxed);
    }
}
