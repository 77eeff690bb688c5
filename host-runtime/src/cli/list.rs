//! `henge list`.

use super::args::ListKeysArgs;
use super::error::CliError;
use super::link::{Link, failed};
use crate::listing::{Keys, json_line};
use futures_util::FutureExt;
use henge_core::client::{Call, Listing, PageWanted};
use henge_core::id::BucketId;
use henge_core::selector::{Selector, Span};
use henge_core::wire::Listed;
use std::io::{BufWriter, Write};

pub(super) async fn run(args: ListKeysArgs) -> Result<(), CliError> {
    let span = match (&args.prefix, &args.from, &args.to) {
        (prefix, None, None) => Span::Prefix(prefix.clone().unwrap_or_default().into()),
        (_, from, to) => Span::Range {
            from: from.clone().unwrap_or_default().into(),
            to: to.clone().unwrap_or_default().into(),
        },
    };
    let link = Link::open(&args.server.servers).await?;
    let timeout_ms = args.server.timeout_ms.unwrap_or(0);
    let partitions = link.partitions(timeout_ms).await;
    let partitions = partitions.map_err(|failure| failed(&failure))?;
    // Where a prefix with a tag lies does not depend on its bucket.
    let selector = Selector {
        bucket: BucketId::default(),
        span,
    };
    let one = selector.partition(partitions);
    let mut listing = Listing::new(selector.span, one, partitions);
    if let Some(after) = &args.after {
        listing = listing.behind(after.clone().into());
    }
    if let Some(limit) = args.limit {
        listing = listing.at_most(limit);
    }
    let span = listing.span().clone();
    let mut keys = Keys::new(listing, |wanted: PageWanted| {
        let PageWanted {
            partition,
            after,
            is_reverse,
            limit,
        } = wanted;
        let call = Call::list(args.bucket.clone(), span.clone(), partition, after, limit)
            .in_reverse(is_reverse)
            .with_level(args.r)
            .with_timeout_ms(timeout_ms);
        let link = link.clone();
        async move { link.call(call).await }.boxed()
    });
    let unwritable = |error| CliError::new(format!("cannot write a key out: {error}"));
    let mut out = BufWriter::new(std::io::stdout());
    loop {
        match keys.next().await {
            Ok(Some(entry)) => {
                let line = if args.json {
                    json_line(&entry, args.keys_only)
                } else {
                    text_line(&entry, args.keys_only)
                };
                out.write_all(line.as_bytes()).map_err(unwritable)?;
            }
            Ok(None) => return out.flush().map_err(unwritable),
            Err(failure) => {
                out.flush().map_err(unwritable)?;
                let cursor = String::from_utf8_lossy(keys.cursor()).into_owned();
                let error = failed(&failure);
                return Err(if cursor.is_empty() {
                    error
                } else {
                    error.hint(format!("the list goes on with --after {cursor}"))
                });
            }
        }
    }
}

/// The key, and the value behind a tab. What is no text, and what would end a line or a column, is escaped.
fn text_line(entry: &Listed, keys_only: bool) -> String {
    let key = entry.key.escape_ascii();
    if keys_only {
        return format!("{key}\n");
    }
    format!("{key}\t{}\n", entry.value.bytes.escape_ascii())
}
