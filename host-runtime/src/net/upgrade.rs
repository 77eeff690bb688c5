//! Turns a request for `/v1/ws` into a WebSocket.

use super::connection;
use super::listener::Permit;
use super::socket;
use crate::http::error::HttpError;
use crate::stone::Stone;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use henge_core::wire::SUBPROTOCOL;
use hyper::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::{Method, StatusCode};
use hyper_util::rt::TokioIo;
use sha1_smol::Sha1;
use std::sync::Arc;
use tokio_websockets::ServerBuilder;

/// What a server adds to the key (RFC 6455, section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Answers `/v1/ws`.
pub async fn upgrade(State(stone): State<Arc<Stone>>, mut request: Request) -> Response {
    let accept = match check(request.method(), request.headers()) {
        Ok(accept) => accept,
        Err(why) => return HttpError::bad_request(why).into_response(),
    };
    let permit = request.extensions().get::<Permit>().cloned();
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        match upgraded.await {
            Ok(io) => {
                let builder = ServerBuilder::new()
                    .limits(socket::limits())
                    .config(socket::config());
                connection::serve(stone, builder.serve(TokioIo::new(io))).await;
            }
            Err(error) => tracing::debug!("a connection broke before it was a WebSocket: {error}"),
        }
        drop(permit);
    });
    switching_protocols(accept)
}

fn switching_protocols(accept: HeaderValue) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(
        SEC_WEBSOCKET_PROTOCOL,
        HeaderValue::from_static(SUBPROTOCOL),
    );
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    response
}

fn check(method: &Method, headers: &HeaderMap) -> Result<HeaderValue, String> {
    if method != Method::GET || !names(headers, UPGRADE, "websocket") {
        return Err(format!(
            "this address speaks WebSocket: connect to it with a WebSocket client and the \
             subprotocol {SUBPROTOCOL}; for plain HTTP use /v1/kv/KEY"
        ));
    }
    if !names(headers, CONNECTION, "upgrade") {
        return Err("the request has no header `connection: upgrade`".into());
    }
    if headers
        .get(SEC_WEBSOCKET_VERSION)
        .is_none_or(|version| version != "13")
    {
        return Err("only WebSocket version 13 is spoken here".into());
    }
    if !names(headers, SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL) {
        return Err(format!(
            "the WebSocket subprotocol must be {SUBPROTOCOL}; this client offers {}",
            offered(headers)
        ));
    }
    let key = headers
        .get(SEC_WEBSOCKET_KEY)
        .ok_or("the request has no sec-websocket-key")?;
    let mut digest = Sha1::new();
    digest.update(key.as_bytes());
    digest.update(GUID);
    HeaderValue::from_str(&STANDARD.encode(digest.digest().bytes()))
        .map_err(|_| "the sec-websocket-key cannot be answered".into())
}

/// Whether the comma-separated `header` has `token` in it.
fn names(headers: &HeaderMap, header: HeaderName, token: &str) -> bool {
    let values = headers.get_all(header);
    let mut tokens = values
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    tokens.any(|found| found.trim().eq_ignore_ascii_case(token))
}

fn offered(headers: &HeaderMap) -> String {
    match headers.get(SEC_WEBSOCKET_PROTOCOL) {
        Some(offered) => String::from_utf8_lossy(offered.as_bytes()).into_owned(),
        None => "none".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        list.iter()
            .map(|&(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    const GOOD: [(&str, &str); 5] = [
        ("upgrade", "WebSocket"),
        ("connection", "keep-alive, Upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-protocol", "other, henge.v1"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    #[test]
    fn the_key_is_answered_as_in_the_rfc() {
        let accept = check(&Method::GET, &headers(&GOOD)).unwrap();
        assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn what_is_missing_is_named() {
        let said = [
            "/v1/kv",
            "connection: upgrade",
            "version 13",
            "offers none",
            "sec-websocket-key",
        ];
        for (index, said) in said.into_iter().enumerate() {
            let mut some = GOOD.to_vec();
            some.remove(index);
            let why = check(&Method::GET, &headers(&some)).unwrap_err();
            assert!(why.contains(said), "{why}");
        }
        assert!(check(&Method::POST, &headers(&GOOD)).is_err());
    }
}
