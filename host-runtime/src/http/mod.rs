//! HTTP: keys for curl, numbers for machines, the console for people.
//!
//! * [`router`]: which path goes where, and what every answer carries.
//! * [`kv`]: one key, at `/v1/kv/KEY`.
//! * [`list`]: many keys, at `/v1/kv?prefix=…`.
//! * [`headers`]: request and response headers of `/v1/kv`.
//! * [`calls`]: requests on their way through a shard.
//! * [`status`], [`ring`], [`metrics`], [`health`]: what the stone says of itself.
//! * [`buckets`]: which buckets there are, and one that is made.
//! * [`members`]: the cluster as a stone that joins needs it, and members that are to leave.
//! * [`ask`]: one question to another stone.
//! * [`assets`]: the console and the SDK.
//! * [`error`]: errors as JSON with a fitting status.

pub mod ask;
pub mod assets;
pub mod buckets;
pub mod calls;
pub mod error;
pub mod headers;
pub mod health;
pub mod kv;
pub mod list;
pub mod members;
pub mod metrics;
pub mod ring;
pub mod router;
pub mod status;

pub use calls::Calls;
pub use error::HttpError;
