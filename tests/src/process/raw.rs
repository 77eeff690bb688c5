//! A WebSocket that says what it should not.

use super::session::{is_timeout, open};
use henge_core::id::PartitionId;
use henge_core::wire::{
    Frame, FrameKind, Hello, Refusal, Role, SUBPROTOCOL, decode_body, message_frame,
};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use tungstenite::{Error, Message, WebSocket};

/// A WebSocket without a client behind it.
pub struct Raw(WebSocket<TcpStream>);

impl Raw {
    /// Opens one, and says nothing.
    ///
    /// # Panics
    /// If the stone does not take it.
    #[must_use]
    pub fn open(address: &str) -> Self {
        Self(open(address, Some(SUBPROTOCOL)).expect("a stone that listens"))
    }

    /// Opens one, and says nothing.
    ///
    /// # Errors
    /// Why the stone does not take it.
    pub fn try_open(address: &str) -> Result<Self, String> {
        let opened = open(address, Some(SUBPROTOCOL));
        opened.map(Self).map_err(|error| error.to_string())
    }

    /// Opens one and is welcomed as a client.
    ///
    /// # Panics
    /// If it is not.
    #[must_use]
    pub fn greeted(address: &str) -> Self {
        let mut raw = Self::open(address);
        raw.hello(&Hello::new(None, Role::Client));
        let answer = raw.receive().expect("a welcome");
        let (frame, _) = Frame::take(&answer).expect("a frame");
        assert_eq!(frame.kind, FrameKind::Welcome);
        raw
    }

    /// Says `hello`.
    pub fn hello(&mut self, hello: &Hello) {
        self.send(message_frame(FrameKind::Hello, PartitionId(0), hello));
    }

    /// Sends bytes as one binary message.
    ///
    /// # Panics
    /// If the connection is broken.
    pub fn send(&mut self, bytes: Vec<u8>) {
        self.0.send(Message::binary(bytes)).expect("it can be sent");
    }

    /// Sends bytes, if the connection still takes them.
    pub fn try_send(&mut self, bytes: Vec<u8>) -> bool {
        self.0.send(Message::binary(bytes)).is_ok()
    }

    /// Sends a text message.
    ///
    /// # Panics
    /// If the connection is broken.
    pub fn send_text(&mut self, text: &str) {
        self.0.send(Message::text(text)).expect("it can be sent");
    }

    /// The next binary message, without the notices in front of it; `None` if the connection ends.
    ///
    /// # Panics
    /// If neither happens.
    pub fn receive(&mut self) -> Option<Vec<u8>> {
        let limit = Instant::now() + Duration::from_secs(10);
        loop {
            assert!(Instant::now() < limit, "neither an answer nor an end");
            match self.0.read() {
                Ok(Message::Binary(bytes)) => {
                    let rest = behind_notices(&bytes);
                    if !rest.is_empty() {
                        return Some(rest.to_vec());
                    }
                }
                Ok(_) => {}
                Err(Error::Io(error)) if is_timeout(&error) => {}
                Err(_) => return None,
            }
        }
    }

    /// Waits for the refusal that ends the connection.
    ///
    /// # Panics
    /// If anything else comes, or the connection stays open.
    pub fn refusal(&mut self) -> Refusal {
        let message = self.receive().expect("a refusal before the end");
        let (frame, _) = Frame::take(&message).expect("a frame");
        assert_eq!(frame.kind, FrameKind::Refusal);
        let refusal = decode_body(frame.body).expect("a refusal");
        assert_eq!(self.receive(), None, "the connection is closed behind it");
        refusal
    }
}

/// A message without the notices that it begins with: they come unasked.
fn behind_notices(message: &[u8]) -> &[u8] {
    match Frame::take(message) {
        Ok((frame, rest)) if frame.kind == FrameKind::Notice => behind_notices(rest),
        _ => message,
    }
}
