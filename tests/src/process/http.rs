//! A small blocking client of the HTTP interface.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::time::Duration;
use ureq::Agent;
use ureq::http::{HeaderMap, Request};

/// A client of one stone. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Http {
    agent: Agent,
    base: String,
}

/// What the stone answered, whatever the status.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Http {
    /// A client of the stone that listens on `port` of loopback.
    #[must_use]
    pub fn new(port: u16) -> Self {
        Self::at(&format!("127.0.0.1:{port}"))
    }

    /// A client of the stone at `address`, `HOST:PORT`.
    #[must_use]
    pub fn at(address: &str) -> Self {
        Self::with_time(address, ANSWER_TIME)
    }

    /// The same, which waits at most `limit` for an answer.
    #[must_use]
    pub fn with_time(address: &str, limit: Duration) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(limit))
            .build();
        Self {
            agent: config.new_agent(),
            base: format!("http://{address}"),
        }
    }

    /// Sends one request; `None` if no whole answer came.
    ///
    /// # Panics
    /// If the request is none.
    #[must_use]
    pub fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Option<Answer> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answered = match body {
            Some(body) => self.agent.run(request.body(body).expect("a request")),
            None => self.agent.run(request.body(()).expect("a request")),
        };
        let (head, mut body) = answered.ok()?.into_parts();
        let body = body
            .with_config()
            .limit(BODY_BYTES_MAX)
            .read_to_vec()
            .ok()?;
        Some(Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
        })
    }

    /// Sends one request, which must be answered.
    ///
    /// # Panics
    /// If it is not.
    #[must_use]
    pub fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Answer {
        self.try_send(method, path, headers, body)
            .unwrap_or_else(|| panic!("no answer to {method} {}{path}", self.base))
    }

    /// Reads `path`, if it is answered.
    #[must_use]
    pub fn try_get(&self, path: &str) -> Option<Answer> {
        self.try_send("GET", path, &[], None)
    }

    /// Reads `path`.
    #[must_use]
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None)
    }

    /// The value of `key`, which must be text; `None` if there is none.
    ///
    /// # Panics
    /// On any other answer.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<String> {
        let answer = self.get(&path(key));
        match answer.status {
            200 => Some(answer.text()),
            404 => None,
            _ => panic!("{key}: {answer:?}"),
        }
    }

    /// Writes text under `key`; true if it was acknowledged.
    #[must_use]
    pub fn put_text(&self, key: &str, value: &str) -> bool {
        let text = [("content-type", "text/plain; charset=utf-8")];
        self.try_send("PUT", &path(key), &text, Some(value.as_bytes()))
            .is_some_and(|answer| answer.status == 204)
    }
}

impl Answer {
    /// A header as text; empty if it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The path of `key`.
#[must_use]
pub fn path(key: &str) -> String {
    format!("/v1/kv/{}", utf8_percent_encode(key, NON_ALPHANUMERIC))
}

/// How long an answer may take.
const ANSWER_TIME: Duration = Duration::from_secs(15);
/// Longest body that is read, in bytes.
const BODY_BYTES_MAX: u64 = 64 * 1_024 * 1_024;
