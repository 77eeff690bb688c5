//! The exported class: one leaf of the ring.

use henge_core::causality::Value;
use henge_core::id::RequestId;
use henge_core::leaf::{LeafSettings, ListSpec, ReadFrom, ReadId, SubscriptionId, Write, WriteId};
use henge_core::storage::{OperationId, StorageAnswer, StorageFault, StoredFile};
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use crate::clock::now;
use crate::convert::{Want, failure_object, level_of_code, span, whole};
use crate::driver::Driver;
use crate::listener::Listener;
use crate::local::Local;

/// One leaf: what waits for the ring, and copies of what was read. The listener serves its storage.
///
/// A call that cannot be taken throws a `FailureObject`. What is asked is done by the next `flush`.
#[wasm_bindgen]
pub struct LeafEngine(Rc<Driver<Local>>);

#[wasm_bindgen]
impl LeafEngine {
    /// A leaf that is not open. `session` must be random; without `urls` nothing is dialled.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(
        session: u64,
        bucket: String,
        memory_bytes_max: u32,
        copies_max: u32,
        urls: Vec<String>,
        listener: Listener,
    ) -> Self {
        let mut settings = LeafSettings::new(session);
        settings.bucket = bucket;
        settings.memory_bytes_max = settings.memory_bytes_max.max(memory_bytes_max.into());
        settings.copies_max = copies_max as usize;
        Self(Driver::new(Local::new(settings), urls, listener))
    }

    /// Opens what the medium has: the names of its files and their lengths.
    pub fn open(&self, names: Vec<String>, lengths: Vec<f64>) {
        let files = names.into_iter().zip(lengths).filter_map(|(name, length)| {
            let file = name.parse().ok()?;
            let length = whole(length);
            Some(StoredFile { file, length })
        });
        let files: Vec<_> = files.collect();
        self.0.with(|it| it.leaf.open(now(), &files));
        self.0.drain();
    }

    /// Dials.
    pub fn dial(&self) {
        self.0.dial();
    }

    /// The medium is about to be closed.
    pub fn rest(&self) {
        self.0.with(|it| it.leaf.rest(now()));
        self.0.drain();
    }

    /// Takes a write, under an id of its maker's, who may hand the same write in again. `encoding` and
    /// `bytes` are the value; it deletes without. `ttl_ms` may be 0, `context` empty.
    #[expect(
        clippy::too_many_arguments,
        reason = "an object would have to be read field by field"
    )]
    pub fn write(
        &self,
        maker: u64,
        sequence: f64,
        key: Vec<u8>,
        encoding: u8,
        bytes: Option<Vec<u8>>,
        ttl_ms: f64,
        context: Vec<u8>,
    ) -> Result<f64, JsValue> {
        let write = Write {
            key,
            value: bytes.map(|bytes| Value { encoding, bytes }),
            ttl_ms: Some(whole(ttl_ms)).filter(|ttl| *ttl > 0),
            context,
            request: Some(RequestId {
                client: maker,
                sequence: whole(sequence),
            }),
            ..Write::default()
        };
        let taken = self.0.with(|it| it.leaf.write(now(), write));
        taken
            .map(number)
            .map_err(|failure| failure_object(&failure))
    }

    /// Reads a key. `from`: 0 the nearest, 1 here, 2 the ring, 3 the ring once as many replicas as the level
    /// asks have what is read. `want`: 0 the value, 1 the whole entry, 2
    /// whether there is one.
    pub fn read(
        &self,
        key: Vec<u8>,
        from: u8,
        level: u8,
        timeout_ms: u32,
        want: u8,
    ) -> Result<f64, JsValue> {
        let from = match from {
            0 => ReadFrom::Nearest,
            1 => ReadFrom::Local,
            2 => ReadFrom::Ring,
            _ => ReadFrom::Settled,
        };
        let taken = self.0.with(|it| {
            let level = level_of_code(level);
            let id = it.leaf.read(now(), key, from, level, timeout_ms)?;
            it.wants.insert(id, Want::of_code(want));
            Ok(id)
        });
        #[expect(clippy::cast_precision_loss, reason = "counted up from 1")]
        taken
            .map(|id| id.0 as f64)
            .map_err(|failure| failure_object(&failure))
    }

    /// Keeps keys here: those from `from` on, as `kind` says (0: this key, 1: those that begin so, 2: those
    /// before `to`, if that is not empty).
    pub fn subscribe(&self, kind: u8, from: Vec<u8>, to: Vec<u8>) -> Result<f64, JsValue> {
        let taken = self
            .0
            .with(|it| it.leaf.subscribe(now(), span(kind, from, to)));
        #[expect(clippy::cast_precision_loss, reason = "counted up from 1")]
        taken
            .map(|id| id.0 as f64)
            .map_err(|failure| failure_object(&failure))
    }

    /// These keys need not be kept up to date any more.
    pub fn unsubscribe(&self, subscription: f64) {
        let subscription = SubscriptionId(whole(subscription));
        self.0.with(|it| it.leaf.unsubscribe(now(), subscription));
    }

    /// Lists keys that are here, behind `after` if that is not empty.
    pub fn list(
        &self,
        kind: u8,
        from: Vec<u8>,
        to: Vec<u8>,
        after: Vec<u8>,
        limit: u32,
        is_reverse: bool,
    ) -> Result<f64, JsValue> {
        let spec = ListSpec {
            span: span(kind, from, to),
            after,
            limit: limit as usize,
            is_reverse,
            is_of_copies: false,
        };
        let taken = self.0.with(|it| it.leaf.list(now(), spec));
        #[expect(clippy::cast_precision_loss, reason = "counted up from 1")]
        taken
            .map(|id| id.0 as f64)
            .map_err(|failure| failure_object(&failure))
    }

    /// Forgets a read.
    #[wasm_bindgen(js_name = cancelRead)]
    pub fn cancel_read(&self, read: f64) {
        let read = ReadId(whole(read));
        self.0.with(|it| {
            it.wants.remove(read);
            it.leaf.cancel_read(read);
        });
    }

    /// The medium has done what it was asked; `bytes` are what it has read.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "only owned bytes can be left out"
    )]
    pub fn done(&self, operation: f64, bytes: Option<Vec<u8>>) {
        let answer = bytes
            .as_deref()
            .map_or(StorageAnswer::Done, StorageAnswer::Bytes);
        let operation = OperationId(whole(operation));
        self.0
            .with(|it| it.leaf.handle_done(now(), operation, Ok(answer)));
        self.0.drain();
    }

    /// The medium cannot do what it was asked: it is full, or something else that `why` says.
    pub fn fault(&self, operation: f64, is_full: bool, why: String) {
        let fault = match is_full {
            true => StorageFault::Full,
            false => StorageFault::Failed(why),
        };
        let operation = OperationId(whole(operation));
        self.0
            .with(|it| it.leaf.handle_done(now(), operation, Err(fault)));
        self.0.drain();
    }

    /// Takes over the writes that wait in `other`, whose storage has failed. Returns their numbers there and
    /// here, in turn.
    pub fn inherit(&self, other: &Self) -> Result<Vec<f64>, JsValue> {
        let waiting: Vec<_> = other.0.with(|it| it.leaf.waiting().collect());
        let mut numbers = Vec::new();
        for (old, write) in waiting {
            let taken = self.0.with(|it| it.leaf.write(now(), write));
            let new = taken.map_err(|failure| failure_object(&failure))?;
            numbers.extend([number(old), number(new)]);
        }
        self.0.drain();
        Ok(numbers)
    }

    /// Writes without an outcome.
    #[must_use]
    pub fn pending(&self) -> u32 {
        self.0
            .with(|it| it.leaf.pending())
            .try_into()
            .unwrap_or(u32::MAX)
    }

    /// Whether the storage takes no writes now, and goes on by itself.
    #[wasm_bindgen(js_name = isBusy)]
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.0.with(|it| it.leaf.is_busy())
    }

    /// Does what was asked since the last time.
    pub fn flush(&self) {
        self.0.drain();
    }

    /// Ends everything; nothing is told any more.
    pub fn close(&self) {
        self.0.close();
    }
}

#[expect(clippy::cast_precision_loss, reason = "counted up from 1")]
const fn number(id: WriteId) -> f64 {
    id.0 as f64
}
