//! Edge nodes and their clients keep what they promise in random faults.

use henge_sim::edge_run::{Counts, play};

/// Seeds that are played, counted from 0.
const SEEDS: u64 = 300;

#[test]
fn every_promise_of_edge_nodes_holds_in_random_faults() {
    let mut all = Counts::default();
    for seed in 0..SEEDS {
        match play(seed) {
            Ok(counts) => all.add(&counts),
            Err(why) => panic!("seed {seed}: {why}"),
        }
    }
    println!("{all:?}");
    assert!(all.writes > 300 * SEEDS && all.lodged > 100 * SEEDS && all.acknowledged > 200 * SEEDS);
    assert!(all.reads > 20 * SEEDS && all.compared > 50 * SEEDS && all.kills > 5 * SEEDS);
    assert!(2 * all.evictions > SEEDS && all.losses > SEEDS && all.absences > SEEDS);
    assert!(all.moves > SEEDS && all.stones > 0);
}

#[test]
fn the_same_seed_is_the_same_run() {
    assert_eq!(play(7), play(7));
}
