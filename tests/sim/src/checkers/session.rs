//! A session reads its own writes and never goes back in time, at whatever level and whoever
//! coordinates.

use super::Reading;
use super::reads::check_superseded;
use crate::bits::Bits;
use crate::failure::{Checker, Failure};
use crate::model::{KeyModel, Model};
use henge_core::causality::{Hlc, Policy};

/// What one client has read and written of one key, as far as it was told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// The places of its writes that were acknowledged and of those that it was shown.
    pub(crate) places: Bits,
    /// The newest version among them.
    pub(crate) newest: Hlc,
}

/// Checks `reading` of a client that knew `known` when it asked.
pub(crate) fn check(
    model: &Model,
    key: &KeyModel,
    reading: &Reading<'_>,
    known: &Known,
) -> Result<(), Failure> {
    let is_kept = match key.settings.policy {
        Policy::Lww => match reading.version() {
            Some(version) => version >= known.newest,
            None => known.newest == Hlc::default() || reading.may_hide(model, key, known.newest),
        },
        Policy::Siblings => {
            let covered = reading.covered(model, key);
            let mut places = (0..key.writes.len()).filter(|place| known.places.contains(*place));
            let is_kept = |place| key.is_crowded() || covered.contains(place);
            for place in places.clone() {
                check_superseded(reading, key, place)?;
            }
            places.all(is_kept)
        }
    };
    if is_kept {
        return Ok(());
    }
    let message = format!(
        "{}, which is older than what its session has read and written, up to version {}",
        reading.text(key),
        known.newest
    );
    Err(Failure::new(Checker::Session, message))
}
