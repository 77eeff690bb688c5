//! What all members agree on: who belongs to the cluster, who owns which partition, how far a change
//! of that has come, and which buckets there are. `docs/cluster-state.md` is the normative page.
//!
//! * [`ownership`]: who owns one partition, also while that changes.
//! * [`bucket`]: sets of keys with settings of their own.
//! * [`state`]: all of it, as one value with an epoch.
//! * [`change`]: what can be done to it; a pure function from one state to the next.
//! * [`register`]: how members agree on the next state, without a leader.

pub mod bucket;
pub mod change;
pub mod ownership;
pub mod register;
pub mod state;

pub use bucket::{Bucket, BucketError, BucketName, BucketSettings, DEFAULT_BUCKET};
pub use change::Change;
pub use ownership::{Ownership, Phase};
pub use register::{Register, RegisterMessage, RegisterOutput, RegisterSettings, Voice};
pub use state::{ClusterState, Life};

#[cfg(test)]
mod tests;
