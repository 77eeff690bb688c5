//! The ring: who the members are, and which of them own each partition.
//!
//! [`Members`] is a checked list of [`Member`]s, each in a [`Zone`]. [`Placement::new`] lays the
//! first placement out; [`Placement::evolve`] gives the next one after a join, a leave or a change
//! of capacity, and [`moves()`] says what has to be copied in between. Everything here is a pure
//! function in integers, so every runtime gets the same answer. `docs/ring.md` has the algorithm,
//! its bounds and its sources.

mod domain;
mod draw;
mod error;
mod member;
mod moves;
mod order;
mod placement;
mod rank;
mod repair;
mod search;
mod share;
mod tally;
mod zone;

pub use error::{RingError, ZoneError};
pub use member::{Member, MemberIndex, Members};
pub use moves::{Move, moves};
pub use placement::{Placement, Share};
pub use zone::Zone;
