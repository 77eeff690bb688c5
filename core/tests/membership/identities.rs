//! Restarts, new addresses, goodbyes and doubled names.

use crate::world::{Network, World, address, member, seconds};
use henge_core::membership::{Identity, MembershipEvent};
use henge_core::time::Duration;

#[test]
fn a_restart_within_the_time_of_suspicion_is_no_death() {
    for seed in 0..20 {
        for away_ms in [50, 1_000, 2_500] {
            let mut world = World::settled(8, seed, Network::GOOD);
            world.forget_events();
            world.kill(5);
            world.run_for(Duration::from_millis(away_ms));
            world.restart(5, 0);
            assert!(world.run_until(seconds(10), World::is_complete).is_some());
            world.run_for(seconds(20));
            assert_eq!(world.downs(), 0, "seed {seed}, {away_ms} ms");
            let renamed = world.events().filter(|(_, event)| {
                matches!(event, MembershipEvent::Renamed { after, .. } if after.id == member(5))
            });
            assert_eq!(renamed.count(), 7, "seed {seed}, {away_ms} ms");
        }
    }
}

#[test]
fn a_new_address_replaces_the_old_entry_everywhere_without_a_death() {
    for seed in 0..10 {
        let mut world = World::settled(8, seed, Network::BAD);
        world.forget_events();
        world.kill(5);
        world.run_for(Duration::from_millis(500));
        let moved = "stone-5.elsewhere:7001".parse().unwrap();
        world.start_at(5, moved, Some(address(0)));
        assert!(world.run_until(seconds(20), World::is_complete).is_some());
        world.run_for(seconds(20));
        assert_eq!(world.downs(), 0, "seed {seed}");
        for (_, node) in world.running().filter(|(index, _)| *index != 5) {
            let known = node.machine.members().find(|known| known.id == member(5));
            assert_eq!(known.unwrap().address.as_str(), "stone-5.elsewhere:7001");
        }
    }
}

#[test]
fn a_goodbye_is_known_as_one_and_at_once() {
    for seed in 0..20 {
        let mut world = World::settled(8, seed, Network::BAD);
        world.forget_events();
        world.leave(3);
        let took = world.run_until(seconds(20), |world| world.is_unknown(3));
        assert!(took.unwrap() <= seconds(2), "seed {seed}: {took:?}");
        world.run_for(seconds(20));
        assert_eq!(world.downs(), 0, "seed {seed}");
        let left = world.events().filter(|(_, event)| {
            matches!(event, MembershipEvent::Left(left) if left.id == member(3) && left.leaving)
        });
        assert_eq!(left.count(), 7, "seed {seed}");
    }
}

#[test]
fn one_who_left_may_come_back() {
    let mut world = World::settled(5, 1, Network::GOOD);
    world.leave(3);
    world.run_for(seconds(5));
    world.restart(3, 0);
    assert!(world.run_until(seconds(5), World::is_complete).is_some());
    assert_eq!(world.downs(), 0);
}

#[test]
fn a_node_that_left_says_and_does_nothing_more() {
    let mut world = World::settled(3, 1, Network::GOOD);
    world.with(2, |machine, now| {
        machine.leave(now);
        while machine.poll_transmit().is_some() {}
        assert_eq!(machine.poll_timeout(), None);
        machine.announce(now, Identity::whoever(address(0)));
        machine.handle_timeout(now + seconds(9));
        assert_eq!(machine.poll_transmit(), None);
        assert!(machine.broadcast(1, 1, vec![1]).is_err());
    });
}

#[test]
fn a_start_with_a_lower_incarnation_wins_all_the_same() {
    let mut world = World::settled(5, 2, Network::GOOD);
    world.run_for(seconds(5));
    world.kill(4);
    // Its clock was set back by an hour.
    let present = world.now;
    world.now = henge_core::time::Instant::from_micros(present.as_micros() - 3_600_000_000);
    let me = Identity::new(member(4), world.now.as_micros(), address(4));
    world.now = present;
    world.start_as(4, me, Some(address(0)));
    assert!(world.run_until(seconds(20), World::is_complete).is_some());
}

#[test]
fn two_nodes_with_one_name_are_told_and_cost_little() {
    let mut world = World::settled(4, 3, Network::GOOD);
    let twin = world.start();
    world.kill(twin);
    let me = Identity::new(member(2), world.now.as_micros(), address(twin));
    world.start_as(twin, me, Some(address(0)));
    let sent = |world: &World| -> u64 {
        let nodes = world.running();
        nodes
            .map(|(_, node)| node.machine.report().packets_sent)
            .sum()
    };
    let before = sent(&world);
    world.run_for(seconds(60));
    let defunct = |event: &MembershipEvent| matches!(event, MembershipEvent::Defunct(_));
    assert!(world.events().filter(|(_, event)| defunct(event)).count() > 10);
    let per_node_and_second = (sent(&world) - before) / 60 / 5;
    assert!(per_node_and_second < 60, "{per_node_and_second}");
    // The others are none the worse for it.
    let others_down = world
        .events()
        .filter(|(_, event)| matches!(event, MembershipEvent::Down(down) if down.id != member(2)));
    assert_eq!(others_down.count(), 0);
}
