//! The deterministic simulator.

use anyhow::Result;
use clap::Args as ClapArgs;

use crate::cmd::Cmd;

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// Passed to henge-sim
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// Builds the simulator and runs it with the terminal as its own. Bugs are planted only if that is
/// asked for.
pub(crate) fn run(args: &Args) -> Result<()> {
    let plants = |arg: &String| arg == "--bugs" || arg.starts_with("--plant");
    let mut cargo = Cmd::cargo(["run", "--quiet", "--release", "-p", "henge-sim"]);
    if args.args.iter().any(plants) {
        cargo = cargo.args(["--features", "planted-bugs"]);
    }
    cargo.arg("--").args(&args.args).run_in_terminal()
}
