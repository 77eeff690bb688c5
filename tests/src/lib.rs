//! What the tests across crates are built from.
//!
//! * [`process`]: real stones, as processes.
//! * [`storage`]: the storage engine alone, on a disk that records and breaks.
//!
//! Real nodes in one process, on a virtual clock, are `henge_sim`.

pub mod process;
pub mod storage;
