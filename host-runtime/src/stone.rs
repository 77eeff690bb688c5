//! What all parts of a running stone share.

use crate::clock::Clock;
use crate::cluster::Board;
use crate::config::Settings;
use crate::disk::DataFolder;
use crate::http::Calls;
use crate::net::PeerTable;
use crate::shard::Shards;
use crate::shutdown::Stop;
use henge_core::cluster::Change;
use henge_core::config::Config;
use henge_core::id::MemberId;
use henge_core::wire::ClientId;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::watch;

/// How far a stone is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It serves.
    Serving,
    /// It takes no new requests and finishes those under way.
    Draining,
    /// It ends its connections.
    Closing,
}

/// A running stone.
pub struct Stone {
    /// What it was told.
    pub settings: Settings,
    /// What its nodes were told; the shard is that of the first.
    pub config: Config,
    /// Who the members are and who owns what.
    pub board: Board,
    /// The same, as soon as each of its shards goes by it.
    pub shared: Board,
    /// Its shards.
    pub shards: Shards,
    /// The other members.
    pub peers: Arc<PeerTable>,
    /// Its clock.
    pub clock: Clock,
    /// Ends it.
    pub stop: Stop,
    /// The HTTP requests under way.
    pub calls: Arc<Calls>,
    /// Its data folder, locked for as long as it runs.
    pub folder: DataFolder,
    phase: watch::Sender<Phase>,
    clients: AtomicU64,
    connections: Arc<AtomicU64>,
}

/// The parts of a [`Stone`].
pub struct StoneParts {
    /// What it was told.
    pub settings: Settings,
    /// What its nodes were told.
    pub config: Config,
    /// Its shards.
    pub shards: Shards,
    /// The other members.
    pub peers: Arc<PeerTable>,
    /// Its clock.
    pub clock: Clock,
    /// Ends it.
    pub stop: Stop,
    /// Its data folder, locked for as long as it runs.
    pub folder: DataFolder,
}

/// The number of the client that all HTTP requests of a stone are.
const HTTP_CLIENT: ClientId = ClientId(0);

impl Stone {
    /// A stone that serves.
    ///
    /// # Errors
    /// If the system gives no random numbers.
    pub fn new(parts: StoneParts) -> Result<Self, getrandom::Error> {
        let StoneParts {
            settings,
            config,
            shards,
            peers,
            clock,
            stop,
            folder,
        } = parts;
        let calls = Arc::new(Calls::new(HTTP_CLIENT, getrandom::u64()?));
        Ok(Self {
            settings,
            config,
            board: Board::default(),
            shared: Board::default(),
            shards,
            peers,
            clock,
            stop,
            calls,
            folder,
            phase: watch::Sender::new(Phase::Serving),
            clients: AtomicU64::new(HTTP_CLIENT.0 + 1),
            connections: Arc::default(),
        })
    }

    /// A number for a client's connection that no other has had.
    pub fn next_client(&self) -> ClientId {
        ClientId(self.clients.fetch_add(1, Ordering::Relaxed))
    }

    /// Counts a client's connection until the answer is dropped.
    #[must_use]
    pub fn count_connection(&self) -> Counted {
        self.connections.fetch_add(1, Ordering::Relaxed);
        Counted(Arc::clone(&self.connections))
    }

    /// Clients connected by WebSocket now.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// How far it is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Goes on to `phase`.
    pub fn enter(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// Waits until it is so far.
    pub async fn reaches(&self, phase: Phase) {
        // The sender is in `self`, so this is no error.
        let _ = self.phase.subscribe().wait_for(|now| *now >= phase).await;
    }

    /// Sees to it that `change` becomes part of the cluster's state.
    pub async fn wish(&self, change: Change) {
        // A shard that has ended needs no wishes: the stone is stopping.
        let _ = self.shards.at(0).wish(change).await;
    }

    /// Tells every shard whether frames can be sent to `member`.
    pub async fn tell_shards(&self, member: MemberId, up: bool) {
        for shard in self.shards.iter() {
            // A shard that has ended needs no news.
            let _ = shard.peer_is(member, up).await;
        }
    }
}

/// A connection that counts while this lives.
#[derive(Debug)]
pub struct Counted(Arc<AtomicU64>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
