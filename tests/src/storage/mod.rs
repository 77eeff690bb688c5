//! The storage engine alone, on a disk in memory.
//!
//! * [`disk`]: files that tell durable bytes from others, can be crashed anywhere, and record what
//!   was done to them.
//! * [`engine`]: a [`Store`](henge_core::storage::Store) with its disk, driven until it rests.
//! * [`model`]: what a storage must hold, to compare with.

pub mod disk;
pub mod engine;
pub mod model;

pub use disk::{Disk, Mutation};
pub use engine::Engine;
pub use model::Model;
