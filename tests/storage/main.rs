//! The storage engine on a disk in memory.

mod crash_states;
mod directories;
mod disk_faults;
mod expiry;
mod faulty;
mod model;
mod partitions;
