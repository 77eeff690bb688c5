//! The command `henge`.
//!
//! * [`args`]: what can be written behind it.
//! * [`error`]: errors with a hint and an exit code.
//! * [`link`]: a connection to the cluster that survives its stones.
//! * `stored`: files of a storage, read in pieces.
//! * `progress`: how far a command has come through files.
//! * `table`: rows of text in columns.
//! * `serve`, `put`, `get`, `delete`, `list`, `watch`, `status`, `ring`, `bucket`, `check`, `dump`, [`import`]: one file or
//!   folder for each command.

pub mod args;
mod bucket;
mod check;
mod delete;
mod dump;
pub mod error;
mod get;
pub mod import;
pub mod link;
mod list;
mod progress;
mod put;
mod ring;
mod serve;
mod status;
mod stored;
mod table;
mod watch;

use args::{Cli, Command};
use clap::Parser;
pub use error::CliError;
use std::future::Future;
use std::process::ExitCode;

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(args) => serve::run(*args),
        Command::Put(args) => block_on(put::run(args)),
        Command::Get(args) => block_on(get::run(args)),
        Command::Delete(args) => block_on(delete::run(args)),
        Command::List(args) => block_on(list::run(args)),
        Command::Watch(args) => block_on(watch::run(args)),
        Command::Import(args) => block_on(import::run(args)),
        Command::Status(args) => block_on(status::run(args)),
        Command::Bucket(command) => block_on(bucket::run(command)),
        Command::Ring(command) => block_on(ring::run(command)),
        Command::Check(args) => check::run(&args),
        Command::Dump(args) => dump::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            error.exit_code()
        }
    }
}

/// Runs a command that needs no more than one thread.
fn block_on(command: impl Future<Output = Result<(), CliError>>) -> Result<(), CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::new(format!("cannot start: {error}")))?;
    runtime.block_on(command)
}
