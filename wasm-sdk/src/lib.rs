//! henge-wasm.
