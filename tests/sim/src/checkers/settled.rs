//! Owners agree and nothing is left over once all is quiet.

use crate::failure::{Checker, Failure};
use crate::setup::Setup;
use crate::world::{Seat, World};
use henge_core::causality::Token;
use henge_core::wire::Entry;

/// All owners of a key hold one state: value, siblings, version and context.
pub(crate) fn check_agreement(key: &str, states: &[(Seat, Option<Entry>)]) -> Result<(), Failure> {
    let Some((first, state)) = states.first() else {
        return Ok(());
    };
    match states.iter().find(|(_, other)| other != state) {
        None => Ok(()),
        Some((seat, other)) => {
            let message = format!(
                "owners of {key} differ: seat {first} has {}, seat {seat} has {}",
                text(state.as_ref()),
                text(other.as_ref())
            );
            Err(Failure::new(Checker::Convergence, message))
        }
    }
}

/// A key that has been absent for long is not remembered as deleted: nothing has a context.
pub(crate) fn check_forgotten(seat: Seat, key: &str, context: &[u8]) -> Result<(), Failure> {
    let seen = Token::decode(context).map(|token| token.seen);
    if seen.is_ok_and(|seen| seen.is_empty()) {
        return Ok(());
    }
    let message = format!("seat {seat} still remembers that {key} is deleted");
    Err(Failure::new(Checker::Bounded, message))
}

/// All of `seats` go by one state in which no owners change.
pub(crate) fn check_owners(world: &World, seats: &[Seat]) -> Result<(), String> {
    let newest = world.cluster();
    if newest.unsettled() > 0 {
        let (left, epoch) = (newest.unsettled(), newest.epoch);
        return Err(format!(
            "{left} partitions are not settled in epoch {epoch}"
        ));
    }
    for &seat in seats {
        let epoch = world.node(seat).map(|node| node.cluster().epoch);
        if epoch != Some(newest.epoch) {
            return Err(format!(
                "seat {seat} is at epoch {epoch:?} of {}",
                newest.epoch
            ));
        }
        let member = newest.member(world.seats()[seat].id);
        let life = world.seats().get(seat).and_then(|it| newest.life(it.id));
        if member.is_some_and(|it| it.capacity > 0) && life.is_none() {
            return Err(format!("seat {seat} has not said how it lives"));
        }
    }
    Ok(())
}

/// The second bucket is made, if there is to be one.
pub(crate) fn check_bucket(world: &World, setup: &Setup) -> Result<(), String> {
    match setup.buckets.change(world.cluster()) {
        None => Ok(()),
        Some(change) => Err(format!("there is to be a bucket: {change:?}")),
    }
}

/// No node has anything under way.
pub(crate) fn check_idle(world: &World, seats: &[Seat]) -> Result<(), Failure> {
    for &seat in seats {
        let Some(report) = world.report(seat) else {
            return Err(Failure::new(
                Checker::Liveness,
                format!("seat {seat} does not run though nothing fails"),
            ));
        };
        if !report.ready {
            let message = format!("seat {seat} is not ready though nothing fails");
            return Err(Failure::new(Checker::Liveness, message));
        }
        if report.operations != 0 {
            let count = report.operations;
            let message = format!("seat {seat} has {count} operations though nothing is asked");
            return Err(Failure::new(Checker::Bounded, message));
        }
    }
    Ok(())
}

fn text(entry: Option<&Entry>) -> String {
    let Some(entry) = entry else {
        return "nothing".to_owned();
    };
    let value = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(8)]).into_owned();
    let siblings: Vec<String> = entry
        .siblings
        .iter()
        .map(|sibling| value(&sibling.bytes))
        .collect();
    format!(
        "{} at {} beside {siblings:?} with context {:016x}",
        value(&entry.value.bytes),
        entry.version,
        henge_core::hash::hash64(&entry.context)
    )
}
