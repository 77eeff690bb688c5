//! What a session has seen: for each key the causal context of what it has read and written.
//!
//! A read carries it, and is answered with a state that covers it or not at all. So a session reads
//! its own writes and never goes back in time, whoever coordinates and at whatever level ("Session
//! Guarantees for Weakly Consistent Replicated Data", Terry et al., PDIS 1994: read your writes,
//! monotonic reads). It holds for the [`SESSION_KEYS_MAX`] keys that were used last.

use crate::causality::{DecodeError, Token};
use crate::encoded::encoded;
use crate::hash::hash64;
use crate::id::BucketId;
use crate::limits::SESSION_KEYS_MAX;
use crate::sorted::Map;
use crate::wire::{ErrorCode, Failure};
use alloc::format;
use alloc::vec::Vec;
use serde_bytes::ByteBuf;

/// What a key of a bucket is called here: the hash of both. Not its place on the ring, which keys with
/// one tag share.
pub(super) fn name(bucket: BucketId, key: &[u8]) -> u64 {
    let mut bytes = bucket.0.to_le_bytes().to_vec();
    bytes.extend_from_slice(key);
    hash64(&bytes)
}

/// What one session has seen, by the names of the keys: see [`name`].
#[derive(Debug, Default)]
pub(super) struct Seen {
    keys: Map<u64, (Token, u64)>,
    /// The same keys by when they were used last.
    uses: Map<u64, u64>,
    next_use: u64,
}

impl Seen {
    /// What was seen of the key called `name`, encoded; nothing if it was never used.
    pub(super) fn of(&self, name: u64) -> Vec<u8> {
        let known = self.keys.get(name);
        known.map_or_else(Vec::new, |(token, _)| token.encode())
    }

    /// Takes in the context of an answer about the key called `name`.
    pub(super) fn learn(&mut self, name: u64, context: &[u8]) -> Result<(), DecodeError> {
        let token = Token::decode(context)?;
        if token.seen.is_empty() {
            return Ok(());
        }
        self.next_use += 1;
        let this_use = self.next_use;
        let known = self.keys.get_or_default(name);
        known.0.join(&token);
        let last_use = core::mem::replace(&mut known.1, this_use);
        self.uses.remove(last_use);
        self.uses.insert(this_use, name);
        while self.keys.len() > SESSION_KEYS_MAX
            && let Some((_, oldest)) = self.uses.pop_first()
        {
            self.keys.remove(oldest);
        }
        Ok(())
    }

    /// All of it as bytes, with the `cluster` that it is of: the keys that were used first come first.
    pub(super) fn encode(&self, cluster: Option<u64>) -> Vec<u8> {
        let in_order = self.uses.iter();
        let keys = in_order
            .map(|(_, name)| (*name, ByteBuf::from(self.of(*name))))
            .collect();
        let all: Encoded = (cluster, keys);
        encoded(&all)
    }

    /// Takes in what another session has seen, if that is of the `cluster` that is known here. Says which it
    /// is.
    pub(super) fn join(
        &mut self,
        bytes: &[u8],
        cluster: Option<u64>,
    ) -> Result<Option<u64>, Failure> {
        let (theirs, keys): Encoded = postcard::from_bytes(bytes).map_err(|_| no_token())?;
        if keys.iter().any(|(_, it)| Token::decode(it).is_err()) {
            return Err(no_token());
        }
        if let (Some(theirs), Some(ours)) = (theirs, cluster)
            && theirs != ours
        {
            let message = format!(
                "the session is of cluster {theirs:016x}, and this is {ours:016x}; begin a new session"
            );
            return Err(Failure::new(ErrorCode::Protocol, message));
        }
        for (name, context) in keys {
            self.learn(name, &context).map_err(|_| no_token())?;
        }
        Ok(cluster.or(theirs))
    }
}

/// A cluster, and what was seen of it: names of keys with contexts.
type Encoded = (Option<u64>, Vec<(u64, ByteBuf)>);

fn no_token() -> Failure {
    let message = "this is no session token; hand in what the session has given, as it is";
    Failure::new(ErrorCode::Protocol, message)
}
