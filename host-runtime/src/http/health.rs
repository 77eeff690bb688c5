//! `/health`: whether this stone serves.

use crate::shard::ShardState;
use crate::stone::{Phase, Stone};
use axum::extract::State;
use hyper::StatusCode;
use std::sync::Arc;

/// 200 `ready`, or 503 and why not.
pub async fn get(State(stone): State<Arc<Stone>>) -> (StatusCode, String) {
    match why_not(&stone) {
        None => (StatusCode::OK, "ready\n".into()),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

/// Why the stone does not serve, if it does not.
#[must_use]
pub fn why_not(stone: &Stone) -> Option<String> {
    if stone.phase() != Phase::Serving {
        return Some("stopping".into());
    }
    let shard = stone.shards.iter().find_map(|shard| {
        let number = shard.status().shard;
        match shard.status().state() {
            ShardState::Ready => None,
            ShardState::Replaying => Some(format!("shard {number} is replaying its log")),
            ShardState::Failed(why) => Some(format!("shard {number} serves nothing: {why}")),
        }
    });
    let is_known = stone.shared.state().is_some();
    shard.or_else(|| (!is_known).then(|| "the shards do not know the cluster's state yet".into()))
}
