//! The command `henge`.
//!
//! * [`args`]: what can be written behind it.
//! * [`serve`]: `henge serve`.
//! * [`error`]: errors with a hint and an exit code.

pub mod args;
pub mod error;
mod serve;

use args::{Cli, Command};
use clap::Parser;
pub use error::CliError;
use std::process::ExitCode;

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Serve(args) => serve::run(*args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            error.exit_code()
        }
    }
}
