//! The exported class: one connection to the ring.

use henge_core::causality::Value;
use henge_core::client::{Call, CallId, ListSpec, WatchId, WatchSpec};
use henge_core::wire::Failure;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use crate::clock::now;
use crate::convert::{Want, failure_object, level_of_code, span, whole};
use crate::driver::Driver;
use crate::listener::Listener;
use crate::remote::Remote;

/// One connection to the ring. Calls return a number; the listener, a `RingListener`, hears the outcome
/// under it.
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
    pub fn new(session: u64, bucket: String, urls: Vec<String>, listener: Listener) -> Self {
        Self(Driver::new(Remote::new(session, bucket), urls, listener))
    }

    /// Goes on from what another connection has read and written. To be said before it is opened.
    #[wasm_bindgen(js_name = joinSession)]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a slice would have to be copied back"
    )]
    pub fn join_session(&self, token: Vec<u8>) -> Result<(), JsValue> {
        let joined = self.0.with(|it| it.client.join_session(&token));
        joined.map_err(|failure| failure_object(&failure))
    }

    /// What was read and written so far.
    #[wasm_bindgen(js_name = sessionToken)]
    #[must_use]
    pub fn session_token(&self) -> Vec<u8> {
        self.0.with(|it| it.client.session_token())
    }

    /// Dials.
    pub fn open(&self) {
        self.0.dial();
    }

    /// Reads a key. `want`: 0 the value, 1 the whole entry, 2 whether there is one.
    pub fn get(&self, key: Vec<u8>, level: u8, timeout_ms: u32, want: u8) -> Result<f64, JsValue> {
        self.submit(level, timeout_ms, Want::of_code(want), |bucket| {
            Call::get(bucket, key)
        })
    }

    /// Writes a value. `ttl_ms` may be 0, `context` empty.
    #[expect(
        clippy::too_many_arguments,
        reason = "an object would have to be read field by field"
    )]
    pub fn put(
        &self,
        key: Vec<u8>,
        encoding: u8,
        bytes: Vec<u8>,
        level: u8,
        timeout_ms: u32,
        context: Vec<u8>,
        ttl_ms: f64,
    ) -> Result<f64, JsValue> {
        self.submit(level, timeout_ms, Want::Value, |bucket| {
            Call::put(bucket, key, Value { encoding, bytes })
                .with_context(context)
                .with_ttl_ms(Some(whole(ttl_ms)).filter(|ttl| *ttl > 0))
        })
    }

    /// Deletes a key. `context` may be empty.
    pub fn delete(
        &self,
        key: Vec<u8>,
        level: u8,
        timeout_ms: u32,
        context: Vec<u8>,
    ) -> Result<f64, JsValue> {
        self.submit(level, timeout_ms, Want::Value, |bucket| {
            Call::delete(bucket, key).with_context(context)
        })
    }

    /// Lists keys (`kind`, `from` and `to` as for a leaf's subscription), those behind `after` if that is not
    /// empty. A page is told, item by item; of a list for a `watch` (0 for none) what is no news there is left
    /// out.
    #[expect(
        clippy::too_many_arguments,
        reason = "an object would have to be read field by field"
    )]
    pub fn list(
        &self,
        kind: u8,
        from: Vec<u8>,
        to: Vec<u8>,
        after: Vec<u8>,
        limit: f64,
        is_reverse: bool,
        level: u8,
        timeout_ms: u32,
        watch: f64,
    ) -> Result<f64, JsValue> {
        let listed = self.0.with(|it| {
            let spec = ListSpec {
                bucket: it.bucket.clone(),
                span: span(kind, from, to),
                after,
                limit: whole(limit),
                is_reverse,
                level: level_of_code(level),
                timeout_ms,
            };
            it.list(spec, WatchId(whole(watch)))
        });
        taken(listed.map(|id| id.0))
    }

    /// Tells of changes of keys until `unwatch`, those since `token` too if that is not empty.
    pub fn watch(
        &self,
        kind: u8,
        from: Vec<u8>,
        to: Vec<u8>,
        token: Vec<u8>,
    ) -> Result<f64, JsValue> {
        let watch = self.0.with(|it| {
            let spec = WatchSpec {
                bucket: it.bucket.clone(),
                span: span(kind, from, to),
                token,
            };
            it.client.watch(now(), spec)
        });
        taken(watch.map(|id| id.0))
    }

    /// Tells of these changes no more.
    pub fn unwatch(&self, watch: f64) {
        let watch = WatchId(whole(watch));
        self.0.with(|it| it.client.unwatch(now(), watch));
    }

    /// Where a watch is, if it has begun.
    #[wasm_bindgen(js_name = watchToken)]
    #[must_use]
    pub fn watch_token(&self, watch: f64) -> Option<Vec<u8>> {
        let watch = WatchId(whole(watch));
        self.0.with(|it| it.client.watch_token(watch))
    }

    /// Forgets a call; true if it is a write that may be applied nevertheless.
    #[must_use]
    pub fn cancel(&self, call: f64) -> bool {
        self.0.with(|it| it.cancel(CallId(whole(call))))
    }

    /// Sends what was called since the last time.
    pub fn flush(&self) {
        self.0.drain();
    }

    /// Closes the connection; nothing is told any more.
    pub fn close(&self) {
        self.0.close();
    }
}

impl Engine {
    fn submit(
        &self,
        level: u8,
        timeout_ms: u32,
        want: Want,
        call: impl FnOnce(henge_core::client::BucketRef) -> Call,
    ) -> Result<f64, JsValue> {
        let id = self.0.with(|it| {
            let call = call(it.bucket.clone())
                .with_level(level_of_code(level))
                .with_timeout_ms(timeout_ms);
            it.submit(call, want)
        });
        taken(id.map(|id| id.0))
    }
}

#[expect(clippy::cast_precision_loss, reason = "calls are counted up from 1")]
fn taken(id: Result<u64, Failure>) -> Result<f64, JsValue> {
    id.map(|id| id as f64)
        .map_err(|failure| failure_object(&failure))
}
