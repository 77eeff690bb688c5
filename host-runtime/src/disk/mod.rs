//! The node's storage on files.
//!
//! * [`folder`]: a stone's data folder: whose it is, and that nobody else uses it.
//! * [`files`]: one shard's files, and each storage request carried out on them.
//! * [`tables`]: finished tables, read by several threads at a time.
//! * [`queue`]: the threads that do so.
//! * `lane`: which requests wait for which others.
//! * `backlog`: what the threads have not done yet.
//! * `handles`: the files that are open for writing.
//! * [`error`]: what comes of a request.

mod backlog;
pub mod error;
pub mod files;
pub mod folder;
mod handles;
mod lane;
pub mod queue;
pub mod tables;

pub use backlog::DiskGone;
pub use error::{DiskAnswer, DiskError};
pub use files::Files;
pub use folder::{DataFolder, FolderError, Identity};
pub use queue::{Completion, DiskQueue};
pub use tables::Tables;

#[cfg(test)]
mod tests;
