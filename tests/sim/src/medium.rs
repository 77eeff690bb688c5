//! What a leaf and an edge node are driven with: a disk, and what it is busy with.

use crate::world::disk::{Disk, DiskSettings};
use henge_core::client::ClientError;
use henge_core::edge::Edge;
use henge_core::leaf::Leaf;
use henge_core::storage::{OperationId, StorageFault, StorageRequest};
use henge_core::time::Instant;
use std::collections::BTreeSet;

/// The disk of a leaf.
#[derive(Debug)]
pub(crate) struct Medium {
    pub(crate) disk: Disk,
    due: BTreeSet<(Instant, OperationId)>,
}

impl Medium {
    /// An empty one.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            disk: Disk::new(DiskSettings::CALM, seed),
            due: BTreeSet::new(),
        }
    }

    /// Begins to do what is asked.
    pub(crate) fn submit(&mut self, now: Instant, operation: OperationId, request: StorageRequest) {
        let at = self.disk.submit(now, operation, request);
        self.due.insert((at, operation));
    }

    /// The next thing that is done by now, and what has come of it.
    pub(crate) fn take_done(&mut self, now: Instant) -> Option<Done> {
        let (at, operation) = self.due.first().copied()?;
        if at > now {
            return None;
        }
        self.due.pop_first();
        Some((operation, self.disk.complete(operation)))
    }

    /// Its power is cut.
    pub(crate) fn crash(&mut self) {
        self.due.clear();
        self.disk.crash();
    }
}

/// An operation, and the bytes that were read or why it has failed.
pub(crate) type Done = (OperationId, Result<Option<Vec<u8>>, StorageFault>);

/// What dials the ring.
pub(crate) trait Dialler {
    fn handle_dialing(&mut self, now: Instant);
    fn handle_connected(&mut self, now: Instant);
    fn handle_disconnected(&mut self, now: Instant);
    fn handle_message(&mut self, now: Instant, message: &[u8]) -> Result<(), ClientError>;
}

macro_rules! dials {
    ($name:ident) => {
        impl Dialler for $name {
            fn handle_dialing(&mut self, now: Instant) {
                $name::handle_dialing(self, now);
            }
            fn handle_connected(&mut self, now: Instant) {
                $name::handle_connected(self, now);
            }
            fn handle_disconnected(&mut self, now: Instant) {
                $name::handle_disconnected(self, now);
            }
            fn handle_message(&mut self, now: Instant, message: &[u8]) -> Result<(), ClientError> {
                $name::handle_message(self, now, message)
            }
        }
    };
}

dials!(Leaf);
dials!(Edge);
