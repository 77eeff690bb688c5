//! `/v1/cluster`: the cluster as a stone that joins needs it. `/v1/members/NAME`: a member that is to
//! leave.

use super::error::HttpError;
use super::status::json;
use crate::cluster::{Board, Snapshot};
use crate::stone::Stone;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use henge_core::cluster::{Change, ClusterState};
use henge_core::id::MemberId;
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What may stand behind the `?`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// It is dead and will not say itself that it has left.
    #[serde(default)]
    dead: bool,
}

#[derive(Serialize)]
struct Leaving<'a> {
    name: &'a str,
    /// Partitions that it still holds.
    partitions: usize,
}

/// The state that is put up on a board of this stone, if one is.
///
/// # Errors
/// While the shards are not open.
pub fn known(board: &Board) -> Result<Arc<ClusterState>, HttpError> {
    let starting = || {
        let message = "this stone is starting and does not know its cluster yet; ask again";
        HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", message)
    };
    board.state().ok_or_else(starting)
}

/// The cluster, for a stone that joins.
///
/// # Errors
/// While the first shard is not open.
pub async fn get(State(stone): State<Arc<Stone>>) -> Result<Response, HttpError> {
    let state = known(&stone.board)?;
    let snapshot = Snapshot::new(&stone.settings.cluster, ClusterState::clone(&state));
    let headers = [
        (CONTENT_TYPE, "application/octet-stream"),
        (CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, snapshot.encode()).into_response())
}

/// Lets a member leave: its partitions go to others first. Asked again, it says how far that is; a
/// dead member is forgotten when it holds nothing any more.
///
/// # Errors
/// If there is no such member, or it is the last one.
pub async fn delete(
    State(stone): State<Arc<Stone>>,
    Path(name): Path<String>,
    Query(options): Query<Options>,
) -> Result<Response, HttpError> {
    let state = known(&stone.board)?;
    let id = MemberId::from_name(&name);
    let Some(member) = state.member(id) else {
        let names: Vec<&str> = (state.members().iter())
            .map(|(_, member)| member.name.as_str())
            .collect();
        let message = format!("no member is called {name}; there are {}", names.join(", "));
        return Err(HttpError::not_found(message));
    };
    if member.capacity > 0 && state.electors().count() == 1 {
        let message = format!("{name} is the last member that holds data; it cannot leave");
        return Err(HttpError::new(StatusCode::CONFLICT, "LAST_MEMBER", message));
    }
    if member.capacity > 0 {
        stone.wish(Change::Leave(id)).await;
    } else if options.dead {
        stone.wish(Change::Forget(id)).await;
    }
    let partitions = state.ownerships().filter(|(_, it)| it.holds(id)).count();
    json(&Leaving {
        name: &name,
        partitions,
    })
}
