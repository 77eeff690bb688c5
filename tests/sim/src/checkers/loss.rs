//! What was acknowledged, or was ever shown, is there once all is healed, or was superseded.
//!
//! What was shown counts too: a read shows only what is durable.

use super::Reading;
use crate::failure::{Checker, Failure};
use crate::model::{KeyModel, Model, Write};
use henge_core::causality::{Hlc, Policy};

/// Checks a read at level `all` when nothing fails any more.
pub(crate) fn check(model: &Model, key: &KeyModel, reading: &Reading<'_>) -> Result<(), Failure> {
    match key.settings.policy {
        Policy::Lww => {
            for write in &key.writes {
                if let Some(floor) = write.acks.iter().map(|ack| ack.version).max() {
                    let what = format!("acknowledged at version {floor}");
                    check_floor(
                        model,
                        key,
                        reading,
                        floor,
                        &lost(reading, key, write, &what),
                    )?;
                }
            }
            let floor = key.newest_shown;
            let message = format!(
                "{}, but version {floor} was shown before",
                reading.text(key)
            );
            check_floor(model, key, reading, floor, &message)
        }
        Policy::Siblings if key.is_crowded() => Ok(()),
        Policy::Siblings => {
            let covered = reading.covered(model, key);
            for (place, write) in key.writes.iter().enumerate() {
                let what = if !write.acks.is_empty() {
                    "acknowledged"
                } else if key.shown.contains(place) {
                    "shown"
                } else {
                    continue;
                };
                if !covered.contains(place) {
                    let message = lost(reading, key, write, what);
                    return Err(Failure::new(Checker::Loss, message));
                }
            }
            Ok(())
        }
    }
}

fn check_floor(
    model: &Model,
    key: &KeyModel,
    reading: &Reading<'_>,
    floor: Hlc,
    message: &str,
) -> Result<(), Failure> {
    let is_there = match reading.version() {
        Some(version) => version >= floor,
        None => floor == Hlc::default() || reading.may_hide(model, key, floor),
    };
    if is_there {
        Ok(())
    } else {
        Err(Failure::new(Checker::Loss, message))
    }
}

fn lost(reading: &Reading<'_>, key: &KeyModel, write: &Write, what: &str) -> String {
    format!("w{} was {what}, but {}", write.call, reading.text(key))
}
