//! Anti-entropy: replicas of a partition find what one of them lacks, whatever it was lost by, and
//! bring each other up to date. `docs/anti-entropy.md` has the protocol.
//!
//! * [`tree`]: sums over a partition's states, kept as writes come.
//! * [`forest`]: the trees of all partitions, and growing them anew after a start.
//! * [`exchange`]: one comparison with one other replica, from the roots down to the keys.
//! * [`schedule`]: which partition is compared with whom next.

pub mod exchange;
pub mod forest;
pub mod schedule;
pub mod tree;

pub use exchange::Exchange;
pub use forest::Forest;
pub use schedule::Schedule;
pub use tree::HashTree;
