//! Henge's core behind a raw ABI: `docs/guest-abi.md` is the normative page.
//!
//! **This module imports nothing.** Batches of inputs and outputs cross its linear memory, one
//! call a batch. The exports below are all there is; the host calls one at a time, and none of
//! them calls out.
//!
//! * `state`: the node and the two buffers.
//! * `compare`: comparing byte strings faster than the compiler does here.
//! * `trap`: the allocator, and what a panic becomes.
//! * `hooks`: requests that trap on purpose, in test builds only.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

#[cfg(target_arch = "wasm32")]
mod compare;
#[cfg(feature = "test-hooks")]
mod hooks;
mod state;
#[cfg(target_arch = "wasm32")]
mod trap;

use henge_core::time::Instant;
use state::with_state;

/// Does nothing: a host looks for this name before it instantiates the module.
#[unsafe(no_mangle)]
pub extern "C" fn henge_abi_1() {}

/// The address of a buffer of at least `length` bytes for the next batch, valid until the next
/// call.
///
/// # Traps
/// If `length` is negative, or no memory is left.
#[unsafe(no_mangle)]
pub extern "C" fn henge_buffer(length: i32) -> i32 {
    with_state(|state| state.input_address(size(length)).cast_signed())
}

/// Makes the node from the postcard `Config` in the buffer. Returns nothing, or a sentence that
/// says why not, as address (high 32 bits) and length (low 32 bits).
///
/// # Traps
/// If the buffer does not hold a `Config` of this version.
#[unsafe(no_mangle)]
pub extern "C" fn henge_init(length: i32, seed: i64, now: i64) -> i64 {
    with_state(|state| {
        state
            .init(size(length), seed.cast_unsigned(), instant(now))
            .cast_signed()
    })
}

/// Handles the input batch in the buffer, drains the node and returns the output batch, as address
/// (high 32 bits) and length (low 32 bits).
///
/// # Traps
/// If the batch is malformed, the node was not made, or one of its invariants is broken.
#[unsafe(no_mangle)]
pub extern "C" fn henge_step(length: i32, now: i64) -> i64 {
    with_state(|state| state.step(size(length), instant(now)).cast_signed())
}

fn size(length: i32) -> usize {
    usize::try_from(length).expect("a length is not negative")
}

const fn instant(now: i64) -> Instant {
    Instant::from_micros(now.cast_unsigned())
}
