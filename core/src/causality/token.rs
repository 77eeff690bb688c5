//! What a client carries from what it has read to what it writes next.

use super::{Context, DecodeError, Hlc, VersionSet};
use alloc::vec::Vec;

/// The causal context of a reader and the newest clock it has seen, as one opaque token.
///
/// The clock makes a last-writer-wins write come after what its writer has read, also where the
/// coordinator's own clock is behind that of the node that was read from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Token {
    /// The highest timestamp among what was read.
    pub newest: Hlc,
    /// Which writes were seen.
    pub seen: Context,
}

impl Token {
    /// What a reader of `set` has seen.
    #[must_use]
    pub fn of(set: &VersionSet) -> Self {
        let newest = set.versions().iter().map(|version| version.hlc).max();
        Self {
            newest: newest.unwrap_or_default(),
            seen: set.context().clone(),
        }
    }

    /// Adds what `other` has seen.
    pub fn join(&mut self, other: &Self) {
        self.newest = self.newest.max(other.newest);
        self.seen.join(&other.seen);
    }

    /// The token's bytes: the timestamp (8 bytes, little-endian), then the context.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.newest.as_u64().to_le_bytes().to_vec();
        bytes.extend_from_slice(&self.seen.encode());
        bytes
    }

    /// The token that `bytes` encode; no bytes are the token of one who has read nothing.
    ///
    /// # Errors
    ///
    /// If `bytes` are not what [`Self::encode`] gives for some token.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let (newest, seen) = bytes.split_first_chunk().ok_or(DecodeError::Malformed)?;
        let newest = Hlc::from_u64(u64::from_le_bytes(*newest));
        Ok(Self {
            newest,
            seen: Context::decode(seen)?,
        })
    }
}
