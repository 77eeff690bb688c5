//! What can be wrong with a packet or a call.

use crate::id::MemberId;
use crate::limits::{BROADCAST_BYTES_MAX, BROADCASTS_MAX, MEMBERS_MAX};
use core::fmt;

/// Why a packet or a call is refused. Nothing is changed by a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MembershipError {
    /// The packet is longer than this node takes.
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// The packet ends before its header does.
    TooShort {
        /// How long it is.
        bytes: usize,
    },
    /// The checksum is not that of the content: damaged on the way, or not for this protocol.
    Checksum,
    /// A version of the protocol that this build does not speak.
    Version {
        /// The version.
        version: u8,
    },
    /// The packet belongs to another cluster.
    ForeignCluster {
        /// That cluster.
        cluster: u64,
    },
    /// The checksum is right and the content has no meaning: a bug of the sender.
    Malformed,
    /// The packet is for another member: this address was once its.
    NotForUs {
        /// That member.
        to: MemberId,
    },
    /// Another node runs under the name of this one.
    OurName,
    /// The sender is unknown and there is room for no more members.
    TooManyMembers,
    /// The broadcast is too long.
    BroadcastTooLong {
        /// How long it is.
        bytes: usize,
    },
    /// Lower keys fill the room for broadcasts.
    TooManyBroadcasts,
    /// The node has left.
    Left,
}

impl MembershipError {
    /// Whether no right node would have sent the packet, whatever it knew.
    #[must_use]
    pub const fn is_fault_of_sender(&self) -> bool {
        matches!(
            self,
            Self::TooLong { .. }
                | Self::TooShort { .. }
                | Self::Checksum
                | Self::Version { .. }
                | Self::ForeignCluster { .. }
                | Self::Malformed
        )
    }
}

impl fmt::Display for MembershipError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes } => write!(f, "a packet of {bytes} bytes is too long"),
            Self::TooShort { bytes } => write!(f, "a packet of {bytes} bytes is too short"),
            Self::Checksum => f.write_str("the packet's checksum is wrong"),
            Self::Version { version } => write!(f, "unknown membership protocol {version}"),
            Self::ForeignCluster { cluster } => {
                write!(f, "the packet is of another cluster, {cluster:016x}")
            }
            Self::Malformed => f.write_str("the packet has no meaning"),
            Self::NotForUs { to } => write!(f, "the packet is for {to:?}"),
            Self::OurName => f.write_str("another node runs under this node's name"),
            Self::TooManyMembers => write!(f, "there are {MEMBERS_MAX} members already"),
            Self::BroadcastTooLong { bytes } => write!(
                f,
                "a broadcast of {bytes} bytes is too long, {BROADCAST_BYTES_MAX} are allowed"
            ),
            Self::TooManyBroadcasts => {
                write!(f, "there are {BROADCASTS_MAX} broadcasts with lower keys")
            }
            Self::Left => f.write_str("this node has left the cluster"),
        }
    }
}

impl core::error::Error for MembershipError {}
