//! Requests that trap on purpose, so that tests can watch an instance being replaced.

use alloc::vec::Vec;
use henge_core::node::Input;
use henge_core::node::batch::take_input;
use henge_core::wire::{Frame, Request, decode_body};

/// A client's request for a key with this prefix traps.
const TRAP: &[u8] = b"henge-test-hook:trap";
/// A client's request for a key with this prefix uses up the memory.
const EXHAUST: &[u8] = b"henge-test-hook:exhaust";

/// Looks for clients' requests for such keys among `inputs`.
pub(crate) fn look(mut inputs: &[u8]) {
    while let Ok(Some(input)) = take_input(&mut inputs) {
        look_at(&input);
    }
}

fn look_at(input: &Input<'_>) {
    let Input::Client { frame, .. } = input else {
        return;
    };
    let Ok((frame, _)) = Frame::take(frame) else {
        return;
    };
    let Ok(request) = decode_body::<Request>(frame.body) else {
        return;
    };
    if request.key.starts_with(TRAP) {
        panic!("a test asked for this trap");
    }
    if request.key.starts_with(EXHAUST) {
        exhaust();
    }
}

fn exhaust() -> ! {
    let mut held: Vec<Vec<u8>> = Vec::new();
    loop {
        // A value other than zero is really written, so no page is left out.
        held.push(alloc::vec![1; 1_024 * 1_024]);
        core::hint::black_box(&held);
    }
}
