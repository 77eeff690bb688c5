//! `/v1/ring`: who owns what.

use super::error::HttpError;
use super::members::{address_of, known};
use super::status::json;
use crate::stone::Stone;
use axum::extract::State;
use axum::response::Response;
use henge_core::cluster::Phase;
use henge_core::id::MemberId;
use henge_core::ring::{Member, MemberIndex};
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
struct Ring<'a> {
    cluster: &'a str,
    partitions: u16,
    replicas: u8,
    members: Vec<Standing>,
    /// For each partition those whom it is read from, first the first, as numbers of `members`.
    owners: Vec<Vec<usize>>,
    /// Grows with each agreed change.
    epoch: u64,
    /// Partitions whose owners are not those that they are to have.
    unsettled: usize,
    /// Partitions whose owners change now.
    moving: Vec<Moving>,
}

#[derive(Serialize)]
struct Moving {
    partition: u16,
    /// `copying`, or `switched`: read from the new owners already.
    phase: &'static str,
    /// As numbers of `members`.
    from: Vec<usize>,
    to: Vec<usize>,
    /// Those of `to` that still lack something.
    lacking: Vec<usize>,
}

#[derive(Serialize)]
struct Standing {
    id: String,
    name: String,
    zone: String,
    /// 0 if it leaves.
    capacity: u32,
    address: String,
    vnodes: u32,
    primaries: u32,
    /// Of all vnodes, from 0 to 1.
    share: f64,
}

/// The ring as JSON.
///
/// # Errors
/// While the first shard is not open.
pub async fn get(State(stone): State<Arc<Stone>>) -> Result<Response, HttpError> {
    let state = known(&stone.board)?;
    let (placement, members) = (state.target(), state.members());
    let number = |id: &MemberId| members.index_of(*id).map(MemberIndex::get);
    let numbers = |list: &[MemberId]| -> Vec<usize> { list.iter().filter_map(number).collect() };
    let owners: Vec<Vec<usize>> = (state.ownerships())
        .map(|(_, ownership)| numbers(ownership.readers()))
        .collect();
    let moving = state.ownerships().filter_map(|(partition, ownership)| {
        let (phase, from, to) = match &ownership.phase {
            Phase::Settled { .. } => return None,
            Phase::Copying { from, to, .. } => ("copying", from, to),
            Phase::Switched { from, to } => ("switched", from, to),
        };
        Some(Moving {
            partition: partition.0,
            phase,
            from: numbers(from),
            to: numbers(to),
            lacking: numbers(&ownership.copiers().collect::<Vec<_>>()),
        })
    });
    let moving = moving.collect();
    let vnodes = owners.iter().map(Vec::len).sum::<usize>().max(1);
    let count = |index: usize, wanted: fn(&[usize], usize) -> bool| {
        let found = owners.iter().filter(|owners| wanted(owners, index)).count();
        u32::try_from(found).unwrap_or(u32::MAX)
    };
    let standing = |(index, member): (MemberIndex, &'_ Member)| {
        let held = count(index.get(), |owners, index| owners.contains(&index));
        Standing {
            id: format!("{:016x}", member.id.0),
            name: member.name.clone(),
            zone: member.zone.as_str().to_owned(),
            capacity: member.capacity,
            address: address_of(&stone, &state, member.id),
            vnodes: held,
            primaries: count(index.get(), |owners, index| owners.first() == Some(&index)),
            share: f64::from(held) / vnodes as f64,
        }
    };
    let ring = Ring {
        cluster: &stone.settings.cluster,
        partitions: placement.partitions(),
        replicas: placement.replicas(),
        members: members.iter().map(standing).collect(),
        owners: owners.clone(),
        epoch: state.epoch,
        unsettled: state.unsettled(),
        moving,
    };
    json(&ring)
}
