//! The first frames of a connection: who dials says who it is, who listens says what it serves.

use crate::id::MemberId;
use crate::limits::PROTOCOL_VERSION;
use crate::wire::message::ErrorCode;
use alloc::format;
use alloc::string::String;
use serde::{Deserialize, Serialize};

/// What a connection is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// Requests of an application.
    Client,
    /// Messages of another member.
    Member {
        /// Which one.
        id: MemberId,
        /// Its name, for people.
        name: String,
        /// [`crate::cluster::ClusterState::origin`] of the state that it goes by.
        origin: u64,
    },
}

/// The first frame of whoever dials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Oldest protocol version it speaks.
    pub version_min: u8,
    /// Newest protocol version it speaks.
    pub version_max: u8,
    /// The cluster it means; `None` takes any (clients).
    pub cluster: Option<u64>,
    /// What the connection is for.
    pub role: Role,
}

impl Hello {
    /// The greeting of this build.
    #[must_use]
    pub const fn new(cluster: Option<u64>, role: Role) -> Self {
        Self {
            version_min: PROTOCOL_VERSION,
            version_max: PROTOCOL_VERSION,
            cluster,
            role,
        }
    }

    /// Checks the greeting against the listener's `cluster`.
    pub fn check(&self, cluster: u64) -> Result<(), Refusal> {
        if self.version_min > PROTOCOL_VERSION || self.version_max < PROTOCOL_VERSION {
            return Err(Refusal {
                code: ErrorCode::Protocol,
                message: format!(
                    "you speak protocol versions {} to {}, this server speaks {PROTOCOL_VERSION}; \
                     upgrade the older side",
                    self.version_min, self.version_max
                ),
            });
        }
        match self.cluster {
            Some(theirs) if theirs != cluster => Err(Refusal {
                code: ErrorCode::Protocol,
                message: format!(
                    "this is cluster {cluster:016x}, not {theirs:016x}; check the address and the \
                     cluster name"
                ),
            }),
            _ => Ok(()),
        }
    }
}

/// The answer that opens a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// Protocol version of every frame from here on.
    pub version: u8,
    /// The cluster.
    pub cluster: u64,
    /// Who answers.
    pub member: MemberId,
    /// Its name, for people.
    pub name: String,
    /// Partitions of the ring, a power of two.
    pub partitions: u16,
    /// Replicas of a key.
    pub replicas: u8,
    /// Largest key and value together, in bytes.
    pub pair_bytes_max: u32,
    /// What it serves beside reads and writes of keys.
    pub features: Features,
}

/// What a server serves beside reads and writes of keys: bits, of which later versions have more. A client
/// asks for nothing else, because a server that does not know a message ends the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Features(pub u32);

impl Features {
    /// [`crate::wire::Operation::List`].
    pub const LISTS: Self = Self(1);
    /// [`crate::wire::WatchRequest`].
    pub const WATCHES: Self = Self(2);
    /// [`crate::wire::EdgeOperation`]: it is an edge node.
    pub const EDGE: Self = Self(4);
    /// Everything that a member of this build serves.
    pub const ALL: Self = Self(Self::LISTS.0 | Self::WATCHES.0);

    /// Whether `feature` is one of them.
    #[must_use]
    pub const fn has(self, feature: Self) -> bool {
        self.0 & feature.0 == feature.0
    }
}

/// The answer that closes a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What kind of error it is.
    pub code: ErrorCode,
    /// What was wrong, what is allowed, what to do.
    pub message: String,
}
