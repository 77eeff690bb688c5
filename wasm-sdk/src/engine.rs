//! The exported class: one connection to the ring.

use henge_core::causality::Value;
use henge_core::client::{Call, CallId};
use henge_core::id::BucketId;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use crate::convert::{Want, failure_object, level_of_code};
use crate::driver::Driver;
use crate::listener::Listener;
use crate::remote::Remote;

/// One connection to the ring. Calls return a number; the listener hears the outcome under it.
///
/// A call that cannot be taken throws a `FailureObject`. Calls leave with the next `flush`, all
/// together.
#[wasm_bindgen]
pub struct Engine(Rc<Driver<Remote>>);

#[wasm_bindgen]
impl Engine {
    /// A connection to one of `urls` (at least one), not dialled yet. `session` must be random.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(session: u64, urls: Vec<String>, listener: Listener) -> Self {
        Self(Driver::new(Remote::new(session), urls, listener))
    }

    /// Dials.
    pub fn open(&self) {
        self.0.dial();
    }

    /// Reads a key. `want`: 0 the value, 1 the whole entry, 2 whether there is one.
    pub fn get(&self, key: Vec<u8>, level: u8, timeout_ms: u32, want: u8) -> Result<f64, JsValue> {
        let want = Want::of_code(want);
        self.submit(Call::get(BUCKET, key), level, timeout_ms, want)
    }

    /// Writes a value. `context` may be empty.
    pub fn put(
        &self,
        key: Vec<u8>,
        encoding: u8,
        bytes: Vec<u8>,
        level: u8,
        timeout_ms: u32,
        context: Vec<u8>,
    ) -> Result<f64, JsValue> {
        let call = Call::put(BUCKET, key, Value { encoding, bytes }).with_context(context);
        self.submit(call, level, timeout_ms, Want::Value)
    }

    /// Deletes a key. `context` may be empty.
    pub fn delete(
        &self,
        key: Vec<u8>,
        level: u8,
        timeout_ms: u32,
        context: Vec<u8>,
    ) -> Result<f64, JsValue> {
        let call = Call::delete(BUCKET, key).with_context(context);
        self.submit(call, level, timeout_ms, Want::Value)
    }

    /// Forgets a call; true if it is a write that may be applied nevertheless.
    #[must_use]
    pub fn cancel(&self, call: f64) -> bool {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the listener hands back what it was given"
        )]
        let id = CallId(call as u64);
        self.0.with(|it| it.cancel(id))
    }

    /// Sends what was called since the last time.
    pub fn flush(&self) {
        self.0.drain();
    }

    /// Closes the connection; nothing is told any more.
    pub fn close(&self) {
        self.0.close();
    }

    fn submit(&self, call: Call, level: u8, timeout_ms: u32, want: Want) -> Result<f64, JsValue> {
        let call = call
            .with_level(level_of_code(level))
            .with_timeout_ms(timeout_ms);
        #[expect(clippy::cast_precision_loss, reason = "calls are counted up from 1")]
        let id = self
            .0
            .with(|it| it.submit(call, want))
            .map(|id| id.0 as f64);
        id.map_err(|failure| failure_object(&failure))
    }
}

/// The bucket that every cluster has.
const BUCKET: BucketId = BucketId(0);
