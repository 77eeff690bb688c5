//! How many replicas, and which: levels, quorums, and the operations that a coordinator runs.
//!
//! * [`level`]: what a caller asks for.
//! * [`quorum`]: when that is reached, and when it no longer can be.
//! * [`owners`]: the replicas of one key, as an operation numbers them.
//! * [`mod@read`], [`mod@write`]: what a coordinator knows of one operation, and what follows from it.
//! * [`key`], [`page`]: what a read is about, and what replicas have answered.
//! * [`window`]: the request ids that were applied.

pub mod key;
pub mod level;
pub mod owners;
pub mod page;
pub mod quorum;
pub mod read;
pub mod window;
pub mod write;

pub use key::KeyRead;
pub use level::{Level, LevelError};
pub use owners::Owners;
pub use page::{MergedPage, PageRead, Repair};
pub use quorum::Quorum;
pub use read::{ReadOperation, Subject};
pub use window::{Applied, RequestWindow};
pub use write::WriteOperation;
