//! Members that the layer above knows of.

use crate::world::{Network, World, address, member, seconds};
use henge_core::membership::{Condition, Identity};

fn condition(world: &World, node: usize, other: usize) -> Option<Condition> {
    let mut conditions = world.node(node).machine.conditions();
    let found = conditions.find(|(id, _)| *id == member(other));
    found.map(|(_, condition)| condition)
}

#[test]
fn who_is_supposed_to_live_and_does_not_is_found_dead_everywhere_it_was_supposed() {
    let mut world = World::settled(4, 1, Network::BAD);
    world.with(0, |machine, now| {
        machine.suppose(now, member(9), address(9));
    });
    assert_eq!(condition(&world, 0, 9), Some(Condition::Alive));
    assert!(!world.node(0).machine.has_met(member(9)));
    let found = |world: &World| condition(world, 0, 9) == Some(Condition::Dead);
    assert!(world.run_until(seconds(60), found).is_some());
}

#[test]
fn any_life_of_its_own_counts_more() {
    let mut world = World::settled(3, 2, Network::GOOD);
    world.with(0, |machine, now| {
        machine.suppose(now, member(1), address(1));
    });
    assert!(world.node(0).machine.has_met(member(1)));
    // This one greets nobody.
    let silent = world.start();
    assert_eq!(silent, 3);
    world.kill(silent);
    world.start_as(3, Identity::new(member(3), 1, address(3)), None);
    world.with(0, |machine, now| {
        machine.suppose(now, member(3), address(3));
    });
    let met = |world: &World| world.node(0).machine.has_met(member(3));
    assert!(world.run_until(seconds(60), met).is_some());
    assert!(world.run_until(seconds(60), World::is_complete).is_some());
}
