//! One member of the static list.

use henge_core::ring::{Member, Zone, ZoneError};
use serde::Deserialize;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// A member and where it listens, written `NAME=HOST:PORT@ZONE*CAPACITY`. A capacity of 1 may be
/// left out.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct MemberSetting {
    /// The member, as placement sees it.
    pub member: Member,
    /// Where the others reach it, `HOST:PORT`.
    pub address: String,
}

/// Why a text names no member.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MemberError {
    /// A part is missing.
    #[error("{text:?} has no {missing}; write NAME=HOST:PORT@ZONE or NAME=HOST:PORT@ZONE*CAPACITY")]
    Missing {
        /// What was given.
        text: String,
        /// What it lacks.
        missing: &'static str,
    },
    /// The address is none.
    #[error("{0:?} is no address; write HOST:PORT, like 10.0.0.7:7301")]
    Address(String),
    /// The zone is none.
    #[error("{0}")]
    Zone(String),
    /// The capacity is none.
    #[error("capacity {0:?} is no number from 0 to {max}", max = u32::MAX)]
    Capacity(String),
}

impl FromStr for MemberSetting {
    type Err = MemberError;

    fn from_str(text: &str) -> Result<Self, MemberError> {
        let missing = |missing| MemberError::Missing {
            text: text.to_owned(),
            missing,
        };
        let (name, rest) = text.split_once('=').ok_or(missing("="))?;
        let (address, rest) = rest.split_once('@').ok_or(missing("@ZONE"))?;
        if name.is_empty() {
            return Err(missing("NAME"));
        }
        check_address(address)?;
        let (zone, capacity) = match rest.split_once('*') {
            None => (rest, 1),
            Some((zone, capacity)) => (
                zone,
                capacity
                    .parse()
                    .map_err(|_| MemberError::Capacity(capacity.into()))?,
            ),
        };
        let zone: Zone = zone
            .parse()
            .map_err(|error: ZoneError| MemberError::Zone(format!("zone {zone:?}: {error}")))?;
        Ok(Self {
            member: Member::new(name, zone, capacity),
            address: address.into(),
        })
    }
}

impl TryFrom<String> for MemberSetting {
    type Error = MemberError;

    fn try_from(text: String) -> Result<Self, MemberError> {
        text.parse()
    }
}

impl fmt::Display for MemberSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Member {
            name,
            zone,
            capacity,
            ..
        } = &self.member;
        write!(f, "{name}={}@{}*{capacity}", self.address, zone.as_str())
    }
}

/// Checks that `address` is `HOST:PORT`; whether the host exists shows later.
///
/// # Errors
/// If it is not.
pub fn check_address(address: &str) -> Result<(), MemberError> {
    let wrong = || MemberError::Address(address.to_owned());
    let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
    let unbracketed_v6 = host.contains(':') && !host.starts_with('[');
    if host.is_empty() || unbracketed_v6 || host.contains(['/', ' ', '@', '=']) {
        return Err(wrong());
    }
    port.parse::<u16>().map(|_| ()).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_reads_back_what_it_prints() {
        for text in [
            "a=127.0.0.1:7301@local/a*1",
            "stone-2=[::1]:80@eu*0",
            "b=h:1@eu/x/y*4",
        ] {
            assert_eq!(text.parse::<MemberSetting>().unwrap().to_string(), text);
        }
        let short: MemberSetting = "a=h:1@eu".parse().unwrap();
        assert_eq!(short.member.capacity, 1);
    }

    #[test]
    fn what_is_wrong_with_a_member_is_named() {
        let wrong = [
            ("a", "no =", "NAME=HOST"),
            ("a=h:1", "no @ZONE", "NAME=HOST"),
            ("=h:1@eu", "no NAME", "NAME=HOST"),
            ("a=h@eu", "\"h\"", "HOST:PORT"),
            ("a=h:99999@eu", "h:99999", "HOST:PORT"),
            ("a=::1:80@eu", "::1:80", "HOST:PORT"),
            ("a=h:1@eu*x", "\"x\"", "number"),
            ("a=h:1@e u", "e u", ""),
        ];
        for (text, what, allowed) in wrong {
            let why = text.parse::<MemberSetting>().unwrap_err().to_string();
            assert!(why.contains(what) && why.contains(allowed), "{text}: {why}");
        }
    }
}
