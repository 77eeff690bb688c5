//! Where an edge node is.

use hyper::http::Uri;
use serde::Deserialize;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// The address of an edge node that this stone dials.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct EdgeAddress {
    uri: Uri,
    authority: String,
}

/// What is no address of an edge node.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{0} is no address of an edge node that can be dialled from here; write it as \
     ws://HOST[:PORT]/v1/edge?secret=SECRET (wss needs TLS, which is for a proxy to speak)"
)]
pub struct EdgeAddressError(String);

impl EdgeAddress {
    /// All of it.
    #[must_use]
    pub const fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The host and the port.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

impl FromStr for EdgeAddress {
    type Err = EdgeAddressError;

    fn from_str(text: &str) -> Result<Self, EdgeAddressError> {
        let wrong = || EdgeAddressError(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let host = uri.host().filter(|host| !host.is_empty());
        let host = host.ok_or_else(wrong)?;
        if uri.scheme_str() != Some("ws") {
            return Err(wrong());
        }
        let authority = format!("{host}:{}", uri.port_u16().unwrap_or(80));
        Ok(Self { uri, authority })
    }
}

impl TryFrom<String> for EdgeAddress {
    type Error = EdgeAddressError;

    fn try_from(text: String) -> Result<Self, EdgeAddressError> {
        text.parse()
    }
}

/// Without what stands behind the path: that is secret.
impl fmt::Display for EdgeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ws://{}{}", self.authority, self.uri.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_secret() {
        let address: EdgeAddress = "ws://localhost:8787/v1/edge?secret=x".parse().unwrap();
        assert_eq!(address.to_string(), "ws://localhost:8787/v1/edge");
        assert_eq!(address.authority(), "localhost:8787");
        let short: EdgeAddress = "ws://edge/v1/edge".parse().unwrap();
        assert_eq!(short.authority(), "edge:80");
    }

    #[test]
    fn what_cannot_be_dialled_is_refused_with_what_can() {
        for text in [
            "wss://edge/v1/edge",
            "edge:80",
            "http://edge/",
            "ws:///x",
            "",
        ] {
            let error = text.parse::<EdgeAddress>().unwrap_err();
            assert!(error.to_string().contains("ws://HOST"), "{text}");
        }
    }
}
