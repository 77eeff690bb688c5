//! What clients know: every write with what became of it, and what reads have shown.

use crate::bits::Bits;
use crate::buckets::Buckets;
use crate::family::Family;
use crate::plan::{Call, CallKind};
use crate::world::Seat;
use henge_core::causality::Hlc;
use henge_core::cluster::BucketSettings;
use henge_core::limits::SIBLINGS_MAX;
use henge_core::time::{Duration, Instant};
use std::collections::BTreeMap;

/// Everything that clients know.
pub(crate) struct Model {
    buckets: Buckets,
    /// How far any clock can be off the world's, at most.
    skew: Duration,
    /// Which round it is.
    pub(crate) round: u32,
    /// The seat whose disk was lost in this round.
    pub(crate) wiped: Option<Seat>,
    pub(crate) keys: BTreeMap<u16, KeyModel>,
}

/// What clients know of one key.
pub(crate) struct KeyModel {
    pub(crate) settings: BucketSettings,
    pub(crate) owners: Vec<Seat>,
    /// In the order of their first tries.
    pub(crate) writes: Vec<Write>,
    by_call: BTreeMap<u32, usize>,
    /// The last write of each chain in which each write has seen the one before. There are at least
    /// as many chains as writes that are concurrent to each other.
    chains: Vec<usize>,
    /// Writes whose values were shown.
    pub(crate) shown: Bits,
    /// The newest version that was shown.
    pub(crate) newest_shown: Hlc,
}

/// A write, of a value or of none, with all its tries.
pub(crate) struct Write {
    pub(crate) call: u32,
    pub(crate) is_delete: bool,
    pub(crate) ttl: Option<Duration>,
    pub(crate) first_sent_at: Instant,
    /// This write and all that its writer has seen, and all that those writers have.
    pub(crate) closure: Bits,
    /// Tries, and those of them that were surely not applied.
    pub(crate) tries: u32,
    pub(crate) refused: u32,
    pub(crate) acks: Vec<Ack>,
    /// The versions that it was said or shown to have.
    pub(crate) versions: Vec<Hlc>,
    pub(crate) coordinator: Coordinator,
}

/// Who has coordinated the tries of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coordinator {
    /// Always this owner.
    Only(Seat),
    /// Several owners, or one that is not known.
    Unknown,
}

/// A client was told that a write is durable on enough replicas.
pub(crate) struct Ack {
    pub(crate) at: Instant,
    pub(crate) round: u32,
    pub(crate) version: Hlc,
    pub(crate) family: Family,
}

/// How many owners there are for a law where they change: any three, for majorities meet.
pub(crate) const MOVING_OWNERS: usize = 3;

impl Model {
    pub(crate) const fn new(buckets: Buckets, skew: Duration) -> Self {
        Self {
            buckets,
            skew,
            round: 0,
            wiped: None,
            keys: BTreeMap::new(),
        }
    }

    /// How far two clocks can be apart.
    pub(crate) const fn apart(&self) -> Duration {
        Duration::from_micros(2 * self.skew.as_micros())
    }

    /// What is known of `key`, whose owners are `owners`.
    pub(crate) fn key(&mut self, key: u16, owners: impl FnOnce() -> Vec<Seat>) -> &mut KeyModel {
        let settings = self.buckets.of(key);
        self.keys.entry(key).or_insert_with(|| KeyModel {
            settings,
            owners: owners(),
            writes: Vec::new(),
            by_call: BTreeMap::new(),
            chains: Vec::new(),
            shown: Bits::default(),
            newest_shown: Hlc::default(),
        })
    }

    /// Whether a read by `read` must meet what `ack` was told of.
    pub(crate) fn is_met(&self, key: &KeyModel, ack: &Ack, read: Family) -> bool {
        let count = match key.owners.len() {
            // Owners change.
            0 => MOVING_OWNERS,
            count => count,
        };
        if ack.round == self.round {
            return ack.family.meets(read, count);
        }
        if key.owners.is_empty() {
            return self.wiped.is_none();
        }
        // All owners agreed when the round before had ended.
        let holds = |(_, seat): &(usize, &Seat)| Some(**seat) != self.wiped;
        let holders = key.owners.iter().enumerate().filter(holds);
        let holders = holders.fold(0, |set, (index, _)| set | 1 << index);
        Family::only(holders).meets(read, count)
    }

    /// Whether the time of `write` can be over on some node at `now`.
    pub(crate) fn may_be_over(&self, write: &Write, now: Instant) -> bool {
        let apart = self.apart();
        write
            .ttl
            .is_some_and(|ttl| write.first_sent_at + ttl <= now + apart)
    }

    /// Whether it is over on every node at `now`.
    pub(crate) fn is_over(&self, write: &Write, now: Instant) -> bool {
        let apart = self.apart();
        let acked = write.acks.first();
        write
            .ttl
            .zip(acked)
            .is_some_and(|(ttl, ack)| ack.at + ttl + apart < now)
    }

    /// Writes that a reader at `now` does not see although a replica may hold them.
    pub(crate) fn hidden<'a>(
        &'a self,
        key: &'a KeyModel,
        now: Instant,
    ) -> impl Iterator<Item = &'a Write> {
        let is_hidden = move |write: &&Write| {
            write.is_possible() && (write.is_delete || self.may_be_over(write, now))
        };
        key.writes.iter().filter(is_hidden)
    }
}

impl KeyModel {
    /// Begins the first try of `call`, whose writer has seen `seen`; gives the write's place.
    pub(crate) fn begin(&mut self, call: &Call, now: Instant, seen: &Bits) -> usize {
        let place = self.writes.len();
        let mut closure = Bits::default();
        closure.insert(place);
        for (seen_place, write) in self.writes.iter().enumerate() {
            if seen.contains(seen_place) {
                closure.join(&write.closure);
            }
        }
        let chain = self.chains.iter().position(|tail| closure.contains(*tail));
        match chain {
            Some(chain) => self.chains[chain] = place,
            None => self.chains.push(place),
        }
        let (is_delete, ttl_ms) = match call.kind {
            CallKind::Put { ttl_ms, .. } => (false, ttl_ms.or(self.settings.ttl_ms)),
            CallKind::Delete { .. } | CallKind::Get => (true, None),
        };
        self.writes.push(Write {
            call: call.id,
            is_delete,
            ttl: ttl_ms.map(Duration::from_millis),
            first_sent_at: now,
            closure,
            tries: 0,
            refused: 0,
            acks: Vec::new(),
            versions: Vec::new(),
            coordinator: Coordinator::Only(call.seat),
        });
        self.by_call.insert(call.id, place);
        place
    }

    /// One more try of the write at `place` through `seat`.
    pub(crate) fn try_again(&mut self, place: usize, seat: Seat) {
        let is_owner = self.owners.contains(&seat);
        let write = &mut self.writes[place];
        write.tries += 1;
        if !is_owner || write.coordinator != Coordinator::Only(seat) {
            write.coordinator = Coordinator::Unknown;
        }
    }

    /// The place of the write of `call`.
    pub(crate) fn place_of(&self, call: u32) -> Option<usize> {
        self.by_call.get(&call).copied()
    }

    /// Whether so many writes may have been concurrent that a write had to replace some of them
    /// unseen. One that two owners have applied counts twice.
    pub(crate) fn is_crowded(&self) -> bool {
        let is_twice = |write: &&Write| write.tries > 1 && write.may_have_two_dots();
        let twice = self.writes.iter().filter(is_twice).count();
        self.chains.len() + twice >= SIBLINGS_MAX
    }
}

impl Write {
    /// Whether some try of it may have been applied.
    pub(crate) const fn is_possible(&self) -> bool {
        self.tries > self.refused
    }

    /// Whether it may have a version of at least `floor`.
    pub(crate) fn may_be_since(&self, floor: Hlc) -> bool {
        self.versions.is_empty()
            || self.coordinator == Coordinator::Unknown
            || self.versions.iter().any(|version| *version >= floor)
    }

    /// Whether two owners may have applied it without knowing of each other.
    pub(crate) const fn may_have_two_dots(&self) -> bool {
        matches!(self.coordinator, Coordinator::Unknown)
    }

    /// Notes a version that it was said or shown to have.
    pub(crate) fn note_version(&mut self, version: Hlc) {
        if !self.versions.contains(&version) {
            self.versions.push(version);
        }
    }
}
