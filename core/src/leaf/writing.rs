//! Writes are taken: kept, and seen by reads from then on.

use super::Leaf;
use super::record::{self, Waiting};
use crate::causality::{Hlc, Token, Value};
use crate::hash::hash64;
use crate::id::RequestId;
use crate::limits::{KEY_BYTES_MAX, PAIR_BYTES_MAX, TTL_MAX_MS};
use crate::time::Instant;
use crate::wire::{ErrorCode, Failure};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// A write of this leaf. Later ones have greater numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriteId(pub u64);

/// What an application writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Write {
    /// The key; not empty.
    pub key: Vec<u8>,
    /// `None` deletes.
    pub value: Option<Value>,
    /// How long a value can be read, in milliseconds; `None` for ever.
    pub ttl_ms: Option<u64>,
    /// What its writer has seen, encoded; empty for a blind write.
    pub context: Vec<u8>,
    /// An id of its maker's, who uses it for nothing else: a write that is handed in again while it
    /// waits is taken once, and one that has gone to the ring is applied once. `None` for one that is
    /// handed in only here.
    pub request: Option<RequestId>,
    /// What its maker had seen of the writes to its key that wait here.
    pub before: Before,
}

/// What the maker of a write had seen of those to its key that wait before it. When the ring has taken one
/// that was seen, the write replaces what came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Before {
    /// All of them: all makers are of this device.
    #[default]
    All,
    /// This one.
    One(RequestId),
    /// None of them.
    None,
}

/// How far a write has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is durable here.
    Local,
    /// It is durable at an edge node, which takes it to the ring.
    Edge,
    /// It is durable on as many replicas as its bucket asks for; so it is over.
    Ring {
        /// Its version.
        version: Hlc,
        /// The causal context of what its key shows with it, encoded.
        context: Vec<u8>,
        /// Whether its key shows this write and nothing else.
        is_alone: bool,
    },
    /// The ring does not take it: it is over.
    Refused {
        /// Its key: the write may be from an earlier run.
        key: Vec<u8>,
        /// Why, and whether an earlier send may have been applied.
        failure: Failure,
    },
}

impl Leaf {
    /// Takes a write, which is seen by reads from now on. [`super::LeafOutput::Progress`] tells how far it
    /// comes.
    ///
    /// # Errors
    ///
    /// If it is not a write, or cannot be kept. Nothing is changed then.
    pub fn write(&mut self, now: Instant, write: Write) -> Result<WriteId, Failure> {
        self.now = now;
        check(&write)?;
        self.check_open()?;
        if let Some(known) = write.request.and_then(|it| self.outbox.find(it)) {
            if !self.unsynced.iter().any(|(_, write)| *write == known) {
                let request = self.outbox.get(known).map(|waiting| waiting.request);
                self.say(known, request.unwrap_or_default(), Progress::Local);
            }
            return Ok(known);
        }
        let id = WriteId(self.next_write);
        let own = RequestId::in_order(self.settings.session, id.0);
        let before = write.before;
        let waiting = Waiting {
            request: write.request.unwrap_or(own),
            key: write.key,
            value: write.value,
            ttl_ms: write.ttl_ms,
            context: write.context,
            written_at_ms: now.as_millis(),
        };
        let failed = |why: String| Failure::new(ErrorCode::RateLimited, why);
        if !self.outbox.has_room(&waiting) {
            return Err(failed(format!(
                "{} writes wait for the ring; no more fit until it has taken some",
                self.outbox.len()
            )));
        }
        (self.store.can_write()).map_err(|refused| failed(format!("not written: {refused}")))?;
        self.next_write += 1;
        let bytes = record::encode_waiting(&waiting, before);
        if let Some(batch) = self.put(record::outbox_key(id.0), &bytes, true) {
            self.unsynced.push_back((batch, id));
        }
        let key = waiting.key.clone();
        // The one before it may be on the ring, and not gone here for good: a life after this one would send
        // that again.
        let until = self.left.back().map(|(batch, _)| *batch);
        let until = until.filter(|_| self.is_leaving(&key) && self.outbox.newest(&key).is_none());
        self.outbox.push(id, waiting, before, until.is_none());
        if let Some(batch) = until {
            self.held.push_back((batch, id));
        }
        self.tell(&key);
        self.send_writes();
        Ok(id)
    }

    /// Whether a write of `key` is gone, but not for good.
    fn is_leaving(&self, key: &[u8]) -> bool {
        let hash = hash64(key);
        let all = (hash, WriteId(0))..=(hash, WriteId(u64::MAX));
        self.leaving.range(all).next().is_some()
    }
}

/// Whether this can be a key.
pub(super) fn check_key(key: &[u8]) -> Result<(), Failure> {
    let length = key.len();
    if (1..=KEY_BYTES_MAX).contains(&length) {
        return Ok(());
    }
    let message = format!("the key has {length} bytes; allowed are 1 to {KEY_BYTES_MAX}");
    Err(Failure::new(ErrorCode::KeyTooLarge, message))
}

/// Whether this can be a write.
fn check(write: &Write) -> Result<(), Failure> {
    let failed = |code, message| Err(Failure::new(code, message));
    check_key(&write.key)?;
    let pair = write.key.len() + write.value.as_ref().map_or(0, |value| value.bytes.len());
    if pair > PAIR_BYTES_MAX {
        let message =
            format!("key and value have {pair} bytes; at most {PAIR_BYTES_MAX} are allowed");
        return failed(ErrorCode::ValueTooLarge, message);
    }
    let is_ttl = |ttl: u64| write.value.is_some() && (1..=TTL_MAX_MS).contains(&ttl);
    if !write.ttl_ms.is_none_or(is_ttl) {
        let message =
            format!("a time to live goes with a value and is 1 to {TTL_MAX_MS} milliseconds long");
        return failed(ErrorCode::Protocol, message);
    }
    if let Err(error) = Token::decode(&write.context) {
        let message = format!("the context is not one that a read has returned: {error}");
        return failed(ErrorCode::Protocol, message);
    }
    Ok(())
}
