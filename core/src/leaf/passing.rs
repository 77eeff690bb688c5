//! What an edge node needs of its leaf beside what others need (`docs/edge.md`).

use super::record::{self, Copy, Greeting};
use super::taking::Incoming;
use super::{Answer, Leaf, LeafOutput, Phase, Purpose, SubscriptionId};
use crate::client::{Action, BucketRef, Call};
use crate::id::{BucketId, RequestId};
use crate::limits::CALLS_MAX;
use crate::selector::Span;
use crate::sorted::words;
use crate::time::Instant;
use crate::wire::{ErrorCode, Failure, Reply};
use alloc::vec::Vec;

/// A call to the ring for a client of an edge node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PassId(pub u64);

words!(PassId(u64));

/// How the ring has greeted an edge node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Greeted {
    /// The cluster.
    pub cluster: u64,
    /// Partitions of the ring.
    pub partitions: u16,
    /// Replicas of a key.
    pub replicas: u8,
    /// Largest key and value together, in bytes.
    pub pair_bytes_max: u32,
    /// The number of the bucket that all keys belong to.
    pub bucket: BucketId,
}

impl Leaf {
    /// Asks the ring for a client. What it says comes as [`super::LeafOutput::Passed`].
    ///
    /// # Errors
    ///
    /// If the ring cannot be asked now.
    pub fn pass(&mut self, now: Instant, call: Call) -> Result<PassId, Failure> {
        self.now = now;
        self.check_open()?;
        if !self.is_online {
            let message = "the backbone of this edge node cannot be reached now, so nothing was changed; \
                           try again later";
            return Err(Failure::new(ErrorCode::Unavailable, message));
        }
        if self.calls.len() >= CALLS_MAX {
            let message = "too many calls are under way; await some of them first";
            return Err(Failure::new(ErrorCode::RateLimited, message));
        }
        let pass = PassId(self.next_read);
        self.next_read += 1;
        let key = matches!(call.action, Action::Get { .. }).then(|| call.key.clone());
        let call = self.client.submit(now, call)?;
        self.calls.insert(call, Purpose::Passed(pass, key));
        Ok(pass)
    }

    /// The ring has answered a client. What it has of a key that is kept here is taken in too.
    pub(super) fn passed(
        &mut self,
        pass: PassId,
        key: Option<Vec<u8>>,
        result: Result<Reply, Failure>,
    ) {
        if let (Some(key), Ok(reply)) = (key, &result)
            && self.is_kept(&key)
            && let Some(copy) = Copy::of_reply(reply.clone())
        {
            self.incoming.push(Incoming::of_ring(key, copy));
            self.take_in();
        }
        self.outputs.push_back(LeafOutput::Passed { pass, result });
    }

    /// How the ring has greeted this node, in this run or an earlier one; `None` before the first time.
    #[must_use]
    pub fn greeted(&self) -> Option<Greeted> {
        let Greeting {
            partitions,
            replicas,
            pair_bytes_max,
            bucket,
        } = *self.greeting.as_ref()?;
        Some(Greeted {
            cluster: self.own.cluster?,
            partitions,
            replicas,
            pair_bytes_max,
            bucket,
        })
    }

    /// Keeps how the ring has greeted this node, for its clients.
    pub(super) fn note_greeting(&mut self) {
        let bucket = self.client.bucket_id(&self.bucket_ref());
        let (Some(welcome), Some(bucket)) = (self.client.welcome(), bucket) else {
            return;
        };
        let greeting = Greeting {
            partitions: welcome.partitions,
            replicas: welcome.replicas,
            pair_bytes_max: welcome.pair_bytes_max,
            bucket,
        };
        if matches!(self.phase, Phase::Open) && self.greeting.as_ref() != Some(&greeting) {
            let is_new = self.greeting.is_none();
            self.put(record::greeting_key(), &record::encode(&greeting), is_new);
            self.greeting = Some(greeting);
        }
    }

    /// The moment that it was told last.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// The name of the bucket that all keys belong to.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.settings.bucket
    }

    /// The bucket that all keys belong to.
    #[must_use]
    pub fn bucket_ref(&self) -> BucketRef {
        BucketRef::Name(self.settings.bucket.clone())
    }

    /// Asks for no signs of life of what is watched: who has dialled this node sees to that.
    pub const fn stop_probing(&mut self) {
        self.client.stop_probing();
    }

    /// Whether the ring can be asked.
    #[must_use]
    pub const fn is_online(&self) -> bool {
        self.is_online
    }

    /// Whether nothing is under way that a restart would break off.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.calls.is_empty() && self.reads.is_empty() && self.lists.is_empty()
    }

    /// Whether a write of this id waits.
    #[must_use]
    pub fn is_waiting(&self, request: RequestId) -> bool {
        self.outbox.find(request).is_some()
    }

    /// Whether all is here that the ring had of a subscription when it was heard last.
    #[must_use]
    pub fn is_all_here(&self, subscription: SubscriptionId) -> bool {
        let mut all = self.subscriptions.iter();
        all.any(|it| it.id == subscription && it.is_active && it.kept.is_whole && it.fill.is_none())
    }

    /// The newest writes to keys of `span` that wait.
    #[must_use]
    pub fn waiting_in(&self, span: &Span) -> Vec<(Vec<u8>, Answer)> {
        let newest = self.outbox.newest_of_all();
        let selected = newest.filter(|waiting| span.holds(&waiting.key));
        selected
            .map(|waiting| {
                (
                    waiting.key.clone(),
                    super::reading::of_waiting(waiting, self.now.as_millis()),
                )
            })
            .collect()
    }
}
