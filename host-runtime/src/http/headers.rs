//! Request and response headers of `/v1/kv`.

use super::error::HttpError;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use henge_core::causality::{Token, Value};
use henge_core::id::RequestId;
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

/// The version of the value, as text.
pub const VERSION: HeaderName = HeaderName::from_static("henge-version");
/// The causal context, to be handed back in a write.
pub const CONTEXT: HeaderName = HeaderName::from_static("henge-context");
/// How many values are concurrent to this one.
pub const SIBLINGS: HeaderName = HeaderName::from_static("henge-siblings");
/// `CLIENT-SEQUENCE`: the same again is the same write again.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("henge-request-id");

/// How a value's `encoding` byte and a content type name each other.
const TYPES: [(u8, &str); 3] = [
    (0, "application/octet-stream"),
    (1, "text/plain; charset=utf-8"),
    (2, "application/json"),
];

/// The content type of a stored value.
#[must_use]
pub fn content_type(encoding: u8) -> HeaderValue {
    let known = TYPES.iter().find(|(known, _)| *known == encoding);
    HeaderValue::from_static(known.map_or(TYPES[0].1, |(_, name)| name))
}

/// The value of a request's body, by its content type: text and JSON are checked, everything else
/// is bytes.
///
/// # Errors
/// If the body is not what the content type says.
pub fn value(headers: &HeaderMap, bytes: Vec<u8>) -> Result<Value, HttpError> {
    let said = headers
        .get(CONTENT_TYPE)
        .map_or(&b""[..], HeaderValue::as_bytes);
    let essence = said
        .split(|&byte| byte == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii();
    let wrong = |what: String| {
        HttpError::new(
            StatusCode::BAD_REQUEST,
            "VALUE",
            format!("{what}; send it without a content type to store it as bytes"),
        )
    };
    let encoding = if essence.eq_ignore_ascii_case(b"application/json") {
        serde_json::from_slice::<serde::de::IgnoredAny>(&bytes)
            .map_err(|error| wrong(format!("the body is no JSON: {error}")))?;
        2
    } else if essence.eq_ignore_ascii_case(b"text/plain") {
        std::str::from_utf8(&bytes)
            .map_err(|error| wrong(format!("the body is no UTF-8 text: {error}")))?;
        1
    } else {
        0
    };
    Ok(Value { encoding, bytes })
}

/// The causal context that a writer hands back; empty if it hands back none.
///
/// # Errors
/// If it is none of ours.
pub fn context(headers: &HeaderMap) -> Result<Vec<u8>, HttpError> {
    let Some(text) = headers.get(CONTEXT) else {
        return Ok(Vec::new());
    };
    let decoded = URL_SAFE_NO_PAD.decode(text.as_bytes()).ok();
    decoded
        .filter(|bytes| Token::decode(bytes).is_ok())
        .ok_or_else(|| {
            HttpError::bad_request(
                "the header henge-context is not one that a read has given; copy it unchanged, or \
             leave it out for a blind write",
            )
        })
}

/// A context as a header.
#[must_use]
pub fn context_header(context: &[u8]) -> Option<HeaderValue> {
    HeaderValue::from_str(&URL_SAFE_NO_PAD.encode(context)).ok()
}

/// The request id that a writer gives, if it gives one.
///
/// # Errors
/// If it is not `HEX-DECIMAL`.
pub fn request_id(headers: &HeaderMap) -> Result<Option<RequestId>, HttpError> {
    let Some(text) = headers.get(REQUEST_ID) else {
        return Ok(None);
    };
    let parse = |text: &str| {
        let (client, sequence) = text.split_once('-')?;
        let client = u64::from_str_radix(client, 16).ok()?;
        let sequence = sequence.parse().ok()?;
        (client > 0 && sequence > 0).then_some(RequestId::new(client, sequence))
    };
    text.to_str().ok().and_then(parse).map(Some).ok_or_else(|| {
        HttpError::bad_request(
            "the header henge-request-id must be CLIENT-SEQUENCE: a random number other than 0 in \
             hexadecimal (up to 16 digits) and a number from 1 in decimal, like 9f3a61c2-1",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, value: &'static str) -> HeaderMap {
        [(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )]
        .into_iter()
        .collect()
    }

    #[test]
    fn a_content_type_names_an_encoding_and_back() {
        for (said, encoding) in [
            ("application/octet-stream", 0),
            ("image/png", 0),
            ("text/plain; charset=utf-8", 1),
            ("Application/JSON", 2),
        ] {
            let value = value(&with("content-type", said), b"[1]".to_vec()).unwrap();
            assert_eq!(value.encoding, encoding, "{said}");
        }
        assert_eq!(content_type(2), "application/json");
        assert_eq!(content_type(77), "application/octet-stream");
        assert!(value(&with("content-type", "application/json"), b"{".to_vec()).is_err());
        assert!(value(&with("content-type", "text/plain"), vec![0xff]).is_err());
    }

    #[test]
    fn a_request_id_is_read_or_explained() {
        let id = request_id(&with("henge-request-id", "ff-12")).unwrap();
        assert_eq!(
            id,
            Some(RequestId {
                client: 255,
                sequence: 12
            })
        );
        assert_eq!(request_id(&HeaderMap::new()).unwrap(), None);
        for wrong in [
            "",
            "ff",
            "ff-",
            "xx-1",
            "0-1",
            "1-0",
            "1-2-3",
            "12345678901234567-1",
        ] {
            assert!(
                request_id(&with("henge-request-id", wrong)).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_context_that_is_none_is_refused() {
        assert!(context(&with("henge-context", "!!")).is_err());
        assert!(context(&with("henge-context", "____")).is_err());
        assert_eq!(context(&HeaderMap::new()).unwrap(), Vec::<u8>::new());
    }
}
