//! A write is applied once.

use super::Reading;
use crate::failure::{Checker, Failure};
use crate::model::{Coordinator, KeyModel, Write};
use crate::world::Seat;

/// Checks that no write is among its own siblings, and that the winner, which `reading` shows with
/// its version, has no second one.
pub(crate) fn check(
    key: &KeyModel,
    reading: &Reading<'_>,
    was_wiped: impl Fn(Seat) -> bool,
) -> Result<(), Failure> {
    let places = &reading.places;
    let twice = (1..places.len()).find(|at| places[..*at].contains(&places[*at]));
    if let Some(at) = twice {
        let call = key.writes[places[at]].call;
        let message = format!("w{call} is there twice: {}", reading.text(key));
        return Err(Failure::new(Checker::Once, message));
    }
    match places.first() {
        Some(winner) => check_versions(&key.writes[*winner], was_wiped),
        None => Ok(()),
    }
}

/// One owner that keeps its disk gives one version to a write, however often it is tried. (Two
/// owners that do not know of each other give it one each; see `docs/causality.md`.)
pub(crate) fn check_versions(
    write: &Write,
    was_wiped: impl Fn(Seat) -> bool,
) -> Result<(), Failure> {
    let Coordinator::Only(seat) = write.coordinator else {
        return Ok(());
    };
    match &write.versions[..] {
        [first, second, ..] if !was_wiped(seat) => {
            let call = write.call;
            let message =
                format!("seat {seat} has applied w{call} twice: at {first} and at {second}");
            Err(Failure::new(Checker::Once, message))
        }
        _ => Ok(()),
    }
}
