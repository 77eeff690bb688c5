//! Resident memory of a process and what was loaded, twice a second.

use crate::process::resident_bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// One moment.
#[derive(Clone, Copy)]
pub(super) struct Sample {
    pub(super) seconds: f64,
    pub(super) resident_bytes: u64,
    pub(super) loaded_bytes: u64,
}

/// A thread that looks.
pub(super) struct Watch {
    shared: Arc<Shared>,
    thread: JoinHandle<Vec<Sample>>,
}

struct Shared {
    pid: AtomicU32,
    loaded: AtomicU64,
    is_over: AtomicBool,
}

impl Watch {
    pub(super) fn start(pid: u32) -> Self {
        let shared = Arc::new(Shared {
            pid: AtomicU32::new(pid),
            loaded: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        });
        let seen = Arc::clone(&shared);
        let thread = std::thread::spawn(move || watch(&seen));
        Self { shared, thread }
    }

    /// So many bytes were loaded.
    pub(super) fn loaded(&self, bytes: u64) {
        self.shared.loaded.store(bytes, Ordering::Relaxed);
    }

    /// The process is another one now.
    pub(super) fn follow(&self, pid: u32) {
        self.shared.pid.store(pid, Ordering::Relaxed);
    }

    pub(super) fn end(self) -> Vec<Sample> {
        self.shared.is_over.store(true, Ordering::Relaxed);
        self.thread.join().expect("the watch does not panic")
    }
}

fn watch(shared: &Shared) -> Vec<Sample> {
    let began = Instant::now();
    let mut samples = Vec::new();
    while !shared.is_over.load(Ordering::Relaxed) {
        if let Some(resident_bytes) = resident_bytes(shared.pid.load(Ordering::Relaxed)) {
            samples.push(Sample {
                seconds: began.elapsed().as_secs_f64(),
                resident_bytes,
                loaded_bytes: shared.loaded.load(Ordering::Relaxed),
            });
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    samples
}
