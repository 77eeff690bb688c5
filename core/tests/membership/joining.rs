//! Members find each other.

use crate::world::{Network, World, address, member, seconds};
use henge_core::membership::{Identity, MembershipEvent};

#[test]
fn all_see_all_soon_after_they_start_together() {
    for count in [2, 3, 10, 60] {
        let mut world = World::of(count, 1, Network::GOOD);
        let took = world.run_until(seconds(5), World::is_complete);
        assert!(took.is_some(), "{count} nodes");
        assert!(world.refused.is_empty(), "{:?}", world.refused);
    }
}

#[test]
fn all_see_all_although_packets_are_lost_doubled_and_late() {
    for seed in 0..10 {
        let mut world = World::of(20, seed, Network::BAD);
        let took = world.run_until(seconds(40), World::is_complete);
        assert!(took.is_some(), "seed {seed}");
    }
}

#[test]
fn a_newcomer_is_known_everywhere_and_knows_everybody() {
    let mut world = World::settled(100, 3, Network::GOOD);
    world.forget_events();
    let newcomer = world.start();
    assert!(world.run_until(seconds(3), World::is_complete).is_some());
    let told = world.events().filter(|(node, event)| {
        *node != newcomer && matches!(event, MembershipEvent::Up(up) if up.id == member(newcomer))
    });
    assert_eq!(told.count(), 100);
    assert_eq!(world.downs(), 0);
}

#[test]
fn members_are_listed_in_the_order_of_their_ids() {
    let world = World::settled(20, 4, Network::GOOD);
    for (_, node) in world.running() {
        assert!(node.machine.members().map(|known| known.id).is_sorted());
        assert_eq!(node.machine.members().count(), 19);
    }
}

#[test]
fn a_greeting_to_oneself_does_nothing() {
    let mut world = World::of(1, 5, Network::GOOD);
    world.with(0, |machine, now| {
        machine.announce(now, Identity::whoever(address(0)));
    });
    world.run_for(seconds(5));
    assert_eq!(world.node(0).machine.members().count(), 0);
    assert_eq!(world.node(0).machine.report().packets_sent, 0);
}

#[test]
fn loneliness_is_told_and_so_is_its_end() {
    let mut world = World::settled(2, 6, Network::GOOD);
    world.kill(1);
    world.run_for(seconds(10));
    world.restart(1, 0);
    assert!(world.run_until(seconds(5), World::is_complete).is_some());
    let told: Vec<_> = world
        .node(0)
        .events
        .iter()
        .filter(|(_, event)| matches!(event, MembershipEvent::Joined | MembershipEvent::Alone))
        .map(|(_, event)| event.clone())
        .collect();
    let joined = MembershipEvent::Joined;
    assert_eq!(told, [joined.clone(), MembershipEvent::Alone, joined]);
}
