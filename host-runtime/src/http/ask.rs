//! One question to a stone over HTTP.

use axum::body::{Body, to_bytes};
use bytes::Bytes;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use std::time::Duration;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;

const ASK_TIME: Duration = Duration::from_secs(2);
/// The same where the stone has to agree with others first, which takes it up to ten seconds.
const TELL_TIME: Duration = Duration::from_secs(12);
/// Longest answer that is taken, in bytes.
const ANSWER_BYTES_MAX: usize = 16 * 1_024 * 1_024;

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum AskError {
    /// It cannot be reached, or has ended the connection.
    #[error("{0}")]
    Broken(String),
    /// It has not answered in time.
    #[error("no answer within {} s", .0.as_secs())]
    Silent(Duration),
    /// It has refused.
    #[error("{status}: {said}")]
    Refused {
        /// With this status.
        status: StatusCode,
        /// And these words.
        said: String,
    },
    /// The answer makes no sense.
    #[error("{0}")]
    Senseless(String),
}

impl AskError {
    fn broken(error: &dyn std::fmt::Display) -> Self {
        Self::Broken(error.to_string())
    }
}

/// Asks the stone at `server` for `path`. Returns the body of its answer.
///
/// # Errors
/// If there is none that says yes.
pub async fn ask(server: &str, method: Method, path: &str) -> Result<Bytes, AskError> {
    send(server, method, path, Bytes::new(), ASK_TIME).await
}

/// Tells the stone at `server` what it is to agree on with the others. Returns the body of its answer.
///
/// # Errors
/// If there is none that says yes.
pub async fn tell(
    server: &str,
    method: Method,
    path: &str,
    body: Bytes,
) -> Result<Bytes, AskError> {
    send(server, method, path, body, TELL_TIME).await
}

async fn send(
    server: &str,
    method: Method,
    path: &str,
    body: Bytes,
    time: Duration,
) -> Result<Bytes, AskError> {
    let asked = timeout(time, async {
        let tcp = TcpStream::connect(server).await;
        let tcp = tcp.map_err(|error| AskError::broken(&error))?;
        let handshake = http1::handshake(TokioIo::new(tcp)).await;
        let (mut sender, connection) = handshake.map_err(|error| AskError::broken(&error))?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, server);
        let request = request.body(Body::from(body));
        let request = request.map_err(|error| AskError::broken(&error))?;
        let response = async {
            let response = sender.send_request(request).await;
            let response = response.map_err(|error| AskError::broken(&error))?;
            let status = response.status();
            let body = to_bytes(Body::new(response.into_body()), ANSWER_BYTES_MAX).await;
            let body = body.map_err(|error| AskError::broken(&error))?;
            if status.is_success() {
                return Ok(body);
            }
            let said = String::from_utf8_lossy(&body).trim().to_owned();
            Err(AskError::Refused { status, said })
        };
        tokio::pin!(response);
        tokio::select! {
            biased;
            answer = &mut response => answer,
            ended = connection => {
                ended.map_err(|error| AskError::broken(&error))?;
                response.await
            }
        }
    });
    asked.await.unwrap_or(Err(AskError::Silent(time)))
}
