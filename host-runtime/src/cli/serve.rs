//! `henge serve`.

use super::error::CliError;
use crate::config::{ServeArgs, Settings};
use crate::serve::{self, ServeError};
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

pub(super) fn run(args: ServeArgs) -> Result<(), CliError> {
    start_log();
    let settings = Settings::load(args).map_err(|error| explain(ServeError::Settings(error)))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::new(format!("cannot start threads: {error}")))?;
    let served = runtime.block_on(serve::run(settings)).map_err(explain);
    // Tasks that still wait for something have nothing left to say.
    runtime.shutdown_background();
    served
}

/// One line for each event on stderr; HENGE_LOG sets what is told, like `debug` or
/// `henge_host::net=debug`.
fn start_log() {
    let filter = EnvFilter::try_from_env("HENGE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .with_env_filter(filter)
        .init();
}

fn explain(error: ServeError) -> CliError {
    let message = error.to_string();
    match error {
        ServeError::Settings(wrong) => CliError::usage(message).hint(wrong.hint),
        ServeError::Listen { error, .. } if error.kind() == std::io::ErrorKind::AddrInUse => {
            CliError::new(message).hint(
                "something listens there already: stop it, or choose another address with --listen",
            )
        }
        ServeError::Listen { .. } => {
            CliError::new(message).hint("--listen takes HOST:PORT with an address of this machine")
        }
        _ => CliError::new(message),
    }
}
