//! HTTP requests on their way through a shard.

use crate::shard::{ClientSink, Shards};
use bytes::Bytes;
use henge_core::id::{BucketId, PartitionId, RequestId};
use henge_core::limits::{TIMEOUT_DEFAULT_MS, TIMEOUT_MAX_MS};
use henge_core::wire::{
    ClientId, ErrorCode, Failure, Frame, FrameKind, Operation, Reply, Request, Response,
    decode_body, message_frame,
};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// How often a request is sent to a shard whose guest was replaced under it.
const SENDS_MAX: u8 = 3;
/// How much longer than its own time a request is waited for: the node says more than "no answer".
const GRACE: Duration = Duration::from_secs(1);

/// The HTTP requests under way. To the shards they are one client; their number is bounded by that
/// of the connections: each has one, or the pages of one list.
pub struct Calls {
    client: ClientId,
    session: u64,
    next_call: AtomicU64,
    next_sequence: AtomicU64,
    pending: Mutex<BTreeMap<u64, Pending>>,
}

struct Pending {
    shard: u16,
    frame: Bytes,
    is_write: bool,
    sends: u8,
    answer: oneshot::Sender<Result<Reply, Failure>>,
}

/// One request.
pub struct Call {
    /// The bucket.
    pub bucket: BucketId,
    /// The key.
    pub key: Vec<u8>,
    /// Where the key lies.
    pub partition: PartitionId,
    /// How long the caller waits, in milliseconds; 0 takes the default.
    pub timeout_ms: u32,
    /// What to do.
    pub operation: Operation,
}

impl Calls {
    /// No requests yet; `session` is a random number for their request ids.
    #[must_use]
    pub const fn new(client: ClientId, session: u64) -> Self {
        Self {
            client,
            session,
            next_call: AtomicU64::new(1),
            next_sequence: AtomicU64::new(1),
            pending: Mutex::new(BTreeMap::new()),
        }
    }

    /// An id for a write whose caller gave none.
    pub fn request_id(&self) -> RequestId {
        let sequence = self.next_sequence.fetch_add(1, Ordering::Relaxed);
        RequestId::new(self.session, sequence)
    }

    /// Requests under way now.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// Carries `call` out and waits for the answer.
    ///
    /// # Errors
    /// What the node says, or that nothing came in time.
    pub async fn call(self: &Arc<Self>, shards: &Shards, call: Call) -> Result<Reply, Failure> {
        let id = self.next_call.fetch_add(1, Ordering::Relaxed);
        let is_write = matches!(call.operation, Operation::Write { .. });
        let timeout_ms = if call.timeout_ms == 0 {
            TIMEOUT_DEFAULT_MS
        } else {
            call.timeout_ms
        };
        let Call {
            bucket,
            key,
            partition,
            operation,
            ..
        } = call;
        let request = Request {
            id,
            timeout_ms,
            bucket,
            key,
            operation,
        };
        let frame = Bytes::from(message_frame(FrameKind::Request, partition, &request));
        let shard = shards.index_of(partition);
        let (answer, answered) = oneshot::channel();
        let pending = Pending {
            shard: u16::try_from(shard).unwrap_or(u16::MAX),
            frame: frame.clone(),
            is_write,
            sends: 1,
            answer,
        };
        let _forget = Forget { calls: self, id };
        self.lock().insert(id, pending);
        let sink = ClientSink::Http(Arc::clone(self));
        let wait = Duration::from_millis(u64::from(timeout_ms.min(TIMEOUT_MAX_MS))) + GRACE;
        let outcome = tokio::time::timeout(wait, async {
            let sent = shards
                .at(shard)
                .client(self.client, &sink, vec![frame])
                .await;
            sent.map_err(|gone| Failure::new(ErrorCode::Unavailable, gone.to_string()))?;
            answered.await.unwrap_or_else(|_| Err(unknown(is_write)))
        });
        outcome.await.unwrap_or_else(|_| Err(unknown(is_write)))
    }

    /// A shard's answer has come.
    pub fn answer(&self, frame: &[u8]) {
        let response = Frame::take(frame).and_then(|(frame, _)| decode_body(frame.body));
        let Ok(Response { id, result }) = response else {
            tracing::error!("a shard answered an HTTP request with something else");
            return;
        };
        if let Some(pending) = self.lock().remove(&id) {
            // Whoever asked may have gone away.
            let _ = pending.answer.send(result);
        }
    }

    /// The guest of `shard` was replaced: what it had is to be sent again, which the request ids
    /// make safe. What was sent too often fails.
    pub fn restarted(&self, shard: u16) -> Vec<Bytes> {
        let mut pending = self.lock();
        let spent: Vec<u64> = pending
            .iter()
            .filter(|(_, call)| call.shard == shard && call.sends >= SENDS_MAX)
            .map(|(&id, _)| id)
            .collect();
        for call in spent.iter().filter_map(|id| pending.remove(id)) {
            let _ = call.answer.send(Err(unknown(call.is_write)));
        }
        let ours = pending.values_mut().filter(|call| call.shard == shard);
        ours.map(|call| {
            call.sends += 1;
            call.frame.clone()
        })
        .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Pending>> {
        // No statement under the lock leaves the map half changed.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The outcome of a request that nobody answered.
fn unknown(is_write: bool) -> Failure {
    if is_write {
        let message = "no answer came in time: the write may or may not have been applied; repeat \
                       it with the same henge-request-id, it is applied at most once";
        Failure::new(ErrorCode::Indeterminate, message)
    } else {
        Failure::new(ErrorCode::Timeout, "no answer came in time; try again")
    }
}

/// A request whose caller goes away is forgotten.
struct Forget<'a> {
    calls: &'a Calls,
    id: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.calls.lock().remove(&self.id);
    }
}
