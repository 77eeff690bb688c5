//! What is not meant for a node, or not meant at all, changes nothing.

use crate::world::{Network, World, address, member, seconds};
use henge_core::hash::hash64;
use henge_core::membership::{Identity, Membership, MembershipError, MembershipSettings, Transmit};
use henge_core::rng::Rng;
use henge_core::time::Instant;

const NOW: Instant = Instant::from_micros(1_000_000);

fn machine(node: usize, cluster: u64) -> Membership {
    let me = Identity::new(member(node), 1, address(node));
    Membership::new(me, MembershipSettings::new(cluster), 1, NOW)
}

fn greeting(from: usize, cluster: u64, to: usize) -> Transmit {
    let mut sender = machine(from, cluster);
    sender.announce(NOW, Identity::whoever(address(to)));
    sender.poll_transmit().unwrap()
}

/// Packets of all kinds, as they came to node 1.
fn packets() -> (World, Vec<Vec<u8>>) {
    let mut world = World::settled(6, 1, Network::BAD);
    world.tap = Some(1);
    world
        .with(2, |machine, _| machine.broadcast(7, 1, vec![7; 40]))
        .unwrap();
    world.run_for(seconds(10));
    world.kill(5);
    world.run_for(seconds(10));
    for _ in 0..5 {
        let newcomer = world.start();
        world.run_for(seconds(10));
        world.leave(newcomer);
    }
    world.run_for(seconds(30));
    world.tap = None;
    let packets = std::mem::take(&mut world.tapped);
    assert!(packets.len() > 100);
    assert!((0..3).all(|kind| packets.iter().any(|bytes| bytes[9] == kind)));
    (world, packets)
}

fn reseal(bytes: &mut [u8]) {
    let checksum = hash64(&bytes[8..]);
    bytes[..8].copy_from_slice(&checksum.to_le_bytes());
}

#[test]
fn a_foreign_cluster_is_refused_by_its_id() {
    let mut ours = machine(0, 1);
    let foreign = greeting(1, 2, 0);
    let refused = ours.handle_message(NOW, &foreign.bytes);
    assert_eq!(refused, Err(MembershipError::ForeignCluster { cluster: 2 }));
    assert_eq!(ours.members().count(), 0);
    assert_eq!(ours.poll_transmit(), None);
    let ok = ours.handle_message(NOW, &greeting(1, 1, 0).bytes);
    assert_eq!(ok, Ok(()));
    assert_eq!(ours.members().count(), 1);
}

#[test]
fn two_clusters_stay_apart_although_one_greets_the_other() {
    let mut world = World::settled(3, 2, Network::GOOD);
    world.settings = MembershipSettings::new(2);
    let stranger = world.start();
    world.run_for(seconds(10));
    assert!(world.is_unknown(stranger));
    assert_eq!(world.node(stranger).machine.members().count(), 0);
    assert!(
        world
            .refused
            .contains(&MembershipError::ForeignCluster { cluster: 2 })
    );
}

#[test]
fn a_packet_for_another_member_is_refused_by_name() {
    let (mut world, packets) = packets();
    for bytes in packets {
        let refused = world.with(0, |machine, now| machine.handle_message(now, &bytes));
        assert_eq!(refused, Err(MembershipError::NotForUs { to: member(1) }));
    }
}

#[test]
fn damaged_packets_are_refused_and_change_nothing() {
    let (mut world, packets) = packets();
    assert!(world.run_until(seconds(60), World::is_complete).is_some());
    let members: Vec<_> = world.node(1).machine.members().cloned().collect();
    let mut rng = Rng::new(9);
    for bytes in &packets {
        for _ in 0..20 {
            let mut damaged = bytes.clone();
            let bit = usize::try_from(rng.below(bytes.len() as u64 * 8)).unwrap();
            damaged[bit / 8] ^= 1 << (bit % 8);
            damaged.truncate(bytes.len() - usize::try_from(rng.below(2) * rng.below(9)).unwrap());
            world.with(1, |machine, now| {
                let refused = machine.handle_message(now, &damaged);
                assert_eq!(refused, Err(MembershipError::Checksum));
                assert_eq!(machine.poll_transmit(), None);
            });
        }
    }
    assert!(world.node(1).machine.members().eq(&members));
}

#[test]
fn random_bytes_are_refused_and_change_nothing() {
    let mut world = World::settled(3, 3, Network::GOOD);
    let mut rng = Rng::new(10);
    for _ in 0..20_000 {
        let length = usize::try_from(rng.below(1_500)).unwrap();
        let bytes: Vec<u8> = (0..length)
            .map(|_| rng.next_u64().to_le_bytes()[0])
            .collect();
        world.with(1, |machine, now| {
            assert!(machine.handle_message(now, &bytes).is_err());
            assert_eq!(machine.poll_transmit(), None);
        });
    }
    assert!(world.is_complete());
}

#[test]
fn nonsense_with_a_right_checksum_never_panics_and_is_overcome() {
    for seed in 0..20 {
        let (mut world, packets) = packets();
        let mut rng = Rng::new(seed);
        let mut refused = 0;
        for bytes in &packets {
            let mut forged = bytes.clone();
            for _ in 0..=rng.below(3) {
                let bit = usize::try_from(rng.below(bytes.len() as u64 * 8)).unwrap();
                forged[bit / 8] ^= 1 << (bit % 8);
            }
            reseal(&mut forged);
            let result = world.with(1, |machine, now| machine.handle_message(now, &forged));
            refused += usize::from(result.is_err());
        }
        assert!(refused > 0);
        let real = |world: &World| {
            let nodes: Vec<_> = world.running().map(|(node, _)| member(node)).collect();
            world.running().all(|(_, node)| {
                let known = node
                    .machine
                    .members()
                    .filter(|known| nodes.contains(&known.id));
                known.count() == 4 && node.machine.members().count() == 4
            })
        };
        let took = world.run_until(seconds(120), real);
        assert!(took.is_some(), "seed {seed}");
    }
}

#[test]
fn a_peer_that_makes_up_members_fills_no_more_than_the_room_there_is() {
    use henge_core::limits::MEMBERS_MAX;
    let mut victim = machine(0, 1);
    let mut refused = 0;
    for node in 1..MEMBERS_MAX + 500 {
        let result = victim.handle_message(NOW, &greeting(node, 1, 0).bytes);
        refused += usize::from(result == Err(MembershipError::TooManyMembers));
        while victim.poll_transmit().is_some() {}
        while victim.poll_event().is_some() {}
    }
    assert_eq!(refused, 499);
    assert_eq!(victim.report().remembered, MEMBERS_MAX as u64);
    // A member that is known is still heard.
    let known = victim.handle_message(NOW, &greeting(1, 1, 0).bytes);
    assert_eq!(known, Ok(()));
}

#[test]
fn an_owner_that_sends_nothing_keeps_a_bounded_queue() {
    let mut victim = machine(0, 1);
    for _ in 0..5_000 {
        assert_eq!(victim.handle_message(NOW, &greeting(1, 1, 0).bytes), Ok(()));
    }
    let mut waiting = 0;
    while victim.poll_transmit().is_some() {
        waiting += 1;
    }
    assert_eq!(waiting, henge_core::limits::MEMBERSHIP_TRANSMITS_MAX);
    assert_eq!(victim.report().packets_dropped, 5_000 - waiting as u64);
}

#[test]
fn other_versions_of_the_protocol_and_long_packets_are_refused_by_name() {
    let mut ours = machine(0, 1);
    let mut newer = greeting(1, 1, 0).bytes;
    newer[8] = 2;
    reseal(&mut newer);
    let refused = ours.handle_message(NOW, &newer);
    assert_eq!(refused, Err(MembershipError::Version { version: 2 }));
    let refused = ours.handle_message(NOW, &[0; 1_401]);
    assert_eq!(refused, Err(MembershipError::TooLong { bytes: 1_401 }));
    let refused = ours.handle_message(NOW, &[0; 17]);
    assert_eq!(refused, Err(MembershipError::TooShort { bytes: 17 }));
}
