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
    let why = stone.shards.iter().find_map(|shard| {
        let number = shard.status().shard;
        match shard.status().state() {
            ShardState::Ready => None,
            ShardState::Replaying => Some(format!("shard {number} is replaying its log")),
            ShardState::Failed(why) => Some(format!("shard {number} serves nothing: {why}")),
        }
    });
    why.or_else(|| match stone.shared.state() {
        None => Some("the shards do not know the cluster's state yet".into()),
        Some(state) if state.member(stone.config.me).is_none() => {
            Some("this is no member of the cluster, or not yet".into())
        }
        Some(_) => None,
    })
}
