//! Henge's client and leaf for JavaScript: [`henge_core::client::Client`] and [`henge_core::leaf::Leaf`]
//! with a WebSocket, a clock and timers.
//!
//! The npm package `henge` (in `ts/`) is the only caller: it owns names, options, value codecs and
//! promises. Bytes cross the boundary; objects cross it only where they are rare.
//!
//! * [`engine`]: [`engine::Engine`], the exported class of a store without a storage.
//! * [`leaf`]: [`leaf::LeafEngine`], that of a store with one.
//! * `edge`, with the feature `edge`: that of an edge node, whose sockets and timers are the package's.
//! * `remote`, `local`: the client and the leaf as `machine` has it.
//! * `driver`: does what a machine asks, and tells it what happened.
//! * `socket`, `clock`: the browser's, Node.js's or an edge worker's.
//! * `listener`: what the package is told.
//! * `convert`: levels, failures and entries as JavaScript sees them.
//!
//! # Panics
//! A panic is thrown as a JavaScript `Error` with its message. The instance must not be used any
//! more: the package calls [`discard`], and the next call of an export makes a new instance.

#[cfg(feature = "edge")]
pub mod edge;
pub mod engine;
pub mod leaf;

mod clock;
mod convert;
mod driver;
mod listener;
mod local;
mod machine;
mod remote;
mod socket;

use henge_core::id::BucketId;
use wasm_bindgen::prelude::wasm_bindgen;

/// Runs once in every new instance.
#[wasm_bindgen(start)]
pub fn start() {
    std::panic::set_hook(Box::new(|panic| {
        wasm_bindgen::throw_str(&panic.to_string())
    }));
}

/// Gives up this instance: the next call of an export makes a new one.
#[wasm_bindgen]
pub fn discard() {
    wasm_bindgen::handler::schedule_reinit();
}

/// The number by which [`engine::Engine`] takes a level; throws what is allowed.
#[wasm_bindgen(js_name = levelCode)]
pub fn level_code(text: &str) -> Result<u8, wasm_bindgen::JsError> {
    Ok(convert::code_of_level(text.parse()?))
}

/// The partition of `key` on a ring of `partitions`.
#[wasm_bindgen(js_name = partitionOf)]
#[must_use]
pub fn partition_of(key: &[u8], partitions: u16) -> u16 {
    henge_core::client::partition_of(BucketId(0), key, partitions).0
}

#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();
