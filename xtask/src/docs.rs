//! The API reference, as `wasm-sdk/typedoc.config.mjs` makes it of the types.

use anyhow::Result;

use crate::cmd::Cmd;
use crate::steps::Steps;
use crate::{paths, wasm};

/// Writes `docs/api`. A test of the SDK says when that is due.
pub(crate) fn run(steps: &mut Steps) -> Result<()> {
    // Some types are of the glue, which the build makes.
    wasm::build(steps)?;
    steps.run("API reference", |ticker| {
        Cmd::new("npm")
            .args(["run", "docs"])
            .dir(paths::sdk())
            .run(ticker)
            .map(drop)
    })
}
