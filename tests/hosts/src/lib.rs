//! Fault tests of real stones: each is a process on a host of its own, a Linux network namespace.
//!
//! Nothing leaves those namespaces, and nothing of this machine's own network is touched. They go
//! away when the program ends, however it ends.
//!
//! * [`net`]: hosts behind a router that can be told to drop what one says to another.
//! * [`cluster`]: five stones on five hosts in three zones, and stones that join.
//! * [`load`]: writers on a host of their own, and what became of each write.
//! * [`check`]: whether everything acknowledged is still there.
//! * [`places`]: whether every replica is where it is to be, and nowhere else.
//! * [`figures`]: one row of the table for each scenario.
//! * [`scenarios`]: what goes wrong.

pub mod check;
pub mod cluster;
pub mod figures;
pub mod load;
pub mod net;
pub mod places;
pub mod scenarios;
