//! The other members, and what is on its way to them.

use super::outbox::{Outbox, Pushed};
use crate::clock::Clock;
use henge_core::id::MemberId;
use henge_core::time::Instant;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio::sync::{Notify, watch};

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
    is_gone: watch::Sender<bool>,
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
            is_gone: watch::Sender::new(false),
        }
    }

    /// Waits until it is no member any more, or is one at another address.
    pub async fn gone(&self) {
        // The sender is in `self`, so this is no error.
        let _ = self.is_gone.subscribe().wait_for(|gone| *gone).await;
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

/// All other members, by id.
#[derive(Debug, Default)]
pub struct PeerTable(RwLock<BTreeMap<MemberId, Arc<Peer>>>);

/// What a change of the members has made of the table.
#[derive(Debug, Default)]
pub struct Changed {
    /// Those to keep a connection to from now on.
    pub new: Vec<Arc<Peer>>,
    /// Those that are no members any more, or not at their address.
    pub gone: Vec<Arc<Peer>>,
}

impl PeerTable {
    /// The members are these now: name and address of each.
    pub fn turn_to(&self, members: BTreeMap<MemberId, (String, String)>, clock: &Clock) -> Changed {
        let mut table = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut changed = Changed::default();
        table.retain(|id, peer| {
            let stays = members.get(id).is_some_and(|(_, at)| *at == peer.address);
            if !stays {
                peer.is_gone.send_replace(true);
                changed.gone.push(Arc::clone(peer));
            }
            stays
        });
        for (id, (name, address)) in members {
            table.entry(id).or_insert_with(|| {
                let peer = Arc::new(Peer::new(id, name, address, clock.now()));
                changed.new.push(Arc::clone(&peer));
                peer
            });
        }
        changed
    }

    /// The member with this id.
    #[must_use]
    pub fn find(&self, id: MemberId) -> Option<Arc<Peer>> {
        let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
        table.get(&id).cloned()
    }

    /// All, by id.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Peer>> {
        let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
        table.values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_go_and_move() {
        let (clock, table) = (Clock::start(), PeerTable::default());
        let entry = |name: &str, at: &str| (MemberId::from_name(name), (name.into(), at.into()));
        let all = |changed: &[Arc<Peer>]| -> Vec<String> {
            changed.iter().map(|peer| peer.address.clone()).collect()
        };
        let changed = table.turn_to([entry("a", "h:1"), entry("b", "h:2")].into(), &clock);
        assert_eq!((changed.new.len(), changed.gone.len()), (2, 0));
        let changed = table.turn_to([entry("a", "h:1"), entry("b", "h:3")].into(), &clock);
        assert_eq!(
            (all(&changed.new), all(&changed.gone)),
            (vec!["h:3".into()], vec!["h:2".into()])
        );
        let changed = table.turn_to([entry("b", "h:3")].into(), &clock);
        assert_eq!(
            (all(&changed.new), all(&changed.gone)),
            (vec![], vec!["h:1".into()])
        );
        assert_eq!(table.all().len(), 1);
        assert!(table.find(MemberId::from_name("a")).is_none());
    }
}
