//! `henge watch`.

use super::args::WatchArgs;
use super::error::CliError;
use super::link::{Link, failed};
use henge_core::causality::{Hlc, Value};
use henge_core::client::{WatchOutput, WatchSpec};
use henge_core::selector::Span;
use std::io::Write;

pub(super) async fn run(args: WatchArgs) -> Result<(), CliError> {
    let bytes = args.prefix.into_bytes();
    let spec = WatchSpec {
        bucket: args.bucket.into(),
        span: if args.key {
            Span::Key(bytes)
        } else {
            Span::Prefix(bytes)
        },
        token: Vec::new(),
    };
    let mut told = Link::watch(&args.server.servers, spec).await?;
    let mut left = args.count.unwrap_or(u64::MAX);
    while left > 0
        && let Some(output) = told.recv().await
    {
        match output {
            WatchOutput::Watching { .. } => eprintln!("watching"),
            WatchOutput::Resumed { .. } => {}
            WatchOutput::Resync { .. } => {
                eprintln!("resync: some changes are not known any more; read again what matters");
            }
            WatchOutput::Shown { shown, .. } => {
                print(shown.version, &shown.key, shown.value.as_ref())?;
                left -= 1;
            }
            WatchOutput::Failed { failure, .. } => return Err(failed(&failure)),
            WatchOutput::Changes { changes, .. } => {
                let most = usize::try_from(left).unwrap_or(usize::MAX);
                for change in changes.iter().take(most) {
                    print(Some(change.version), &change.key, change.value.as_ref())?;
                    left -= 1;
                }
            }
        }
    }
    Ok(())
}

/// One line: the version, the key, and the value unless the key is deleted. What is no text, and what
/// would end a line or a column, is escaped.
fn print(version: Option<Hlc>, key: &[u8], value: Option<&Value>) -> Result<(), CliError> {
    let failed = |error| CliError::new(format!("cannot write a change out: {error}"));
    // What waits at an edge node has none.
    let version = version.map_or_else(String::new, |version| version.to_string());
    let key = key.escape_ascii();
    let mut out = std::io::stdout().lock();
    match value {
        Some(value) => {
            let value = value.bytes.escape_ascii();
            writeln!(out, "{version}\t{key}\t{value}").map_err(failed)?;
        }
        None => writeln!(out, "{version}\t{key}").map_err(failed)?,
    }
    out.flush().map_err(failed)
}
