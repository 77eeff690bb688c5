//! A client of the ring, as the driver drives it.

use henge_core::client::{Call, CallId, Client, ClientError, ClientOutput};
use henge_core::sorted::Map;
use henge_core::time::Instant;
use henge_core::wire::{Failure, Reply};

use crate::clock::now;
use crate::convert::{Answered, Want, failure_object};
use crate::listener::Listener;
use crate::machine::{Effect, Machine};

/// A client, and what its callers want to be told.
pub(crate) struct Remote {
    client: Client,
    wants: Map<CallId, Want>,
}

/// The outcome of a call.
pub(crate) struct Outcome {
    call: CallId,
    want: Want,
    result: Result<Reply, Failure>,
}

impl Remote {
    /// A client that has not dialled.
    pub(crate) fn new(session: u64) -> Self {
        Self {
            client: Client::new(session),
            wants: Map::new(),
        }
    }

    /// Takes a call.
    pub(crate) fn submit(&mut self, call: Call, want: Want) -> Result<CallId, Failure> {
        let id = self.client.submit(now(), call)?;
        self.wants.insert(id, want);
        Ok(id)
    }

    /// Forgets a call; true if it is a write that may be applied nevertheless.
    pub(crate) fn cancel(&mut self, call: CallId) -> bool {
        self.wants.remove(call);
        self.client.cancel(call)
    }
}

impl Machine for Remote {
    type News = Outcome;

    fn handle_dialing(&mut self, now: Instant) {
        self.client.handle_dialing(now);
    }

    fn handle_connected(&mut self, now: Instant) {
        self.client.handle_connected(now);
    }

    fn handle_message(&mut self, now: Instant, message: &[u8]) -> Result<(), ClientError> {
        self.client.handle_message(now, message)
    }

    fn handle_text(&mut self, now: Instant, text: &str) -> Result<(), ClientError> {
        self.client.handle_text(now, text)
    }

    fn handle_disconnected(&mut self, now: Instant) {
        self.client.handle_disconnected(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.client.handle_timeout(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.client.poll_timeout()
    }

    fn poll_effect(&mut self) -> Option<Effect<Outcome>> {
        Some(match self.client.poll_output()? {
            ClientOutput::Send(message) => Effect::Send(message),
            ClientOutput::Ping(text) => Effect::Ping(text),
            // None of these calls is lodged.
            ClientOutput::Settled { .. } => return self.poll_effect(),
            ClientOutput::Redial { at } => Effect::Redial(at),
            ClientOutput::State(state) => Effect::State(state),
            ClientOutput::Refused(refusal) => Effect::Refused(refusal),
            ClientOutput::Done { call, result } => {
                let want = self.wants.remove(call).unwrap_or_default();
                Effect::News(Outcome { call, want, result })
            }
        })
    }

    fn tell(Outcome { call, want, result }: Outcome, listener: &Listener) {
        #[expect(clippy::cast_precision_loss, reason = "calls are counted up from 1")]
        let id = call.0 as f64;
        match result {
            Err(failure) => listener.failed(id, failure_object(&failure)),
            Ok(Reply::Written { version, .. }) => listener.written(id, &version.to_string()),
            Ok(Reply::Missing { .. }) => Answered::Nothing.tell(id, want, listener),
            Ok(Reply::Found(entry)) => Answered::of_entry(&entry).tell(id, want, listener),
            // None of these calls is a list, or one for an edge node.
            Ok(Reply::Listed { .. } | Reply::Edge(_)) => {}
        }
    }
}
