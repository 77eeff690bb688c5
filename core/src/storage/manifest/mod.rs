//! Which tables and log segments count.
//!
//! * [`format`]: the manifest's bytes.
//! * [`levels`]: the tables in their levels, and changes of them.

pub mod format;
pub mod levels;

pub use format::{Manifest, Table};
pub use levels::{Change, Levels};
