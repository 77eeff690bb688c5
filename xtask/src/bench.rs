//! Henge beside its peers.

use anyhow::Result;
use clap::Args as ClapArgs;

use crate::build::{self, Built};
use crate::cmd::Cmd;
use crate::steps::Steps;
use crate::{paths, setup};

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// `browser [--rounds N] [--keys N] [--memory MIB]`; anything else is passed to henge-bench
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        default_value = "quick"
    )]
    args: Vec<String>,
}

/// Builds the server and runs one bench with the terminal as its own.
pub(crate) fn run(args: &Args, steps: &mut Steps) -> Result<()> {
    let built = build::run(steps)?;
    match args.args.split_first() {
        Some((first, rest)) if first == "browser" => browser(rest, steps),
        _ => native(&built, &args.args, steps),
    }
}

fn native(built: &Built, args: &[String], steps: &mut Steps) -> Result<()> {
    steps.run("redis-server", setup::redis_server)?;
    let benches = built.cargo(&["build", "--release", "-p", "henge-bench"]);
    steps.run("benches", |ticker| benches.run(ticker).map(drop))?;
    built
        .cargo(&["run", "--quiet", "--release", "-p", "henge-bench", "--"])
        .args(args)
        .env("HENGE_BIN", paths::henge())
        .run_in_terminal()
}

/// The SDK beside other stores of pages: they are JavaScript, and so is what compares them.
fn browser(args: &[String], steps: &mut Steps) -> Result<()> {
    setup::js_test_packages(steps)?;
    let chromium = steps.run("chromium", setup::chromium)?;
    Cmd::new("node")
        .arg("tests/browser/bench/main.mjs")
        .args(args)
        .env("HENGE_BIN", paths::henge())
        .env("HENGE_CHROMIUM", chromium)
        .run_in_terminal()
}
