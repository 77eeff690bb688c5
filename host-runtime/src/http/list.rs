//! `/v1/kv?prefix=…`: the keys that begin so, or lie in a range, as lines of JSON.

use super::buckets;
use super::calls::Call;
use super::error::HttpError;
use super::kv::{check_serving, check_timeout, level};
use crate::listing::{Keys, Outcome, json_line};
use crate::stone::Stone;
use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{FutureExt, stream};
use henge_core::client::{Listing, PageWanted};
use henge_core::id::BucketId;
use henge_core::limits::TIMEOUT_DEFAULT_MS;
use henge_core::replication::Level;
use henge_core::selector::{Selector, Span};
use henge_core::wire::{ErrorCode, Failure, Operation};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use serde::Deserialize;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a page waits that was refused because there is too much to do.
const REST: Duration = Duration::from_millis(20);

/// Lines that are sent at a time, in bytes.
const CHUNK_BYTES: usize = 16 * 1_024;

/// What may stand behind the `?`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    prefix: Option<String>,
    from: Option<String>,
    to: Option<String>,
    after: Option<String>,
    limit: Option<u64>,
    bucket: Option<String>,
    r: Option<String>,
    timeout_ms: Option<u32>,
}

/// Lists keys. The answer ends early, as a broken connection, if the cluster does not go on with it.
///
/// # Errors
/// What the request lacks, or the cluster before the first key.
pub async fn get(State(stone): State<Arc<Stone>>, request: Request) -> Result<Response, HttpError> {
    check_serving(&stone)?;
    let options = Query::<Options>::try_from_uri(request.uri());
    let Query(options) = options.map_err(|error| {
        HttpError::bad_request(format!(
            "{error}; allowed are ?prefix=, or ?from= and ?to=, and ?after=KEY, ?limit=, ?bucket=NAME, \
             ?r=LEVEL and ?timeout_ms="
        ))
    })?;
    let span = match (options.prefix, options.from, options.to) {
        (Some(prefix), None, None) => Span::Prefix(prefix.into()),
        (None, from, to) if from.is_some() || to.is_some() => Span::Range {
            from: from.unwrap_or_default().into(),
            to: to.unwrap_or_default().into(),
        },
        _ => {
            let message = "say which keys: ?prefix= (empty for all), or ?from= and ?to=; to read one key, \
                           write it behind /v1/kv/";
            return Err(HttpError::bad_request(message));
        }
    };
    span.check()?;
    let asker = Asker {
        bucket: buckets::find(&stone, options.bucket.as_deref())?,
        r: level(options.r)?,
        timeout_ms: check_timeout(options.timeout_ms)?,
        span: span.clone(),
        stone,
    };
    let (bucket, partitions) = (asker.bucket, asker.stone.config.partitions);
    let selector = Selector { bucket, span };
    let one = selector.partition(partitions);
    let listing = Listing::new(selector.span, one, partitions)
        .behind(options.after.unwrap_or_default().into())
        .at_most(options.limit.unwrap_or(u64::MAX));
    let asker = Arc::new(asker);
    let mut keys = Keys::new(listing, move |wanted| {
        let asker = Arc::clone(&asker);
        async move { asker.page(wanted).await }.boxed()
    });
    // What fails at once has a status that says so.
    let first = keys.next().await?;
    let lines = stream::unfold((Ok(first), keys), |(mut entry, mut keys)| async move {
        let mut lines = String::new();
        while lines.len() < CHUNK_BYTES
            && let Ok(Some(listed)) = &entry
        {
            lines.push_str(&json_line(listed, false));
            entry = keys.next().await;
        }
        match entry {
            entry if !lines.is_empty() => Some((Ok(Bytes::from(lines)), (entry, keys))),
            Ok(_) => None,
            Err(failure) => {
                let broken = io::Error::other(failure.to_string());
                Some((Err(broken), (Ok(None), keys)))
            }
        }
    });
    let mut response = Body::from_stream(lines).into_response();
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("application/x-ndjson");
    headers.insert(CONTENT_TYPE, kind);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// What all pages of one list have in common.
struct Asker {
    stone: Arc<Stone>,
    bucket: BucketId,
    span: Span,
    r: Option<Level>,
    timeout_ms: u32,
}

impl Asker {
    /// A page; what is refused because there is too much to do is asked for again while there is time.
    async fn page(&self, wanted: PageWanted) -> Outcome {
        let timeout_ms = match self.timeout_ms {
            0 => TIMEOUT_DEFAULT_MS,
            asked => asked,
        };
        let until = Instant::now() + Duration::from_millis(timeout_ms.into());
        loop {
            let call = Call {
                bucket: self.bucket,
                key: Vec::new(),
                partition: wanted.partition,
                timeout_ms,
                operation: Operation::List {
                    span: self.span.clone(),
                    after: wanted.after.clone(),
                    is_reverse: wanted.is_reverse,
                    limit: wanted.limit,
                    r: self.r,
                },
            };
            match self.stone.calls.call(&self.stone.shards, call).await {
                Err(Failure {
                    code: ErrorCode::RateLimited,
                    ..
                }) if Instant::now() + REST < until => sleep(REST).await,
                outcome => return outcome,
            }
        }
    }
}
