//! Henge beside its peers.

use anyhow::Result;
use clap::Args as ClapArgs;

use crate::steps::Steps;
use crate::{build, paths, setup};

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// Passed to henge-bench
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        default_value = "quick"
    )]
    args: Vec<String>,
}

/// Builds the server and the benches, then runs them with the terminal as theirs.
pub(crate) fn run(args: &Args, steps: &mut Steps) -> Result<()> {
    let built = build::run(steps)?;
    steps.run("redis-server", setup::redis_server)?;
    let benches = built.cargo(&["build", "--release", "-p", "henge-bench"]);
    steps.run("benches", |ticker| benches.run(ticker).map(drop))?;
    built
        .cargo(&["run", "--quiet", "--release", "-p", "henge-bench", "--"])
        .args(&args.args)
        .env("HENGE_BIN", paths::henge())
        .run_in_terminal()
}
