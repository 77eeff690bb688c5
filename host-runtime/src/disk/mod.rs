//! The node's storage on files.
//!
//! * [`folder`]: a stone's data folder: whose it is, and that nobody else uses it.
//! * [`files`]: one shard's files, and each storage request carried out on them.
//! * [`queue`]: the thread that does so in order.

pub mod files;
pub mod folder;
pub mod queue;

pub use files::{DiskAnswer, DiskError, Files};
pub use folder::{DataFolder, FolderError, Identity};
pub use queue::{Completion, DiskGone, DiskQueue};

#[cfg(test)]
mod tests;
