//! Watching keys: who asks is told of each change, in the end, whatever fails: `docs/watch.md`.
//!
//! * [`change`]: what is told of the keys that a [`crate::selector`] names. [`position`]: how far somebody is.
//! * [`index`]: who watches a key, found without asking each.
//! * [`told`]: what was told lately, so that it is not told twice.
//! * [`tail`]: the newest changes of a shard. [`source`]: who gets them, of the members.
//! * [`gateway`]: the other half, in the node that clients are connected to.

pub mod change;
pub mod gateway;
pub mod index;
pub mod position;
pub mod source;
pub mod tail;
pub mod told;

pub use change::{Change, Rank};
pub use gateway::{Gateway, View};
pub use position::{Mark, Position, Token};
pub use source::Source;
