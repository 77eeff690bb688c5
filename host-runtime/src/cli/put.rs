//! `henge put`.

use super::args::{PutArgs, ValueKind};
use super::error::CliError;
use super::link::{Link, confused, failed};
use henge_core::causality::Value;
use henge_core::client::Call;
use henge_core::limits::PAIR_BYTES_MAX;
use henge_core::wire::Reply;
use std::io::Read;
use std::path::Path;

pub(super) async fn run(args: PutArgs) -> Result<(), CliError> {
    let bytes = match (&args.file, args.value) {
        (Some(path), _) => read_file(path)?,
        (None, Some(dash)) if dash == "-" => read_all("standard input", std::io::stdin().lock())?,
        (None, value) => value.unwrap_or_default().into_bytes(),
    };
    let encoding = match args.kind {
        Some(kind) => kind.check(&bytes)?,
        None => ValueKind::Text.check(&bytes).unwrap_or(0),
    };
    let call = Call::put(
        args.bucket,
        args.key.into_bytes(),
        Value { encoding, bytes },
    )
    .with_level(args.w)
    .with_timeout_ms(args.server.timeout_ms.unwrap_or(0))
    .with_context(args.context.map(|context| context.0).unwrap_or_default());
    let link = Link::open(&args.server.servers).await?;
    match link.call(call).await.map_err(|failure| failed(&failure))? {
        Reply::Written { .. } => Ok(()),
        Reply::Found(_) | Reply::Missing { .. } | Reply::Listed { .. } | Reply::Edge(_) => {
            Err(confused())
        }
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, CliError> {
    let name = path.display().to_string();
    let file = std::fs::File::open(path)
        .map_err(|error| CliError::new(format!("cannot read {name}: {error}")))?;
    read_all(&name, file)
}

/// Reads a value that can be stored; what is longer is not even read.
fn read_all(name: &str, from: impl Read) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    from.take(PAIR_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| CliError::new(format!("cannot read {name}: {error}")))?;
    if bytes.len() > PAIR_BYTES_MAX {
        return Err(CliError::new(format!(
            "{name} has more than {PAIR_BYTES_MAX} bytes, the most that a value can have"
        ))
        .hint("cut it into several values"));
    }
    Ok(bytes)
}
