//! What a session has seen: for each key the causal context of what it has read and written.
//!
//! A read carries it, and is answered with a state that covers it or not at all. So a session reads
//! its own writes and never goes back in time, whoever coordinates and at whatever level ("Session
//! Guarantees for Weakly Consistent Replicated Data", Terry et al., PDIS 1994: read your writes,
//! monotonic reads). It holds for the [`SESSION_KEYS_MAX`] keys that were used last.

use crate::causality::{DecodeError, Token};
use crate::limits::SESSION_KEYS_MAX;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// What one session has seen, by the positions of the keys.
#[derive(Debug, Default)]
pub(super) struct Seen {
    keys: BTreeMap<u64, (Token, u64)>,
    /// The same keys by when they were used last.
    uses: BTreeMap<u64, u64>,
    next_use: u64,
}

impl Seen {
    /// What was seen of the key at `position`, encoded; nothing if it was never used.
    pub(super) fn of(&self, position: u64) -> Vec<u8> {
        let known = self.keys.get(&position);
        known.map_or_else(Vec::new, |(token, _)| token.encode())
    }

    /// Takes in the context of an answer about the key at `position`.
    pub(super) fn learn(&mut self, position: u64, context: &[u8]) -> Result<(), DecodeError> {
        let token = Token::decode(context)?;
        if token.seen.is_empty() {
            return Ok(());
        }
        self.next_use += 1;
        let this_use = self.next_use;
        let known = self.keys.entry(position).or_default();
        known.0.join(&token);
        let last_use = core::mem::replace(&mut known.1, this_use);
        self.uses.remove(&last_use);
        self.uses.insert(this_use, position);
        while self.keys.len() > SESSION_KEYS_MAX
            && let Some((_, oldest)) = self.uses.pop_first()
        {
            self.keys.remove(&oldest);
        }
        Ok(())
    }

    /// All of it as bytes: the keys that were used first come first.
    pub(super) fn encode(&self) -> Vec<u8> {
        let in_order = self.uses.values();
        let all: Vec<(u64, serde_bytes::ByteBuf)> = in_order
            .map(|position| (*position, serde_bytes::ByteBuf::from(self.of(*position))))
            .collect();
        postcard::to_allocvec(&all).expect("writing to memory cannot fail")
    }

    /// Takes in what another session has seen.
    pub(super) fn join(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        let all: Vec<(u64, serde_bytes::ByteBuf)> =
            postcard::from_bytes(bytes).map_err(|_| DecodeError::Malformed)?;
        for (_, context) in &all {
            Token::decode(context)?;
        }
        for (position, context) in all {
            self.learn(position, &context)?;
        }
        Ok(())
    }
}
