//! What happened before what: clocks, dots, contexts and the versions of one key.
//!
//! In reading order:
//!
//! 1. `hlc`: [`Hlc`] and [`Clock`], the order in which concurrent writes are ranked.
//! 2. `dot`: [`Dot`], the name of one write event.
//! 3. `context`: [`Context`], which write events someone has seen.
//! 4. `version`: [`Version`], one write event with its value, and a bucket's [`Policy`].
//! 5. `version_set`: [`VersionSet`], everything a replica keeps for one key: reads and writes.
//! 6. `merge`: how two replicas' sets become one.
//! 7. `codec`: the bytes of contexts and sets, and [`DecodeError`].
//! 8. `token`: [`Token`], what a client carries from a read to its next write.
//!
//! The model, its laws and what they cost are in `docs/causality.md`.

mod codec;
mod context;
mod dot;
mod hlc;
mod merge;
mod token;
mod version;
mod version_set;

#[cfg(test)]
mod tests;

pub use codec::DecodeError;
pub use context::Context;
pub use dot::Dot;
pub use hlc::{Clock, ClockError, Hlc, ParseHlcError};
pub use token::Token;
pub use version::{Policy, Value, Version};
pub use version_set::VersionSet;
