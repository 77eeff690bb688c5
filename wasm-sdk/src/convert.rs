//! Levels, failures, entries and states as JavaScript sees them.

use henge_core::causality::{Hlc, Value};
use henge_core::client::{ConnectionState, WatchId};
use henge_core::leaf::{Answer, Source};
use henge_core::replication::Level;
use henge_core::selector::Span;
use henge_core::time::Instant;
use henge_core::watch::Change;
use henge_core::wire::{Entry, Failure, Listed};
use serde::Serialize;
use wasm_bindgen::JsValue;

use crate::clock::date_ms;
use crate::listener::Listener;

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

/// What of an entry its reader wants.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Want {
    /// The value.
    #[default]
    Value,
    /// The value with version, context and siblings.
    Entry,
    /// Whether there is one.
    Existence,
    /// Many: those of a list that are news for this watch.
    Keys(WatchId),
}

impl Want {
    /// What the package calls it.
    pub(crate) const fn of_code(code: u8) -> Self {
        match code {
            0 => Self::Value,
            1 => Self::Entry,
            _ => Self::Existence,
        }
    }
}

/// The answer to a read.
pub(crate) enum Answered<'a> {
    /// There is no value.
    Nothing,
    /// There is one.
    Found(Found<'a>),
}

/// What a read has found.
pub(crate) struct Found<'a> {
    value: &'a Value,
    version: Option<Hlc>,
    source: Source,
    expires_at_ms: Option<u64>,
    context: &'a [u8],
    siblings: &'a [Value],
}

impl<'a> Answered<'a> {
    /// What the ring has said.
    pub(crate) fn of_entry(entry: &'a Entry) -> Self {
        Self::Found(Found {
            value: &entry.value,
            version: Some(entry.version),
            source: Source::Ring,
            expires_at_ms: entry.expires_at_ms,
            context: &entry.context,
            siblings: &entry.siblings,
        })
    }

    /// What a leaf has said.
    pub(crate) fn of_answer(answer: &'a Answer) -> Self {
        let Some(value) = &answer.value else {
            return Self::Nothing;
        };
        Self::Found(Found {
            value,
            version: answer.version,
            source: answer.source,
            expires_at_ms: answer.expires_at_ms,
            context: &answer.context,
            siblings: &answer.siblings,
        })
    }

    /// Tells it to whoever has made call `id`.
    pub(crate) fn tell(&self, id: f64, want: Want, listener: &Listener) {
        match (self, want) {
            (Self::Found(_), Want::Existence) => listener.exists(id, true),
            (Self::Nothing, Want::Existence) => listener.exists(id, false),
            (Self::Nothing, _) => listener.absent(id),
            (Self::Found(Found { value, .. }), Want::Value | Want::Keys(_)) => {
                listener.found(id, value.encoding, &value.bytes);
            }
            (Self::Found(found), Want::Entry) => {
                let Value { encoding, bytes } = found.value;
                listener.found_entry(id, *encoding, bytes, found.object());
            }
        }
    }
}

impl Found<'_> {
    /// What comes with the value.
    fn object(&self) -> JsValue {
        let siblings = self.siblings.iter().map(|value| SiblingObject {
            encoding: value.encoding,
            bytes: &value.bytes,
        });
        object(&EntryObject {
            version: self.version.map(|version| version.to_string()),
            source: source_code(self.source),
            expires_at_ms: self
                .expires_at_ms
                .map(|at_ms| date_ms(Instant::from_micros(at_ms.saturating_mul(1_000)))),
            context: self.context,
            siblings: siblings.collect(),
        })
    }
}

/// What comes with the value of a key of a list.
pub(crate) fn listed_object(listed: &Listed) -> JsValue {
    let found = Found {
        value: &listed.value,
        version: Some(listed.version),
        source: Source::Ring,
        expires_at_ms: listed.expires_at_ms,
        context: &listed.context,
        siblings: &listed.siblings,
    };
    found.object()
}

/// What comes with a change.
pub(crate) fn changed_object(change: &Change) -> JsValue {
    let nothing = Value {
        encoding: 0,
        bytes: Vec::new(),
    };
    let found = Found {
        value: change.value.as_ref().unwrap_or(&nothing),
        version: Some(change.version),
        source: Source::Ring,
        expires_at_ms: change.expires_at_ms,
        context: &change.context,
        siblings: &change.siblings,
    };
    found.object()
}

/// Keys as the package names them: `kind` 0 is the key `from`, 1 those that begin so, 2 those from there on and
/// before `to`, if that is not empty.
pub(crate) fn span(kind: u8, from: Vec<u8>, to: Vec<u8>) -> Span {
    match kind {
        0 => Span::Key(from),
        1 => Span::Prefix(from),
        _ => Span::Range { from, to },
    }
}

/// A number that JavaScript hands back, or a length.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float cast saturates"
)]
pub(crate) const fn whole(number: f64) -> u64 {
    number as u64
}

/// The number of a source.
pub(crate) const fn source_code(source: Source) -> u8 {
    match source {
        Source::Waiting => 0,
        Source::Copy => 1,
        Source::Ring => 2,
    }
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
    version: Option<String>,
    source: u8,
    #[serde(rename = "expiresAtMs")]
    expires_at_ms: Option<f64>,
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
