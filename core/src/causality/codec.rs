//! The bytes of contexts and sets: postcard, one encoding for each, validated when read.

use super::context::Context;
use super::dot::Dot;
use super::version::Version;
use super::version_set::VersionSet;
use crate::id::ActorId;
use crate::limits::{ACTORS_MAX, COUNTER_MAX, PAIR_BYTES_MAX, SIBLINGS_MAX};
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;
use serde::{Deserialize, Serialize};

/// Why bytes are not a context or a set of versions. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The bytes end too early or are not postcard of the expected shape.
    Malformed,
    /// More bytes than the content takes: something follows it, or a number is padded.
    NotCanonical {
        /// Bytes that the content takes.
        expected_bytes: usize,
        /// Bytes that were given.
        found_bytes: usize,
    },
    /// More actors than [`ACTORS_MAX`].
    TooManyActors {
        /// Actors that were given.
        count: usize,
    },
    /// A counter of 0, or above [`COUNTER_MAX`].
    BadCounter {
        /// The entry's actor.
        actor: ActorId,
        /// The entry's counter.
        counter: u64,
    },
    /// The entries of the context are not sorted by actor, or an actor comes twice.
    UnsortedContext,
    /// The versions are not sorted by dot, or a dot comes twice.
    UnsortedVersions,
    /// A version that the set's own context has not seen.
    DotOutsideContext {
        /// The version's dot.
        dot: Dot,
    },
    /// One actor has more versions than [`SIBLINGS_MAX`].
    TooManyVersions {
        /// The actor.
        actor: ActorId,
    },
    /// A value longer than [`PAIR_BYTES_MAX`].
    ValueTooLong {
        /// The version's dot.
        dot: Dot,
        /// The value's length in bytes.
        bytes: usize,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("the bytes are cut off or not postcard of this type"),
            Self::NotCanonical {
                expected_bytes,
                found_bytes,
            } => {
                write!(
                    f,
                    "the content takes {expected_bytes} bytes but {found_bytes} were given"
                )
            }
            Self::TooManyActors { count } => {
                write!(
                    f,
                    "a context names {count} actors and may name {ACTORS_MAX}"
                )
            }
            Self::BadCounter { actor, counter } => write!(
                f,
                "the counter of {actor:?} is {counter} and must lie in 1..={COUNTER_MAX}"
            ),
            Self::UnsortedContext => f.write_str("actors must be strictly ascending"),
            Self::UnsortedVersions => {
                f.write_str("the dots of versions must be strictly ascending")
            }
            Self::DotOutsideContext { dot } => write!(
                f,
                "version {} of {:?} is not covered by the set's own context",
                dot.counter, dot.actor
            ),
            Self::TooManyVersions { actor } => {
                write!(
                    f,
                    "{actor:?} has more versions than the {SIBLINGS_MAX} it may have"
                )
            }
            Self::ValueTooLong { dot, bytes } => write!(
                f,
                "the value of version {} of {:?} has {bytes} bytes and may have {PAIR_BYTES_MAX}",
                dot.counter, dot.actor
            ),
        }?;
        f.write_str("; hand back a context exactly as it was read, and drop a set that arrived so")
    }
}

impl Error for DecodeError {}

/// A set as it is on the wire, before its invariants are checked.
#[derive(Deserialize)]
pub(super) struct RawVersionSet {
    context: Vec<(ActorId, u64)>,
    versions: Vec<Version>,
}

impl TryFrom<RawVersionSet> for VersionSet {
    type Error = DecodeError;

    fn try_from(raw: RawVersionSet) -> Result<Self, DecodeError> {
        let context = Context::try_from(raw.context)?;
        let versions = raw.versions;
        if !versions.is_sorted_by(|a, b| a.dot < b.dot) {
            return Err(DecodeError::UnsortedVersions);
        }
        versions
            .iter()
            .try_for_each(|version| check_version(version, &context))?;
        let mut by_actor = versions.chunk_by(|a, b| a.dot.actor == b.dot.actor);
        if let Some(excess) = by_actor.find(|of_one| of_one.len() > SIBLINGS_MAX) {
            return Err(DecodeError::TooManyVersions {
                actor: excess[0].dot.actor,
            });
        }
        Ok(Self { context, versions })
    }
}

fn check_version(version: &Version, context: &Context) -> Result<(), DecodeError> {
    let dot = version.dot;
    if !context.contains(dot) {
        return Err(DecodeError::DotOutsideContext { dot });
    }
    let bytes = version.value.as_ref().map_or(0, |value| value.bytes.len());
    if bytes > PAIR_BYTES_MAX {
        return Err(DecodeError::ValueTooLong { dot, bytes });
    }
    Ok(())
}

/// Reads `bytes` as `Raw` and checks what that becomes.
///
/// Postcard reads padded numbers too. They are longer than the encoding of what they mean, so the
/// length alone tells whether `bytes` are the one encoding.
pub(super) fn decode<'a, Raw, T>(bytes: &'a [u8]) -> Result<T, DecodeError>
where
    Raw: Deserialize<'a>,
    T: TryFrom<Raw, Error = DecodeError> + Serialize,
{
    let (raw, _) = postcard::take_from_bytes::<Raw>(bytes).map_err(|_| DecodeError::Malformed)?;
    let content = T::try_from(raw)?;
    let expected_bytes =
        postcard::experimental::serialized_size(&content).map_err(|_| DecodeError::Malformed)?;
    if expected_bytes != bytes.len() {
        return Err(DecodeError::NotCanonical {
            expected_bytes,
            found_bytes: bytes.len(),
        });
    }
    Ok(content)
}
