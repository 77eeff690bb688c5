//! Nodes on a virtual clock and a network that loses, delays, doubles and parts.

#![allow(
    dead_code,
    reason = "the tests and the table of figures use different parts of it"
)]

use henge_core::hash::hash64;
use henge_core::id::MemberId;
use henge_core::membership::{
    Identity, MemberAddress, Membership, MembershipError, MembershipEvent, MembershipSettings,
};
use henge_core::rng::Rng;
use henge_core::time::{Duration, Instant};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// What the network does to packets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Network {
    /// Packets lost, in a thousand.
    pub(crate) loss_permille: u64,
    /// Packets that come twice, in a thousand.
    pub(crate) doubled_permille: u64,
    /// Shortest way, in microseconds.
    pub(crate) delay_min_micros: u64,
    /// Longest way, in microseconds.
    pub(crate) delay_max_micros: u64,
}

impl Network {
    /// Nothing is lost; between 0.2 and 2 ms.
    pub(crate) const GOOD: Self = Self {
        loss_permille: 0,
        doubled_permille: 0,
        delay_min_micros: 200,
        delay_max_micros: 2_000,
    };
    /// 5 % are lost, 5 % doubled; between 0.2 and 100 ms, so packets overtake each other.
    pub(crate) const BAD: Self = Self {
        loss_permille: 50,
        doubled_permille: 50,
        delay_min_micros: 200,
        delay_max_micros: 100_000,
    };
}

/// A running node.
pub(crate) struct Node {
    /// Its machine.
    pub(crate) machine: Membership,
    /// What it has told, with the time.
    pub(crate) events: Vec<(Instant, MembershipEvent)>,
    side: u8,
    paused: bool,
    inbox: Vec<Vec<u8>>,
    scheduled: Option<Instant>,
    seed_address: Option<MemberAddress>,
}

enum Occurrence {
    Arrival(MemberAddress, Vec<u8>),
    Timeout(usize),
    Greeting(usize),
}

/// All of it.
pub(crate) struct World {
    /// The time.
    pub(crate) now: Instant,
    /// What the network does.
    pub(crate) network: Network,
    /// The settings of nodes that start from now on.
    pub(crate) settings: MembershipSettings,
    /// A hash over all packets, in order.
    pub(crate) digest: u64,
    /// Packets that nodes refused, with the reason.
    pub(crate) refused: Vec<MembershipError>,
    /// Whether events are kept.
    pub(crate) recording: bool,
    /// Packets that come to this node are kept in `tapped`.
    pub(crate) tap: Option<usize>,
    /// See [`tap`](Self::tap).
    pub(crate) tapped: Vec<Vec<u8>>,
    nodes: Vec<Option<Node>>,
    addresses: BTreeMap<MemberAddress, usize>,
    queue: BinaryHeap<Reverse<(Instant, u64)>>,
    occurrences: BTreeMap<u64, Occurrence>,
    sequence: u64,
    rng: Rng,
}

impl World {
    /// An empty world.
    pub(crate) fn new(seed: u64, network: Network) -> Self {
        Self {
            now: Instant::from_micros(1_700_000_000_000_000),
            network,
            settings: MembershipSettings::new(0x4845_4e47),
            digest: 0,
            refused: Vec::new(),
            recording: true,
            tap: None,
            tapped: Vec::new(),
            nodes: Vec::new(),
            addresses: BTreeMap::new(),
            queue: BinaryHeap::new(),
            occurrences: BTreeMap::new(),
            sequence: 0,
            rng: Rng::new(seed),
        }
    }

    /// A world of `count` nodes that start at one time and greet the first one.
    pub(crate) fn of(count: usize, seed: u64, network: Network) -> Self {
        let mut world = Self::new(seed, network);
        for _ in 0..count {
            world.start();
        }
        world
    }

    /// As [`of`](Self::of), when all have found all.
    pub(crate) fn settled(count: usize, seed: u64, network: Network) -> Self {
        let mut world = Self::of(count, seed, Network::GOOD);
        assert!(world.run_until(seconds(120), Self::is_complete).is_some());
        world.network = network;
        world
    }

    /// Starts another node, which greets the first one.
    pub(crate) fn start(&mut self) -> usize {
        let node = self.nodes.len();
        self.nodes.push(None);
        let seed_address = (node > 0).then(|| address(0));
        self.start_at(node, address(node), seed_address);
        node
    }

    /// Starts `node` (again) at `address`.
    pub(crate) fn start_at(
        &mut self,
        node: usize,
        address: MemberAddress,
        seed_address: Option<MemberAddress>,
    ) {
        let me = Identity::new(member(node), self.now.as_micros(), address);
        self.start_as(node, me, seed_address);
    }

    /// Starts `node` (again) as `me`.
    pub(crate) fn start_as(
        &mut self,
        node: usize,
        me: Identity,
        seed_address: Option<MemberAddress>,
    ) {
        let seed = self.rng.next_u64();
        self.addresses.retain(|_, owner| *owner != node);
        self.addresses.insert(me.address.clone(), node);
        self.nodes[node] = Some(Node {
            machine: Membership::new(me, self.settings, seed, self.now),
            events: Vec::new(),
            side: 0,
            paused: false,
            inbox: Vec::new(),
            scheduled: None,
            seed_address,
        });
        let jitter = self.rng.below(50_000);
        self.plan(Duration::from_micros(jitter), Occurrence::Greeting(node));
        self.drain(node);
    }

    /// Ends `node` without a word.
    pub(crate) fn kill(&mut self, node: usize) {
        self.nodes[node] = None;
    }

    /// Starts `node` again at its old place, greeting `through`.
    pub(crate) fn restart(&mut self, node: usize, through: usize) {
        let seed_address = self.node(through).machine.identity().address.clone();
        self.start_at(node, address(node), Some(seed_address));
    }

    /// `node` says goodbye, sends what it has to, and ends.
    pub(crate) fn leave(&mut self, node: usize) {
        self.with(node, Membership::leave);
        self.kill(node);
    }

    /// `node` is held up: it neither reads nor acts.
    pub(crate) fn pause(&mut self, node: usize) {
        self.node_mut(node).paused = true;
    }

    /// `node` goes on. It looks at its clock before it reads what has come.
    pub(crate) fn resume(&mut self, node: usize) {
        self.node_mut(node).paused = false;
        let inbox = std::mem::take(&mut self.node_mut(node).inbox);
        self.with(node, Membership::handle_timeout);
        for bytes in inbox {
            self.hand_over(node, &bytes);
        }
    }

    /// Puts `node` on one side of a partition. Packets stay on theirs.
    pub(crate) fn set_side(&mut self, node: usize, side: u8) {
        self.node_mut(node).side = side;
    }

    /// The running node `node`.
    pub(crate) fn node(&self, node: usize) -> &Node {
        self.nodes[node].as_ref().expect("the node runs")
    }

    fn node_mut(&mut self, node: usize) -> &mut Node {
        self.nodes[node].as_mut().expect("the node runs")
    }

    /// The nodes that run.
    pub(crate) fn running(&self) -> impl Iterator<Item = (usize, &Node)> {
        let nodes = self.nodes.iter().enumerate();
        nodes.filter_map(|(index, node)| Some((index, node.as_ref()?)))
    }

    /// Forgets what was told so far.
    pub(crate) fn forget_events(&mut self) {
        for node in self.nodes.iter_mut().flatten() {
            node.events.clear();
        }
    }

    /// All events, by node.
    pub(crate) fn events(&self) -> impl Iterator<Item = (usize, &MembershipEvent)> {
        let nodes = self.running();
        nodes.flat_map(|(index, node)| node.events.iter().map(move |(_, event)| (index, event)))
    }

    /// How many members all nodes together were told to be down.
    pub(crate) fn downs(&self) -> usize {
        let is_down = |event: &MembershipEvent| matches!(event, MembershipEvent::Down(_));
        self.events().filter(|(_, event)| is_down(event)).count()
    }

    /// Whether every running node knows exactly the running nodes, in their present lives.
    pub(crate) fn is_complete(&self) -> bool {
        let mut all: Vec<_> = self
            .running()
            .map(|(_, node)| node.machine.identity())
            .collect();
        all.sort();
        self.running().all(|(_, node)| {
            let others = all
                .iter()
                .filter(|other| other.id != node.machine.identity().id);
            node.machine.members().eq(others.copied())
        })
    }

    /// Whether every running node holds `node` for up, in any life.
    pub(crate) fn is_known(&self, node: usize) -> bool {
        let id = member(node);
        self.running()
            .filter(|(index, _)| *index != node)
            .all(|(_, other)| other.machine.members().any(|known| known.id == id))
    }

    /// Whether no running node holds `node` for up.
    pub(crate) fn is_unknown(&self, node: usize) -> bool {
        let id = member(node);
        self.running()
            .filter(|(index, _)| *index != node)
            .all(|(_, other)| other.machine.members().all(|known| known.id != id))
    }

    /// Does `act` to the machine of `node`, and what follows.
    pub(crate) fn with<T>(
        &mut self,
        node: usize,
        act: impl FnOnce(&mut Membership, Instant) -> T,
    ) -> T {
        let now = self.now;
        let result = act(&mut self.node_mut(node).machine, now);
        self.drain(node);
        result
    }

    /// Lets `duration` pass.
    pub(crate) fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.step(end) {}
        self.now = end;
    }

    /// Lets time pass until `done`, at most `limit`; says how long it took. Looks every 50 ms.
    pub(crate) fn run_until(
        &mut self,
        limit: Duration,
        done: impl Fn(&Self) -> bool,
    ) -> Option<Duration> {
        let begin = self.now;
        while !done(self) {
            if self.now.since(begin) >= limit {
                return None;
            }
            self.run_for(Duration::from_millis(50));
        }
        Some(self.now.since(begin))
    }

    fn step(&mut self, end: Instant) -> bool {
        let Some(Reverse((at, sequence))) = self.queue.peek().copied() else {
            return false;
        };
        if at > end {
            return false;
        }
        self.queue.pop();
        self.now = self.now.max(at);
        match self.occurrences.remove(&sequence) {
            Some(Occurrence::Arrival(to, bytes)) => self.arrive(&to, bytes),
            Some(Occurrence::Timeout(node)) => self.time_out(node, at),
            Some(Occurrence::Greeting(node)) => self.greet(node),
            None => {}
        }
        true
    }

    fn arrive(&mut self, to: &MemberAddress, bytes: Vec<u8>) {
        let Some(node) = self.addresses.get(to).copied() else {
            return;
        };
        match &mut self.nodes[node] {
            None => {}
            Some(paused) if paused.paused => paused.inbox.push(bytes),
            Some(_) => self.hand_over(node, &bytes),
        }
    }

    /// Gives `node` a packet.
    pub(crate) fn hand_over(&mut self, node: usize, bytes: &[u8]) {
        if self.tap == Some(node) {
            self.tapped.push(bytes.to_vec());
        }
        let result = self.with(node, |machine, now| machine.handle_message(now, bytes));
        self.refused.extend(result.err());
    }

    fn time_out(&mut self, node: usize, at: Instant) {
        let Some(running) = &mut self.nodes[node] else {
            return;
        };
        if running.scheduled == Some(at) && !running.paused {
            running.scheduled = None;
            self.with(node, Membership::handle_timeout);
        }
    }

    /// As an owner does: greet until somebody answers.
    fn greet(&mut self, node: usize) {
        let Some(Some(running)) = self.nodes.get(node) else {
            return;
        };
        if let Some(seed) = running.seed_address.clone()
            && running.machine.members().next().is_none()
        {
            self.with(node, |machine, now| {
                machine.announce(now, Identity::whoever(seed));
            });
            self.plan(seconds(1), Occurrence::Greeting(node));
        }
    }

    fn drain(&mut self, node: usize) {
        let running = self.nodes[node].as_mut().expect("the node runs");
        let mut transmits = Vec::new();
        while let Some(transmit) = running.machine.poll_transmit() {
            transmits.push(transmit);
        }
        while let Some(event) = running.machine.poll_event() {
            if self.recording {
                running.events.push((self.now, event));
            }
        }
        let side = running.side;
        let timeout = running.machine.poll_timeout();
        if timeout != running.scheduled
            && let Some(at) = timeout
        {
            running.scheduled = timeout;
            let at = at.max(self.now);
            running.scheduled = Some(at);
            self.plan(at.since(self.now), Occurrence::Timeout(node));
        }
        for transmit in transmits {
            assert!(transmit.bytes.len() <= self.settings.packet_bytes);
            self.digest = hash64(&[&self.digest.to_le_bytes()[..], &transmit.bytes].concat());
            self.carry(side, &transmit.to.address, transmit.bytes);
        }
    }

    fn carry(&mut self, side: u8, to: &MemberAddress, bytes: Vec<u8>) {
        let receiver = self.addresses.get(to).copied();
        let receiver = receiver.and_then(|node| self.nodes[node].as_ref());
        if receiver.is_none_or(|node| node.side != side) {
            return;
        }
        if self.rng.below(1_000) < self.network.loss_permille {
            return;
        }
        if self.rng.below(1_000) < self.network.doubled_permille {
            let delay = self.delay();
            self.plan(delay, Occurrence::Arrival(to.clone(), bytes.clone()));
        }
        let delay = self.delay();
        self.plan(delay, Occurrence::Arrival(to.clone(), bytes));
    }

    fn delay(&mut self) -> Duration {
        let spread = self.network.delay_max_micros - self.network.delay_min_micros;
        Duration::from_micros(self.network.delay_min_micros + self.rng.below(spread + 1))
    }

    fn plan(&mut self, after: Duration, occurrence: Occurrence) {
        self.sequence += 1;
        self.queue.push(Reverse((self.now + after, self.sequence)));
        self.occurrences.insert(self.sequence, occurrence);
    }
}

/// The id of node `node`.
pub(crate) fn member(node: usize) -> MemberId {
    MemberId::from_name(&format!("stone-{node}"))
}

/// Where node `node` is reached at first.
pub(crate) fn address(node: usize) -> MemberAddress {
    format!("10.0.{}.{}:7000", node / 256, node % 256)
        .parse()
        .expect("it is an address")
}

/// `seconds` seconds.
pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_millis(seconds * 1_000)
}
