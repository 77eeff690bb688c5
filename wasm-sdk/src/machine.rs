//! What a [`crate::driver::Driver`] drives: a state machine of the core that talks to one server.

use henge_core::client::{ClientError, ConnectionState};
use henge_core::time::Instant;
use henge_core::wire::Refusal;

use crate::listener::Listener;

/// A state machine with one connection.
pub(crate) trait Machine: 'static {
    /// What only its own listener is told.
    type News;

    fn handle_dialing(&mut self, now: Instant);
    fn handle_connected(&mut self, now: Instant);
    fn handle_message(&mut self, now: Instant, message: &[u8]) -> Result<(), ClientError>;
    fn handle_text(&mut self, now: Instant, text: &str) -> Result<(), ClientError>;
    fn handle_disconnected(&mut self, now: Instant);
    fn handle_timeout(&mut self, now: Instant);
    fn poll_timeout(&self) -> Option<Instant>;
    fn poll_effect(&mut self) -> Option<Effect<Self::News>>;

    /// Tells the listener. Nothing is borrowed: it may call back.
    fn tell(news: Self::News, listener: &Listener);
}

/// What a machine wants done.
pub(crate) enum Effect<N> {
    /// Send this as one binary message.
    Send(Vec<u8>),
    /// Send this as one text message.
    Ping(&'static str),
    /// Drop the socket without reporting it, and dial at this moment.
    Redial(Instant),
    /// The connection is in another state.
    State(ConnectionState),
    /// No server takes this client; drop the socket.
    Refused(Refusal),
    /// Tell this.
    News(N),
}
