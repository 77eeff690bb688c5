//! Which storage requests wait for which others.

use henge_core::limits::OPERATIONS_MAX;
use henge_core::storage::{FileKind, StorageRequest};

/// Threads that read tables. A read of a block that is not cached by the system mostly waits for
/// the device, and a device is at its best with a few at a time; more would cost each shard memory
/// for little.
const READERS: usize = 4;
/// Requests that may wait in a lane with one thread. A node bounds its own requests far below;
/// should it not, its shard waits, which is no deadlock: completions never wait.
const QUEUE_MAX: usize = 4_096;
/// Reads that may wait: one for each operation of a node and as many for what it does by itself, so
/// that a shard full of reads that miss every cache still hands its writes to the log.
const READS_MAX: usize = 2 * OPERATIONS_MAX;

/// A lane's requests are begun in their order. Lanes do not wait for each other: acknowledging a
/// write waits for the log alone, never for a table being written or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Everything on the log.
    Log,
    /// Writing tables, and everything on the manifest.
    Table,
    /// Reading tables: several at a time, in any order.
    Read,
}

impl Lane {
    pub(super) const ALL: [Self; 3] = [Self::Log, Self::Table, Self::Read];

    /// The lane of `request`: the same for all requests for a file that need an order.
    pub(super) const fn of(request: &StorageRequest) -> Self {
        match (request.file().kind, request) {
            (FileKind::Log, _) => Self::Log,
            (FileKind::Table, StorageRequest::Read { .. }) => Self::Read,
            (FileKind::Table | FileKind::Manifest, _) => Self::Table,
        }
    }

    /// Part of its threads' names.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Table => "table",
            Self::Read => "read",
        }
    }

    /// Its threads. Only where there is one do requests also end in their order.
    pub(super) const fn threads(self) -> usize {
        match self {
            Self::Log | Self::Table => 1,
            Self::Read => READERS,
        }
    }

    /// Requests that may wait.
    pub(super) const fn waiting_max(self) -> usize {
        match self {
            Self::Log | Self::Table => QUEUE_MAX,
            Self::Read => READS_MAX,
        }
    }
}
