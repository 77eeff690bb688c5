//! Batches of inputs and outputs as bytes: what crosses the memory of a guest.
//!
//! An input batch is postcard inputs back to back. An output batch is the next timeout (8 bytes,
//! microseconds, little-endian, all ones for none), then postcard outputs back to back.

use super::{Input, Node, Output};
use crate::encoded::encoded_behind;
use crate::time::Instant;
use alloc::vec::Vec;
use core::fmt;

/// Bytes before the first output.
pub const OUTPUT_HEADER_BYTES: usize = 8;

/// A batch that does not hold what it should: the two sides of the boundary were not built together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchError;

impl fmt::Display for BatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("malformed batch: host and guest are not of one version")
    }
}

impl core::error::Error for BatchError {}

/// Writes `input` behind what `batch` already holds.
pub fn put_input(batch: &mut Vec<u8>, input: &Input<'_>) {
    let taken = core::mem::take(batch);
    *batch = encoded_behind(taken, input);
}

/// Takes one input from the front of `batch`.
pub fn take_input<'a>(batch: &mut &'a [u8]) -> Result<Option<Input<'a>>, BatchError> {
    if batch.is_empty() {
        return Ok(None);
    }
    let (input, rest) = postcard::take_from_bytes(batch).map_err(|_| BatchError)?;
    *batch = rest;
    Ok(Some(input))
}

/// Writes `output` behind what `batch` already holds.
pub fn put_output(batch: &mut Vec<u8>, output: &Output) {
    let taken = core::mem::take(batch);
    *batch = encoded_behind(taken, output);
}

/// The timeout at the head of an output batch, and the outputs behind it.
pub fn split_outputs(batch: &[u8]) -> Result<(Option<Instant>, &[u8]), BatchError> {
    let (head, outputs) = batch.split_first_chunk().ok_or(BatchError)?;
    let micros = u64::from_le_bytes(*head);
    Ok((
        (micros != u64::MAX).then(|| Instant::from_micros(micros)),
        outputs,
    ))
}

/// Takes one output from the front of `outputs`.
pub fn take_output(outputs: &mut &[u8]) -> Result<Option<Output>, BatchError> {
    if outputs.is_empty() {
        return Ok(None);
    }
    let (output, rest) = postcard::take_from_bytes(outputs).map_err(|_| BatchError)?;
    *outputs = rest;
    Ok(Some(output))
}

/// Hands a batch of inputs to `node` and writes what it wants into `outputs`: one turn of the loop
/// as a guest makes it. Inputs that are refused come back as events.
pub fn step(
    node: &mut Node,
    now: Instant,
    mut inputs: &[u8],
    outputs: &mut Vec<u8>,
) -> Result<(), BatchError> {
    while let Some(input) = take_input(&mut inputs)? {
        // The refusal is among the outputs, as an event.
        let _ = node.handle(now, input);
    }
    outputs.clear();
    outputs.extend_from_slice(&[0; OUTPUT_HEADER_BYTES]);
    while let Some(output) = node.poll_output() {
        put_output(outputs, &output);
    }
    let timeout = node
        .poll_timeout()
        .map_or(u64::MAX, |(at, _)| at.as_micros());
    outputs[..OUTPUT_HEADER_BYTES].copy_from_slice(&timeout.to_le_bytes());
    Ok(())
}
