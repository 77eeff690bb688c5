//! Deaths are noticed, and only deaths.

use crate::world::{Network, World, member, seconds};
use henge_core::membership::MembershipEvent;
use henge_core::time::Duration;

#[test]
fn a_killed_member_is_down_everywhere_within_seven_seconds() {
    for seed in 0..20 {
        for network in [Network::GOOD, Network::BAD] {
            let mut world = World::settled(5, seed, network);
            world.kill(3);
            let took = world.run_until(seconds(60), |world| world.is_unknown(3));
            assert!(took.unwrap() <= seconds(7), "seed {seed}: {took:?}");
            world.run_for(seconds(30));
            let down = |event: &MembershipEvent| matches!(event, MembershipEvent::Down(id) if id.id == member(3));
            let told = world.events().filter(|(_, event)| down(event)).count();
            assert_eq!((told, world.downs()), (4, 4), "seed {seed}");
        }
    }
}

#[test]
fn half_of_the_members_may_die_at_once() {
    let mut world = World::settled(20, 1, Network::BAD);
    for node in 0..10 {
        world.kill(node);
    }
    let took = world.run_until(seconds(60), World::is_complete);
    assert!(took.unwrap() <= seconds(30), "{took:?}");
}

#[test]
fn nobody_dies_of_lost_packets() {
    let mut world = World::settled(20, 2, Network::BAD);
    world.forget_events();
    world.run_for(seconds(1_800));
    assert_eq!(world.downs(), 0);
    assert!(world.is_complete());
    let refuted: u64 = world
        .running()
        .map(|(_, node)| node.machine.report().refutations)
        .sum();
    assert!(refuted > 0, "the loss was too small to say anything");
}

#[test]
fn a_node_that_was_held_up_takes_nobody_else_for_dead() {
    let mut world = World::settled(10, 3, Network::GOOD);
    for _ in 0..20 {
        world.forget_events();
        world.pause(4);
        world.run_for(seconds(8));
        world.resume(4);
        world.run_for(seconds(20));
        assert!(world.is_complete());
        let told_by_it = world
            .events()
            .filter(|(node, event)| *node == 4 && matches!(event, MembershipEvent::Down(_)));
        assert_eq!(told_by_it.count(), 0);
    }
    assert!(world.node(4).machine.report().pauses > 0);
}

#[test]
fn a_member_that_was_taken_for_dead_comes_back_in_a_new_life() {
    let mut world = World::settled(5, 4, Network::GOOD);
    let before = world.node(2).machine.identity().clone();
    world.pause(2);
    assert!(
        world
            .run_until(seconds(20), |world| world.is_unknown(2))
            .is_some()
    );
    world.resume(2);
    assert!(world.run_until(seconds(20), World::is_complete).is_some());
    let after = world.node(2).machine.identity().clone();
    assert!(after > before && after.address == before.address);
    let defunct = MembershipEvent::Defunct(after);
    assert!(
        world
            .node(2)
            .events
            .iter()
            .any(|(_, event)| *event == defunct)
    );
}

#[test]
fn a_node_in_a_new_life_still_notices_who_is_dead() {
    let mut world = World::settled(2, 5, Network::GOOD);
    world.pause(1);
    let taken_for_dead = world.run_until(seconds(20), |world| world.is_unknown(1));
    assert!(taken_for_dead.is_some());
    world.run_for(seconds(1));
    world.kill(0);
    world.resume(1);
    assert_eq!(world.node(1).machine.report().renewals, 1);
    let noticed = world.run_until(seconds(20), |world| world.is_unknown(0));
    assert!(noticed.unwrap() <= seconds(7), "{noticed:?}");
}

#[test]
fn a_partition_that_heals_leaves_one_cluster_again() {
    for seed in 0..5 {
        let mut world = World::settled(10, seed, Network::BAD);
        for node in 0..4 {
            world.set_side(node, 1);
        }
        world.run_for(seconds(60));
        assert_eq!(world.node(0).machine.members().count(), 3);
        assert_eq!(world.node(9).machine.members().count(), 5);
        world.forget_events();
        for node in 0..4 {
            world.set_side(node, 0);
        }
        let took = world.run_until(seconds(60), World::is_complete);
        assert!(took.is_some(), "seed {seed}");
    }
}

#[test]
fn a_partition_that_heals_takes_down_nobody_who_was_up() {
    for seed in 0..5 {
        let mut world = World::settled(30, seed, Network::GOOD);
        for node in 0..15 {
            world.set_side(node, 1);
        }
        world.run_for(seconds(60));
        world.forget_events();
        for node in 0..15 {
            world.set_side(node, 0);
        }
        assert!(world.run_until(seconds(60), World::is_complete).is_some());
        world.run_for(seconds(30));
        assert_eq!(world.downs(), 0, "seed {seed}");
    }
}

#[test]
fn after_a_quiet_time_all_have_one_list_whatever_has_happened() {
    for seed in 0..10 {
        let mut world = World::settled(12, seed, Network::BAD);
        for round in 0..6 {
            let node = 1 + (round * 5 + usize::try_from(seed).unwrap()) % 10;
            world.kill(node);
            world.run_for(Duration::from_millis(700 * (round as u64 + 1)));
            world.set_side(11, u8::from(round % 2 == 0));
            world.restart(node, 0);
            world.run_for(Duration::from_millis(900));
        }
        world.set_side(11, 0);
        let took = world.run_until(seconds(60), World::is_complete);
        assert!(took.is_some(), "seed {seed}");
    }
}
