//! The session over linear memory: arguments lie in a buffer, whose address `engine_buffer` says;
//! what comes back is said as address (high 32 bits) and length (low 32 bits), and stays until the
//! next call. Lengths are 4 bytes, little-endian; everything else is postcard.
//!
//! Every function traps if `engine_open` was not called before, or on malformed arguments.

use crate::session::{Read, Session};
use alloc::vec::Vec;
use core::cell::UnsafeCell;
use henge_core::storage::{OperationId, StorageAnswer, StorageFault};
use henge_core::time::Instant;

struct State {
    session: Option<Session>,
    input: Vec<u8>,
    output: Vec<u8>,
}

struct Global(UnsafeCell<State>);

// SAFETY: the module has no threads.
unsafe impl Sync for Global {}

static STATE: Global = Global(UnsafeCell::new(State {
    session: None,
    input: Vec::new(),
    output: Vec::new(),
}));

fn state() -> &'static mut State {
    // SAFETY: exports are the only callers, each once, and calls do not nest: nothing is imported.
    unsafe { &mut *STATE.0.get() }
}

fn session() -> &'static mut Session {
    state().session.as_mut().expect("engine_open comes first")
}

/// Opens an empty store.
#[unsafe(no_mangle)]
extern "C" fn engine_open(memory_bytes: i64) {
    state().session = Some(Session::new(memory_bytes.cast_unsigned()));
}

/// The address of a buffer of `length` bytes, valid until it is asked for again.
#[unsafe(no_mangle)]
extern "C" fn engine_buffer(length: i32) -> i32 {
    let input = &mut state().input;
    input.resize(size(length), 0);
    address(input).cast_signed()
}

/// The buffer holds the number of a request and how it has ended.
#[unsafe(no_mangle)]
extern "C" fn engine_done(length: i32, now: i64) {
    type Ended<'a> = (OperationId, Result<StorageAnswer<'a>, StorageFault>);
    let bytes = &state().input[..size(length)];
    let (operation, result): Ended<'_> = postcard::from_bytes(bytes).expect("a completion");
    session().handle_done(instant(now), operation, result);
}

/// A list of requests and their numbers.
#[unsafe(no_mangle)]
extern "C" fn engine_requests() -> i64 {
    let requests: Vec<_> = core::iter::from_fn(|| session().poll_request()).collect();
    if requests.is_empty() {
        return 0;
    }
    state().output = postcard::to_allocvec(&requests).expect("memory is all that it needs");
    packed(&state().output)
}

#[unsafe(no_mangle)]
extern "C" fn engine_has_work(now: i64) -> i32 {
    i32::from(session().has_work(instant(now)))
}

#[unsafe(no_mangle)]
extern "C" fn engine_step(now: i64) {
    session().step(instant(now));
}

#[unsafe(no_mangle)]
extern "C" fn engine_is_open() -> i32 {
    i32::from(session().is_open())
}

#[unsafe(no_mangle)]
extern "C" fn engine_is_durable() -> i32 {
    i32::from(session().is_durable())
}

/// The buffer holds pairs: both lengths, key, value. Says how many were taken.
#[unsafe(no_mangle)]
extern "C" fn engine_put(length: i32) -> i32 {
    let mut rest = &state().input[..size(length)];
    let mut taken = 0;
    while !rest.is_empty() {
        let key_length = take_length(&mut rest);
        let value_length = take_length(&mut rest);
        let (key, behind) = rest.split_at(key_length);
        let (value, behind) = behind.split_at(value_length);
        if !session().put(key, value) {
            break;
        }
        rest = behind;
        taken += 1;
    }
    taken
}

/// The buffer holds a key. Gives its value, or a negative [`outcome`].
#[unsafe(no_mangle)]
extern "C" fn engine_get(length: i32) -> i64 {
    let mut value = 0;
    let key = &state().input[..size(length)];
    match session().get(key, &mut |found| value = packed(found)) {
        Read::Found => value,
        other => outcome(other),
    }
}

/// The buffer holds a prefix, then the key behind which to begin, if that is not empty. Gives an
/// [`outcome`] of 8 bytes, then pairs as `engine_put` takes them.
#[unsafe(no_mangle)]
extern "C" fn engine_scan(prefix_length: i32, length: i32, count_max: i32) -> i64 {
    let State { input, output, .. } = state();
    let (prefix, after) = input[..size(length)].split_at(size(prefix_length));
    let after = (!after.is_empty()).then_some(after);
    output.clear();
    output.extend_from_slice(&[0; 8]);
    let read = session().scan(prefix, after, size(count_max), &mut |key, value| {
        put_length(output, key.len());
        put_length(output, value.len());
        output.extend_from_slice(key);
        output.extend_from_slice(value);
    });
    output[..8].copy_from_slice(&outcome(read).to_le_bytes());
    packed(output)
}

#[unsafe(no_mangle)]
extern "C" fn engine_flush() {
    session().flush();
}

/// 0 for `Found`, -1 for `End`, -2 for `Later`, below for `Load`.
fn outcome(read: Read) -> i64 {
    match read {
        Read::Found => 0,
        Read::End => -1,
        Read::Later => -2,
        Read::Load(operation) => -3 - operation.0.cast_signed(),
    }
}

fn take_length(bytes: &mut &[u8]) -> usize {
    let (length, rest) = bytes.split_first_chunk().expect("a length");
    *bytes = rest;
    u32::from_le_bytes(*length) as usize
}

fn put_length(output: &mut Vec<u8>, length: usize) {
    let length = u32::try_from(length).expect("a wasm32 length");
    output.extend_from_slice(&length.to_le_bytes());
}

fn size(length: i32) -> usize {
    usize::try_from(length).expect("a length is not negative")
}

const fn instant(now: i64) -> Instant {
    Instant::from_micros(now.cast_unsigned())
}

fn address(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.as_ptr().addr()).expect("a wasm32 address")
}

/// Never negative: the host gives the module less than 2 GiB.
fn packed(bytes: &[u8]) -> i64 {
    let length = u32::try_from(bytes.len()).expect("a wasm32 length");
    i64::from(address(bytes)) << 32 | i64::from(length)
}
