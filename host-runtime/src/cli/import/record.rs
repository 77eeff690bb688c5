//! A record's key and value.

use super::split::{Piece, Place, Shape};
use crate::cli::args::ImportArgs;
use henge_core::limits::KEY_BYTES_MAX;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// A record that can be sent.
#[derive(Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number in the file, from 0.
    pub index: u64,
    /// Where it begins.
    pub place: Place,
    /// Where an import that has it goes on.
    pub end: Place,
    /// How records lie in the file.
    pub shape: Shape,
    /// The key.
    pub key: Vec<u8>,
    /// The record as JSON without white space around its parts.
    pub value: Vec<u8>,
}

/// A record that cannot be sent.
#[derive(Debug, PartialEq, Eq)]
pub struct Faulty {
    /// Its number in the file, from 0.
    pub index: u64,
    /// Where the fault is.
    pub place: Place,
    /// Where an import that is past it goes on.
    pub end: Place,
    /// How records lie in the file.
    pub shape: Shape,
    /// What is wrong.
    pub why: String,
}

/// How keys are made.
#[derive(Clone, Debug)]
pub struct KeyRule {
    fields: Vec<String>,
    prefix: String,
    separator: String,
}

impl KeyRule {
    /// The rule that `args` tell.
    #[must_use]
    pub fn new(args: &ImportArgs) -> Self {
        Self {
            fields: args.key.clone(),
            prefix: args.prefix.clone(),
            separator: args.separator.clone(),
        }
    }

    /// Key and value of `piece`.
    ///
    /// # Errors
    /// Where and why it has none.
    pub fn apply(&self, piece: Piece) -> Result<Record, Faulty> {
        let Piece {
            index,
            place,
            end,
            shape,
            content,
        } = piece;
        let made = content.and_then(|bytes| {
            let key = self.key(&bytes, place)?;
            Ok((key, compact(&bytes)))
        });
        match made {
            Ok((key, value)) => Ok(Record {
                index,
                place,
                end,
                shape,
                key,
                value,
            }),
            Err((place, why)) => Err(Faulty {
                index,
                place,
                end,
                shape,
                why,
            }),
        }
    }

    fn key(&self, bytes: &[u8], place: Place) -> Result<Vec<u8>, (Place, String)> {
        let fields: BTreeMap<String, &RawValue> =
            serde_json::from_slice(bytes).map_err(|error| locate(&error, place))?;
        let mut key = self.prefix.clone();
        for (number, name) in self.fields.iter().enumerate() {
            let value = fields.get(name).ok_or_else(|| {
                (
                    place,
                    format!("this record has no field {name:?}, which --key asks for"),
                )
            })?;
            if number > 0 {
                key.push_str(&self.separator);
            }
            key.push_str(&part(value).ok_or_else(|| {
                (
                    place,
                    format!(
                        "field {name:?} is {}; a key takes texts, numbers, true and false",
                        value.get()
                    ),
                )
            })?);
        }
        match key.len() {
            0 => Err((place, "the key of this record is empty".into())),
            length if length > KEY_BYTES_MAX => {
                let why = format!(
                    "the key of this record has {length} bytes; at most {KEY_BYTES_MAX} are allowed"
                );
                Err((place, why))
            }
            _ => Ok(key.into_bytes()),
        }
    }
}

/// A field as a part of a key.
fn part(value: &RawValue) -> Option<String> {
    let text = value.get();
    match text.as_bytes().first()? {
        b'"' => serde_json::from_str(text).ok(),
        b'{' | b'[' | b'n' => None,
        _ => Some(text.to_owned()),
    }
}

/// Where in the file a parser's error is, and what it says, without its own idea of the place.
fn locate(error: &serde_json::Error, start: Place) -> (Place, String) {
    let (line, column) = (error.line().max(1) as u64, error.column() as u64);
    let place = Place {
        line: start.line + line - 1,
        column: if line == 1 {
            start.column + column.saturating_sub(1)
        } else {
            column
        },
        ..start
    };
    let said = error.to_string();
    let why = said.split(" at line ").next().unwrap_or(&said).to_owned();
    (place, why)
}

/// The same JSON without white space between its parts.
fn compact(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len());
    let mut in_text = false;
    let mut escaped = false;
    for &byte in json {
        if in_text {
            in_text = escaped || byte != b'"';
            escaped = byte == b'\\' && !escaped;
        } else if byte.is_ascii_whitespace() {
            continue;
        } else {
            in_text = byte == b'"';
        }
        out.push(byte);
    }
    out
}
