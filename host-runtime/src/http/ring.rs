//! `/v1/ring`: who owns what.

use super::error::HttpError;
use super::status::json;
use crate::stone::Stone;
use axum::extract::State;
use axum::response::Response;
use henge_core::id::PartitionId;
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
struct Ring<'a> {
    cluster: &'a str,
    partitions: u16,
    replicas: u8,
    members: Vec<Standing<'a>>,
    /// For each partition its owners, first the first, as numbers of `members`.
    owners: Vec<Vec<usize>>,
}

#[derive(Serialize)]
struct Standing<'a> {
    id: String,
    name: &'a str,
    zone: &'a str,
    capacity: u32,
    address: &'a str,
    vnodes: u32,
    primaries: u32,
    /// Of all vnodes, from 0 to 1.
    share: f64,
}

/// The ring as JSON.
///
/// # Errors
/// Never; JSON of these types always succeeds.
pub async fn get(State(stone): State<Arc<Stone>>) -> Result<Response, HttpError> {
    let placement = &stone.ring;
    let partitions = (0..placement.partitions()).map(PartitionId);
    let owners: Vec<Vec<usize>> = partitions
        .map(|partition| {
            placement
                .owners(partition)
                .iter()
                .map(|owner| owner.get())
                .collect()
        })
        .collect();
    let vnodes = owners.iter().map(Vec::len).sum::<usize>().max(1);
    let ring = Ring {
        cluster: &stone.settings.cluster,
        partitions: placement.partitions(),
        replicas: placement.replicas(),
        members: placement
            .members()
            .iter()
            .map(|(index, member)| Standing {
                id: format!("{:016x}", member.id.0),
                name: &member.name,
                zone: member.zone.as_str(),
                capacity: member.capacity,
                address: stone.settings.address_of(member.id).unwrap_or_default(),
                vnodes: placement.load(index),
                primaries: placement.primary_load(index),
                share: f64::from(placement.load(index)) / vnodes as f64,
            })
            .collect(),
        owners,
    };
    json(&ring)
}
