//! `henge delete`.

use super::args::DeleteArgs;
use super::error::CliError;
use super::link::{Link, confused, failed};
use henge_core::client::Call;
use henge_core::wire::Reply;

pub(super) async fn run(args: DeleteArgs) -> Result<(), CliError> {
    let call = Call::delete(args.bucket, args.key.into_bytes())
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
