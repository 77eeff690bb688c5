//! How everything else reaches a shard: its bounded inbox.

use super::sink::ClientSink;
use super::status::ShardStatus;
use bytes::Bytes;
use henge_core::cluster::{Change, ClusterState};
use henge_core::id::{MemberId, PartitionId};
use henge_core::limits::MESSAGE_BYTES_MAX;
use henge_core::node::Report;
use henge_core::wire::ClientId;
use std::sync::{Arc, OnceLock};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

/// Entries that may wait; whoever has more waits, and with it the socket it reads.
const INBOX_MAX: usize = 4_096;
/// Bytes of frames that may wait.
const INBOX_BYTES_MAX: usize = 64 * 1_024 * 1_024;

const _: () = assert!(MESSAGE_BYTES_MAX <= INBOX_BYTES_MAX);

/// What can be put into an inbox.
pub(super) enum Entry {
    Client {
        client: ClientId,
        sink: ClientSink,
        frames: Vec<Bytes>,
        room: OwnedSemaphorePermit,
    },
    ClientGone(ClientId),
    Peer {
        from: MemberId,
        frames: Vec<Bytes>,
        room: OwnedSemaphorePermit,
    },
    PeerUp(MemberId),
    PeerDown(MemberId),
    Inspect(oneshot::Sender<Report>),
    Cluster(Box<ClusterState>),
    Wish(Change),
    Close,
}

/// The shard has ended: the stone is stopping.
#[derive(Clone, Copy, Debug, Error)]
#[error("this stone is stopping; ask another one")]
pub struct ShardGone;

/// One shard's inbox.
#[derive(Clone)]
pub struct ShardHandle {
    entries: mpsc::Sender<Entry>,
    room: Arc<Semaphore>,
    status: Arc<ShardStatus>,
}

impl ShardHandle {
    pub(super) fn new(status: Arc<ShardStatus>) -> (Self, mpsc::Receiver<Entry>) {
        let (entries, inbox) = mpsc::channel(INBOX_MAX);
        (
            Self {
                entries,
                room: Arc::new(Semaphore::new(INBOX_BYTES_MAX)),
                status,
            },
            inbox,
        )
    }

    /// Hands over whole frames of kind `Request` or `Watch`; their answers go to `sink`. Waits for room.
    ///
    /// # Errors
    /// If the shard has ended.
    pub async fn client(
        &self,
        client: ClientId,
        sink: &ClientSink,
        frames: Vec<Bytes>,
    ) -> Result<(), ShardGone> {
        let room = self.room_for(&frames).await?;
        self.put(Entry::Client {
            client,
            sink: sink.clone(),
            frames,
            room,
        })
        .await
    }

    /// The client's connection is gone.
    ///
    /// # Errors
    /// If the shard has ended.
    pub async fn client_gone(&self, client: ClientId) -> Result<(), ShardGone> {
        self.put(Entry::ClientGone(client)).await
    }

    /// Hands over whole frames of kind `Peer`. Waits for room.
    ///
    /// # Errors
    /// If the shard has ended.
    pub async fn peer(&self, from: MemberId, frames: Vec<Bytes>) -> Result<(), ShardGone> {
        let room = self.room_for(&frames).await?;
        self.put(Entry::Peer { from, frames, room }).await
    }

    /// Hands over a frame of another shard of this stone. Never waits: without room it is dropped, as a
    /// network would.
    pub(super) fn sibling(&self, me: MemberId, frame: Vec<u8>) {
        let permits = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(permits) else {
            return;
        };
        // A shard that has ended needs no frames.
        let _ = self.entries.try_send(Entry::Peer {
            from: me,
            frames: vec![frame.into()],
            room,
        });
    }

    /// Frames can be sent to `member`, or no longer.
    ///
    /// # Errors
    /// If the shard has ended.
    pub async fn peer_is(&self, member: MemberId, up: bool) -> Result<(), ShardGone> {
        self.put(if up {
            Entry::PeerUp(member)
        } else {
            Entry::PeerDown(member)
        })
        .await
    }

    /// The first shard of the stone goes by this state of the cluster.
    ///
    /// # Errors
    /// If the shard has ended.
    pub async fn cluster(&self, state: ClusterState) -> Result<(), ShardGone> {
        self.put(Entry::Cluster(state.into())).await
    }

    /// Somebody wants the state of the cluster changed. Only for the first shard.
    ///
    /// # Errors
    /// If the shard has ended.
    pub async fn wish(&self, change: Change) -> Result<(), ShardGone> {
        self.put(Entry::Wish(change)).await
    }

    /// The node's numbers.
    ///
    /// # Errors
    /// If the shard has ended, or its guest trapped before it could answer.
    pub async fn inspect(&self) -> Result<Report, ShardGone> {
        let (answer, report) = oneshot::channel();
        self.put(Entry::Inspect(answer)).await?;
        report.await.map_err(|_| ShardGone)
    }

    /// Ends the shard after everything that was put before.
    ///
    /// # Errors
    /// If it has ended already.
    pub async fn close(&self) -> Result<(), ShardGone> {
        self.put(Entry::Close).await
    }

    /// What can be known without asking.
    #[must_use]
    pub fn status(&self) -> &ShardStatus {
        &self.status
    }

    async fn put(&self, entry: Entry) -> Result<(), ShardGone> {
        self.entries.send(entry).await.map_err(|_| ShardGone)
    }

    async fn room_for(&self, frames: &[Bytes]) -> Result<OwnedSemaphorePermit, ShardGone> {
        let bytes = frames
            .iter()
            .map(Bytes::len)
            .sum::<usize>()
            .min(INBOX_BYTES_MAX);
        let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
        Arc::clone(&self.room)
            .acquire_many_owned(permits)
            .await
            .map_err(|_| ShardGone)
    }
}

/// All shards of the stone, for each of them, once they have all begun.
pub type Siblings = Arc<OnceLock<Shards>>;

/// All shards of the stone.
#[derive(Clone)]
pub struct Shards(Arc<[ShardHandle]>);

impl Shards {
    /// The shards, by number.
    ///
    /// # Panics
    /// If there are none.
    #[must_use]
    pub fn new(shards: Vec<ShardHandle>) -> Self {
        assert!(!shards.is_empty(), "a stone has at least one shard");
        Self(shards.into())
    }

    /// Hands a frame of one shard of member `me` to the one that has the frame's partition.
    pub(super) fn between(&self, me: MemberId, frame: Vec<u8>) {
        if let Some(&[low, high]) = frame.get(2..4) {
            let partition = PartitionId(u16::from_le_bytes([low, high]));
            self.at(self.index_of(partition)).sibling(me, frame);
        }
    }

    /// The number of the shard of `partition`.
    #[must_use]
    pub fn index_of(&self, partition: PartitionId) -> usize {
        usize::from(partition.0) % self.0.len()
    }

    /// The shard with this number.
    #[must_use]
    pub fn at(&self, index: usize) -> &ShardHandle {
        &self.0[index]
    }

    /// All of them, by number.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &ShardHandle> {
        self.0.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u16 {
        u16::try_from(self.0.len()).unwrap_or(u16::MAX)
    }
}
