//! The other members, and what is on its way to them.

use super::outbox::{Outbox, Pushed};
use crate::clock::Clock;
use henge_core::id::MemberId;
use henge_core::time::Instant;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// Bytes that may wait for one member; what is beyond is dropped, as a network would.
const OUTBOX_BYTES_MAX: usize = 64 * 1_024 * 1_024;

/// Another member.
#[derive(Debug)]
pub struct Peer {
    /// Its id.
    pub id: MemberId,
    /// Its name.
    pub name: String,
    /// Where it listens, `HOST:PORT`.
    pub address: String,
    /// What waits for it.
    pub outbox: Outbox,
    /// It may be worth dialling now: it has dialled us.
    pub redial: Notify,
    link: Mutex<Link>,
    dropped: AtomicU64,
}

/// The connection to a member.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// Whether frames can be sent.
    pub up: bool,
    /// Since when that is so.
    pub since: Instant,
    /// How long the last ping took there and back, in milliseconds.
    pub rtt_ms: Option<f64>,
}

impl Peer {
    fn new(id: MemberId, name: String, address: String, now: Instant) -> Self {
        let outbox = Outbox::new(OUTBOX_BYTES_MAX);
        outbox.close();
        Self {
            id,
            name,
            address,
            outbox,
            redial: Notify::new(),
            link: Mutex::new(Link {
                up: false,
                since: now,
                rtt_ms: None,
            }),
            dropped: AtomicU64::new(0),
        }
    }

    /// Puts a frame on its way; never waits.
    pub fn send(&self, frame: Vec<u8>) -> Pushed {
        let pushed = self.outbox.push(frame);
        if matches!(pushed, Pushed::Full | Pushed::Closed) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        pushed
    }

    /// Frames that were dropped because there was no connection, or no room.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// The connection to it.
    #[must_use]
    pub fn link(&self) -> Link {
        *self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_up(&self, up: bool, now: Instant) {
        let link = Link {
            up,
            since: now,
            rtt_ms: None,
        };
        *self.link.lock().unwrap_or_else(PoisonError::into_inner) = link;
    }

    pub(super) fn set_rtt(&self, rtt_ms: f64) {
        self.link
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .rtt_ms = Some(rtt_ms);
    }
}

/// All other members, by id. The list never changes.
#[derive(Debug, Default)]
pub struct PeerTable(BTreeMap<MemberId, Arc<Peer>>);

impl PeerTable {
    /// The members `others`: id, name and address of each.
    pub fn new(
        others: impl IntoIterator<Item = (MemberId, String, String)>,
        clock: &Clock,
    ) -> Self {
        let now = clock.now();
        let peer = |(id, name, address)| (id, Arc::new(Peer::new(id, name, address, now)));
        Self(others.into_iter().map(peer).collect())
    }

    /// The member with this id.
    #[must_use]
    pub fn find(&self, id: MemberId) -> Option<&Arc<Peer>> {
        self.0.get(&id)
    }

    /// All, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Peer>> {
        self.0.values()
    }
}
