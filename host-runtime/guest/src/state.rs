//! The node, and the buffers through which batches cross.

use alloc::string::ToString;
use alloc::vec::Vec;
use core::cell::UnsafeCell;
use henge_core::config::Config;
use henge_core::node::{Node, batch};
use henge_core::time::Instant;

/// A buffer that once was larger than this is given back when it is not needed any more, so that
/// one large batch does not stay in memory for ever.
const BUFFER_KEPT_BYTES: usize = 4 * 1_024 * 1_024;

pub(crate) struct State {
    node: Option<Node>,
    input: Vec<u8>,
    output: Vec<u8>,
}

struct Global(UnsafeCell<State>);

// SAFETY: the module has no threads (wasm32 without shared memory), so nothing is ever shared
// between two of them.
unsafe impl Sync for Global {}

static STATE: Global = Global(UnsafeCell::new(State {
    node: None,
    input: Vec::new(),
    output: Vec::new(),
}));

/// Runs `act` on the one state of this instance.
pub(crate) fn with_state<R>(act: impl FnOnce(&mut State) -> R) -> R {
    // SAFETY: exports are the only callers, calls do not nest (the module imports nothing, so it
    // cannot be entered again from inside), and after a trap no call follows; so this is the only
    // reference while `act` runs.
    act(unsafe { &mut *STATE.0.get() })
}

impl State {
    pub(crate) fn input_address(&mut self, length: usize) -> u32 {
        if self.input.len() > BUFFER_KEPT_BYTES && length < BUFFER_KEPT_BYTES {
            self.input = Vec::new();
        }
        if self.input.len() < length {
            self.input.resize(length, 0);
        }
        address(&self.input)
    }

    pub(crate) fn init(&mut self, length: usize, seed: u64, now: Instant) -> u64 {
        let config: Config =
            postcard::from_bytes(&self.input[..length]).expect("a configuration of this version");
        self.output.clear();
        match Node::new(config, seed, now) {
            Ok(node) => self.node = Some(node),
            Err(why) => self.output.extend_from_slice(why.to_string().as_bytes()),
        }
        packed(&self.output)
    }

    pub(crate) fn step(&mut self, length: usize, now: Instant) -> u64 {
        let node = self
            .node
            .as_mut()
            .expect("henge_init comes before henge_step");
        let inputs = &self.input[..length];
        #[cfg(feature = "test-hooks")]
        crate::hooks::look(inputs);
        if self.output.capacity() > BUFFER_KEPT_BYTES {
            self.output = Vec::new();
        }
        batch::step(node, now, inputs, &mut self.output).expect("a batch of this version");
        packed(&self.output)
    }
}

fn address(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.as_ptr().addr()).expect("a wasm32 address")
}

fn packed(bytes: &[u8]) -> u64 {
    let length = u32::try_from(bytes.len()).expect("a wasm32 length");
    u64::from(address(bytes)) << 32 | u64::from(length)
}
