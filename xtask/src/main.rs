//! The only door to this workspace: `cargo xtask <command>`, the same for people and for CI.
//!
//! A command installs what it needs and is missing, says each step in one line, and may be run
//! again at any time: what is up to date is skipped.

mod bench;
mod build;
mod cluster;
mod cmd;
mod docs;
mod hosts;
mod paths;
mod setup;
mod sim;
mod stamp;
mod steps;
mod test;
mod tidy;
mod tree;
mod wasm;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

use crate::steps::Steps;

#[derive(Parser)]
#[command(
    name = "xtask",
    bin_name = "cargo xtask",
    about = "Builds, runs and tests Henge"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what the other commands need: wasm targets, npm packages, test tools
    Setup,
    /// Build the SDK: wasm, its JavaScript glue and the TypeScript around it, into wasm-sdk/dist
    Wasm,
    /// Print the sizes of all that the SDK ships, and the largest parts of its wasm
    Sizes,
    /// Write the API reference of the SDK, docs/api, anew from its types
    Docs,
    /// Build the SDK and then the native server, target/release/henge
    Build,
    /// Build, start a cluster of stones in the background and wait until each is ready
    Up(cluster::UpArgs),
    /// Stop the stones that `up` has started; their data stays
    Down(cluster::DataArgs),
    /// Say which stones run, where, and how they feel
    Status(cluster::DataArgs),
    /// Check everything: format, lints, rules, docs, no_std, all tests in all runtimes
    #[command(alias = "ci")]
    Test(test::Args),
    /// Check the rules of the house that no other tool knows
    Tidy,
    /// Run the side-by-side benches: `bench browser`; other arguments go to henge-bench (try `bench quick`)
    Bench(bench::Args),
    /// Break clusters of real stones on hosts of their own; arguments go to henge-hosts (try `hosts --only kills`)
    Hosts(hosts::Args),
    /// Run the deterministic simulator; arguments go to henge-sim (try `sim --seed 1`)
    Sim(sim::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut steps = Steps::start();
    match run(cli.command, &mut steps) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command, steps: &mut Steps) -> Result<()> {
    match command {
        Command::Setup => setup::all(steps),
        Command::Wasm => wasm::build(steps),
        Command::Sizes => wasm::sizes(steps),
        Command::Docs => docs::run(steps),
        Command::Build => build::run(steps).map(drop),
        Command::Up(args) => cluster::up(&args, steps),
        Command::Down(args) => cluster::down(&args, steps),
        Command::Status(args) => cluster::status(&args),
        Command::Test(args) => test::run(&args, steps),
        Command::Tidy => tidy::run(steps),
        Command::Bench(args) => bench::run(&args, steps),
        Command::Hosts(args) => hosts::run(&args, steps),
        Command::Sim(args) => sim::run(&args),
    }
}
