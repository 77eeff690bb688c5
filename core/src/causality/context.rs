//! Which write events of a key someone has seen.

use super::codec::{self, DecodeError};
use super::dot::Dot;
use crate::encoded::encoded;
use crate::id::ActorId;
use crate::limits::{ACTORS_MAX, COUNTER_MAX};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// A version vector: for each actor, how many of its write events have been seen.
///
/// Entry `(actor, n)` stands for the dots `(actor, 1)` to `(actor, n)`. The entries are sorted by
/// actor, without duplicates or zeros, and at most [`ACTORS_MAX`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<(ActorId, u64)>")]
pub struct Context(Vec<(ActorId, u64)>);

impl Context {
    /// The context of someone who has seen nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// How many of `actor`'s write events are covered; 0 if none is.
    #[must_use]
    pub fn counter(&self, actor: ActorId) -> u64 {
        self.find(actor).map_or(0, |at| self.0[at].1)
    }

    /// Whether `dot` has been seen. Counter 0 names no write event, so it never has.
    #[must_use]
    pub fn contains(&self, dot: Dot) -> bool {
        dot.counter > 0 && dot.counter <= self.counter(dot.actor)
    }

    /// Whether everything that `other` has seen is seen here.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        other
            .0
            .iter()
            .all(|&(actor, counter)| counter <= self.counter(actor))
    }

    /// Adds what `other` has seen.
    ///
    /// Once [`ACTORS_MAX`] actors are known, further ones are left out: a write with such a
    /// context can look concurrent with what it replaces, but nothing is lost.
    pub fn join(&mut self, other: &Self) {
        for &(actor, counter) in &other.0 {
            self.insert(Dot { actor, counter });
        }
    }

    /// Adds `dot` and with it all earlier dots of its actor, and says whether it is covered now.
    ///
    /// It is not if the actor is new and there are [`ACTORS_MAX`] already, or for counter 0.
    pub fn insert(&mut self, dot: Dot) -> bool {
        match self.find(dot.actor) {
            Ok(at) => self.0[at].1 = self.0[at].1.max(dot.counter),
            Err(at) if dot.counter > 0 && self.0.len() < ACTORS_MAX => {
                self.0.insert(at, (dot.actor, dot.counter));
            }
            Err(_) => {}
        }
        self.contains(dot)
    }

    /// The entries, sorted by actor.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (ActorId, u64)> + '_ {
        self.0.iter().copied()
    }

    /// Whether nothing has been seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many actors are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The one encoding of this context; the byte layout is in `docs/causality.md`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encoded(self)
    }

    /// The context that `bytes` encode.
    ///
    /// # Errors
    ///
    /// If `bytes` are not what [`Self::encode`] gives for some context.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode::<Vec<(ActorId, u64)>, Self>(bytes)
    }

    /// How many of `other`'s actors are not known here.
    pub(super) fn unknown_actors(&self, other: &Self) -> usize {
        other
            .0
            .iter()
            .filter(|&&(actor, _)| self.find(actor).is_err())
            .count()
    }

    /// Forgets every actor that `keep` refuses.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(ActorId) -> bool) {
        self.0.retain(|&(actor, _)| keep(actor));
    }

    fn find(&self, actor: ActorId) -> Result<usize, usize> {
        self.0.binary_search_by_key(&actor, |&(known, _)| known)
    }
}

impl TryFrom<Vec<(ActorId, u64)>> for Context {
    type Error = DecodeError;

    fn try_from(entries: Vec<(ActorId, u64)>) -> Result<Self, DecodeError> {
        if entries.len() > ACTORS_MAX {
            return Err(DecodeError::TooManyActors {
                count: entries.len(),
            });
        }
        if let Some(&(actor, counter)) = entries
            .iter()
            .find(|&&(_, counter)| counter == 0 || counter > COUNTER_MAX)
        {
            return Err(DecodeError::BadCounter { actor, counter });
        }
        if !entries.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(DecodeError::UnsortedContext);
        }
        Ok(Self(entries))
    }
}
