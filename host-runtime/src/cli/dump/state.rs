//! Pairs, records and tables as lines.

use super::line::{Line, hex};
use henge_core::causality::{Version, VersionSet};
use henge_core::storage::key::STORED_KEY_PREFIX_BYTES;
use henge_core::storage::log::Record;
use henge_core::storage::manifest::Table;
use henge_core::storage::table::entries::Found;
use serde_json::{Value, json};

/// Bytes of a value that are shown.
const SHOWN_BYTES: usize = 64;

/// A pair of a table.
pub(super) fn pair(key: &[u8], found: Found<'_>) -> Line {
    let mut line = with_key(Line::new("pair"), key);
    if found.is_tombstone {
        line = line.with("tombstone", true);
    }
    if let Some(at) = found.expires_at_ms {
        line = line.with("expires_at_ms", at);
    }
    with_state(line, found.value)
}

/// A record of the log.
pub(super) fn record(record: &Record<'_>) -> Line {
    match *record {
        Record::State { key, set, is_new } => {
            let line = with_key(Line::new("state"), key).with("is_new", is_new);
            with_state(line, set)
        }
        Record::Note { bytes } => Line::new("note").with("bytes", bytes.len()),
        Record::Drop {
            partition,
            before_table,
        } => Line::new("drop")
            .with("partition", partition.0)
            .with("before_table", before_table),
    }
}

/// A table of the manifest.
pub(super) fn table(level: usize, table: &Table) -> Line {
    let properties = &table.properties;
    Line::new("table")
        .with("level", level)
        .with("number", table.number)
        .with("length", table.length)
        .with("pairs", properties.entries)
        .with("tombstones", properties.tombstones)
        .with("expiring", properties.expiring)
        .with("oldest_ms", properties.oldest_ms)
        .with("newest_ms", properties.newest_ms)
        .with("first", properties.first.escape_ascii().to_string())
        .with("last", properties.last.escape_ascii().to_string())
}

fn with_key(line: Line, stored: &[u8]) -> Line {
    let Some((&[p1, p2, b1, b2, b3, b4], key)) =
        stored.split_first_chunk::<STORED_KEY_PREFIX_BYTES>()
    else {
        return line.with("stored_key_hex", hex(stored));
    };
    line.with("partition", u16::from_be_bytes([p1, p2]))
        .with("bucket", u32::from_be_bytes([b1, b2, b3, b4]))
        .with_bytes("key", "key_hex", key)
}

fn with_state(line: Line, state: &[u8]) -> Line {
    match VersionSet::decode(state) {
        Ok(set) => {
            let versions: Vec<Value> = set.versions().iter().map(version).collect();
            line.with("versions", versions)
        }
        Err(_) => {
            let shown = &state[..state.len().min(SHOWN_BYTES / 2)];
            line.with("state_hex", hex(shown))
                .with("bytes", state.len())
        }
    }
}

fn version(version: &Version) -> Value {
    let mut object = json!({ "version": version.hlc.to_string() });
    if let Some(at) = version.expires_at_ms {
        object["expires_at_ms"] = at.into();
    }
    match &version.value {
        None => object["deleted"] = true.into(),
        Some(value) => {
            object["encoding"] = match value.encoding {
                0 => "bytes".into(),
                1 => "text".into(),
                2 => "json".into(),
                other => other.into(),
            };
            object["bytes"] = value.bytes.len().into();
            match std::str::from_utf8(&value.bytes) {
                Ok(text) => object["value"] = shortened(text).into(),
                Err(_) => {
                    let shown = &value.bytes[..value.bytes.len().min(SHOWN_BYTES / 2)];
                    object["value_hex"] = hex(shown).into();
                }
            }
        }
    }
    object
}

/// The beginning of `text`, if it is long.
fn shortened(text: &str) -> String {
    if text.len() <= SHOWN_BYTES {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(SHOWN_BYTES);
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(shortened("short"), "short");
        let long = format!("{}äää", "x".repeat(SHOWN_BYTES - 1));
        assert_eq!(
            shortened(&long),
            format!("{}…", "x".repeat(SHOWN_BYTES - 1))
        );
    }
}
