//! What the driver of a leaf says of its socket.

use super::{FirstDial, Leaf};
use crate::client::ClientError;
use crate::time::Instant;

impl Leaf {
    /// The driver has begun to open a socket.
    pub fn handle_dialing(&mut self, now: Instant) {
        self.now = now;
        if self.first_dial == FirstDial::Ahead {
            self.first_dial = FirstDial::UnderWay;
        }
        self.client.handle_dialing(now);
    }

    /// A socket is open.
    pub fn handle_connected(&mut self, now: Instant) {
        self.now = now;
        self.client.handle_connected(now);
    }

    /// The socket has brought one binary message. After an error drop the socket and call
    /// [`Leaf::handle_disconnected`].
    ///
    /// # Errors
    ///
    /// If it is not what a server says.
    pub fn handle_message(&mut self, now: Instant, message: &[u8]) -> Result<(), ClientError> {
        self.now = now;
        self.client.handle_message(now, message)?;
        if self.settings.is_edge {
            self.note_greeting();
        }
        Ok(())
    }

    /// The socket has brought text. After an error drop the socket and call [`Leaf::handle_disconnected`].
    ///
    /// # Errors
    ///
    /// If no server says that.
    pub fn handle_text(&mut self, now: Instant, text: &str) -> Result<(), ClientError> {
        self.now = now;
        self.client.handle_text(now, text)
    }

    /// The socket is closed, or could not be opened.
    pub fn handle_disconnected(&mut self, now: Instant) {
        self.now = now;
        self.client.handle_disconnected(now);
    }
}
