//! The clock and the one timer.

use henge_core::time::Instant;
use std::cell::{Cell, RefCell};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;

    #[wasm_bindgen(thread_local_v2, js_namespace = performance, js_name = timeOrigin)]
    static TIME_ORIGIN: f64;

    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &js_sys::Function, delay_ms: f64) -> JsValue;

    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timer: &JsValue);
}

/// The moment it is: the wall clock at the start of the page, and a monotonic clock since.
pub(crate) fn now() -> Instant {
    let ms = TIME_ORIGIN.with(|origin| *origin) + performance_now();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float cast saturates, and no clock reads beyond 2^63 microseconds"
    )]
    let micros = (ms * 1_000.0) as u64;
    Instant::from_micros(micros)
}

/// Milliseconds since the Unix epoch, as JavaScript's `Date` takes them.
pub(crate) fn date_ms(at: Instant) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds since 1970 fit 53 bits"
    )]
    let ms = at.as_millis() as f64;
    ms
}

/// Calls one function at the next moment that matters.
///
/// A timer that is set too early costs one idle call; setting a new one for each request costs more.
#[derive(Default)]
pub(crate) struct Alarm {
    armed: Cell<Option<Instant>>,
    timer: RefCell<JsValue>,
}

impl Alarm {
    /// Sees to it that `callback` is called at `at` or before.
    pub(crate) fn arm(&self, at: Instant, callback: &js_sys::Function) {
        if self.armed.get().is_some_and(|armed| armed <= at) {
            return;
        }
        self.disarm();
        // Rounded up: a call that comes a fraction too early would only set the timer again.
        let delay_ms = date_ms(at) - date_ms(now()) + 1.0;
        self.timer
            .replace(set_timeout(callback, delay_ms.clamp(0.0, DELAY_MS_MAX)));
        self.armed.set(Some(at));
    }

    /// The function is being called.
    pub(crate) fn rang(&self) {
        self.armed.set(None);
    }

    /// Calls nothing any more.
    pub(crate) fn disarm(&self) {
        if self.armed.take().is_some() {
            clear_timeout(&self.timer.replace(JsValue::UNDEFINED));
        }
    }
}

/// Longest delay that timers take, in milliseconds; they run at once beyond it.
const DELAY_MS_MAX: f64 = 2_147_483_647.0;
