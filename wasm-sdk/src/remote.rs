//! A client of the ring, as the driver drives it.

use henge_core::client::{
    BucketRef, Call, CallId, Client, ClientError, ClientOutput, ListSpec, WatchId, WatchOutput,
};
use henge_core::cluster::DEFAULT_BUCKET;
use henge_core::id::BucketId;
use henge_core::sorted::Map;
use henge_core::time::Instant;
use henge_core::watch::Change;
use henge_core::wire::{Failure, Reply};

use crate::clock::now;
use crate::convert::{Answered, Want, changed_object, failure_object, listed_object};
use crate::listener::Listener;
use crate::machine::{Effect, Machine};

/// A client, and what its callers want to be told.
pub(crate) struct Remote {
    pub(crate) client: Client,
    pub(crate) bucket: BucketRef,
    wants: Map<CallId, Want>,
}

/// What the listener of a client is told.
pub(crate) enum News {
    Done(CallId, Want, Result<Reply, Failure>),
    Watched(WatchOutput),
}

impl Remote {
    /// A client of one bucket that has not dialled.
    pub(crate) fn new(session: u64, bucket: String) -> Self {
        // A name is looked up at each call.
        let bucket = match bucket.as_str() {
            DEFAULT_BUCKET => BucketId::default().into(),
            _ => bucket.into(),
        };
        Self {
            client: Client::new(session),
            bucket,
            wants: Map::new(),
        }
    }

    /// Takes a call.
    pub(crate) fn submit(&mut self, call: Call, want: Want) -> Result<CallId, Failure> {
        let id = self.client.submit(now(), call)?;
        self.wants.insert(id, want);
        Ok(id)
    }

    /// Takes a list; of one for a watch only what is news there is told.
    pub(crate) fn list(&mut self, spec: ListSpec, watch: WatchId) -> Result<CallId, Failure> {
        let id = self.client.list(now(), spec)?;
        self.wants.insert(id, Want::Keys(watch));
        Ok(id)
    }

    /// Forgets a call; true if it is a write that may be applied nevertheless.
    pub(crate) fn cancel(&mut self, call: CallId) -> bool {
        self.wants.remove(call);
        self.client.cancel(call)
    }

    fn done(&mut self, call: CallId, mut result: Result<Reply, Failure>) -> News {
        let want = self.wants.remove(call).unwrap_or_default();
        if let (Want::Keys(watch), Ok(Reply::Listed { entries, .. })) = (want, &mut result) {
            entries.retain(|entry| self.client.note_listed(watch, entry));
        }
        News::Done(call, want, result)
    }
}

impl Machine for Remote {
    type News = News;

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

    fn poll_effect(&mut self) -> Option<Effect<News>> {
        let Some(output) = self.client.poll_output() else {
            let watched = self.client.poll_watch()?;
            return Some(Effect::News(News::Watched(watched)));
        };
        Some(match output {
            ClientOutput::Send(message) => Effect::Send(message),
            ClientOutput::Ping(text) => Effect::Ping(text),
            // None of these calls is lodged.
            ClientOutput::Settled { .. } => return self.poll_effect(),
            ClientOutput::Redial { at } => Effect::Redial(at),
            ClientOutput::State(state) => Effect::State(state),
            ClientOutput::Refused(refusal) => Effect::Refused(refusal),
            ClientOutput::Done { call, result } => Effect::News(self.done(call, result)),
        })
    }

    fn tell(news: News, listener: &Listener) {
        match news {
            News::Done(call, want, result) => tell_outcome(number(call.0), want, result, listener),
            News::Watched(watched) => tell_watched(watched, listener),
        }
    }
}

fn tell_outcome(id: f64, want: Want, result: Result<Reply, Failure>, listener: &Listener) {
    match result {
        Err(failure) => listener.failed(id, failure_object(&failure)),
        Ok(Reply::Written { version, .. }) => listener.written(id, &version.to_string()),
        Ok(Reply::Missing { .. }) => Answered::Nothing.tell(id, want, listener),
        Ok(Reply::Found(entry)) => Answered::of_entry(&entry).tell(id, want, listener),
        Ok(Reply::Listed { entries, next }) => {
            for entry in entries {
                let value = &entry.value;
                listener.item(
                    &entry.key,
                    listed_object(&entry),
                    value.encoding,
                    &value.bytes,
                );
            }
            listener.listed(id, next);
        }
        // None of these calls is one for an edge node.
        Ok(Reply::Edge(_)) => {}
    }
}

fn tell_watched(watched: WatchOutput, listener: &Listener) {
    match watched {
        WatchOutput::Watching { watch } | WatchOutput::Resumed { watch } => {
            listener.synced(number(watch.0));
        }
        WatchOutput::Resync { watch } => listener.resync(number(watch.0)),
        WatchOutput::Failed { watch, failure } => {
            listener.unsubscribed(number(watch.0), failure_object(&failure));
        }
        WatchOutput::Shown { watch, shown } => {
            if let Some(change) = shown.into_change() {
                tell_change(watch, &change, listener);
            }
        }
        WatchOutput::Changes { watch, changes } => {
            for change in &changes {
                tell_change(watch, change, listener);
            }
        }
    }
}

fn tell_change(watch: WatchId, change: &Change, listener: &Listener) {
    let encoding = change.value.as_ref().map_or(0, |value| value.encoding);
    let bytes = change.value.as_ref().map(|value| value.bytes.as_slice());
    let entry = changed_object(change);
    listener.changed(number(watch.0), &change.key, entry, encoding, bytes);
}

#[expect(clippy::cast_precision_loss, reason = "counted up from 1")]
const fn number(id: u64) -> f64 {
    id as f64
}
