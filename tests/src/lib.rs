//! What the tests across crates are built from.
//!
//! * [`cluster`]: real nodes in one process, on a virtual clock, with a network and disks that can
//!   be cut, crashed and torn.
//! * [`process`]: real stones, as processes.
//! * [`storage`]: the storage engine alone, on a disk that records and breaks.
//! * [`trace`]: what one node was given, batch by batch, to be given again elsewhere.

pub mod cluster;
pub mod process;
pub mod storage;
pub mod trace;
