//! Levels, failures, entries and states as JavaScript sees them.

use henge_core::client::ConnectionState;
use henge_core::replication::Level;
use henge_core::wire::{Entry, Failure};
use serde::Serialize;
use wasm_bindgen::JsValue;

use crate::clock::date_ms;

/// A failure as an object.
pub(crate) fn failure_object(failure: &Failure) -> JsValue {
    object(&FailureObject::from(failure))
}

/// A state as an object; `None` for one that the listener need not hear of.
pub(crate) fn status_object(state: &ConnectionState) -> JsValue {
    object(&match state {
        ConnectionState::Connecting => StatusObject::Connecting,
        ConnectionState::Online { member, replicas } => StatusObject::Connected {
            member,
            replicas: *replicas,
        },
        ConnectionState::Offline { redial_at, failure } => StatusObject::Offline {
            retry_at_ms: date_ms(*redial_at),
            failure: failure.as_ref().map(FailureObject::from),
        },
    })
}

/// The state of a client that no server takes.
pub(crate) fn failed_object(failure: &Failure) -> JsValue {
    object(&StatusObject::Failed {
        failure: failure.into(),
    })
}

/// What comes with the value of `entry`.
pub(crate) fn entry_object(entry: &Entry) -> JsValue {
    let siblings = entry
        .siblings
        .iter()
        .map(|value| SiblingObject {
            encoding: value.encoding,
            bytes: &value.bytes,
        })
        .collect();
    object(&EntryObject {
        version: entry.version.to_string(),
        context: &entry.context,
        siblings,
    })
}

/// The number of a level, above 0.
pub(crate) const fn code_of_level(level: Level) -> u8 {
    match level {
        Level::Replicas(count) => count,
        Level::One => ONE,
        Level::Quorum => QUORUM,
        Level::All => ALL,
        Level::LocalQuorum => LOCAL_QUORUM,
        Level::EachQuorum => EACH_QUORUM,
    }
}

/// The level of a number; `None` leaves it to the bucket.
pub(crate) const fn level_of_code(code: u8) -> Option<Level> {
    Some(match code {
        0 => return None,
        ONE => Level::One,
        QUORUM => Level::Quorum,
        ALL => Level::All,
        LOCAL_QUORUM => Level::LocalQuorum,
        EACH_QUORUM => Level::EachQuorum,
        count => Level::Replicas(count),
    })
}

#[derive(Serialize)]
struct FailureObject<'a> {
    code: &'a str,
    message: &'a str,
    retryable: bool,
}

impl<'a> From<&'a Failure> for FailureObject<'a> {
    fn from(failure: &'a Failure) -> Self {
        Self {
            code: failure.code.name(),
            message: &failure.message,
            retryable: failure.code.is_retryable(),
        }
    }
}

#[derive(Serialize)]
#[serde(
    tag = "state",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
enum StatusObject<'a> {
    Connecting,
    Connected {
        member: &'a str,
        replicas: u8,
    },
    Offline {
        retry_at_ms: f64,
        failure: Option<FailureObject<'a>>,
    },
    Failed {
        failure: FailureObject<'a>,
    },
}

#[derive(Serialize)]
struct EntryObject<'a> {
    version: String,
    #[serde(with = "serde_bytes")]
    context: &'a [u8],
    siblings: Vec<SiblingObject<'a>>,
}

#[derive(Serialize)]
struct SiblingObject<'a> {
    encoding: u8,
    #[serde(with = "serde_bytes")]
    bytes: &'a [u8],
}

fn object(value: &impl Serialize) -> JsValue {
    serde_wasm_bindgen::to_value(value).expect("these types have no maps and no big numbers")
}

const ONE: u8 = 101;
const QUORUM: u8 = 102;
const ALL: u8 = 103;
const LOCAL_QUORUM: u8 = 104;
const EACH_QUORUM: u8 = 105;
