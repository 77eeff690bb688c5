//! A read shows what was acknowledged before it began, where its replicas and those of the write
//! must overlap, or something that supersedes it. Whoever coordinates them.

use super::Reading;
use crate::failure::{Checker, Failure};
use crate::model::{Ack, KeyModel, Model, Write};
use henge_core::causality::Policy;

/// Checks `reading` against every write that it must meet.
pub(crate) fn check(model: &Model, key: &KeyModel, reading: &Reading<'_>) -> Result<(), Failure> {
    match key.settings.policy {
        Policy::Lww => {
            let newest = key
                .writes
                .iter()
                .filter_map(|write| Some((write, meets(model, key, reading, write)?)))
                .max_by_key(|(_, ack)| ack.version);
            let Some((write, ack)) = newest else {
                return Ok(());
            };
            let is_shown = match reading.version() {
                Some(version) => version >= ack.version,
                None => reading.may_hide(model, key, ack.version),
            };
            if is_shown {
                Ok(())
            } else {
                Err(stale(reading, key, write, ack))
            }
        }
        Policy::Siblings => {
            let covered = reading.covered(model, key);
            for (place, write) in key.writes.iter().enumerate() {
                let Some(ack) = meets(model, key, reading, write) else {
                    continue;
                };
                if !covered.contains(place) && !key.is_crowded() {
                    return Err(stale(reading, key, write, ack));
                }
                check_superseded(reading, key, place)?;
            }
            Ok(())
        }
    }
}

/// The acknowledgement of `write` that `reading` must have met.
fn meets<'a>(
    model: &Model,
    key: &KeyModel,
    reading: &Reading<'_>,
    write: &'a Write,
) -> Option<&'a Ack> {
    let mut acks = write.acks.iter();
    acks.find(|ack| ack.at < reading.invoked_at && model.is_met(key, ack, reading.family))
}

/// What the write at `place` has superseded is not shown, unless it was applied by two owners that
/// did not know of each other: then one dot was superseded, and the other was not
/// (`docs/causality.md`, "One write, two coordinators").
pub(super) fn check_superseded(
    reading: &Reading<'_>,
    key: &KeyModel,
    place: usize,
) -> Result<(), Failure> {
    let write = &key.writes[place];
    let is_stale = |shown: &&usize| {
        **shown != place
            && write.closure.contains(**shown)
            && !key.writes[**shown].may_have_two_dots()
    };
    match reading.places.iter().find(is_stale) {
        None => Ok(()),
        Some(shown) => {
            let (old, new) = (key.writes[*shown].call, write.call);
            let message = format!("w{old} is shown again though w{new} has superseded it");
            Err(Failure::new(Checker::Reads, message))
        }
    }
}

fn stale(reading: &Reading<'_>, key: &KeyModel, write: &Write, ack: &Ack) -> Failure {
    let message = format!(
        "{} does not show w{}, which was acknowledged at version {} before",
        reading.text(key),
        write.call,
        ack.version
    );
    Failure::new(Checker::Reads, message)
}
