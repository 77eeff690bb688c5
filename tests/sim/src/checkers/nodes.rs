//! What nodes say of themselves, their clocks and their places.

use crate::failure::{Checker, Failure};
use crate::setup::Setup;
use crate::world::{Seat, World};
use henge_core::causality::Hlc;
use henge_core::id::BucketId;
use henge_core::limits::CLOCK_SKEW_MAX_MS;
use henge_core::time::Instant;
use henge_core::wire::{ErrorCode, Failure as Refused};
use std::collections::BTreeSet;

/// A timestamp that a node has given out is no further ahead of its own clock than it accepts, which
/// has said `now` then or before: what it has accepted stays when its clock is set back.
pub(crate) fn check_clock(seat: Seat, now: Instant, version: Hlc) -> Result<(), Failure> {
    // A full count within the last millisecond carries into the next.
    if version.physical_ms() <= now.as_millis() + CLOCK_SKEW_MAX_MS + 1 {
        return Ok(());
    }
    let ahead_ms = version.physical_ms() - now.as_millis();
    let message = format!("seat {seat} has given out {version}, {ahead_ms} ms ahead of its clock");
    Err(Failure::new(Checker::Clocks, message))
}

/// Clients that do everything right are not told that they do not; nor that there is no bucket that the
/// seat `knew` when it was asked.
pub(crate) fn check_refusal(seat: Seat, refused: &Refused, knew: bool) -> Result<(), Failure> {
    match refused.code {
        ErrorCode::NoSuchBucket if !knew => Ok(()),
        ErrorCode::NoSuchBucket
        | ErrorCode::Misrouted
        | ErrorCode::Protocol
        | ErrorCode::Internal
        | ErrorCode::Corrupt
        | ErrorCode::KeyTooLarge
        | ErrorCode::Level => {
            let message = format!("seat {seat} has answered {refused}");
            Err(Failure::new(Checker::Frames, message))
        }
        _ => Ok(()),
    }
}

/// The owners of `key` are distinct, as many as they should be, and in as many zones as there are.
pub(crate) fn check_place(setup: &Setup, world: &World, key: &[u8]) -> Result<(), Failure> {
    let owners = world.owners(BucketId(0), key);
    let distinct: BTreeSet<Seat> = owners.iter().copied().collect();
    let zones_of = |seats: &mut dyn Iterator<Item = Seat>| {
        let zones: BTreeSet<&str> = seats
            .map(|seat| setup.members[seat].zone.as_str())
            .collect();
        zones.len()
    };
    let there = zones_of(&mut (0..setup.members.len()));
    let used = zones_of(&mut owners.iter().copied());
    if distinct.len() == setup.width() && used == there.min(setup.width()) {
        return Ok(());
    }
    let message = format!("owners {owners:?} lie in {used} of {there} zones");
    Err(Failure::new(Checker::Placement, message))
}
