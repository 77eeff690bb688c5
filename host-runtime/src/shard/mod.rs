//! A shard: one thread, one guest, one log. Partitions are dealt to shards by their number.
//!
//! * [`handle`]: how everything else reaches a shard; the bounded inbox.
//! * [`sink`]: where a client's answers go.
//! * [`status`]: what others may know about a shard while it works.
//! * `worker`: the loop: wait, batch, step, carry out.
//! * `care`: requests of clients, so that one that traps harms no other.
//! * `batch`: inputs on their way into the guest.
//! * `dispatch`: outputs on their way out.
//! * `rebirth`: a trapped guest is replaced.

mod batch;
mod care;
mod dispatch;
pub mod handle;
mod rebirth;
pub mod sink;
pub mod status;
mod worker;

pub use handle::{ShardGone, ShardHandle, Shards, Siblings};
pub use sink::ClientSink;
pub use status::{ShardState, ShardStatus};
pub use worker::{ShardSettings, start};
