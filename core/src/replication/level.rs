//! Consistency levels: how many replicas must have answered.

use crate::limits::REPLICAS_MAX;
use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Serialize};

/// How many replicas a read or a write waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Level {
    /// Any one replica.
    One,
    /// A majority of all replicas.
    Quorum,
    /// Every replica.
    All,
    /// A majority of the replicas in the coordinator's region.
    LocalQuorum,
    /// A majority of the replicas in each region.
    EachQuorum,
    /// Just so many; at least 1.
    Replicas(u8),
}

impl FromStr for Level {
    type Err = LevelError;

    fn from_str(text: &str) -> Result<Self, LevelError> {
        Ok(match text {
            "one" => Self::One,
            "quorum" => Self::Quorum,
            "all" => Self::All,
            "local_quorum" => Self::LocalQuorum,
            "each_quorum" => Self::EachQuorum,
            number => match number.parse() {
                Ok(count) if (1..=REPLICAS_MAX).contains(&count) => Self::Replicas(count),
                _ => return Err(LevelError::Unknown(text.to_string())),
            },
        })
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One => f.write_str("one"),
            Self::Quorum => f.write_str("quorum"),
            Self::All => f.write_str("all"),
            Self::LocalQuorum => f.write_str("local_quorum"),
            Self::EachQuorum => f.write_str("each_quorum"),
            Self::Replicas(count) => write!(f, "{count}"),
        }
    }
}

/// Why a level cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LevelError {
    /// No level is called this.
    Unknown(String),
    /// It asks for more replicas than a key has.
    TooMany {
        /// Replicas asked for.
        asked: u8,
        /// Replicas there are.
        replicas: u8,
    },
}

impl fmt::Display for LevelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(text) => write!(
                f,
                "unknown level \"{text}\"; allowed are one, quorum, all, local_quorum, each_quorum \
                 and the numbers 1 to {REPLICAS_MAX}"
            ),
            Self::TooMany { asked, replicas } => write!(
                f,
                "level {asked} asks for more replicas than the {replicas} that a key has here; \
                 allowed are 1 to {replicas}"
            ),
        }
    }
}

impl core::error::Error for LevelError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_reads_back_what_it_prints() {
        for level in [
            Level::One,
            Level::Quorum,
            Level::All,
            Level::LocalQuorum,
            Level::EachQuorum,
            Level::Replicas(3),
        ] {
            assert_eq!(level.to_string().parse(), Ok(level));
        }
    }

    #[test]
    fn a_level_that_does_not_exist_is_named_with_what_is_allowed() {
        for text in ["", "two", "0", "17", "-1", "QUORUM"] {
            let error = text.parse::<Level>().unwrap_err().to_string();
            assert!(
                error.contains(text) && error.contains("local_quorum"),
                "{error}"
            );
        }
    }
}
