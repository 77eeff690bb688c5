//! A member in one of its lives.

use super::address::MemberAddress;
use crate::id::MemberId;
use crate::limits::INCARNATION_MAX;
use serde::{Deserialize, Deserializer, Serialize};

/// A member in one of its lives.
///
/// Of two identities of one member the greater one counts, in the order of the fields: so a restart
/// or a new address replaces the entry before it, and every node picks the same one, in whatever
/// order it hears of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// Which member.
    pub id: MemberId,
    /// Grows with each start, and when the member was declared down; at most [`INCARNATION_MAX`].
    /// The time of the start in microseconds will do.
    #[serde(deserialize_with = "incarnation")]
    pub incarnation: u64,
    /// The member has said goodbye.
    pub leaving: bool,
    /// Where it is reached.
    pub address: MemberAddress,
}

impl Identity {
    /// The member `id` in its life `incarnation`, reached at `address`.
    #[must_use]
    pub const fn new(id: MemberId, incarnation: u64, address: MemberAddress) -> Self {
        Self {
            id,
            incarnation,
            leaving: false,
            address,
        }
    }

    /// Whoever is reached at `address`. Only a first greeting goes to it.
    #[must_use]
    pub const fn whoever(address: MemberAddress) -> Self {
        Self::new(WHOEVER, 0, address)
    }

    /// This identity, gone of its own will.
    pub(super) fn departed(&self) -> Self {
        Self {
            leaving: true,
            ..self.clone()
        }
    }

    /// The same member in a life later than `incarnation`.
    pub(super) fn reborn_after(&self, incarnation: u64) -> Self {
        let latest = self.incarnation.max(incarnation);
        Self {
            incarnation: latest.saturating_add(1).min(INCARNATION_MAX),
            leaving: false,
            ..self.clone()
        }
    }
}

impl foca::Identity for Identity {
    type Addr = MemberId;

    /// Always nothing: `renewal` decides when, so that two nodes with one name
    /// cannot outbid each other as fast as the network carries it.
    fn renew(&self) -> Option<Self> {
        None
    }

    fn addr(&self) -> MemberId {
        self.id
    }

    fn win_addr_conflict(&self, adversary: &Self) -> bool {
        self > adversary
    }
}

/// The id that no member has.
pub(super) const WHOEVER: MemberId = MemberId(0);

fn incarnation<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let incarnation = u64::deserialize(deserializer)?;
    if incarnation > INCARNATION_MAX {
        return Err(serde::de::Error::custom(
            "an incarnation beyond the highest",
        ));
    }
    Ok(incarnation)
}
