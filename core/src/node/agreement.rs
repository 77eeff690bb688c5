//! The node's part in what all members agree on: what it keeps of that, and what it goes by.
//!
//! What the register wants durable is stored like a pair, under a key that belongs to no partition of
//! the ring. A state is adopted when it is durable here, so a node never goes back to an older one.

use super::own::{PARTITIONS, own_key};
use super::storage::Waiter;
use super::{Event, Node, Output};
use crate::cluster::{
    Change, ClusterState, Life, Register, RegisterMessage, RegisterOutput, RegisterSettings,
};
use crate::encoded::encoded;
use crate::id::{ActorId, MemberId, PartitionId};
use crate::limits::BEHIND_MAX;
use crate::ring::Member;
use crate::storage::table::reader::Obstacle;
use crate::sync::Exchange;
use crate::time::Instant;
use crate::wire::PeerMessage;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::ToString;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// What a node knows of the cluster.
#[derive(Debug)]
pub(super) struct Agreement {
    /// What it goes by: agreed on, and durable here.
    pub(super) state: ClusterState,
    /// There is none before the storage is open.
    pub(super) register: Option<Register>,
    /// This member as it wants to be known.
    member: Member,
    seed: u64,
    /// Whether this member has ever been one of the cluster: one that has left must not come back by
    /// itself.
    has_joined: bool,
    /// How far others have said that they are.
    epochs: BTreeMap<MemberId, u64>,
    /// Those that were behind when they said so last, in a frame of this partition.
    behind: BTreeSet<(MemberId, PartitionId)>,
}

/// What is stored.
#[derive(Serialize, Deserialize)]
struct Record {
    /// What the register wants durable.
    #[serde(with = "serde_bytes")]
    register: Vec<u8>,
    has_joined: bool,
}

impl Agreement {
    /// The cluster is in state `first` as far as is known, and this is `member`.
    pub(super) fn new(first: ClusterState, member: Member, seed: u64) -> Self {
        Self {
            has_joined: first.member(member.id).is_some(),
            state: first,
            register: None,
            member,
            seed,
            epochs: BTreeMap::new(),
            behind: BTreeSet::new(),
        }
    }

    /// Whether somebody is behind that may have refused what it was asked.
    pub(super) fn is_awaited(&self) -> bool {
        !self.behind.is_empty()
    }
}

impl Node {
    /// Takes up what an earlier life has stored; then the node is ready. The log had `records`.
    pub(super) fn load_agreement(&mut self, now: Instant, records: u64) {
        let own = self.load_own(RECORD);
        let (bytes, partitions) = match own.and_then(|it| Ok((it, self.load_own(PARTITIONS)?))) {
            Ok(own) => own,
            Err(Obstacle::Unloaded(wanted)) => {
                return self.wait_for_block(wanted, Waiter::Agreement(records));
            }
            Err(Obstacle::Damaged(_)) => return self.agreement_is_damaged(),
        };
        if let Some(bytes) = partitions {
            let Ok(partitions) = postcard::from_bytes(&bytes) else {
                return self.agreement_is_damaged();
            };
            self.partitions = partitions;
        }
        let me = self.config.me;
        let agreement = &mut self.agreement;
        let settings = RegisterSettings {
            me,
            incarnation: self.store.incarnation(),
            is_shadow: self.config.shard != 0,
            seed: agreement.seed,
        };
        let mut register = Register::new(settings, agreement.state.clone());
        if let Some(bytes) = bytes {
            let record = postcard::from_bytes::<Record>(&bytes);
            let Some(record) = record.ok().filter(|it| register.restore(&it.register)) else {
                return self.agreement_is_damaged();
            };
            agreement.has_joined = record.has_joined;
        } else {
            register.begin();
        }
        for peer in &self.peers_up {
            register.set_up(*peer, true);
        }
        let state = register.state().clone();
        agreement.register = Some(register);
        let changed = self.turn_to(state);
        self.become_ready(records);
        for partition in self.served() {
            self.begin_sifting(now, partition);
            // What every owner has forgotten is written as if at the first millisecond.
            self.store.forget_until(partition, 1);
        }
        // Reads may have begun before, with the owners that the cluster began with.
        self.turn_operations(now, &changed);
        self.tell_host();
        self.begin_moving();
        self.want_own_life(now);
        self.turn_gossip(now);
        self.drain_register(now);
    }

    fn agreement_is_damaged(&mut self) {
        let why = "what this member has stored of the cluster's state is damaged; move the data \
                   folder away and let the member be filled again from its replicas";
        self.say(Event::StorageFailed(why.to_string()));
    }

    /// `from` has said something about the state of the cluster, in a frame of `partition`.
    pub(super) fn handle_cluster(
        &mut self,
        now: Instant,
        from: MemberId,
        partition: PartitionId,
        message: RegisterMessage,
    ) {
        let ours = self.agreement.state.epoch;
        let Some(register) = &mut self.agreement.register else {
            return;
        };
        let theirs = match &message {
            RegisterMessage::Status { epoch, .. } => Some(*epoch),
            RegisterMessage::Decided(state) => Some(state.epoch),
            RegisterMessage::Want { epoch } if *epoch >= ours => {
                return self.say_epoch(from, partition);
            }
            _ => None,
        };
        register.handle_message(now, from, message);
        self.drain_register(now);
        if let Some(theirs) = theirs {
            self.heard_epoch(now, from, partition, theirs);
        }
    }

    /// Sees to it that `change` becomes part of the state.
    pub(super) fn want(&mut self, now: Instant, change: Change) {
        if let Some(register) = &mut self.agreement.register {
            register.want(now, change);
            self.drain_register(now);
        }
    }

    /// Another shard of this member has adopted `state`.
    pub(super) fn take_state(&mut self, now: Instant, state: ClusterState) {
        let me = self.config.me;
        if let Some(register) = &mut self.agreement.register {
            register.handle_message(now, me, RegisterMessage::Decided(state));
            self.drain_register(now);
        }
    }

    /// When `tick_agreement` wants to be called.
    pub(super) fn next_agreement(&self) -> Option<Instant> {
        self.agreement.register.as_ref()?.poll_timeout()
    }

    pub(super) fn tick_agreement(&mut self, now: Instant) {
        if self.next_agreement().is_some_and(|at| at <= now)
            && let Some(register) = &mut self.agreement.register
        {
            register.handle_timeout(now);
            self.drain_register(now);
        }
    }

    /// Tells the register whether `peer` can be reached.
    pub(super) fn register_hears(&mut self, now: Instant, peer: MemberId, is_up: bool) {
        self.agreement.epochs.remove(&peer);
        self.agreement.behind.retain(|(member, _)| *member != peer);
        if let Some(register) = &mut self.agreement.register {
            register.set_up(peer, is_up);
            self.drain_register(now);
        }
    }

    /// Whether `from` goes by the same owners of `partition` as this node. If not, the one of the
    /// two that is behind is helped on, and what was asked is sent again then.
    pub(super) fn has_same_view(
        &mut self,
        from: MemberId,
        partition: PartitionId,
        view: u64,
    ) -> bool {
        let is_same = self.view(partition) == view;
        if !is_same {
            self.say_epoch(from, partition);
        }
        is_same
    }

    /// Says to `to` how far the state is here, in a frame of the partition that it has asked about: so
    /// the shard that has asked hears it, and knows which one has answered. The two members need not
    /// have the same number of shards.
    fn say_epoch(&mut self, to: MemberId, partition: PartitionId) {
        if let Some(register) = &self.agreement.register {
            let (epoch, voice) = (self.agreement.state.epoch, register.voice());
            let status = RegisterMessage::Status { epoch, voice };
            self.send(to, partition, &PeerMessage::Cluster(status));
        }
    }

    /// The version of the ownership of `partition` that this node goes by.
    pub(super) fn view(&self, partition: PartitionId) -> u64 {
        let ownership = self.agreement.state.ownership(partition);
        ownership.map_or(0, |ownership| ownership.version)
    }

    /// Who mints dots for writes to `partition` here.
    pub(super) fn actor(&self, partition: PartitionId) -> ActorId {
        let ownership = self.agreement.state.ownership(partition);
        let since = ownership.map_or(0, |it| it.since(self.config.me));
        ActorId::new(self.store.incarnation(), partition, since)
    }

    /// Stores and says what the register wants stored and said.
    fn drain_register(&mut self, now: Instant) {
        let mut rest = Vec::new();
        while let Some(register) = &mut self.agreement.register
            && let Some(output) = register.poll_output()
        {
            match output {
                RegisterOutput::Persist(bytes) => self.store_record(now, bytes),
                output => rest.push(output),
            }
        }
        if rest.is_empty() {
            return;
        }
        match self.pending_batch(&own_key(RECORD)) {
            Some(batch) => self.wait(batch, Waiter::Register(rest)),
            None => self.obey_register(now, rest),
        }
    }

    /// Does what the register wants, now that what it wants durable is.
    pub(super) fn obey_register(&mut self, now: Instant, outputs: Vec<RegisterOutput>) {
        let partition = PartitionId(self.config.shard);
        for output in outputs {
            match output {
                RegisterOutput::Send { to, message } => {
                    self.send(to, partition, &PeerMessage::Cluster(message));
                }
                RegisterOutput::Decided(state) => self.adopt(now, *state),
                RegisterOutput::Wish(change) => self.outputs.push_back(Output::Wish(change)),
                RegisterOutput::Persist(_) => {}
            }
        }
    }

    fn store_record(&mut self, now: Instant, register: Vec<u8>) {
        let me = self.config.me;
        let agreement = &mut self.agreement;
        if let Some(known) = &agreement.register {
            agreement.has_joined |= known.state().member(me).is_some();
        }
        let record = Record {
            register,
            has_joined: agreement.has_joined,
        };
        let bytes = encoded(&record);
        self.store_own(now, RECORD, bytes);
    }

    /// Goes by `state` from now on.
    fn adopt(&mut self, now: Instant, state: ClusterState) {
        let me = self.config.me;
        let was_member = self.agreement.state.member(me).is_some();
        let changed = self.turn_to(state);
        if was_member && self.agreement.state.member(me).is_none() {
            self.end_operations();
        }
        self.stand_in_lists.clear();
        for partition in &changed {
            let is_stray = !self.holds(*partition) && self.store.keys_of(*partition) > 0;
            self.handing.turn(*partition, is_stray);
            self.begin_sifting(now, *partition);
        }
        self.syncing.owned = self.find_owned();
        let is_over = |exchange: &Exchange| changed.contains(&exchange.partition);
        self.syncing.drop_exchanges(is_over);
        self.turn_operations(now, &changed);
        self.tell_host();
        self.begin_moving();
        self.want_own_life(now);
        self.turn_gossip(now);
        self.tick_moving(now);
        self.turn_watching(now);
    }

    /// Goes by `state`. Returns the partitions that have other owners in it.
    fn turn_to(&mut self, state: ClusterState) -> BTreeSet<PartitionId> {
        let before = core::mem::replace(&mut self.agreement.state, state);
        let is_changed = |partition: &PartitionId| {
            before.ownership(*partition) != self.agreement.state.ownership(*partition)
        };
        self.served().filter(is_changed).collect()
    }

    /// The host connects to the members, and tells the other shards.
    fn tell_host(&mut self) {
        if self.config.shard == 0 {
            let state = self.agreement.state.clone().into();
            self.outputs.push_back(Output::Cluster(state));
        }
    }

    /// Sees to it that the others know this member as it is.
    pub(super) fn want_own_life(&mut self, now: Instant) {
        if self.config.shard != 0 {
            return;
        }
        let agreement = &self.agreement;
        let wanted = &agreement.member;
        let life = Life {
            incarnation: self.store.incarnation(),
            address: self.config.address.clone(),
        };
        let known = agreement.state.member(wanted.id);
        let is_known = known == Some(wanted) && agreement.state.life(wanted.id) == Some(&life);
        let change = match known {
            None if agreement.has_joined => return,
            Some(known) if known.capacity == 0 => {
                // What the other shards of this member still have is not known here.
                if self.pairs() == 0 {
                    let end = Change::Forget(wanted.id);
                    self.outputs.push_back(Output::Wish(end));
                }
                return;
            }
            _ if is_known => return,
            _ => Change::Join {
                member: wanted.clone(),
                life,
            },
        };
        self.want(now, change);
    }

    /// Asks `peer` for the state if it has a newer one.
    pub(super) fn ask_for_state(&mut self, now: Instant, peer: MemberId) {
        if let Some(register) = &mut self.agreement.register {
            register.ask(peer);
            self.drain_register(now);
        }
    }

    /// Asks `peer` how far the shard is that has `partition`.
    pub(super) fn ask_for_epoch(&mut self, peer: MemberId, partition: PartitionId) {
        let epoch = self.agreement.state.epoch;
        let want = RegisterMessage::Want { epoch };
        self.send(peer, partition, &PeerMessage::Cluster(want));
    }

    /// Asks those that were behind again: their shards may not know that this one waits.
    pub(super) fn ask_who_was_behind(&mut self) {
        for (peer, partition) in self.agreement.behind.clone() {
            self.ask_for_epoch(peer, partition);
        }
    }

    /// `peer` is at this epoch, as far as the shard goes that has `partition`.
    fn heard_epoch(&mut self, now: Instant, peer: MemberId, partition: PartitionId, epoch: u64) {
        let known = self.agreement.epochs.insert(peer, epoch);
        let behind = &mut self.agreement.behind;
        if epoch < self.agreement.state.epoch {
            if behind.len() < BEHIND_MAX {
                behind.insert((peer, partition));
            }
            return;
        }
        // Its shards come to it one by one.
        let was_behind = behind.remove(&(peer, partition));
        self.heard_adoption(now, peer, partition);
        if was_behind || known.is_none_or(|known| known < epoch) {
            self.ask_again(now, peer);
        }
        self.forward_again(now, peer, partition);
    }
}

/// The names of what is stored.
const RECORD: &str = "cluster";
