//! `/v1/kv/KEY`: one key for curl.

use super::buckets;
use super::calls::Call;
use super::error::HttpError;
use super::headers;
use crate::stone::{Phase, Stone};
use axum::body::{Body, to_bytes};
use axum::extract::{Query, Request, State};
use axum::response::{IntoResponse, Response};
use henge_core::hash;
use henge_core::id::BucketId;
use henge_core::limits::{KEY_BYTES_MAX, TIMEOUT_MAX_MS};
use henge_core::replication::Level;
use henge_core::wire::{Entry, ErrorCode, Failure, Operation, Reply};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{StatusCode, Uri};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// The path before the key.
pub const PREFIX: &str = "/v1/kv/";

/// How long a client may take to send a value.
const BODY_TIME: Duration = Duration::from_secs(30);

/// What may stand behind the `?`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    bucket: Option<String>,
    r: Option<String>,
    w: Option<String>,
    timeout_ms: Option<u32>,
    ttl_ms: Option<u64>,
}

/// Reads a key: its value, or 404.
///
/// # Errors
/// What the request or the cluster lacks.
pub async fn get(State(stone): State<Arc<Stone>>, request: Request) -> Result<Response, HttpError> {
    let (head, _) = request.into_parts();
    let target = Target::parse(&stone, &head.uri)?;
    if target.write_level.is_some() || target.ttl_ms.is_some() {
        return Err(HttpError::bad_request(
            "a read takes ?r=, not ?w= or ?ttl_ms=",
        ));
    }
    let operation = Operation::Get {
        level: target.read_level,
        seen: headers::context(&head.headers)?,
    };
    match target.call(&stone, operation).await? {
        Reply::Found(entry) => Ok(found(entry)),
        Reply::Missing { context } => Ok(missing(&context)),
        Reply::Written { .. } | Reply::Listed { .. } | Reply::Edge(_) => Err(confused()),
    }
}

/// Writes a key: the body is the value.
///
/// # Errors
/// What the request or the cluster lacks.
pub async fn put(State(stone): State<Arc<Stone>>, request: Request) -> Result<Response, HttpError> {
    let (head, body) = request.into_parts();
    let target = Target::parse(&stone, &head.uri)?;
    let bytes = read_body(&stone, target.key.len(), body).await?;
    let value = headers::value(&head.headers, bytes)?;
    write(&stone, target, &head.headers, Some(value)).await
}

/// Removes a key; that it was not there is no error.
///
/// # Errors
/// What the request or the cluster lacks.
pub async fn delete(
    State(stone): State<Arc<Stone>>,
    request: Request,
) -> Result<Response, HttpError> {
    let (head, _) = request.into_parts();
    let target = Target::parse(&stone, &head.uri)?;
    write(&stone, target, &head.headers, None).await
}

async fn write(
    stone: &Stone,
    target: Target,
    headers: &HeaderMap,
    value: Option<henge_core::causality::Value>,
) -> Result<Response, HttpError> {
    if target.read_level.is_some() {
        return Err(HttpError::bad_request("a write takes ?w=, not ?r="));
    }
    let context = headers::context(headers)?;
    let request = headers::request_id(headers)?.unwrap_or_else(|| stone.calls.request_id());
    let operation = Operation::Write {
        level: target.write_level,
        request,
        context,
        value,
        ttl_ms: target.ttl_ms,
    };
    match target.call(stone, operation).await? {
        Reply::Written {
            version, context, ..
        } => {
            let mut response = StatusCode::NO_CONTENT.into_response();
            stamp(&mut response, &version.to_string(), &context);
            Ok(response)
        }
        Reply::Found(_) | Reply::Missing { .. } | Reply::Listed { .. } | Reply::Edge(_) => {
            Err(confused())
        }
    }
}

/// What a request is about.
struct Target {
    bucket: BucketId,
    key: Vec<u8>,
    read_level: Option<Level>,
    write_level: Option<Level>,
    timeout_ms: u32,
    ttl_ms: Option<u64>,
}

impl Target {
    fn parse(stone: &Stone, uri: &Uri) -> Result<Self, HttpError> {
        check_serving(stone)?;
        let Query(options) = Query::<Options>::try_from_uri(uri).map_err(|error| {
            HttpError::bad_request(format!(
                "{error}; allowed are ?bucket=NAME, ?r=LEVEL, ?w=LEVEL, ?timeout_ms= and ?ttl_ms="
            ))
        })?;
        let key = uri.path().strip_prefix(PREFIX).unwrap_or_default();
        let key: Vec<u8> = percent_decode_str(key).collect();
        check_key(&key)?;
        Ok(Self {
            bucket: buckets::find(stone, options.bucket.as_deref())?,
            key,
            read_level: level(options.r)?,
            write_level: level(options.w)?,
            timeout_ms: check_timeout(options.timeout_ms)?,
            ttl_ms: options.ttl_ms,
        })
    }

    async fn call(self, stone: &Stone, operation: Operation) -> Result<Reply, HttpError> {
        let position = hash::position(self.bucket, &self.key);
        let partition = hash::partition_at(position, stone.config.partitions);
        let Self {
            bucket,
            key,
            timeout_ms,
            ..
        } = self;
        let call = Call {
            bucket,
            key,
            partition,
            timeout_ms,
            operation,
        };
        Ok(stone.calls.call(&stone.shards, call).await?)
    }
}

pub(super) fn check_serving(stone: &Stone) -> Result<(), HttpError> {
    if stone.phase() == Phase::Serving {
        return Ok(());
    }
    let message = "this stone is stopping; ask another one";
    Err(Failure::new(ErrorCode::Unavailable, message).into())
}

/// The time that a client gives; 0 for the default.
pub(super) fn check_timeout(timeout_ms: Option<u32>) -> Result<u32, HttpError> {
    match timeout_ms {
        Some(asked) if asked > TIMEOUT_MAX_MS => Err(HttpError::bad_request(format!(
            "timeout_ms {asked} is too long; allowed are 1 to {TIMEOUT_MAX_MS}"
        ))),
        asked => Ok(asked.unwrap_or(0)),
    }
}

fn check_key(key: &[u8]) -> Result<(), HttpError> {
    let message = match key.len() {
        0 => "the key is empty; write it behind /v1/kv/".to_owned(),
        length if length > KEY_BYTES_MAX => {
            format!("the key has {length} bytes; at most {KEY_BYTES_MAX} are allowed")
        }
        _ => return Ok(()),
    };
    Err(Failure::new(ErrorCode::KeyTooLarge, message).into())
}

pub(super) fn level(text: Option<String>) -> Result<Option<Level>, HttpError> {
    let Some(text) = text else { return Ok(None) };
    let level = text.parse::<Level>();
    level
        .map(Some)
        .map_err(|error| Failure::new(ErrorCode::Level, error.to_string()).into())
}

async fn read_body(stone: &Stone, key_bytes: usize, body: Body) -> Result<Vec<u8>, HttpError> {
    let pair_bytes_max = stone.config.pair_bytes_max as usize;
    let allowed = pair_bytes_max.saturating_sub(key_bytes);
    let read = timeout(BODY_TIME, to_bytes(body, allowed)).await;
    let read = read.map_err(|_| {
        let message = format!("the value did not come within {} s", BODY_TIME.as_secs());
        HttpError::new(StatusCode::REQUEST_TIMEOUT, "TIMEOUT", message)
    })?;
    match read {
        Ok(bytes) => Ok(bytes.into()),
        Err(_) => Err(Failure::new(
            ErrorCode::ValueTooLarge,
            format!(
                "key and value together may have {pair_bytes_max} bytes; with this key at most \
                 {allowed} are left for the value (or the body was cut short)"
            ),
        )
        .into()),
    }
}

fn found(entry: Entry) -> Response {
    let siblings = HeaderValue::from(entry.siblings.len());
    let content_type = headers::content_type(entry.value.encoding);
    let mut response = Body::from(entry.value.bytes).into_response();
    stamp(&mut response, &entry.version.to_string(), &entry.context);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(headers::SIBLINGS, siblings);
    response
}

fn missing(context: &[u8]) -> Response {
    let mut response = HttpError::not_found("there is no value under this key").into_response();
    stamp_context(&mut response, context);
    response
}

fn stamp(response: &mut Response, version: &str, context: &[u8]) {
    if let Ok(version) = HeaderValue::from_str(version) {
        response.headers_mut().insert(headers::VERSION, version);
    }
    stamp_context(response, context);
}

fn stamp_context(response: &mut Response, context: &[u8]) {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(context) = headers::context_header(context) {
        headers.insert(headers::CONTEXT, context);
    }
}

/// The node answered a read as if it were a write, or the other way round.
fn confused() -> HttpError {
    Failure::new(
        ErrorCode::Internal,
        "the node answered another question; report this",
    )
    .into()
}
