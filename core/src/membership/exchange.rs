//! Makes two members' states equal: what gossip did not reach, a random pair finds out.
//!
//! A node sends a digest of its state, a hash for each of 32 parts. Where they differ the other
//! one sends those parts of its own state and asks for the same. So a newcomer has the whole list
//! after one round trip, and differences end that loss, partitions or pauses have left.

use super::error::MembershipError;
use super::identity::Identity;
use super::machine::Membership;
use super::packet::{BUCKETS, Digest, HEADER_BYTES, State, seal_obituary};
use super::roster::Standing;
use crate::hash::hash64;
use crate::id::MemberId;
use crate::limits::{IDENTITY_BYTES_MAX, MEMBERS_MAX};
use crate::planted::{Bug, is_planted};
use crate::time::{Duration, Instant};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use foca::Member;

/// When to compare states, and whose death is in doubt.
#[derive(Debug)]
pub(super) struct Exchange {
    next: Instant,
    eager: u8,
    doubts: BTreeMap<MemberId, (Instant, Identity)>,
}

impl Exchange {
    /// First at `next`.
    pub(super) const fn new(next: Instant) -> Self {
        Self {
            next,
            eager: 0,
            doubts: BTreeMap::new(),
        }
    }

    /// When something is to be done.
    pub(super) fn next(&self) -> Instant {
        let doubts = self.doubts.values().map(|(at, _)| *at);
        doubts.min().map_or(self.next, |at| at.min(self.next))
    }

    /// A few times in quick succession from `now`: the node has only just become connected.
    pub(super) fn hurry(&mut self, now: Instant) {
        self.next = self.next.min(now);
        self.eager = EAGER;
    }

    /// Puts off all deadlines by `lag`.
    pub(super) fn postpone(&mut self, lag: Duration) {
        self.next = self.next + lag;
        for (at, _) in self.doubts.values_mut() {
            *at = *at + lag;
        }
    }
}

impl Membership {
    /// Compares states with a random member if it is time, and ends doubts.
    pub(super) fn exchange_if_due(&mut self, now: Instant) {
        self.end_doubts(now);
        if now < self.exchange.next {
            return;
        }
        let period = self.settings.exchange_period().as_micros();
        self.exchange.next = now
            + if self.exchange.eager > 0 {
                self.exchange.eager -= 1;
                Duration::from_micros(period.min(EAGER_PERIOD_MICROS))
            } else {
                // Not all at one time, though they may have started together.
                Duration::from_micros(period * 3 / 4 + self.rng.below(period / 2 + 1))
            };
        if let Some(to) = self.random_member() {
            self.send_digest(&to);
        }
    }

    /// Answers a digest that differs from ours with our state.
    ///
    /// # Errors
    ///
    /// It is for another member, or from this one.
    pub(super) fn handle_digest(
        &mut self,
        now: Instant,
        digest: &Digest,
    ) -> Result<(), MembershipError> {
        self.check_receiver(digest.to)?;
        if digest.from.id == self.identity().id {
            return Err(MembershipError::OurName);
        }
        if !self.hear(now, &digest.from) {
            return Ok(());
        }
        let ours = self.buckets(digest.salt);
        let mut differing = 0_u32;
        for (index, (ours, theirs)) in ours.iter().zip(&digest.buckets).enumerate() {
            differing |= u32::from(ours != theirs) << index;
        }
        if differing != 0 {
            self.report.exchanges += 1;
            self.send_state(&digest.from, differing, differing);
        }
        Ok(())
    }

    /// Takes over what is news in another's state, and sends ours if that is wanted.
    ///
    /// # Errors
    ///
    /// It is for another member, or from this one.
    pub(super) fn handle_state(
        &mut self,
        now: Instant,
        state: State,
    ) -> Result<(), MembershipError> {
        self.check_receiver(state.to)?;
        if state.from.id == self.identity().id {
            return Err(MembershipError::OurName);
        }
        let (own, others) = split(state.members, self.identity().id);
        for member in own {
            self.take_over_own(now, member);
        }
        // One who is unknown here may still say under which life this node is known there.
        if !self.roster.is_up(&state.from) {
            return Ok(());
        }
        for member in others {
            self.take_over(now, member);
        }
        for item in state.items {
            let key = item.key;
            let replaces = self.news.items().any(|kept| kept.key == key);
            if self.news.keep(item.clone()) == Ok(true) {
                self.news.tell(key);
                if replaces {
                    self.relay(&item);
                }
            }
        }
        if state.wanted != 0 {
            self.send_state(&state.from, state.wanted, 0);
        }
        Ok(())
    }

    /// Who speaks is up, unless it is in a life that has ended; says whether it is up.
    fn hear(&mut self, now: Instant, from: &Identity) -> bool {
        if !self.roster.is_up(from) && self.has_room_for(from) {
            self.correct(from);
            self.apply(Member::alive(from.clone()), true);
            self.absorb(now);
        }
        self.roster.is_up(from)
    }

    fn check_receiver(&self, to: MemberId) -> Result<(), MembershipError> {
        if to == self.identity().id {
            Ok(())
        } else {
            Err(MembershipError::NotForUs { to })
        }
    }

    fn take_over_own(&mut self, now: Instant, member: Member<Identity>) {
        if member.id() != self.identity() {
            self.note_rival(now, member.id());
            return;
        }
        match member.state() {
            foca::State::Alive => {}
            foca::State::Suspect if is_planted(Bug::RefutationIgnored) => {}
            foca::State::Suspect | foca::State::Down => self.apply(member, false),
        }
    }

    fn take_over(&mut self, now: Instant, member: Member<Identity>) {
        let known = self.roster.find(member.id().id);
        let is_known = known.is_some();
        if member.state() != foca::State::Down {
            if is_known || self.remembered() < MEMBERS_MAX {
                // A newcomer learns what the others know already and need not tell them.
                self.apply(member, is_known);
            }
        } else if known == Some((member.id(), Standing::Up)) {
            self.doubt(now, member.id().clone());
        } else if known.is_some_and(|(latest, _)| latest < member.id()) {
            self.apply(member, false);
        }
        // Who is not known here and down there was forgotten, or never met: nothing is missing.
    }

    fn apply(&mut self, member: Member<Identity>, spread: bool) {
        let applied = self
            .foca
            .apply_many(core::iter::once(member), spread, &mut self.effects);
        self.expect(&applied);
    }

    /// `identity` is up here and down elsewhere. It is told, and takes a new life if it can; only if
    /// it does not, it is down here as well. So a partition that heals takes nobody down.
    fn doubt(&mut self, now: Instant, identity: Identity) {
        let patience = self.settings.suspicion(self.roster.up_count() + 1);
        let obituary = seal_obituary(self.settings.cluster, self.identity(), &identity);
        if let Some(bytes) = obituary {
            self.send(identity.clone(), bytes);
        }
        let doubt = (now + patience, identity);
        let doubts = &mut self.exchange.doubts;
        if doubts
            .get(&doubt.1.id)
            .is_none_or(|(_, before)| *before != doubt.1)
        {
            doubts.insert(doubt.1.id, doubt);
        }
    }

    fn end_doubts(&mut self, now: Instant) {
        let doubts = &mut self.exchange.doubts;
        let mut ended = Vec::new();
        doubts.retain(|_, (at, identity)| {
            if *at <= now {
                ended.push(identity.clone());
            }
            *at > now
        });
        for identity in ended {
            if self.roster.is_up(&identity) {
                self.apply(Member::down(identity), true);
            }
        }
    }

    fn random_member(&mut self) -> Option<Identity> {
        let count = self.roster.up_count();
        if count == 0 {
            return None;
        }
        let chosen = self.rng.below(count as u64);
        let mut members = self.roster.up();
        members.nth(usize::try_from(chosen).unwrap_or(0)).cloned()
    }

    fn send_digest(&mut self, to: &Identity) {
        let salt = self.rng.next_u64();
        let digest = Digest {
            from: self.identity().clone(),
            to: to.id,
            salt,
            buckets: self.buckets(salt),
        };
        if let Some(bytes) = digest.encode(self.settings.cluster) {
            self.send(to.clone(), bytes);
        }
    }

    /// A hash of each part of what all should agree on: who is up, in which life, and the
    /// broadcasts.
    fn buckets(&self, salt: u64) -> [[u8; 4]; BUCKETS] {
        let mut sums = [0_u64; BUCKETS];
        let mut text = Vec::with_capacity(IDENTITY_BYTES_MAX);
        for identity in self.roster.up().chain([self.identity()]) {
            text.clear();
            text.extend_from_slice(&salt.to_le_bytes());
            text.extend_from_slice(&identity.id.0.to_le_bytes());
            text.extend_from_slice(&identity.incarnation.to_le_bytes());
            text.extend_from_slice(identity.address.as_str().as_bytes());
            sums[bucket_of_member(identity.id)] ^= hash64(&text);
        }
        for item in self.news.items() {
            text.clear();
            text.extend_from_slice(&salt.to_be_bytes());
            text.extend_from_slice(&item.key.to_le_bytes());
            text.extend_from_slice(&item.version.to_le_bytes());
            text.extend_from_slice(&item.bytes);
            sums[bucket_of_item(item.key)] ^= hash64(&text);
        }
        sums.map(|sum| {
            let [a, b, c, d, ..] = sum.to_le_bytes();
            [a, b, c, d]
        })
    }

    /// Sends the parts `mask` of our state, in as many packets as it takes; the first asks for the
    /// parts `wanted`.
    fn send_state(&mut self, to: &Identity, mask: u32, wanted: u32) {
        let in_mask = |bucket: usize| mask >> bucket & 1 == 1;
        let me = Member::alive(self.identity().clone());
        let others = self.foca.iter_membership_state().cloned().map(at_rest);
        let members: Vec<_> = others
            .chain([me])
            .filter(|member| in_mask(bucket_of_member(member.id().id)))
            .collect();
        let items: Vec<_> = self
            .news
            .items()
            .filter(|item| in_mask(bucket_of_item(item.key)))
            .cloned()
            .collect();
        let mut packer = Packer::new(self.identity().clone(), to.id, wanted);
        packer.room = self.settings.packet_bytes() - STATE_HEAD_BYTES_MAX;
        for member in members {
            packer.open(&member);
            packer.state().members.push(member);
        }
        for item in items {
            packer.open(&item);
            packer.state().items.push(item);
        }
        for state in packer.states {
            if let Some(bytes) = state.encode(self.settings.cluster) {
                self.send(to.clone(), bytes);
            }
        }
    }
}

/// Spreads a state over packets.
struct Packer {
    states: Vec<State>,
    room: usize,
    used: usize,
}

impl Packer {
    fn new(from: Identity, to: MemberId, wanted: u32) -> Self {
        let first = State {
            from,
            to,
            wanted,
            members: Vec::new(),
            items: Vec::new(),
        };
        Self {
            states: alloc::vec![first],
            room: 0,
            used: 0,
        }
    }

    /// Begins another packet if `entry` does not fit into the last.
    fn open(&mut self, entry: &impl serde::Serialize) {
        let bytes = postcard::to_allocvec(entry).map_or(0, |bytes| bytes.len());
        self.used += bytes;
        if self.used > self.room {
            self.used = bytes;
            let next = State {
                wanted: 0,
                members: Vec::new(),
                items: Vec::new(),
                ..self.state().clone()
            };
            self.states.push(next);
        }
    }

    fn state(&mut self) -> &mut State {
        self.states.last_mut().expect("there is a first packet")
    }
}

/// A suspicion is for those to spread who have it.
fn at_rest(member: Member<Identity>) -> Member<Identity> {
    match member.state() {
        foca::State::Suspect => {
            let incarnation = member.incarnation();
            Member::new(member.id().clone(), incarnation, foca::State::Alive)
        }
        foca::State::Alive | foca::State::Down => member,
    }
}

fn split(
    members: Vec<Member<Identity>>,
    id: MemberId,
) -> (Vec<Member<Identity>>, Vec<Member<Identity>>) {
    members.into_iter().partition(|member| member.id().id == id)
}

fn bucket_of_member(id: MemberId) -> usize {
    bucket(id.0)
}

fn bucket_of_item(key: u64) -> usize {
    bucket(hash64(&key.to_le_bytes()))
}

/// The top bits: ids are hashes already.
const fn bucket(hash: u64) -> usize {
    let [.., top] = hash.to_le_bytes();
    (top >> 3) as usize
}

const _: () = assert!(BUCKETS == 1 << 5);
/// How often a node that has just become connected compares states in quick succession.
const EAGER: u8 = 5;
const EAGER_PERIOD_MICROS: u64 = 1_000_000;
/// The header, the sender, the receiver, what is wanted, and two lengths.
const STATE_HEAD_BYTES_MAX: usize = HEADER_BYTES + IDENTITY_BYTES_MAX + 10 + 5 + 3 + 3;
