//! The node's part in the membership protocol: who is alive, suspected or dead, as the cluster sees
//! it. The first shard of a member takes part for all of them, as long as the agreed state names it.
//!
//! Packets go over the connections that members have anyway; what is for somebody to whom there is
//! none is lost, and others reach it or do not. **Nothing of this changes the ring**, and a member
//! that can be reached is used whatever is said of it.

use super::{InputError, Node};
use crate::id::{MemberId, PartitionId};
use crate::limits::{GOSSIP_GREETINGS, GOSSIP_LOOK_MS, INCARNATION_MAX, REGISTER_TELL_MS};
use crate::membership::{
    Condition, Identity, MemberAddress, Membership, MembershipEvent, MembershipSettings,
};
use crate::planted::{Bug, is_planted};
use crate::rng::Rng;
use crate::time::{Duration, Instant};
use crate::wire::PeerMessage;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// What the cluster thinks of one of its members, as far as it is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberReport {
    /// The member.
    pub id: MemberId,
    /// How it is.
    pub condition: Condition,
    /// Since when that is known here.
    pub since: Instant,
}

/// The membership protocol, counted since the node was made unless said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GossipReport {
    /// Other members of the cluster that are alive now.
    pub alive: u64,
    /// Those that are suspected now.
    pub suspect: u64,
    /// Those that are dead now.
    pub dead: u64,
    /// Nodes that take part now and are no members any more, or are not known as such yet.
    pub strangers: u64,
    /// Messages sent.
    pub sent: u64,
    /// Bytes of them, without the frames around.
    pub sent_bytes: u64,
    /// Messages received.
    pub received: u64,
    /// Bytes of them.
    pub received_bytes: u64,
    /// Messages that meant nothing here.
    pub refused: u64,
    /// Times that others took this member for dead although it lives.
    pub renewals: u64,
}

/// What a node knows of who is alive.
#[derive(Debug)]
pub(super) struct Gossip {
    /// There is none before the agreed state names this member, and after it does no more.
    membership: Option<Membership>,
    /// The others that the agreed state names.
    seen: BTreeMap<MemberId, (Condition, Instant)>,
    look_at: Instant,
    /// The newest epoch of the agreed state that anybody has told of.
    news: u64,
    /// When somebody is asked for that state.
    ask_at: Instant,
    rng: Rng,
    sent: u64,
    sent_bytes: u64,
}

impl Gossip {
    pub(super) const fn new(seed: u64) -> Self {
        Self {
            membership: None,
            seen: BTreeMap::new(),
            look_at: Instant::from_micros(0),
            news: 0,
            ask_at: Instant::from_micros(0),
            rng: Rng::new(seed),
            sent: 0,
            sent_bytes: 0,
        }
    }

    /// The numbers.
    pub(super) fn report(&self) -> GossipReport {
        let count = |wanted: Condition| {
            let is_so = |(condition, _): &&(Condition, Instant)| *condition == wanted;
            self.seen.values().filter(is_so).count() as u64
        };
        let report = self.membership.as_ref().map(Membership::report);
        let report = report.unwrap_or_default();
        let is_stranger = |id: &MemberId| !self.seen.contains_key(id);
        let up = self.membership.iter().flat_map(Membership::members);
        GossipReport {
            alive: count(Condition::Alive),
            suspect: count(Condition::Suspect),
            dead: count(Condition::Dead),
            strangers: up.map(|it| it.id).filter(is_stranger).count() as u64,
            sent: self.sent,
            sent_bytes: self.sent_bytes,
            received: report.packets_received,
            received_bytes: report.bytes_received,
            refused: report.packets_refused,
            renewals: report.renewals,
        }
    }

    /// What is thought of each of the others.
    pub(super) fn members(&self) -> Vec<MemberReport> {
        let seen = self.seen.iter();
        seen.map(|(id, (condition, since))| MemberReport {
            id: *id,
            condition: *condition,
            since: *since,
        })
        .collect()
    }

    /// Looks how everybody is that is seen.
    fn look(&mut self, now: Instant) {
        let Some(membership) = &self.membership else {
            return;
        };
        self.look_at = now + Duration::from_millis(GOSSIP_LOOK_MS);
        let mut conditions: BTreeMap<_, _> = membership.conditions().collect();
        for (id, (condition, since)) in &mut self.seen {
            // Who was forgotten had been dead for long.
            let present = conditions.remove(id).unwrap_or(Condition::Dead);
            if present != *condition {
                (*condition, *since) = (present, now);
            }
        }
    }
}

impl Node {
    /// The agreed state is another one, or known for the first time.
    pub(super) fn turn_gossip(&mut self, now: Instant) {
        let me = self.config.me;
        if self.config.shard != 0 || self.agreement.register.is_none() {
            return;
        }
        if self.agreement.state.member(me).is_none() {
            if let Some(membership) = &mut self.gossip.membership
                && !is_planted(Bug::GoodbyeUnsaid)
            {
                membership.leave(now);
                self.drain_gossip(now, None);
                self.gossip.membership = None;
                self.gossip.seen.clear();
            }
            return;
        }
        let is_new = self.gossip.membership.is_none();
        if is_new {
            let address = address_of(me, &self.config.address);
            // Each life begins later than the one before; if a clock was set back, the others say so.
            let began = now.as_micros().min(INCARNATION_MAX);
            let settings = MembershipSettings::new(self.config.cluster);
            let identity = Identity::new(me, began, address);
            let seed = self.gossip.rng.next_u64();
            let membership = Membership::new(identity, settings, seed, now);
            self.gossip.membership = Some(membership);
        }
        let Gossip {
            membership, seen, ..
        } = &mut self.gossip;
        let Some(membership) = membership else { return };
        let state = &self.agreement.state;
        seen.retain(|id, _| state.member(*id).is_some());
        for (_, member) in state.members().iter().filter(|(_, it)| it.id != me) {
            let address = state.life(member.id).map_or("", |life| &life.address);
            membership.suppose(now, member.id, address_of(member.id, address));
            seen.entry(member.id).or_insert((Condition::Alive, now));
        }
        let epoch = state.epoch;
        // It is the newest that this node has heard of, or no news.
        let _ = membership.broadcast(NEWS_OF_EPOCH, epoch, Vec::new());
        self.gossip.look(now);
        if is_new {
            let up: Vec<MemberId> = self.peers_up.iter().copied().collect();
            for peer in up {
                self.greet(now, peer);
            }
        }
        self.drain_gossip(now, None);
    }

    /// Packets reach `peer` from now on.
    pub(super) fn gossip_hears(&mut self, now: Instant, peer: MemberId) {
        self.greet(now, peer);
        self.drain_gossip(now, None);
    }

    /// Greets `peer` if it may not know that this member lives: the first few after a start, and
    /// whoever was dead for this one.
    fn greet(&mut self, now: Instant, peer: MemberId) {
        let Some(membership) = &mut self.gossip.membership else {
            return;
        };
        let seen = self.gossip.seen.get(&peer);
        let is_dead = seen.is_some_and(|(condition, _)| *condition == Condition::Dead);
        let is_alone = || {
            let met = membership.members().filter(|it| membership.has_met(it.id));
            met.take(GOSSIP_GREETINGS).count() < GOSSIP_GREETINGS
        };
        if is_dead || is_alone() {
            membership.announce(now, Identity::new(peer, 0, address_of(peer, "")));
        }
    }

    /// A packet has come over the connection of `from`.
    pub(super) fn handle_gossip(
        &mut self,
        now: Instant,
        from: MemberId,
        bytes: &[u8],
    ) -> Result<(), InputError> {
        let Some(membership) = &mut self.gossip.membership else {
            return Ok(());
        };
        let result = membership.handle_message(now, bytes);
        self.drain_gossip(now, Some(from));
        match result {
            Err(error) if error.is_fault_of_sender() => Err(InputError::Gossip(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// When `tick_gossip` wants to be called.
    pub(super) fn next_gossip(&self) -> Option<Instant> {
        let protocol = self.gossip.membership.as_ref()?.poll_timeout();
        let looking = Some(self.gossip.look_at);
        let asking = self.is_behind().then_some(self.gossip.ask_at);
        [protocol, looking, asking].into_iter().flatten().min()
    }

    /// Whether a newer state than the one known here is agreed on.
    fn is_behind(&self) -> bool {
        let register = self.agreement.register.as_ref();
        register.is_some_and(|it| it.state().epoch < self.gossip.news) && !self.peers_up.is_empty()
    }

    /// Asks for the newest state, as long as this node does not have it: first whoever has told of
    /// it, then anybody, for the first may have heard of it just before.
    fn ask_for_news(&mut self, now: Instant, from: Option<MemberId>) {
        if !self.is_behind() {
            return;
        }
        self.gossip.ask_at = now + Duration::from_millis(REGISTER_TELL_MS);
        let place = self.gossip.rng.below(self.peers_up.len() as u64);
        let anybody = || {
            let mut up = self.peers_up.iter();
            up.nth(usize::try_from(place).unwrap_or(0)).copied()
        };
        if let Some(peer) = from.or_else(anybody) {
            self.ask_for_state(now, peer);
        }
    }

    pub(super) fn tick_gossip(&mut self, now: Instant) {
        if self.next_gossip().is_none_or(|at| at > now) {
            return;
        }
        if let Some(membership) = &mut self.gossip.membership {
            membership.handle_timeout(now);
        }
        self.drain_gossip(now, None);
        if self.gossip.ask_at <= now {
            self.ask_for_news(now, None);
        }
        if self.gossip.look_at <= now {
            // A suspicion is no event.
            self.gossip.look(now);
            self.greet_if_alone(now);
        }
    }

    /// The protocol does nothing by itself once everybody is dead: for two who were parted, each is
    /// all that the other knows.
    fn greet_if_alone(&mut self, now: Instant) {
        let Some(membership) = &mut self.gossip.membership else {
            return;
        };
        if membership.members().next().is_some() || self.peers_up.is_empty() {
            return;
        }
        for _ in 0..GOSSIP_GREETINGS {
            let place = self.gossip.rng.below(self.peers_up.len() as u64);
            let mut up = self.peers_up.iter();
            if let Some(peer) = up.nth(usize::try_from(place).unwrap_or(0)) {
                let peer = Identity::new(*peer, 0, address_of(*peer, ""));
                membership.announce(now, peer);
            }
        }
        self.drain_gossip(now, None);
    }

    /// Sends what is to be sent, and hears what has changed; the packet of `from` has caused it.
    fn drain_gossip(&mut self, now: Instant, from: Option<MemberId>) {
        let partition = PartitionId(self.config.shard);
        while let Some(membership) = &mut self.gossip.membership
            && let Some(transmit) = membership.poll_transmit()
        {
            let to = transmit.to.id;
            if self.peers_up.contains(&to) && !is_planted(Bug::GossipDropped) {
                self.gossip.sent += 1;
                self.gossip.sent_bytes += transmit.bytes.len() as u64;
                self.send(to, partition, &PeerMessage::Gossip(transmit.bytes));
            }
        }
        let mut has_changed = false;
        while let Some(membership) = &mut self.gossip.membership
            && let Some(event) = membership.poll_event()
        {
            match event {
                MembershipEvent::Broadcast { key, version, .. } if key == NEWS_OF_EPOCH => {
                    self.gossip.news = self.gossip.news.max(version);
                    self.ask_for_news(now, from);
                }
                MembershipEvent::Broadcast { .. } => {}
                _ => has_changed = true,
            }
        }
        if has_changed {
            self.gossip.look(now);
        }
    }
}

/// `address` as the protocol takes it. Only for people: packets go by the member's id. A host that
/// names none is known by that.
fn address_of(id: MemberId, address: &str) -> MemberAddress {
    let named = address.parse();
    named.unwrap_or_else(|_| {
        let id = format!("{:016x}:1", id.0);
        id.parse().expect("it is a host and a port")
    })
}

/// What is broadcast under this key is how far the agreed state is: its epoch, and no bytes.
const NEWS_OF_EPOCH: u64 = 0;
