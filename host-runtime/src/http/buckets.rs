//! `/v1/buckets`: which buckets there are. `/v1/buckets/NAME`: one that is made, or gets other settings.

use super::error::HttpError;
use super::members::known;
use super::status::json;
use crate::config::args::PolicySetting;
use crate::stone::Stone;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::response::Response;
use henge_core::cluster::{
    Bucket, BucketError, BucketName, BucketSettings, Change, ClusterState, DEFAULT_BUCKET,
};
use henge_core::id::BucketId;
use henge_core::replication::Level;
use henge_core::wire::Failure;
use hyper::StatusCode;
use serde::{Deserialize, Deserializer, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// How long an agreement is waited for.
const AGREE_TIME: Duration = Duration::from_secs(10);
/// How often the wish for it is repeated: a shard that restarts forgets it.
const WISH_EVERY: Duration = Duration::from_secs(1);
/// How long a client may take to send a body.
const BODY_TIME: Duration = Duration::from_secs(30);
/// Longest body, in bytes.
const BODY_BYTES_MAX: usize = 4_096;

/// What a body may say. What it leaves out stays as it is; in a new bucket it is as in the default one.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    policy: Option<PolicySetting>,
    r: Option<LevelText>,
    w: Option<LevelText>,
    /// `null` is for ever.
    #[serde(default, deserialize_with = "stated")]
    ttl_ms: Option<Option<u64>>,
}

/// A level as people write it: `"quorum"`, `"2"` or `2`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum LevelText {
    Number(u64),
    Text(String),
}

/// Tells what is `null` from what is left out.
fn stated<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<u64>>, D::Error> {
    Option::deserialize(from).map(Some)
}

#[derive(Serialize)]
struct Shown<'a> {
    name: &'a str,
    id: u32,
    policy: String,
    r: String,
    w: String,
    ttl_ms: Option<u64>,
}

impl<'a> Shown<'a> {
    fn new(id: BucketId, name: &'a str, settings: &BucketSettings) -> Self {
        Self {
            name,
            id: id.0,
            policy: settings.policy.to_string(),
            r: settings.read_level.to_string(),
            w: settings.write_level.to_string(),
            ttl_ms: settings.ttl_ms,
        }
    }
}

/// All buckets that can be used through this stone, the default one first.
///
/// # Errors
/// While its shards are not open.
pub async fn get(State(stone): State<Arc<Stone>>) -> Result<Response, HttpError> {
    let state = known(&stone.shared)?;
    let default = stone.config.default_bucket();
    let mut shown = vec![Shown::new(BucketId::default(), DEFAULT_BUCKET, &default)];
    let made = state.buckets();
    shown.extend(made.map(|(id, it)| Shown::new(id, it.name.as_str(), &it.settings)));
    json(&shown)
}

/// Makes a bucket, or gives one other levels and another time to live. Answers when that is agreed on
/// and every shard of this stone goes by it.
///
/// # Errors
/// If there cannot be such a bucket, or it is not agreed on in time.
pub async fn put(
    State(stone): State<Arc<Stone>>,
    Path(name): Path<String>,
    body: Body,
) -> Result<Response, HttpError> {
    let name: BucketName = name.parse()?;
    let wanted = read(body).await?;
    let state = known(&stone.board)?;
    let before = find_bucket(&state, &name).map(|(_, bucket)| bucket);
    let settings = wanted.over(before.map_or(stone.config.default_bucket(), |it| it.settings))?;
    let change = state.bucket_change(&name, settings)?;
    let after = before.map_or(0, |bucket| bucket.revision);
    let (id, bucket) = agree(&stone, &name, settings, after, change).await?;
    let mut response = json(&Shown::new(id, name.as_str(), &bucket.settings))?;
    if after == 0 {
        *response.status_mut() = StatusCode::CREATED;
    }
    Ok(response)
}

/// The bucket that a request names, the default one if it names none.
///
/// # Errors
/// If there is none of that name, or the shards are not open yet.
pub fn find(stone: &Stone, name: Option<&str>) -> Result<BucketId, HttpError> {
    let Some(name) = name else {
        return Ok(BucketId::default());
    };
    let state = known(&stone.shared)?;
    let found = state.bucket_id(name);
    found.ok_or_else(|| Failure::no_such_bucket(name, state.bucket_names()).into())
}

fn find_bucket<'a>(state: &'a ClusterState, name: &BucketName) -> Option<(BucketId, &'a Bucket)> {
    let mut buckets = state.buckets();
    buckets.find(|(_, bucket)| bucket.name == *name)
}

/// Waits until the bucket has `settings`, which it gets by `change` if it has others now, in a state
/// that all shards go by. Its revision was `after`.
async fn agree(
    stone: &Stone,
    name: &BucketName,
    settings: BucketSettings,
    after: u64,
    change: Option<Change>,
) -> Result<(BucketId, Bucket), HttpError> {
    let limit = Instant::now() + AGREE_TIME;
    let mut epoch = None;
    while Instant::now() < limit {
        if let Some(change) = &change {
            stone.wish(change.clone()).await;
        }
        let until = limit.min(Instant::now() + WISH_EVERY);
        while let Ok(state) = timeout_at(until, stone.shared.after(epoch)).await {
            epoch = Some(state.epoch);
            match find_bucket(&state, name) {
                Some((id, bucket)) if bucket.settings == settings => {
                    return Ok((id, bucket.clone()));
                }
                Some((_, bucket)) if bucket.revision > after => {
                    let message =
                        format!("{name} got other settings meanwhile; look and try again");
                    return Err(HttpError::new(StatusCode::CONFLICT, "CONFLICT", message));
                }
                // Meanwhile there may be as many as can be.
                _ => drop(state.bucket_change(name, settings)?),
            }
        }
    }
    let message = format!(
        "not agreed on within {} s, for which a majority of the members must be reachable; it may \
         still be: look at /v1/buckets, or ask again",
        AGREE_TIME.as_secs()
    );
    Err(HttpError::new(
        StatusCode::GATEWAY_TIMEOUT,
        "INDETERMINATE",
        message,
    ))
}

async fn read(body: Body) -> Result<Wanted, HttpError> {
    let wrong = |why: String| {
        HttpError::bad_request(format!(
            "{why}; send JSON with any of \"policy\": \"lww\" or \"siblings\", \"r\" and \"w\": a \
             level, \"ttl_ms\": milliseconds or null"
        ))
    };
    let read = timeout(BODY_TIME, to_bytes(body, BODY_BYTES_MAX)).await;
    let late = |_| {
        wrong(format!(
            "the body did not come within {} s",
            BODY_TIME.as_secs()
        ))
    };
    let bytes = read.map_err(late)?;
    let bytes = bytes.map_err(|error| wrong(format!("the body cannot be read: {error}")))?;
    if bytes.is_empty() {
        return Ok(Wanted::default());
    }
    serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))
}

impl Wanted {
    /// These settings over those that a bucket has, or begins with.
    fn over(self, base: BucketSettings) -> Result<BucketSettings, HttpError> {
        let level = |text: Option<LevelText>, base: Level| {
            let text = match text {
                None => return Ok(base),
                Some(LevelText::Number(number)) => number.to_string(),
                Some(LevelText::Text(text)) => text,
            };
            text.parse::<Level>().map_err(BucketError::Level)
        };
        Ok(BucketSettings {
            policy: self.policy.map_or(base.policy, Into::into),
            read_level: level(self.r, base.read_level)?,
            write_level: level(self.w, base.write_level)?,
            ttl_ms: self.ttl_ms.unwrap_or(base.ttl_ms),
        })
    }
}
