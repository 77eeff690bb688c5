//! Requests for the medium that are carried out one after another: everything that tables and the
//! manifest need. What the medium has no room for is tried again.

use crate::limits::{LANE_BYTES_MAX, STORAGE_RETRY_MS};
use crate::storage::contract::{OperationId, StorageFault, StorageRequest};
use crate::time::{Duration, Instant};
use alloc::collections::VecDeque;
use alloc::string::String;

/// Requests in their order, the first of which may be under way.
#[derive(Debug, Default)]
pub struct Lane {
    queue: VecDeque<Entry>,
    bytes: usize,
    under_way: Option<OperationId>,
    retry_at: Option<Instant>,
    appended: u64,
}

#[derive(Debug)]
struct Entry {
    request: StorageRequest,
    is_install: bool,
}

/// What became of the request under way.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// It is done.
    Done {
        /// It was pushed by `push_install`.
        is_install: bool,
    },
    /// There is no room; it will be tried again.
    Full,
    /// It cannot be done.
    Failed(String),
}

impl Lane {
    /// Adds a request at the end.
    pub fn push(&mut self, request: StorageRequest) {
        self.bytes += cost(&request);
        self.queue.push_back(Entry {
            request,
            is_install: false,
        });
    }

    /// Adds a request whose end is to be heard of.
    pub(super) fn push_install(&mut self, request: StorageRequest) {
        self.push(request);
        if let Some(entry) = self.queue.back_mut() {
            entry.is_install = true;
        }
    }

    /// Whether so much waits that nothing more should come.
    pub(super) const fn is_clogged(&self) -> bool {
        self.bytes >= LANE_BYTES_MAX
    }

    /// Bytes that wait.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes of tables that were written.
    pub(super) const fn appended(&self) -> u64 {
        self.appended
    }

    /// The next request, if none is under way.
    pub(super) fn start(
        &mut self,
        operation: impl FnOnce() -> OperationId,
    ) -> Option<(OperationId, StorageRequest)> {
        if self.under_way.is_some() || self.retry_at.is_some() {
            return None;
        }
        // Kept until it is done: a full medium gets it again.
        let request = self.queue.front()?.request.clone();
        let operation = operation();
        self.under_way = Some(operation);
        Some((operation, request))
    }

    /// Whether `operation` is the one under way.
    pub(super) fn awaits(&self, operation: OperationId) -> bool {
        self.under_way == Some(operation)
    }

    /// The request under way has ended.
    pub(super) fn end(&mut self, now: Instant, fault: Option<StorageFault>) -> Ended {
        self.under_way = None;
        match fault {
            Some(StorageFault::Full) => {
                self.retry_at = Some(now + Duration::from_millis(STORAGE_RETRY_MS));
                Ended::Full
            }
            Some(StorageFault::Failed(why)) => Ended::Failed(why),
            None => {
                let ended = self.queue.pop_front();
                let is_install = ended.as_ref().is_some_and(|entry| entry.is_install);
                if let Some(Entry { request, .. }) = ended {
                    self.bytes -= cost(&request);
                    if let StorageRequest::Append { bytes, .. } = request {
                        self.appended += bytes.len() as u64;
                    }
                }
                Ended::Done { is_install }
            }
        }
    }

    /// When `handle_timeout` wants to be called.
    pub(super) const fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Tries again what there was no room for.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.retry_at.is_some_and(|at| at <= now) {
            self.retry_at = None;
        }
    }
}

const fn cost(request: &StorageRequest) -> usize {
    match request {
        StorageRequest::Append { bytes, .. } | StorageRequest::Replace { bytes, .. } => bytes.len(),
        _ => 0,
    }
}
