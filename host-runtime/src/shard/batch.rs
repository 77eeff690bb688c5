//! Inputs on their way into the guest.

use henge_core::node::{Input, batch};

/// Inputs of one batch at most: a step should stay short.
const INPUTS_MAX: usize = 1_024;
/// Bytes after which a batch takes no more.
const BYTES_MAX: usize = 4 * 1_024 * 1_024;

/// One batch, and how full it is.
#[derive(Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    inputs: usize,
}

impl Batch {
    pub(super) fn clear(&mut self) {
        if self.bytes.capacity() > 2 * BYTES_MAX {
            self.bytes = Vec::new();
        }
        self.bytes.clear();
        self.inputs = 0;
    }

    pub(super) fn put(&mut self, input: &Input<'_>) {
        batch::put_input(&mut self.bytes, input);
        self.inputs += 1;
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.inputs == 0
    }

    pub(super) const fn is_full(&self) -> bool {
        self.inputs >= INPUTS_MAX || self.bytes.len() >= BYTES_MAX
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}
