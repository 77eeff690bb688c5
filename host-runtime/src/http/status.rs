//! `/v1/status`: how this stone is.

use super::error::HttpError;
use super::members::{Seen, seen};
use crate::shard::{ShardHandle, ShardState};
use crate::stone::Stone;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use henge_core::node::Report;
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde::Serialize;
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;

/// A shard that does not answer within this is reported without its node's numbers.
const INSPECT_TIME: Duration = Duration::from_millis(500);

#[derive(Serialize)]
struct Status<'a> {
    version: &'static str,
    cluster: &'a str,
    me: String,
    name: &'a str,
    zone: &'a str,
    uptime_ms: u64,
    shards: Vec<ShardReport>,
    peers: Vec<PeerReport>,
    connections: u64,
}

#[derive(Serialize)]
struct ShardReport {
    shard: u16,
    state: &'static str,
    restarts: u64,
    last_restart_ms: Option<u64>,
    guest_bytes: u64,
    #[serde(flatten)]
    report: Map<String, Value>,
}

#[derive(Serialize)]
struct PeerReport {
    name: String,
    id: String,
    address: String,
    up: bool,
    since_ms: u64,
    rtt_ms: Option<f64>,
    dropped: u64,
    #[serde(flatten)]
    seen: Seen,
}

/// The status as JSON.
///
/// # Errors
/// Never; JSON of these types always succeeds.
pub async fn get(State(stone): State<Arc<Stone>>) -> Result<Response, HttpError> {
    let settings = &stone.settings;
    let now = stone.clock.now();
    let reports = inspect_all(&stone).await;
    let seen = seen(&reports, now);
    let peers = stone.peers.all().into_iter().map(|peer| {
        let link = peer.link();
        PeerReport {
            name: peer.name.clone(),
            id: format!("{:016x}", peer.id.0),
            address: peer.address.clone(),
            up: link.up,
            since_ms: now.since(link.since).as_millis(),
            rtt_ms: link.rtt_ms,
            dropped: peer.dropped(),
            seen: seen.get(&peer.id).copied().unwrap_or_default(),
        }
    });
    let status = Status {
        version: env!("CARGO_PKG_VERSION"),
        cluster: &settings.cluster,
        me: format!("{:016x}", stone.config.me.0),
        name: &settings.name,
        zone: settings.me().map_or("", |me| me.member.zone.as_str()),
        uptime_ms: u64::try_from(stone.clock.uptime().as_millis()).unwrap_or(u64::MAX),
        shards: shard_reports(&stone, &reports),
        peers: peers.collect(),
        connections: stone.connections(),
    };
    json(&status)
}

fn shard_reports(stone: &Stone, reports: &[Report]) -> Vec<ShardReport> {
    let shards = stone.shards.iter().zip(reports);
    shards
        .map(|(shard, report)| {
            let status = shard.status();
            ShardReport {
                shard: status.shard,
                state: match status.state() {
                    ShardState::Replaying => "replaying",
                    ShardState::Ready => "ready",
                    ShardState::Failed(_) => "failed",
                },
                restarts: status.restarts(),
                last_restart_ms: status.last_restart_ms(),
                guest_bytes: status.guest_bytes(),
                report: numbers(report),
            }
        })
        .collect()
}

/// What is shown of a node's report: not the members, who stand among the peers.
fn numbers(report: &Report) -> Map<String, Value> {
    let Ok(Value::Object(mut numbers)) = serde_json::to_value(report) else {
        return Map::new();
    };
    numbers.remove("members");
    numbers
}

/// The numbers of every shard's node; zeros for one that does not answer.
pub async fn inspect_all(stone: &Stone) -> Vec<Report> {
    let inspect = |shard: &ShardHandle| {
        let shard = shard.clone();
        async move {
            let report = tokio::time::timeout(INSPECT_TIME, shard.inspect()).await;
            report.map_or_else(|_| Report::default(), Result::unwrap_or_default)
        }
    };
    futures_util::future::join_all(stone.shards.iter().map(inspect)).await
}

/// `body` as a JSON answer that nobody keeps.
pub(super) fn json<T: Serialize>(body: &T) -> Result<Response, HttpError> {
    let mut text = serde_json::to_string(body).map_err(|error| {
        HttpError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "INTERNAL",
            error.to_string(),
        )
    })?;
    text.push('\n');
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, text).into_response())
}
