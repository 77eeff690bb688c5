//! How far in the changes of a shard somebody is, and in those of all shards that matter.

use crate::encoded::encoded;
use crate::id::MemberId;
use crate::limits::WATCH_MARKS_MAX;
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Serialize};

/// A place among the states that a storage has written: the log segment, and how many states stand
/// in it up to there. A replay of the log comes to the same numbers.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Position {
    /// The segment of the log.
    pub segment: u64,
    /// States in that segment, this one included.
    pub index: u64,
}

impl Position {
    /// Before the first state of `segment`.
    #[must_use]
    pub const fn before(segment: u64) -> Self {
        Self { segment, index: 0 }
    }

    /// The place of the state that is written next, into `segment`.
    #[must_use]
    pub const fn next_in(self, segment: u64) -> Self {
        let index = if self.segment == segment {
            self.index + 1
        } else {
            1
        };
        Self { segment, index }
    }
}

/// How far a watcher is in the changes of one shard: it was told of all that it watches up to there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The shard's member.
    pub member: MemberId,
    /// The incarnation of the shard's storage, by which the shard is known.
    pub incarnation: u64,
    /// How far.
    pub position: Position,
}

/// How far a watcher is in all shards. Applications hand it on as bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token(pub Vec<Mark>);

impl Token {
    /// The token's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encoded(self)
    }

    /// The token that `bytes` encode.
    ///
    /// # Errors
    ///
    /// If `bytes` are not what [`Self::encode`] gives.
    pub fn decode(bytes: &[u8]) -> Result<Self, TokenError> {
        let token: Self = postcard::from_bytes(bytes).map_err(|_| TokenError)?;
        if token.0.len() > WATCH_MARKS_MAX {
            return Err(TokenError);
        }
        Ok(token)
    }
}

/// Bytes that are no token of a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenError;

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("these bytes are no token of a watch; hand one on as it was received")
    }
}

impl core::error::Error for TokenError {}
