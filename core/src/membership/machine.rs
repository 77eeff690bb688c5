//! The machine: inputs, outputs, and what foca's effects become.

use super::address::MemberAddress;
use super::effects::Effects;
use super::error::MembershipError;
use super::event::{Condition, MembershipEvent, Transmit};
use super::exchange::Exchange;
use super::identity::Identity;
use super::news::{Item, News, Relay};
use super::packet::{HEADER_BYTES, Packet, seal_gossip};
use super::random::SeededRandom;
use super::reminding::Reminding;
use super::renewal::Renewal;
use super::report::MembershipReport;
use super::roster::{Roster, Standing};
use super::settings::MembershipSettings;
use super::timers::Timers;
use crate::id::MemberId;
use crate::limits::{MEMBERS_MAX, MEMBERSHIP_TRANSMITS_MAX};
use crate::rng::Rng;
use crate::time::{Duration, Instant};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::{fmt, mem};
use foca::{Foca, Member, OwnedNotification, PostcardCodec, Timer};

/// One node's part of the membership protocol, without I/O, clock or randomness of its own.
///
/// * Something happened: [`announce`](Self::announce), [`suppose`](Self::suppose),
///   [`handle_message`](Self::handle_message), [`handle_timeout`](Self::handle_timeout),
///   [`broadcast`](Self::broadcast), [`leave`](Self::leave).
/// * After each of these, until `None`: [`poll_transmit`](Self::poll_transmit),
///   [`poll_event`](Self::poll_event). Then [`poll_timeout`](Self::poll_timeout) says when to come
///   back.
/// * At any time: [`identity`](Self::identity), [`members`](Self::members),
///   [`conditions`](Self::conditions), [`report`](Self::report).
///
/// The same inputs give the same outputs on every runtime.
pub struct Membership {
    pub(super) settings: MembershipSettings,
    pub(super) foca: Foca<Identity, PostcardCodec, SeededRandom, Relay>,
    pub(super) effects: Effects,
    pub(super) timers: Timers,
    pub(super) roster: Roster,
    pub(super) news: News,
    pub(super) rng: Rng,
    pub(super) exchange: Exchange,
    pub(super) reminding: Reminding,
    pub(super) renewal: Renewal,
    pub(super) report: MembershipReport,
    pub(super) left: bool,
    transmits: VecDeque<Transmit>,
    connected: bool,
    connected_told: bool,
    size_class: u64,
}

impl Membership {
    /// The node `me` at `now`, alone. `me.incarnation` must be higher than at any start before;
    /// `seed` should be another one at each start.
    #[must_use]
    pub fn new(me: Identity, settings: MembershipSettings, seed: u64, now: Instant) -> Self {
        let mut rng = Rng::new(seed);
        let random = SeededRandom(Rng::new(rng.next_u64()));
        let config = settings.config(1, settings.packet_bytes() - HEADER_BYTES);
        Self {
            settings,
            foca: Foca::with_custom_broadcast(me, config, random, PostcardCodec, Relay),
            effects: Effects::default(),
            timers: Timers::default(),
            roster: Roster::default(),
            news: News::default(),
            rng,
            exchange: Exchange::new(now + settings.exchange_period()),
            reminding: Reminding::new(now + settings.suspicion(1)),
            renewal: Renewal::default(),
            report: MembershipReport::default(),
            left: false,
            transmits: VecDeque::new(),
            connected: false,
            connected_told: false,
            size_class: MembershipSettings::size_class(1),
        }
    }

    /// Greets `to`, a member in whatever life it is, or [`Identity::whoever`] is at a seed address.
    /// If it answers, there will be [`MembershipEvent::Joined`]; if not, greet again after a while.
    pub fn announce(&mut self, now: Instant, to: Identity) {
        let me = self.identity();
        if self.left || to.id == me.id || to == Identity::whoever(me.address.clone()) {
            return;
        }
        let greeted = self.foca.announce(to, &mut self.effects);
        self.expect(&greeted);
        self.settle(now);
    }

    /// The layer above knows `id` as a member: it counts as up until it does not answer. Nothing
    /// changes if it is known here; any life of its own counts more.
    pub fn suppose(&mut self, now: Instant, id: MemberId, address: MemberAddress) {
        let is_known = id == self.identity().id || self.roster.find(id).is_some();
        if self.left || is_known || self.remembered() >= MEMBERS_MAX {
            return;
        }
        let supposed = Identity::new(id, SUPPOSED, address);
        let alive = core::iter::once(Member::alive(supposed));
        let applied = self.foca.apply_many(alive, false, &mut self.effects);
        self.expect(&applied);
        self.settle(now);
    }

    /// A packet has come.
    ///
    /// # Errors
    ///
    /// It is refused by name and has changed nothing.
    pub fn handle_message(&mut self, now: Instant, bytes: &[u8]) -> Result<(), MembershipError> {
        let result = self.handle_packet(now, bytes);
        if result.is_ok() {
            self.report.packets_received += 1;
            self.report.bytes_received += bytes.len() as u64;
        } else {
            self.report.packets_refused += 1;
        }
        self.settle(now);
        result
    }

    /// The time that [`poll_timeout`](Self::poll_timeout) gave has come. Coming early does nothing.
    ///
    /// Coming late by more than a probe period means that this node was held up. Then all its
    /// deadlines are put off by as much: answers that wait to be read are not silence.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.left {
            return;
        }
        let lag = self
            .poll_timeout()
            .map_or(Duration::default(), |at| now.since(at));
        if lag > self.settings.lag_max() {
            self.timers.postpone(lag);
            self.exchange.postpone(lag);
            self.reminding.postpone(lag);
            self.report.pauses += 1;
        }
        while let Some(timer) = self.timers.take_due(now) {
            self.handle_timer(now, timer);
        }
        self.exchange_if_due(now);
        self.remind_if_due(now);
        self.settle(now);
    }

    /// Spreads `bytes` as version `version` of `key` to all members, also to those who join later,
    /// unless a newer version of that key is known. Says whether it is the newest.
    ///
    /// # Errors
    ///
    /// [`MembershipError::BroadcastTooLong`], [`MembershipError::TooManyBroadcasts`],
    /// [`MembershipError::Left`].
    pub fn broadcast(
        &mut self,
        key: u64,
        version: u64,
        bytes: Vec<u8>,
    ) -> Result<bool, MembershipError> {
        if self.left {
            return Err(MembershipError::Left);
        }
        let item = Item {
            key,
            version,
            bytes,
        };
        item.check()?;
        let newest = self.news.keep(item.clone())?;
        if newest {
            self.relay(&item);
        }
        Ok(newest)
    }

    /// Says goodbye to a few members, who tell the others. Afterwards the node does nothing more:
    /// send what [`poll_transmit`](Self::poll_transmit) gives, then end.
    pub fn leave(&mut self, now: Instant) {
        if self.left {
            return;
        }
        self.left = true;
        let departed = self.identity().departed();
        let told = self.foca.change_identity(departed, &mut self.effects);
        self.expect(&told);
        let again = self.foca.gossip(&mut self.effects);
        self.expect(&again);
        let left = self.foca.leave_cluster(&mut self.effects);
        self.expect(&left);
        self.settle(now);
        self.timers = Timers::default();
    }

    /// The next packet to send.
    #[must_use]
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        let transmit = self.transmits.pop_front()?;
        self.report.packets_sent += 1;
        self.report.bytes_sent += transmit.bytes.len() as u64;
        Some(transmit)
    }

    /// The next change to know about.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<MembershipEvent> {
        if self.connected != self.connected_told {
            self.connected_told = self.connected;
            return Some(if self.connected {
                MembershipEvent::Joined
            } else {
                MembershipEvent::Alone
            });
        }
        if let Some(identity) = self.renewal.untold.take() {
            return Some(MembershipEvent::Defunct(identity));
        }
        self.roster.poll_event().or_else(|| self.news.poll_event())
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.left {
            return None;
        }
        [
            self.timers.next(),
            Some(self.exchange.next()),
            Some(self.reminding.next()),
            self.renewal.due,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// This node, in its present life.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        self.foca.identity()
    }

    /// The other members that are up, in the order of their ids.
    pub fn members(&self) -> impl Iterator<Item = &Identity> {
        self.roster.up()
    }

    /// Whether `id` is up, and not only [supposed](Self::suppose) to be.
    #[must_use]
    pub fn has_met(&self, id: MemberId) -> bool {
        self.roster.find(id).is_some_and(|(identity, standing)| {
            standing == Standing::Up && identity.incarnation > SUPPOSED
        })
    }

    /// How the other members are that are remembered.
    pub fn conditions(&self) -> impl Iterator<Item = (MemberId, Condition)> {
        let members = self.foca.iter_membership_state();
        members.map(|member| {
            let condition = match member.state() {
                _ if member.id().leaving => Condition::Dead,
                foca::State::Alive => Condition::Alive,
                foca::State::Suspect => Condition::Suspect,
                foca::State::Down => Condition::Dead,
            };
            (member.id().id, condition)
        })
    }

    /// Counters and sizes.
    #[must_use]
    pub fn report(&self) -> MembershipReport {
        MembershipReport {
            members: self.roster.up_count() as u64,
            remembered: self.foca.iter_membership_state().len() as u64,
            ..self.report
        }
    }

    fn handle_packet(&mut self, now: Instant, bytes: &[u8]) -> Result<(), MembershipError> {
        if self.left {
            return Err(MembershipError::Left);
        }
        if bytes.len() > self.settings.packet_bytes() {
            let bytes = bytes.len();
            return Err(MembershipError::TooLong { bytes });
        }
        match Packet::decode(bytes, self.settings.cluster)? {
            Packet::Gossip(gossip) => self.handle_gossip(now, gossip),
            Packet::Digest(digest) => self.handle_digest(now, &digest),
            Packet::State(state) => self.handle_state(now, state),
        }
    }

    fn handle_timer(&mut self, now: Instant, timer: Timer<Identity>) {
        let forgotten = match &timer {
            Timer::RemoveDown(identity) => Some(identity.clone()),
            _ => None,
        };
        let done = self.foca.handle_timer(timer, &mut self.effects);
        self.expect(&done);
        if let Some(identity) = forgotten {
            self.roster.forget(&identity);
        }
        self.absorb(now);
    }

    /// Carries out what foca wants, and what follows from it.
    fn settle(&mut self, now: Instant) {
        self.absorb(now);
        if self.renew_if_due(now) {
            self.absorb(now);
        }
        self.rescale();
    }

    /// Takes over what foca has put down: packets, timers, changes.
    pub(super) fn absorb(&mut self, now: Instant) {
        for (to, body) in mem::take(&mut self.effects.sends) {
            let bytes = seal_gossip(self.settings.cluster, &body);
            self.send(to, bytes);
        }
        for (timer, after) in mem::take(&mut self.effects.timers) {
            let micros = u64::try_from(after.as_micros()).unwrap_or(u64::MAX);
            self.timers.set(now + Duration::from_micros(micros), timer);
        }
        for notification in mem::take(&mut self.effects.notifications) {
            self.note(now, &notification);
        }
    }

    fn note(&mut self, now: Instant, notification: &OwnedNotification<Identity>) {
        match notification {
            OwnedNotification::MemberUp(identity) => self.roster.set_active(identity),
            OwnedNotification::MemberDown(identity) => self.roster.set_down(identity),
            OwnedNotification::Rename(_, after) => self.roster.rename(after),
            OwnedNotification::Active => {
                self.connected = true;
                self.exchange.hurry(now);
            }
            OwnedNotification::Idle => self.connected = false,
            OwnedNotification::Defunct if !self.left => self.renewal.want(now),
            OwnedNotification::Defunct | OwnedNotification::Rejoin(_) => {}
        }
    }

    /// Adjusts the settings that depend on the size of the cluster.
    fn rescale(&mut self) {
        let members = self.foca.num_members() + 1;
        let size_class = MembershipSettings::size_class(members);
        if size_class != self.size_class {
            self.size_class = size_class;
            let packet_bytes = self.settings.packet_bytes() - HEADER_BYTES;
            let config = self.settings.config(members, packet_bytes);
            let done = self.foca.set_config(config);
            self.expect(&done);
        }
    }

    /// Queues a packet.
    pub(super) fn send(&mut self, to: Identity, bytes: Vec<u8>) {
        if self.transmits.len() >= MEMBERSHIP_TRANSMITS_MAX {
            self.transmits.pop_front();
            self.report.packets_dropped += 1;
        }
        self.transmits.push_back(Transmit { to, bytes });
    }

    /// Gives a broadcast to foca, to be sent along with its packets.
    pub(super) fn relay(&mut self, item: &Item) {
        if let Ok(bytes) = postcard::to_allocvec(item) {
            let added = self.foca.add_broadcast(&bytes).map(|_| ());
            self.expect(&added);
        }
    }

    /// Counts what must not happen and does no lasting harm if it does: foca starts its next probe
    /// all the same.
    pub(super) fn expect(&mut self, result: &Result<(), foca::Error>) {
        if result.is_err() {
            self.report.anomalies += 1;
        }
    }
}

impl fmt::Debug for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Membership");
        fields.field("identity", self.identity());
        fields.field("roster", &self.roster).finish_non_exhaustive()
    }
}

/// The incarnation of a member that is only supposed to be up: lower than that of any life.
const SUPPOSED: u64 = 0;
