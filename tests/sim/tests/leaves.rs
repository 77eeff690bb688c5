//! Leaves keep what they promise in random faults.

use henge_sim::leaf_run::{Counts, play};

#[test]
fn every_promise_holds_in_the_first_three_hundred_seeds() {
    let mut counts = Counts::default();
    for seed in 1..=300 {
        match play(seed) {
            Ok(these) => counts.add(&these),
            Err(why) => panic!("seed {seed}: {why}"),
        }
    }
    assert!(
        counts.acknowledged > 10_000
            && counts.reads > 1_000
            && counts.setbacks > 100
            && counts.downgrades > 100
            && counts.syncs > 50
            && counts.compared > 2_000,
        "{counts:?}"
    );
}
