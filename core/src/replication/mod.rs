//! How many replicas, and which: levels, quorums, and the operations that a coordinator runs.
//!
//! * [`level`]: what a caller asks for.
//! * [`quorum`]: when that is reached, and when it no longer can be.

pub mod level;
pub mod quorum;

pub use level::{Level, LevelError};
pub use quorum::Quorum;
