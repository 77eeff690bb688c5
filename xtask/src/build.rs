//! The native server, with the SDK and the console inside.

use anyhow::Result;

use crate::cmd::Cmd;
use crate::setup::WasmRust;
use crate::steps::Steps;
use crate::{paths, wasm};

/// Builds the SDK, then the server, whose build script builds the guest and embeds both.
pub(crate) fn run(steps: &mut Steps) -> Result<()> {
    wasm::build(steps)?;
    steps.run("rust target for the guest", WasmRust::find)?;
    steps.run("server", |ticker| {
        Cmd::cargo(["build", "--release", "-p", "henge-host"]).run(ticker)?;
        Ok(paths::henge())
    })?;
    Ok(())
}
