//! Failure domains.

use super::error::ZoneError;
use crate::limits::{ZONE_PART_CHARS_MAX, ZONE_PARTS_MAX};
use alloc::string::String;
use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Serialize};

/// A failure domain, as a path from the largest to the smallest: `region`, `region/zone` or
/// `region/zone/host`.
///
/// A part is 1 to [`ZONE_PART_CHARS_MAX`] characters of `A-Z a-z 0-9 . _ -`. Two members in one zone are
/// expected to fail together; members whose paths share their first parts are expected to fail
/// together less often.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone(String);

impl Zone {
    /// The first part.
    #[must_use]
    pub fn region(&self) -> &str {
        self.prefix(1)
    }

    /// The first `parts` parts as a path; the whole path if it has no more than that.
    #[must_use]
    pub fn prefix(&self, parts: usize) -> &str {
        let end = self
            .0
            .match_indices('/')
            .map(|(at, _)| at)
            .nth(parts.saturating_sub(1));
        &self.0[..end.unwrap_or(self.0.len())]
    }

    /// The whole path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Zone {
    type Err = ZoneError;

    fn from_str(path: &str) -> Result<Self, ZoneError> {
        check(path)?;
        Ok(Self(path.into()))
    }
}

impl TryFrom<String> for Zone {
    type Error = ZoneError;

    fn try_from(path: String) -> Result<Self, ZoneError> {
        check(&path)?;
        Ok(Self(path))
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.0
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.0)
    }
}

fn check(path: &str) -> Result<(), ZoneError> {
    let parts = path.split('/').count();
    if parts > ZONE_PARTS_MAX {
        return Err(ZoneError::TooManyParts { parts });
    }
    path.split('/')
        .zip(1..)
        .try_for_each(|(text, part)| check_part(text, part))
}

fn check_part(text: &str, part: usize) -> Result<(), ZoneError> {
    let chars = text.chars().count();
    if chars == 0 || chars > ZONE_PART_CHARS_MAX {
        return Err(ZoneError::PartLength { part, chars });
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    match text.chars().find(|&c| !allowed(c)) {
        Some(found) => Err(ZoneError::PartCharacter { part, found }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn zone(path: &str) -> Result<Zone, ZoneError> {
        path.parse()
    }

    #[test]
    fn a_zone_is_one_to_three_parts() {
        assert_eq!(zone("eu").unwrap().region(), "eu");
        let deep = zone("eu-1/a_b/h.9").unwrap();
        assert_eq!(
            [
                deep.prefix(1),
                deep.prefix(2),
                deep.prefix(3),
                deep.prefix(4)
            ],
            ["eu-1", "eu-1/a_b", "eu-1/a_b/h.9", "eu-1/a_b/h.9"]
        );
        assert_eq!(zone("a/b/c/d"), Err(ZoneError::TooManyParts { parts: 4 }));
    }

    #[test]
    fn a_wrong_part_is_named() {
        assert_eq!(zone(""), Err(ZoneError::PartLength { part: 1, chars: 0 }));
        assert_eq!(
            zone("eu//h"),
            Err(ZoneError::PartLength { part: 2, chars: 0 })
        );
        assert!(zone(&"x".repeat(64)).is_ok());
        assert_eq!(
            zone(&"x".repeat(65)),
            Err(ZoneError::PartLength { part: 1, chars: 65 })
        );
        assert_eq!(
            zone("eu/a b"),
            Err(ZoneError::PartCharacter {
                part: 2,
                found: ' '
            })
        );
        assert_eq!(
            zone("é"),
            Err(ZoneError::PartCharacter {
                part: 1,
                found: 'é'
            })
        );
        let said = zone("eu/a b").unwrap_err().to_string();
        assert!(
            said.contains("part 2") && said.contains("region/zone/host"),
            "{said}"
        );
    }

    #[test]
    fn a_received_zone_is_checked() {
        let bytes = postcard::to_allocvec("eu/a").unwrap();
        assert_eq!(
            postcard::from_bytes::<Zone>(&bytes).unwrap(),
            zone("eu/a").unwrap()
        );
        let bytes = postcard::to_allocvec("eu/").unwrap();
        assert!(postcard::from_bytes::<Zone>(&bytes).is_err());
    }
}
