//! Henge's storage engine alone, as the benches use it.
//!
//! * [`session`]: the store with the few operations that are measured.
//! * `exports`: the same over linear memory; the module imports nothing.
//! * `compare`, `trap`: what every guest of Henge's has.
#![cfg_attr(target_arch = "wasm32", no_std)]

#[cfg(target_arch = "wasm32")]
extern crate alloc;

pub mod session;

#[cfg(target_arch = "wasm32")]
mod exports;

// The shipped guest's own, so that both run at the same speed.
#[cfg(target_arch = "wasm32")]
#[path = "../../../host-runtime/guest/src/compare.rs"]
mod compare;
#[cfg(target_arch = "wasm32")]
#[path = "../../../host-runtime/guest/src/trap.rs"]
mod trap;
