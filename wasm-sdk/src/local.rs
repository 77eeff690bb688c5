//! A leaf, as the driver drives it.

use henge_core::client::ClientError;
use henge_core::leaf::{
    Answer, Leaf, LeafOutput, LeafSettings, ListId, ListPage, Progress, ReadId, SubscriptionId,
    WriteId,
};
use henge_core::sorted::Map;
use henge_core::storage::{OperationId, StorageRequest};
use henge_core::time::Instant;
use henge_core::wire::Failure;

use crate::convert::{Answered, Want, failure_object, source_code};
use crate::listener::Listener;
use crate::machine::{Effect, Machine};

/// A leaf, and what its readers want to be told.
pub(crate) struct Local {
    pub(crate) leaf: Leaf,
    pub(crate) wants: Map<ReadId, Want>,
}

/// What the listener of a leaf is told.
pub(crate) enum News {
    Storage(OperationId, StorageRequest),
    Opened(usize),
    Failed(String),
    Full,
    Progress(WriteId, Progress),
    Read(ReadId, Want, Result<Answer, Failure>),
    Listed(ListId, Result<ListPage, Failure>),
    Changed(Vec<u8>, Answer),
    Synced(SubscriptionId),
    Unsubscribed(SubscriptionId, Failure),
}

impl Local {
    /// A leaf that is not open.
    pub(crate) fn new(settings: LeafSettings) -> Self {
        Self {
            leaf: Leaf::new(settings),
            wants: Map::new(),
        }
    }
}

impl Machine for Local {
    type News = News;

    fn handle_dialing(&mut self, now: Instant) {
        self.leaf.handle_dialing(now);
    }

    fn handle_connected(&mut self, now: Instant) {
        self.leaf.handle_connected(now);
    }

    fn handle_message(&mut self, now: Instant, message: &[u8]) -> Result<(), ClientError> {
        self.leaf.handle_message(now, message)
    }

    fn handle_text(&mut self, now: Instant, text: &str) -> Result<(), ClientError> {
        self.leaf.handle_text(now, text)
    }

    fn handle_disconnected(&mut self, now: Instant) {
        self.leaf.handle_disconnected(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.leaf.handle_timeout(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.leaf.poll_timeout()
    }

    fn poll_effect(&mut self) -> Option<Effect<News>> {
        Some(match self.leaf.poll_output()? {
            LeafOutput::Send(message) => Effect::Send(message),
            LeafOutput::Ping(text) => Effect::Ping(text),
            // Only an edge node is told that.
            LeafOutput::Passed { .. } | LeafOutput::Swept { .. } => return self.poll_effect(),
            LeafOutput::Redial { at } => Effect::Redial(at),
            LeafOutput::State(state) => Effect::State(state),
            LeafOutput::Refused(refusal) => Effect::Refused(refusal),
            LeafOutput::Storage { operation, request } => {
                Effect::News(News::Storage(operation, request))
            }
            LeafOutput::Opened { pending } => Effect::News(News::Opened(pending)),
            LeafOutput::Failed(why) => Effect::News(News::Failed(why)),
            LeafOutput::Full => Effect::News(News::Full),
            LeafOutput::Progress {
                write, progress, ..
            } => Effect::News(News::Progress(write, progress)),
            LeafOutput::Read { read, result } => {
                let want = self.wants.remove(read).unwrap_or_default();
                Effect::News(News::Read(read, want, result))
            }
            LeafOutput::Listed { list, result } => Effect::News(News::Listed(list, result)),
            LeafOutput::Changed { key, answer } => Effect::News(News::Changed(key, answer)),
            LeafOutput::Synced { subscription } => Effect::News(News::Synced(subscription)),
            LeafOutput::Unsubscribed {
                subscription,
                failure,
            } => Effect::News(News::Unsubscribed(subscription, failure)),
        })
    }

    fn tell(news: News, listener: &Listener) {
        match news {
            News::Storage(operation, request) => ask(listener, operation, &request),
            News::Opened(pending) => listener.opened(number(pending as u64)),
            News::Failed(why) => listener.broken(&why),
            News::Full => listener.full(),
            News::Progress(write, Progress::Local) => listener.stored(number(write.0)),
            News::Progress(write, Progress::Edge) => listener.lodged(number(write.0)),
            News::Progress(write, Progress::Ring { version, .. }) => {
                listener.written(number(write.0), &version.to_string());
            }
            News::Progress(write, Progress::Refused { key, failure }) => {
                listener.refused(number(write.0), &key, failure_object(&failure));
            }
            News::Read(read, _, Err(failure)) => {
                listener.failed(number(read.0), failure_object(&failure));
            }
            News::Listed(list, Err(failure)) => {
                listener.failed(number(list.0), failure_object(&failure));
            }
            News::Listed(list, Ok(page)) => {
                for (key, answer) in &page.entries {
                    row(listener, number(list.0), key, answer);
                }
                listener.listed(number(list.0), page.next);
            }
            News::Changed(key, answer) => row(listener, 0.0, &key, &answer),
            News::Synced(subscription) => listener.synced(number(subscription.0)),
            News::Unsubscribed(subscription, failure) => {
                listener.unsubscribed(number(subscription.0), failure_object(&failure));
            }
            News::Read(read, want, Ok(answer)) => {
                Answered::of_answer(&answer).tell(number(read.0), want, listener);
            }
        }
    }
}

/// Tells of a key of a listing, or of one that has changed.
fn row(listener: &Listener, list: f64, key: &[u8], answer: &Answer) {
    let version = answer.version.map(|version| version.to_string());
    let source = source_code(answer.source);
    match &answer.value {
        Some(value) => listener.row(list, key, source, version, value.encoding, &value.bytes),
        None => listener.gone(key, source),
    }
}

/// Hands a request to the medium.
pub(crate) fn ask(listener: &Listener, operation: OperationId, request: &StorageRequest) {
    let (file, operation) = (request.file().to_string(), number(operation.0));
    match request {
        StorageRequest::Append { offset, bytes, .. } => {
            listener.append(operation, &file, number(*offset), bytes);
        }
        StorageRequest::Sync { .. } => listener.sync(operation, &file),
        StorageRequest::Read { offset, length, .. } => {
            listener.load(operation, &file, number(*offset), f64::from(*length));
        }
        StorageRequest::Replace { bytes, .. } => listener.replace(operation, &file, bytes),
        StorageRequest::Truncate { length, .. } => {
            listener.truncate(operation, &file, number(*length));
        }
        StorageRequest::Delete { .. } => listener.remove(operation, &file),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counted up from 1, or a file's length"
)]
const fn number(of: u64) -> f64 {
    of as f64
}
