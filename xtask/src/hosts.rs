//! Fault tests of real stones on hosts of their own: Linux network namespaces.

use anyhow::{Result, bail};
use clap::Args as ClapArgs;
use std::env;
use std::path::PathBuf;

use crate::cmd::Cmd;
use crate::steps::Steps;
use crate::{build, paths, setup};

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// Passed to henge-hosts
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// Builds the server and the scenarios, then plays them with the terminal as theirs.
pub(crate) fn run(args: &Args, steps: &mut Steps) -> Result<()> {
    steps.run("iproute2", setup::iproute2)?;
    build::run(steps)?;
    Cmd::new(program())
        .args(&args.args)
        .env("HENGE_BIN", paths::henge())
        .run_in_terminal()
}

/// Says whether the tests on hosts of their own can run here: without root they are ignored. In CI
/// they must run.
pub(crate) fn check(steps: &mut Steps) -> Result<()> {
    if cfg!(target_os = "linux") && (is_root() || is_ci()) {
        steps.run("iproute2", setup::iproute2)?;
    }
    let answer = Cmd::new(program()).arg("--check").answer();
    steps.run("network namespaces", |_| match answer {
        Some(_) => Ok("allowed".to_owned()),
        None if is_ci() => bail!(
            "the tests on hosts of their own must run in CI; `henge-hosts --check` says why they cannot: run as root with CAP_SYS_ADMIN"
        ),
        None => Ok("NOT ALLOWED: the tests of henge-hosts are ignored (they take root)".to_owned()),
    })?;
    Ok(())
}

fn program() -> PathBuf {
    paths::target().join("release/henge-hosts")
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn is_ci() -> bool {
    env::var_os("CI").is_some()
}
