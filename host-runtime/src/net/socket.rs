//! WebSocket settings and errors shared by all connections.

use bytes::Bytes;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use henge_core::id::PartitionId;
use henge_core::limits::MESSAGE_BYTES_MAX;
use henge_core::wire::{Frame, FrameError, FrameKind, Frames, Refusal, decode_body, message_frame};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use thiserror::Error;
use tokio::time::timeout;
use tokio_websockets::{Config, Limits, Message};

/// How long either side waits for the other's part of the handshake.
pub const HANDSHAKE_TIME: Duration = Duration::from_secs(5);
/// How long a connection that ends may take to send what waits.
pub const LINGER: Duration = Duration::from_secs(2);

/// Why a connection ended.
#[derive(Debug, Error)]
pub enum SocketError {
    /// The WebSocket or TCP connection broke.
    #[error("{0}")]
    Broken(#[from] tokio_websockets::Error),
    /// The other side closed it.
    #[error("the other side closed the connection")]
    Closed,
    /// The other side sent something that is no frame.
    #[error("{0}")]
    Frame(#[from] FrameError),
    /// The other side sent a text message.
    #[error("a text message; only binary messages with frames are allowed")]
    Text,
    /// The other side did not say what it should.
    #[error("the other side sent no {0} in time")]
    Silent(&'static str),
    /// The other side refused.
    #[error("refused: {0}")]
    Refused(String),
    /// The other side is not who it should be.
    #[error("{0}")]
    Stranger(String),
}

/// What is allowed on every WebSocket.
#[must_use]
pub fn limits() -> Limits {
    Limits::default().max_payload_len(Some(MESSAGE_BYTES_MAX))
}

/// How every WebSocket sends: a message is one WebSocket frame.
#[must_use]
pub fn config() -> Config {
    Config::default()
        .frame_size(MESSAGE_BYTES_MAX)
        .flush_threshold(64 * 1_024)
}

/// Waits for the next binary message, past pings and pongs.
///
/// # Errors
/// If the connection ends, or a text message comes.
pub async fn next_message<S>(socket: &mut S) -> Result<Bytes, SocketError>
where
    S: Stream<Item = Result<Message, tokio_websockets::Error>> + Unpin,
{
    loop {
        let message = socket.next().await.ok_or(SocketError::Closed)??;
        if message.is_binary() {
            return Ok(message.into_payload().into());
        } else if message.is_text() {
            return Err(SocketError::Text);
        } else if message.is_close() {
            return Err(SocketError::Closed);
        }
    }
}

/// Waits for the one frame of a handshake, which may be a refusal instead. Returns it with the
/// bytes behind it.
///
/// # Errors
/// If something else comes, or nothing within [`HANDSHAKE_TIME`].
pub async fn greeting<S, T>(
    socket: &mut S,
    kind: FrameKind,
    what: &'static str,
) -> Result<(T, Bytes), SocketError>
where
    S: Stream<Item = Result<Message, tokio_websockets::Error>> + Unpin,
    T: DeserializeOwned,
{
    let message = timeout(HANDSHAKE_TIME, next_message(socket)).await;
    let message = message.map_err(|_| SocketError::Silent(what))??;
    let (frame, rest) = Frame::take(&message)?;
    if frame.kind == FrameKind::Refusal {
        let refusal: Refusal = decode_body(frame.body)?;
        return Err(SocketError::Refused(refusal.message));
    }
    if frame.kind != kind {
        return Err(FrameError::Kind(frame.kind as u8).into());
    }
    Ok((decode_body(frame.body)?, message.slice_ref(rest)))
}

/// Sends one frame of a handshake.
///
/// # Errors
/// If the connection ends.
pub async fn greet<S, T>(socket: &mut S, kind: FrameKind, body: &T) -> Result<(), SocketError>
where
    S: Sink<Message, Error = tokio_websockets::Error> + Unpin,
    T: Serialize + Sync,
{
    let frame = message_frame(kind, PartitionId(0), body);
    Ok(socket.send(Message::binary(Bytes::from(frame))).await?)
}

/// The frames of one message, as slices of it.
pub fn frames(message: &Bytes) -> impl Iterator<Item = Result<(Frame<'_>, Bytes), FrameError>> {
    Frames::new(message).map(|frame| frame.map(|frame| (frame, message.slice_ref(frame.bytes))))
}
