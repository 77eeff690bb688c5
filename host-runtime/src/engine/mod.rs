//! wasmtime around the guest: `docs/guest-abi.md` is the normative page.
//!
//! * [`module`]: the compiled guest that all shards share, checked before it is instantiated.
//! * [`guest`]: one instance with its memory.
//! * [`error`]: why a module is refused, and what a trap says.

pub mod error;
pub mod guest;
pub mod module;

pub use error::{EngineError, Trap};
pub use guest::Guest;
pub use module::Engine;

#[cfg(test)]
mod tests;
