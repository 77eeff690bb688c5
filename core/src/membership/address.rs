//! Where a member is reached.

use crate::limits::ADDRESS_BYTES_MAX;
use alloc::sync::Arc;
use core::fmt;
use core::str::FromStr;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A `host:port` of at most [`ADDRESS_BYTES_MAX`] bytes of visible ASCII. Cheap to clone.
///
/// The host is a name or an IP address; nothing here resolves it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberAddress(Arc<str>);

impl MemberAddress {
    /// The text, `host:port`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MemberAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.len() > ADDRESS_BYTES_MAX {
            return Err(AddressError::TooLong { bytes: text.len() });
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(AddressError::Character);
        }
        let (host, port) = text.rsplit_once(':').ok_or(AddressError::NoPort)?;
        if host.is_empty() {
            return Err(AddressError::NoHost);
        }
        match port.parse::<u16>() {
            Ok(1..) => Ok(Self(text.into())),
            _ => Err(AddressError::NoPort),
        }
    }
}

impl fmt::Display for MemberAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for MemberAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemberAddress({})", self.0)
    }
}

impl Serialize for MemberAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for MemberAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(AddressVisitor)
    }
}

struct AddressVisitor;

impl Visitor<'_> for AddressVisitor {
    type Value = MemberAddress;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("host:port")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<MemberAddress, E> {
        text.parse().map_err(E::custom)
    }
}

/// Why a text is not a [`MemberAddress`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressError {
    /// It is longer than [`ADDRESS_BYTES_MAX`].
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// It has a character that is not visible ASCII.
    Character,
    /// Nothing stands in front of the port.
    NoHost,
    /// It does not end in a colon and a port from 1 to 65535.
    NoPort,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes } => write!(
                f,
                "the address has {bytes} bytes, {ADDRESS_BYTES_MAX} are allowed"
            ),
            Self::Character => f.write_str("an address has only visible ASCII characters"),
            Self::NoHost => f.write_str("the address has no host; write it as host:port"),
            Self::NoPort => f.write_str("the address has no port; write it as host:port"),
        }
    }
}

impl core::error::Error for AddressError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    #[test]
    fn an_address_is_a_host_and_a_port_and_nothing_else() {
        let parse = |text: &str| {
            text.parse::<MemberAddress>()
                .map(|a| String::from(a.as_str()))
        };
        assert_eq!(parse("stone-1:7000"), Ok("stone-1:7000".into()));
        assert_eq!(parse("[::1]:7000"), Ok("[::1]:7000".into()));
        assert_eq!(parse("stone-1"), Err(AddressError::NoPort));
        assert_eq!(parse("stone-1:0"), Err(AddressError::NoPort));
        assert_eq!(parse("stone-1:65536"), Err(AddressError::NoPort));
        assert_eq!(parse(":7000"), Err(AddressError::NoHost));
        assert_eq!(parse("a b:1"), Err(AddressError::Character));
        let long = alloc::format!("{}:1", "a".repeat(ADDRESS_BYTES_MAX - 1));
        assert_eq!(
            parse(&long),
            Err(AddressError::TooLong { bytes: long.len() })
        );
        assert!(parse(&long[1..]).is_ok());
    }
}
