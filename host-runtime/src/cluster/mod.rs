//! What the stone knows of its cluster, and what follows from that.
//!
//! * [`board`]: the newest state that its nodes go by, for everybody in the stone.
//! * [`keeper`]: passes news between its shards, and keeps the list of peers as the state has it.
//! * [`join`]: how a stone that joins hears of the cluster.

pub mod board;
pub mod join;
pub mod keeper;

pub use board::Board;
pub use join::Snapshot;
pub use keeper::News;
