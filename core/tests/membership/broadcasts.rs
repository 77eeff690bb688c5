//! The newest version of each key reaches everybody.

use crate::world::{Network, World, seconds};
use henge_core::limits::{BROADCAST_BYTES_MAX, BROADCASTS_MAX};
use henge_core::membership::{MembershipError, MembershipEvent};
use std::collections::BTreeMap;

fn newest(world: &World, node: usize) -> BTreeMap<u64, (u64, Vec<u8>)> {
    let mut newest = BTreeMap::new();
    for (_, event) in &world.node(node).events {
        if let MembershipEvent::Broadcast {
            key,
            version,
            bytes,
        } = event
        {
            let before = newest.insert(*key, (*version, bytes.clone()));
            assert!(before.is_none_or(|(before, _)| before <= *version));
        }
    }
    newest
}

fn say(world: &mut World, node: usize, key: u64, version: u64, text: &[u8]) {
    let bytes = text.to_vec();
    let said = world.with(node, |machine, _| machine.broadcast(key, version, bytes));
    assert!(said.is_ok());
}

#[test]
fn the_newest_version_reaches_everybody_and_older_ones_end() {
    let mut world = World::settled(20, 1, Network::BAD);
    for version in 1..=9 {
        say(&mut world, version % 20, 7, version as u64, b"state");
    }
    say(&mut world, 19, 7, 3, b"late");
    say(&mut world, 4, 8, 1, b"other");
    world.run_for(seconds(60));
    for (node, _) in world.running() {
        let newest = newest(&world, node);
        if node != 9 {
            assert_eq!(newest[&7], (9, b"state".to_vec()), "node {node}");
        }
        if node != 4 {
            assert_eq!(newest[&8], (1, b"other".to_vec()), "node {node}");
        }
    }
}

#[test]
fn a_broadcast_reaches_those_who_join_later_and_those_who_were_cut_off() {
    let mut world = World::settled(6, 2, Network::GOOD);
    say(&mut world, 1, 7, 1, b"one");
    world.run_for(seconds(5));
    for node in 3..6 {
        world.set_side(node, 1);
    }
    say(&mut world, 0, 7, 2, b"two");
    world.run_for(seconds(30));
    let newcomer = world.start();
    world.run_for(seconds(5));
    assert_eq!(newest(&world, newcomer)[&7], (2, b"two".to_vec()));
    for node in 3..6 {
        world.set_side(node, 0);
    }
    assert!(world.run_until(seconds(60), World::is_complete).is_some());
    world.run_for(seconds(30));
    for node in 3..6 {
        assert_eq!(
            newest(&world, node)[&7],
            (2, b"two".to_vec()),
            "node {node}"
        );
    }
}

#[test]
fn of_two_contents_of_one_version_all_keep_the_same() {
    let mut world = World::settled(10, 3, Network::GOOD);
    say(&mut world, 1, 7, 1, b"a");
    say(&mut world, 2, 7, 1, b"b");
    world.run_for(seconds(60));
    for (node, _) in world.running().filter(|(node, _)| *node != 2) {
        assert_eq!(newest(&world, node)[&7], (1, b"b".to_vec()), "node {node}");
    }
}

#[test]
fn a_broadcast_that_is_too_long_or_one_too_many_is_refused_by_name() {
    let mut world = World::settled(2, 4, Network::GOOD);
    let long = vec![0; BROADCAST_BYTES_MAX + 1];
    let refused = world.with(0, |machine, _| machine.broadcast(1, 1, long));
    let bytes = BROADCAST_BYTES_MAX + 1;
    assert_eq!(refused, Err(MembershipError::BroadcastTooLong { bytes }));
    for key in 0..BROADCASTS_MAX as u64 {
        say(&mut world, 0, key, 1, &[9; BROADCAST_BYTES_MAX]);
    }
    let refused = world.with(0, |machine, _| machine.broadcast(u64::MAX, 1, vec![]));
    assert_eq!(refused, Err(MembershipError::TooManyBroadcasts));
    world.run_for(seconds(30));
    assert_eq!(newest(&world, 1).len(), BROADCASTS_MAX);
}

#[test]
fn an_older_version_is_no_news() {
    let mut world = World::settled(2, 5, Network::GOOD);
    let tell = |world: &mut World, version| {
        world
            .with(0, |machine, _| machine.broadcast(1, version, vec![1]))
            .unwrap()
    };
    assert!(tell(&mut world, 5));
    assert!(!tell(&mut world, 5));
    assert!(!tell(&mut world, 4));
    assert!(tell(&mut world, 6));
}
