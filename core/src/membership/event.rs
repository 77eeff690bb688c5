//! What the machine tells its owner.

use super::identity::Identity;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// A packet that is to be sent. It may be lost, delayed, doubled or overtaken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// To whom. [`Identity::whoever`] of an address is only greeted.
    pub to: Identity,
    /// The packet, at most `packet_bytes` of the settings long.
    pub bytes: Vec<u8>,
}

/// How a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// It answers, or nobody has found yet that it does not.
    Alive,
    /// It has not answered, and has some time left to say that it lives.
    Suspect,
    /// It does not answer, or has said goodbye.
    Dead,
}

/// What has changed since it was last told. Changes of one member in between are told as one: the
/// events of a member always lead from the last told state to the present one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MembershipEvent {
    /// This node knows at least one other member now.
    Joined,
    /// This node knows no other member any more. Greet the seed addresses again.
    Alone,
    /// A member is up that was not.
    Up(Identity),
    /// A member is back in a new life, maybe elsewhere, and was not missed in between.
    Renamed {
        /// As it was told before.
        before: Identity,
        /// As it is now.
        after: Identity,
    },
    /// A member does not answer and is taken for dead.
    Down(Identity),
    /// A member has said goodbye.
    Left(Identity),
    /// The others took this node for dead, or another node runs under its name: it goes on in a
    /// new life.
    Defunct(Identity),
    /// The newest broadcast of a key.
    Broadcast {
        /// What it is about.
        key: u64,
        /// Its version; only the newest is told.
        version: u64,
        /// Its content.
        bytes: Vec<u8>,
    },
}
