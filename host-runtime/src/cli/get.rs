//! `henge get`.

use super::args::{GetArgs, context_text};
use super::error::CliError;
use super::link::{Link, confused, failed};
use henge_core::client::Call;
use henge_core::wire::{Entry, Reply};
use std::io::{IsTerminal, Write};

pub(super) async fn run(args: GetArgs) -> Result<(), CliError> {
    let call = Call::get(args.bucket.clone(), args.key.clone().into_bytes())
        .with_level(args.r)
        .with_timeout_ms(args.server.timeout_ms.unwrap_or(0));
    let link = Link::open(&args.server.servers).await?;
    match link.call(call).await.map_err(|failure| failed(&failure))? {
        Reply::Found(entry) => print(&entry, args.meta),
        Reply::Missing { .. } => Err(CliError::not_found(format!(
            "there is no value under {}",
            args.key
        ))),
        Reply::Written { .. } | Reply::Listed { .. } | Reply::Edge(_) => Err(confused()),
    }
}

/// The bytes as they are; a terminal gets a line break behind them.
fn print(entry: &Entry, meta: bool) -> Result<(), CliError> {
    let failed = |error| CliError::new(format!("cannot write the value out: {error}"));
    let mut out = std::io::stdout().lock();
    out.write_all(&entry.value.bytes).map_err(failed)?;
    if out.is_terminal() && !entry.value.bytes.ends_with(b"\n") {
        out.write_all(b"\n").map_err(failed)?;
    }
    out.flush().map_err(failed)?;
    if meta {
        eprintln!("version: {}", entry.version);
        eprintln!("context: {}", context_text(&entry.context));
        eprintln!("siblings: {}", entry.siblings.len());
    }
    Ok(())
}
