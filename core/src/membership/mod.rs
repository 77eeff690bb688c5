//! Who is a member right now: failure detection, and the news of it for everybody.
//!
//! The protocol is SWIM (Das, Gupta, Motivala: SWIM: Scalable Weakly-consistent Infection-style
//! Process Group Membership Protocol, DSN 2002) with its suspicion mechanism, as the `foca` crate
//! implements it. Around it are our packets (checksum, cluster), identities, timers and random
//! stream, and an exchange of whole states that makes two lists equal where gossip has left a gap.
//! `docs/membership.md` has the messages, the settings and measured figures.
//!
//! In reading order:
//!
//! * [`MemberAddress`], [`Identity`]: who a member is, in which of its lives.
//! * [`MembershipSettings`]: periods and sizes.
//! * [`Membership`]: the machine, with [`Transmit`], [`MembershipEvent`], [`MembershipError`] and
//!   [`MembershipReport`].
//! * `packet`: the bytes. `roster`: who is up. `news`: broadcasts. `timers`: what is due.
//!   `effects`: what foca wants. `incoming`, `exchange`, `reminding`, `renewal`: the machine's parts.

mod address;
mod effects;
mod error;
mod event;
mod exchange;
mod identity;
mod incoming;
mod machine;
mod news;
mod packet;
mod random;
mod reminding;
mod renewal;
mod report;
mod roster;
mod settings;
mod timers;

pub use address::{AddressError, MemberAddress};
pub use error::MembershipError;
pub use event::{Condition, MembershipEvent, Transmit};
pub use identity::Identity;
pub use machine::Membership;
pub use report::MembershipReport;
pub use settings::MembershipSettings;
