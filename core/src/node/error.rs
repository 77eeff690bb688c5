//! Inputs that are refused.

use crate::id::PartitionId;
use crate::membership::MembershipError;
use crate::wire::FrameError;
use core::fmt;

/// Why an input was refused. Whoever sent it is at fault; **nothing was changed**.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputError {
    /// The bytes are no frame, or not one that belongs here.
    Frame(FrameError),
    /// The sender bears this member's own name.
    Myself,
    /// The frame is for a partition that this shard does not serve.
    Partition(PartitionId),
    /// A packet of the membership protocol is none.
    Gossip(MembershipError),
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame(error) => error.fmt(f),
            Self::Gossip(error) => error.fmt(f),
            Self::Myself => f.write_str("another member was started under this member's name"),
            Self::Partition(partition) => {
                write!(f, "partition {} is not served by this shard", partition.0)
            }
        }
    }
}

impl core::error::Error for InputError {}
