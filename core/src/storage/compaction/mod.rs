//! Merging tables down the levels, so that a read has few places to look and what was replaced
//! goes away.
//!
//! * [`mod@choose`]: what to merge next: a pure function of the levels.
//! * [`merge`]: does it, in steps of bounded work.
//! * [`output`]: the tables that flushes, merges and ingestions write.

pub mod choose;
pub mod merge;
pub mod output;

pub use choose::{Goals, Plan, choose};
