//! What can be wrong with a zone, a member list or a placement.

use crate::id::MemberId;
use crate::limits::{MEMBER_NAME_BYTES_MAX, ZONE_PART_CHARS_MAX, ZONE_PARTS_MAX};
use crate::limits::{MEMBERS_MAX, PARTITIONS_MAX, REPLICAS_MAX};
use alloc::string::String;
use core::fmt;

/// Why a text is not a [`Zone`](super::Zone).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ZoneError {
    /// It has more parts than region, zone and host.
    TooManyParts {
        /// How many parts it has.
        parts: usize,
    },
    /// A part is empty or too long.
    PartLength {
        /// Which part, counted from 1.
        part: usize,
        /// How many characters it has.
        chars: usize,
    },
    /// A part has a character that is not allowed.
    PartCharacter {
        /// Which part, counted from 1.
        part: usize,
        /// The first such character.
        found: char,
    },
}

impl fmt::Display for ZoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyParts { parts } => {
                write!(
                    f,
                    "a zone has 1 to {ZONE_PARTS_MAX} parts, this one has {parts}; "
                )
            }
            Self::PartLength { part, chars } => write!(
                f,
                "part {part} of the zone has {chars} characters, 1 to {ZONE_PART_CHARS_MAX} are allowed; "
            ),
            Self::PartCharacter { part, found } => write!(
                f,
                "part {part} of the zone has the character {found:?}, only A-Z a-z 0-9 . _ - are \
                 allowed; "
            ),
        }?;
        f.write_str("write it as region, region/zone or region/zone/host")
    }
}

impl core::error::Error for ZoneError {}

/// Why a member list or a placement is refused. Nothing is changed by a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RingError {
    /// More members than a ring can have.
    TooManyMembers {
        /// How many there are.
        count: usize,
    },
    /// No member has any capacity, so nobody could own a partition.
    NoCapacity,
    /// A name is empty, too long or not visible ASCII.
    BadName {
        /// The name.
        name: String,
    },
    /// Two members have one name.
    DuplicateName {
        /// The name.
        name: String,
    },
    /// Two members with different names have one id.
    DuplicateId {
        /// The id.
        id: MemberId,
    },
    /// The number of partitions is 0, too large or not a power of two.
    BadPartitions {
        /// The number that was asked for.
        partitions: u16,
    },
    /// The number of replicas is 0 or too large.
    BadReplicas {
        /// The number that was asked for.
        replicas: u8,
    },
    /// A received placement does not fit its own member list.
    BadTable {
        /// What does not fit.
        reason: &'static str,
    },
}

impl fmt::Display for RingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyMembers { count } => {
                write!(
                    f,
                    "{count} members, at most {MEMBERS_MAX} are allowed; remove some"
                )
            }
            Self::NoCapacity => {
                f.write_str("no member has capacity; give at least one a capacity of 1 or more")
            }
            Self::BadName { name } => write!(
                f,
                "the member name {name:?} is not 1 to {MEMBER_NAME_BYTES_MAX} characters of visible \
                 ASCII; rename the member"
            ),
            Self::DuplicateName { name } => {
                write!(f, "two members are called {name:?}; rename one")
            }
            Self::DuplicateId { id } => {
                write!(f, "two members have the id {:016x}; rename one", id.0)
            }
            Self::BadPartitions { partitions } => write!(
                f,
                "{partitions} partitions; choose a power of two from 1 to {PARTITIONS_MAX}"
            ),
            Self::BadReplicas { replicas } => {
                write!(f, "{replicas} replicas; choose 1 to {REPLICAS_MAX}")
            }
            Self::BadTable { reason } => write!(
                f,
                "the placement does not fit its members: {reason}; ask another member for it"
            ),
        }
    }
}

impl core::error::Error for RingError {}
