use super::*;
use crate::id::{MemberId, PartitionId};
use crate::ring::{Member, Members, Placement};
use crate::rng::Rng;
use crate::time::{Duration, Instant};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use proptest::prelude::*;

extern crate std;

mod buckets;

fn member(number: usize) -> Member {
    let zone = format!("eu/{}", number % 3).parse().unwrap();
    Member::new(&format!("m{number}"), zone, 1)
}

fn join(member: Member) -> Change {
    let life = Life {
        incarnation: 1,
        address: String::new(),
    };
    Change::Join { member, life }
}

/// A number below `bound`.
fn below(rng: &mut Rng, bound: usize) -> usize {
    usize::try_from(rng.below(bound as u64)).unwrap()
}

fn first(count: usize) -> ClusterState {
    let members = Members::new((0..count).map(member).collect()).unwrap();
    ClusterState::new(Placement::new(members, 16, 3).unwrap())
}

/// Carries out what is under way until nothing is.
fn finish(mut state: ClusterState) -> ClusterState {
    for _ in 0..1_000 {
        let mut changes = Vec::new();
        for (partition, ownership) in state.ownerships() {
            let version = ownership.version;
            changes.extend(ownership.copiers().map(|member| Change::Synced {
                partition,
                version,
                member,
            }));
            if matches!(ownership.phase, Phase::Switched { .. }) {
                changes.push(Change::Adopted { partition, version });
            }
        }
        match state.apply(&changes) {
            Some(next) => state = next,
            None => return state,
        }
    }
    panic!("it does not come to an end");
}

#[test]
fn a_join_ends_with_every_partition_where_the_ring_wants_it() {
    let state = first(3).apply(&[join(member(3))]).unwrap();
    assert!(state.unsettled() > 0);
    let moved: usize = state.ownerships().map(|(_, it)| it.copiers().count()).sum();
    assert!((1..=16).contains(&moved), "{moved}");
    let done = finish(state);
    assert_eq!(done.unsettled(), 0);
    assert!(done.ownerships().all(|(_, it)| it.is_settled()));
    let new = member(3).id;
    assert!(done.ownerships().any(|(_, it)| it.holds(new)));
}

#[test]
fn a_member_that_leaves_is_forgotten_when_it_owns_nothing() {
    let gone = member(1).id;
    let state = first(4).apply(&[Change::Leave(gone)]).unwrap();
    assert!(state.member(gone).is_some(), "it still owns something");
    let done = finish(state);
    assert!(
        done.member(gone).is_some(),
        "it may hold something for others"
    );
    assert!(done.apply(&[Change::Forget(member(0).id)]).is_none());
    let done = done.apply(&[Change::Forget(gone)]).unwrap();
    assert!(done.member(gone).is_none());
    assert!(done.ownerships().all(|(_, it)| !it.holds(gone)));
    // The last one cannot leave: then there would be no ring.
    assert_eq!(first(1).apply(&[Change::Leave(member(0).id)]), None);
}

proptest! {
    /// Whatever changes come in whatever order: a version never falls, each step goes to a
    /// neighbouring phase, and whoever is read from has everything.
    #[test]
    fn ownership_moves_step_by_step(seed in any::<u64>()) {
        let mut rng = Rng::new(seed);
        let mut state = first(1 + below(&mut rng, 4));
        for _ in 0..60 {
            let before = state.clone();
            let partition = PartitionId(u16::try_from(rng.below(16)).unwrap());
            let ownership = state.ownership(partition).unwrap().clone();
            let version = ownership.version.saturating_sub(rng.below(2));
            let change = match rng.below(8) {
                0 => join(member(below(&mut rng, 8))),
                1 => Change::Leave(member(below(&mut rng, 8)).id),
                2 | 3 => Change::Adopted { partition, version },
                _ => {
                    let copiers: Vec<_> = ownership.copiers().collect();
                    let at = below(&mut rng, copiers.len().max(1));
                    let Some(member) = copiers.get(at).copied() else { continue };
                    Change::Synced { partition, version, member }
                }
            };
            let Some(next) = state.apply(core::slice::from_ref(&change)) else {
                continue;
            };
            prop_assert_eq!(next.epoch, before.epoch + 1);
            for (partition, now) in next.ownerships() {
                let was = before.ownership(partition).unwrap();
                // A change that ends may be followed by the next at once: both read the same.
                let follows = matches!(was.phase, Phase::Switched { .. })
                    && matches!(now.phase, Phase::Copying { .. })
                    && now.readers() == was.readers();
                let most = was.version + 1 + u64::from(follows);
                prop_assert!((was.version..=most).contains(&now.version));
                let is_copying = matches!(now.phase, Phase::Copying { .. });
                prop_assert!(now == was || now.version > was.version || is_copying);
                // Read from new owners only when all of them have taken the partition in.
                let fresh = now.readers().iter().filter(|it| !was.readers().contains(it));
                for reader in fresh {
                    let had = was.copiers().all(|copier| {
                        matches!(change, Change::Synced { partition: at, member, .. }
                            if at == partition && member == copier)
                    });
                    prop_assert!(had && was.others().contains(reader));
                }
                prop_assert!(now.readers().iter().all(|it| next.member(*it).is_some()));
            }
            let bytes = postcard::to_allocvec(&next).unwrap();
            prop_assert_eq!(&postcard::from_bytes::<ClusterState>(&bytes).unwrap(), &next);
            state = next;
        }
        let done = finish(state);
        prop_assert_eq!(done.unsettled(), 0);
    }
}

/// Registers with a network that loses, doubles and reorders, and that crash.
struct World {
    registers: BTreeMap<MemberId, (Register, Vec<u8>)>,
    wires: Vec<(u64, MemberId, MemberId, RegisterMessage)>,
    now: Instant,
    rng: Rng,
    decided: BTreeMap<u64, ClusterState>,
    incarnations: BTreeMap<MemberId, u64>,
    loss: u64,
}

impl World {
    fn new(count: usize, seed: u64) -> Self {
        let state = first(count);
        let ids: Vec<_> = (0..count + 3).map(|number| member(number).id).collect();
        let register = |id: &MemberId| {
            let settings = RegisterSettings {
                me: *id,
                incarnation: 1,
                is_shadow: false,
                seed: seed ^ id.0,
            };
            let mut register = Register::new(settings, state.clone());
            for other in ids.iter().filter(|other| *other != id) {
                register.set_up(*other, true);
            }
            (*id, (register, Vec::new()))
        };
        let mut world = Self {
            registers: ids.iter().map(register).collect(),
            wires: Vec::new(),
            now: Instant::from_micros(1),
            rng: Rng::new(seed),
            decided: BTreeMap::new(),
            incarnations: BTreeMap::new(),
            loss: 20,
        };
        for id in ids {
            world.drain(id);
        }
        world
    }

    fn drain(&mut self, id: MemberId) {
        while let Some(output) = self.registers.get_mut(&id).unwrap().0.poll_output() {
            match output {
                RegisterOutput::Persist(bytes) => self.registers.get_mut(&id).unwrap().1 = bytes,
                RegisterOutput::Send { to, message } => {
                    for _ in 0..=u64::from(self.rng.below(100) < self.loss) {
                        if self.rng.below(100) >= self.loss {
                            let at = self.now.as_micros() + 1_000 + self.rng.below(300_000);
                            self.wires.push((at, id, to, message.clone()));
                        }
                    }
                }
                RegisterOutput::Decided(state) => {
                    let known = self
                        .decided
                        .entry(state.epoch)
                        .or_insert_with(|| (*state).clone());
                    assert_eq!(*known, *state, "two states for one epoch");
                    if let Some(member) = state.member(id) {
                        self.want_join(member.clone());
                    }
                }
                RegisterOutput::Wish(_) => panic!("none of them is a shadow"),
            }
        }
    }

    /// The member says that it is one, and how it lives.
    fn want_join(&mut self, member: Member) {
        let id = member.id;
        let life = Life {
            incarnation: self.incarnations.get(&id).copied().unwrap_or(1),
            address: format!("{id:?}"),
        };
        let now = self.now;
        let register = &mut self.registers.get_mut(&id).unwrap().0;
        register.want(now, Change::Join { member, life });
    }

    /// The member loses what is not durable, or its whole storage.
    fn crash(&mut self, id: MemberId, state: &ClusterState, is_wiped: bool) {
        if is_wiped {
            *self.incarnations.entry(id).or_insert(1) += 1;
            self.registers.get_mut(&id).unwrap().1.clear();
        }
        let (_, durable) = &self.registers[&id];
        let settings = RegisterSettings {
            me: id,
            incarnation: self.incarnations.get(&id).copied().unwrap_or(1),
            is_shadow: false,
            seed: self.rng.next_u64(),
        };
        let mut register = Register::new(settings, state.clone());
        assert!(durable.is_empty() || register.restore(durable));
        for other in self.registers.keys().filter(|other| **other != id) {
            register.set_up(*other, true);
        }
        self.registers.get_mut(&id).unwrap().0 = register;
        // A connection that is gone takes along what was on its way.
        self.wires
            .retain(|(_, from, to, _)| *from != id && *to != id);
        for other in self.registers.keys().copied().collect::<Vec<_>>() {
            if other != id {
                self.registers.get_mut(&other).unwrap().0.set_up(id, true);
            }
            self.drain(other);
        }
    }

    fn run(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while self.now < end {
            self.now = self.now + Duration::from_millis(5);
            let now = self.now;
            let (due, later) = core::mem::take(&mut self.wires)
                .into_iter()
                .partition(|(at, ..)| *at <= now.as_micros());
            self.wires = later;
            for (_, from, to, message) in due {
                if let Some((register, _)) = self.registers.get_mut(&to) {
                    register.handle_message(now, from, message);
                    self.drain(to);
                }
            }
            let ids: Vec<_> = self.registers.keys().copied().collect();
            for id in ids {
                self.registers.get_mut(&id).unwrap().0.handle_timeout(now);
                self.drain(id);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// No epoch ever has two states, and once messages arrive everything that was wanted is there.
    #[test]
    fn members_agree_on_one_state_for_each_epoch(seed in any::<u64>(), count in 1..6_usize) {
        let mut world = World::new(count, seed);
        let state = first(count);
        let ids: Vec<_> = world.registers.keys().copied().collect();
        let mut wiped = None;
        for round in 0..6_usize {
            world.want_join(member(count + round % 3));
            let mut other = member(below(&mut world.rng, count));
            other.capacity = 1 + u32::try_from(world.rng.below(3)).unwrap();
            world.want_join(other);
            world.run(400);
            if world.rng.below(2) == 0 {
                let id = ids[below(&mut world.rng, ids.len())];
                // A majority that has lost its memory is beyond what can be mended.
                let is_wiped = count > 2 && wiped.is_none_or(|it| it == id) && world.rng.below(2) == 0;
                wiped = wiped.or(is_wiped.then_some(id));
                world.crash(id, &state, is_wiped);
            }
        }
        world.loss = 0;
        for number in 0..3 {
            world.want_join(member(count + number));
        }
        world.run(20_000);
        let newest = world.decided.values().last().unwrap();
        for number in 0..3 {
            prop_assert!(newest.member(member(count + number).id).is_some());
        }
    }
}

#[test]
fn what_another_shard_of_a_member_says_is_not_its_vote() {
    let now = Instant::from_micros(1);
    let (me, other) = (member(0).id, member(1).id);
    let settings = RegisterSettings {
        me,
        incarnation: 1,
        is_shadow: false,
        seed: 1,
    };
    let mut register = Register::new(settings, first(2));
    register.set_up(other, true);
    for voice in [Voice::Ready, Voice::Shadow] {
        let message = RegisterMessage::Status { epoch: 0, voice };
        register.handle_message(now, other, message);
    }
    register.want(now, Change::Leave(other));
    register.want(now, join(member(0)));
    register.handle_timeout(now + Duration::from_millis(10_000));
    let outputs = core::iter::from_fn(|| register.poll_output());
    let is_prepare = |output: &RegisterOutput| {
        matches!(
            output,
            RegisterOutput::Send {
                message: RegisterMessage::Prepare { .. },
                ..
            }
        )
    };
    assert_eq!(outputs.filter(is_prepare).count(), 1);
}
