//! The storage engine on a disk in memory.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod crash_states;
mod directories;
mod disk_faults;
mod expiry;
mod faulty;
mod model;
mod partitions;
