//! The same inputs give the same outputs.

use crate::world::{Network, World, seconds};

fn run(seed: u64) -> (u64, u64) {
    let mut world = World::of(15, seed, Network::BAD);
    world.run_for(seconds(10));
    world.kill(3);
    world
        .with(2, |machine, _| machine.broadcast(1, 1, vec![1; 30]))
        .unwrap();
    world.run_for(seconds(5));
    world.set_side(4, 1);
    world.run_for(seconds(20));
    world.set_side(4, 0);
    world.restart(3, 1);
    world.leave(5);
    world.run_for(seconds(40));
    let sent = world
        .running()
        .map(|(_, node)| node.machine.report().packets_sent);
    (sent.sum(), world.digest)
}

#[test]
fn one_seed_gives_the_same_packets_every_time() {
    assert_eq!(run(1), run(1));
    assert_ne!(run(1).1, run(2).1);
}
