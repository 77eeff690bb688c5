//! What must be on the machine: each piece is looked for first and installed only if missing.

mod debian;
mod npm;
mod rust;

use anyhow::Result;

use crate::paths;
use crate::steps::Steps;

pub(crate) use debian::{chromium, firefox, iproute2, redis_server};
pub(crate) use npm::binaries as npm_binaries;
pub(crate) use rust::{NO_STD_TARGETS, WASM, WasmRust, nextest};
use rust::{component, target};

/// Everything that any command needs.
pub(crate) fn all(steps: &mut Steps) -> Result<()> {
    lint_tools(steps)?;
    steps.run("rust target for wasm", WasmRust::find)?;
    no_std_targets(steps)?;
    sdk_packages(steps)?;
    js_test_packages(steps)?;
    steps.run("cargo-nextest", nextest)?;
    steps.run("chromium", chromium)?;
    steps.run("firefox", firefox)?;
    steps.run("redis-server", redis_server)?;
    if cfg!(target_os = "linux") {
        steps.run("iproute2", iproute2)?;
    }
    Ok(())
}

/// The formatter and the linter.
pub(crate) fn lint_tools(steps: &mut Steps) -> Result<()> {
    steps.run("rustfmt and clippy", |ticker| {
        component("rustfmt", ticker)?;
        component("clippy", ticker)
    })?;
    Ok(())
}

/// The targets that show that the core needs no std.
pub(crate) fn no_std_targets(steps: &mut Steps) -> Result<()> {
    for triple in NO_STD_TARGETS {
        steps.run(&format!("rust target {triple}"), |ticker| {
            target(triple, ticker)
        })?;
    }
    Ok(())
}

/// The npm packages that build the SDK; nothing while there is no package.json.
pub(crate) fn sdk_packages(steps: &mut Steps) -> Result<()> {
    npm_packages("npm packages of the SDK", "wasm-sdk", steps)
}

/// The npm packages of the browser and runtime tests; nothing while there is no package.json.
pub(crate) fn js_test_packages(steps: &mut Steps) -> Result<()> {
    npm_packages("npm packages of the tests", "tests", steps)
}

fn npm_packages(step: &str, dir: &str, steps: &mut Steps) -> Result<()> {
    let dir = paths::root().join(dir);
    if !dir.join("package.json").is_file() {
        return Ok(());
    }
    steps.run(step, |ticker| npm::packages(&dir, ticker))?;
    Ok(())
}
