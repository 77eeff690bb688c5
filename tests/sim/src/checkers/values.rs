//! Only what was written is read, and not after its time.

use super::Reading;
use crate::failure::{Checker, Failure};
use crate::model::{KeyModel, Model};
use henge_core::causality::{Policy, Value};
use henge_core::wire::Entry;

/// The value of call `id`, of `bytes` at least: it names its write.
pub(crate) fn value(id: u32, bytes: u32) -> Value {
    let mut text = format!("w{id}").into_bytes();
    text.resize(text.len().max(bytes as usize), b'.');
    // Not everything compresses away.
    if let Some(tail) = text.get_mut(12..) {
        let mut noise = u64::from(id) | 1;
        for byte in tail.iter_mut().step_by(2) {
            noise = noise
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            *byte = noise.to_be_bytes()[0];
        }
    }
    Value {
        encoding: 1,
        bytes: text,
    }
}

/// The places of the writes whose values `entry` shows.
pub(crate) fn places(key: &KeyModel, entry: &Entry) -> Result<Vec<usize>, Failure> {
    let values = std::iter::once(&entry.value).chain(&entry.siblings);
    values.map(|value| place(key, value)).collect()
}

fn place(key: &KeyModel, shown: &Value) -> Result<usize, Failure> {
    let digits = shown.bytes.iter().skip(1);
    let digits: Vec<u8> = digits.copied().take_while(u8::is_ascii_digit).collect();
    let id = std::str::from_utf8(&digits)
        .ok()
        .and_then(|text| text.parse().ok());
    let invented = || {
        let text = String::from_utf8_lossy(&shown.bytes[..shown.bytes.len().min(40)]);
        Failure::new(
            Checker::Values,
            format!("nobody has written {text:?} there"),
        )
    };
    let id = id.ok_or_else(invented)?;
    let place = key.place_of(id).ok_or_else(invented)?;
    let write = &key.writes[place];
    let length = u32::try_from(shown.bytes.len()).unwrap_or(0);
    if write.is_delete || *shown != value(id, length) {
        return Err(invented());
    }
    if !write.is_possible() {
        let message = format!("w{id} is shown, but all its tries were refused as not applied");
        return Err(Failure::new(Checker::Values, message));
    }
    Ok(place)
}

/// Checks what `reading` shows by itself.
pub(crate) fn check(model: &Model, key: &KeyModel, reading: &Reading<'_>) -> Result<(), Failure> {
    let Reading { places, .. } = reading;
    if key.settings.policy == Policy::Lww && places.len() > 1 {
        let message = format!("siblings where the last writer wins: {}", reading.text(key));
        return Err(Failure::new(Checker::Values, message));
    }
    for place in places {
        let write = &key.writes[*place];
        if model.is_over(write, reading.invoked_at) {
            let message = format!("w{} is shown after its time", write.call);
            return Err(Failure::new(Checker::Values, message));
        }
    }
    Ok(())
}
