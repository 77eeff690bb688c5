//! The commit log: `docs/file-format.md` is the normative page.
//!
//! * [`format`]: the bytes of a segment.
//! * [`writer`]: group commit: what waits goes out as one batch, and one sync, at a time.
//! * [`recovery`]: reading it back, and telling a tail that was never durable from damage.

pub mod format;
pub mod recovery;
pub mod writer;

pub use format::Record;
pub use recovery::{Corruption, Recovered, Recovery};
pub use writer::LogWriter;
