//! What comes of a storage request.

use henge_core::storage::StorageFault;
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// A request that was carried out.
#[derive(Debug, PartialEq, Eq)]
pub enum DiskAnswer {
    /// Done.
    Done,
    /// What was read.
    Bytes(Vec<u8>),
}

/// A request that was not.
#[derive(Debug, Error)]
pub enum DiskError {
    /// The node is told.
    #[error("{0}")]
    Fault(StorageFault),
    /// **Nothing on this disk can be believed any more**: after a failed sync the system may have
    /// dropped the bytes and say that all is well the next time.
    #[error("cannot make {path} durable: {error}")]
    NotDurable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

/// What the system said about `path`.
pub(super) fn fault(path: &Path, error: &io::Error) -> DiskError {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    if matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge) {
        return DiskError::Fault(StorageFault::Full);
    }
    DiskError::Fault(StorageFault::Failed(format!("{}: {error}", path.display())))
}

/// What is wrong with `path`.
pub(super) fn failed(path: &Path, what: impl Display) -> DiskError {
    DiskError::Fault(StorageFault::Failed(format!("{} {what}", path.display())))
}
