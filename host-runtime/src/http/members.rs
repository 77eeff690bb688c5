//! `/v1/cluster`: the cluster as a stone that joins needs it. `/v1/members`: the members, and how they
//! are. `/v1/members/NAME`: a member that is to leave.

use super::error::HttpError;
use super::status::{inspect_all, json};
use crate::cluster::{Board, Snapshot};
use crate::stone::Stone;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use henge_core::cluster::{Change, ClusterState};
use henge_core::id::MemberId;
use henge_core::membership::Condition;
use henge_core::node::{MemberReport, Report};
use henge_core::ring::Member;
use henge_core::time::Instant;
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
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
struct Roll {
    /// Of the agreed state that names them.
    epoch: u64,
    members: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    id: String,
    name: String,
    zone: String,
    /// 0 if it leaves.
    capacity: u32,
    address: String,
    /// Whether frames reach it from here; always so for this stone itself.
    up: bool,
    #[serde(flatten)]
    seen: Seen,
}

/// What the cluster thinks of a member, as far as this stone has heard; nothing while it has not.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Seen {
    /// `alive`, `suspect` or `dead`.
    condition: Option<Condition>,
    /// How long this stone has known that.
    condition_ms: Option<u64>,
}

/// What is thought of each of the others.
pub(super) fn seen(reports: &[Report], now: Instant) -> BTreeMap<MemberId, Seen> {
    // The first shard takes part in the membership protocol for all.
    let members = reports.first().map_or(&[][..], |first| &first.members);
    let entry = |member: &MemberReport| {
        let seen = Seen {
            condition: Some(member.condition),
            condition_ms: Some(now.since(member.since).as_millis()),
        };
        (member.id, seen)
    };
    members.iter().map(entry).collect()
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

/// The members: which of them this stone reaches, and which the cluster takes for alive. One that is
/// alive and not reached is cut off from here; one that is dead has stopped, or is cut off from all.
///
/// # Errors
/// While the first shard is not open.
pub async fn list(State(stone): State<Arc<Stone>>) -> Result<Response, HttpError> {
    let state = known(&stone.board)?;
    let now = stone.clock.now();
    let me = stone.config.me;
    let mut seen = seen(&inspect_all(&stone).await, now);
    let own = Seen {
        condition: Some(Condition::Alive),
        condition_ms: Some(u64::try_from(stone.clock.uptime().as_millis()).unwrap_or(u64::MAX)),
    };
    seen.insert(me, own);
    let entry = |member: &Member| {
        let peer = stone.peers.find(member.id);
        Entry {
            id: format!("{:016x}", member.id.0),
            name: member.name.clone(),
            zone: member.zone.as_str().to_owned(),
            capacity: member.capacity,
            address: address_of(&stone, &state, member.id),
            up: member.id == me || peer.is_some_and(|peer| peer.link().up),
            seen: seen.get(&member.id).copied().unwrap_or_default(),
        }
    };
    let members = state.members().iter();
    json(&Roll {
        epoch: state.epoch,
        members: members.map(|(_, member)| entry(member)).collect(),
    })
}

/// Where `id` says that it listens, or else where it was said to; empty if nobody knows.
pub(super) fn address_of(stone: &Stone, state: &ClusterState, id: MemberId) -> String {
    let said = state.life(id).map(|life| life.address.clone());
    let said = said.filter(|address| !address.is_empty());
    let listed = || stone.settings.address_of(id).map(Into::into);
    said.or_else(listed).unwrap_or_default()
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
