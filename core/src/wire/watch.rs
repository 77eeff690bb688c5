//! What clients and servers say about watches, and what members say to each other about them.

use crate::id::{BucketId, PartitionId};
use crate::selector::Selector;
use crate::watch::{Change, Mark, Position};
use crate::wire::{Failure, Shown};
use alloc::sync::Arc;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WatchRequest {
    /// Tell me of changes.
    Begin {
        /// The client's number for it, new in each connection.
        watch: u64,
        /// Of which keys.
        selector: Selector,
        /// Where an earlier connection has come to; empty to begin now.
        token: Vec<Mark>,
    },
    /// Do not tell me of these any more.
    End {
        /// The client's number.
        watch: u64,
    },
    /// I have all frames up to the one of this number.
    Ack {
        /// [`WatchEvents::number`].
        number: u64,
    },
    /// Give a sign of life.
    Probe,
}

/// What a server tells a client, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchEvents {
    /// Counts up from 1 for each connection and shard.
    pub number: u64,
    /// What there is to tell.
    pub events: Vec<WatchEvent>,
}

/// One thing that a server tells a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WatchEvent {
    /// Whatever changes from here on will be told, and if the watch goes on from a token, what has
    /// changed since then.
    Watching {
        /// The client's number.
        watch: u64,
    },
    /// Something was missed: what is read from now on and what is told from here on is everything.
    Resync {
        /// The client's number.
        watch: u64,
    },
    /// From `mark` on the watch is told what this stream brings.
    Joined {
        /// The client's number.
        watch: u64,
        /// The server's number for the stream.
        stream: u32,
        /// Whose stream it is, and where the watch has come to.
        mark: Mark,
    },
    /// The watch is not told any more what this stream brings.
    Left {
        /// The client's number.
        watch: u64,
        /// The server's number for the stream.
        stream: u32,
    },
    /// A key has changed.
    Changed {
        /// The client's numbers of the watches that select it.
        watches: Vec<u64>,
        /// How. Many are told of the same.
        #[serde(with = "shared")]
        change: Arc<Change>,
    },
    /// All watches have been told all that these streams have brought up to these places.
    Marks(Vec<(u32, Position)>),
    /// This cannot be watched.
    Failed {
        /// The client's number.
        watch: u64,
        /// Why.
        failure: Failure,
    },
    /// An edge node shows a key otherwise than before. Who hears it compares contexts: it may be older than
    /// what was read meanwhile.
    Shown {
        /// The client's numbers of the watches that select it.
        watches: Vec<u64>,
        /// How.
        shown: Shown,
    },
}

/// What two members say to each other about changes: one, the *gateway*, has clients that watch; the
/// other, the *source*, has keys. Each shard is one or the other for itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FeedMessage {
    /// A gateway asks for the changes of some keys, besides those that it has asked for.
    Subscribe {
        /// The gateway's number for all that it asks of this source; a new one begins anew.
        feed: u64,
        /// The partition in whose frames the answers are to go.
        reply: PartitionId,
        /// Which keys.
        items: Vec<FeedItem>,
    },
    /// It does not want those any more that have this number.
    Unsubscribe {
        /// The feed.
        feed: u64,
        /// [`FeedItem::subscription`].
        subscription: u64,
    },
    /// It is there, and wants to know how far the source is.
    Ping {
        /// The feed.
        feed: u64,
        /// The partition in whose frames the answer is to go.
        reply: PartitionId,
        /// How many subscriptions it has.
        subscriptions: u64,
    },
    /// A source answers [`Self::Subscribe`]: from `at` on it tells of these keys too.
    Subscribed {
        /// The feed.
        feed: u64,
        /// Which shard answers.
        shard: u16,
        /// How many its member has.
        shards: u16,
        /// The incarnation of its storage.
        incarnation: u64,
        /// Where it is.
        at: Position,
        /// What each of those who have asked has missed.
        tickets: Vec<Ticket>,
    },
    /// Changes of what was asked for, behind `prev` and up to `upto`.
    Changes {
        /// The feed.
        feed: u64,
        /// The `upto` of the message before.
        prev: Position,
        /// Where the source is.
        upto: Position,
        /// The changes.
        changes: Vec<FeedChange>,
    },
    /// A source knows of no such feed, or of other subscriptions: ask anew.
    Unknown {
        /// The feed.
        feed: u64,
    },
}

/// Some keys that a gateway asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedItem {
    /// Who asks there; it comes back in the answer.
    pub ticket: u64,
    /// The gateway's number for the selector. Several that ask may share one.
    pub subscription: u64,
    /// Which keys.
    pub selector: Selector,
    /// Where the asker has come to: incarnations of storages, with places. `None` begins now.
    pub since: Option<Vec<(u64, Position)>>,
}

/// What somebody has missed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// Who.
    pub ticket: u64,
    /// Some of it is not known any more.
    pub is_gap: bool,
    /// What is known.
    pub changes: Vec<FeedChange>,
}

/// A change with the bucket of its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedChange {
    /// The bucket.
    pub bucket: BucketId,
    /// The change.
    pub change: Change,
}

/// What many hold is written as if each had its own.
mod shared {
    use crate::watch::Change;
    use alloc::sync::Arc;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        change: &Arc<Change>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        change.as_ref().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<Change>, D::Error> {
        Change::deserialize(deserializer).map(Arc::new)
    }
}
