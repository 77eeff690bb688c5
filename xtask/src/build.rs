//! The native server, with the SDK and the console inside.

use anyhow::Result;
use std::path::PathBuf;

use crate::cmd::Cmd;
use crate::setup::WasmRust;
use crate::steps::Steps;
use crate::{paths, wasm};

/// What other commands that compile the host have to know.
pub(crate) struct Built {
    /// The guest, where the host's build script cannot build it.
    guest: Option<PathBuf>,
}

impl Built {
    /// `cargo` with `args`, for packages that may depend on the host.
    pub(crate) fn cargo(&self, args: &[&str]) -> Cmd {
        let cargo = Cmd::cargo(args);
        match &self.guest {
            Some(guest) => cargo.env("HENGE_GUEST_WASM", guest),
            None => cargo,
        }
    }
}

/// Builds the SDK, then the server, whose build script builds the guest and embeds both.
pub(crate) fn run(steps: &mut Steps) -> Result<Built> {
    with(steps, "server", &["--bins"])
}

/// The same, with all tests: Cargo chooses the features of dependencies for what is built together,
/// so that wasmtime would be compiled once for the server and again for the tests.
pub(crate) fn run_with_tests(steps: &mut Steps) -> Result<Built> {
    with(steps, "server and tests", &["--all-targets"])
}

fn with(steps: &mut Steps, what: &str, targets: &[&str]) -> Result<Built> {
    wasm::build(steps)?;
    let rust = steps.run("rust target for the guest", WasmRust::find)?;
    let built = Built {
        guest: match rust {
            WasmRust::InUse => None,
            WasmRust::Debian { .. } => Some(wasm::guest::shipped()),
        },
    };
    let server = built
        .cargo(&["build", "--release", "--workspace"])
        .args(targets);
    steps.run(what, |ticker| server.run(ticker).map(|_| paths::henge()))?;
    Ok(built)
}
