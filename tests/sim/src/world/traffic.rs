//! What members say to each other, counted by what it is for.

use super::Seat;
use henge_core::time::Instant;
use henge_core::wire::{self, Frame, KeyState, PeerMessage, SyncMessage};
use std::collections::BTreeMap;
use std::ops::AddAssign;

/// Frames and their bytes, headers included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// How many frames.
    pub frames: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// What was sent since counting began. What is lost on the way counts, what arrives twice counts
/// once.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// By who began it, and its number.
    exchanges: BTreeMap<(Seat, u64), Exchange>,
    /// States sent by comparisons and by reads that repair.
    pub moved: Amount,
    /// States sent to replicas that have to say when they are durable.
    pub replicated: Amount,
    /// The membership protocol.
    pub gossip: Amount,
    /// About the state of the cluster.
    pub agreement: Amount,
    /// Everything but those and comparisons.
    pub others: Amount,
    last_repair_at: Option<Instant>,
}

/// Comparisons, summed up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Comparisons {
    /// How many were begun.
    pub count: u64,
    /// What was said in them; not the states that they moved.
    pub said: Amount,
}

#[derive(Clone, Copy, Debug)]
struct Exchange {
    began: Instant,
    has_found: bool,
    said: Amount,
}

impl Traffic {
    /// Adds a frame that `from` sends to `to`.
    pub(crate) fn add(&mut self, now: Instant, from: Seat, to: Seat, bytes: &[u8]) {
        let amount = Amount {
            frames: 1,
            bytes: bytes.len() as u64,
        };
        let (frame, _) = Frame::take(bytes).expect("a node sends whole frames");
        match wire::decode_body(frame.body).expect("a node sends messages") {
            PeerMessage::Sync {
                message: SyncMessage::State { .. },
                ..
            }
            | PeerMessage::Merge(KeyState { op: 0, .. }) => {
                self.moved += amount;
                self.last_repair_at = Some(now);
            }
            PeerMessage::Sync {
                exchange, message, ..
            } => {
                let beginner = if is_question(&message) { from } else { to };
                let new = Exchange {
                    began: now,
                    has_found: false,
                    said: Amount::default(),
                };
                let exchange = self.exchanges.entry((beginner, exchange)).or_insert(new);
                exchange.said += amount;
                let is_idle = matches!(
                    message,
                    SyncMessage::Root(_) | SyncMessage::Same | SyncMessage::NotReady
                );
                if !is_idle {
                    exchange.has_found = true;
                    self.last_repair_at = Some(now);
                }
            }
            PeerMessage::Merge(_) => self.replicated += amount,
            PeerMessage::Gossip(_) => self.gossip += amount,
            PeerMessage::Cluster(_) => self.agreement += amount,
            _ => self.others += amount,
        }
    }

    /// Everything.
    #[must_use]
    pub fn all(&self) -> Amount {
        let mut all = self.sum(|_| true).said;
        let Self {
            moved,
            replicated,
            gossip,
            agreement,
            others,
            ..
        } = self;
        for amount in [moved, replicated, gossip, agreement, others] {
            all += *amount;
        }
        all
    }

    /// Comparisons that found a difference.
    #[must_use]
    pub fn differing(&self) -> Comparisons {
        self.sum(|exchange| exchange.has_found)
    }

    /// Comparisons begun until `end` that found none, or were not answered.
    #[must_use]
    pub fn idle(&self, end: Instant) -> Comparisons {
        self.sum(|exchange| !exchange.has_found && exchange.began <= end)
    }

    /// When the last frame was sent that had to do with a difference.
    #[must_use]
    pub const fn last_repair_at(&self) -> Option<Instant> {
        self.last_repair_at
    }

    fn sum(&self, wanted: impl Fn(&Exchange) -> bool) -> Comparisons {
        let mut sum = Comparisons::default();
        for exchange in self.exchanges.values().filter(|exchange| wanted(exchange)) {
            sum.count += 1;
            sum.said += exchange.said;
        }
        sum
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        self.frames += other.frames;
        self.bytes += other.bytes;
    }
}

const fn is_question(message: &SyncMessage) -> bool {
    matches!(
        message,
        SyncMessage::Root(_)
            | SyncMessage::PickBranches(_)
            | SyncMessage::List { .. }
            | SyncMessage::Fetch(_)
    )
}
