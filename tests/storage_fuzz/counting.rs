//! An allocator that counts: what decoders of broken bytes ask for must be bounded.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The system's allocator with numbers.
pub(crate) struct Counting {
    live: AtomicUsize,
    /// Most bytes that were live since `begin`.
    peak: AtomicUsize,
    /// The largest request since the start.
    largest: AtomicUsize,
}

impl Counting {
    pub(crate) const fn new() -> Self {
        Self {
            live: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            largest: AtomicUsize::new(0),
        }
    }

    /// Begins to measure; gives what is live now.
    pub(crate) fn begin(&self) -> usize {
        let live = self.live.load(Relaxed);
        self.peak.store(live, Relaxed);
        live
    }

    /// Most bytes that were live since `begin`.
    pub(crate) fn peak(&self) -> usize {
        self.peak.load(Relaxed)
    }

    /// The largest single request so far.
    pub(crate) fn largest(&self) -> usize {
        self.largest.load(Relaxed)
    }

    fn add(&self, bytes: usize) {
        let live = self.live.fetch_add(bytes, Relaxed) + bytes;
        self.peak.fetch_max(live, Relaxed);
        self.largest.fetch_max(bytes, Relaxed);
    }
}

// SAFETY: every call goes on to the system's allocator unchanged, which keeps the contract; beside
// that only numbers are changed, which allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.add(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.add(layout.size());
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        self.live.fetch_sub(layout.size(), Relaxed);
        // SAFETY: `pointer` came from `System` with this layout, as all of this allocator do.
        unsafe { System.dealloc(pointer, layout) }
    }
}
