//! Random writes and faults with clients that list: the law for pages holds.

use henge_sim::list_run::{self, Counts};

/// Seeds that are played, counted from 0.
const SEEDS: u64 = 600;

#[test]
fn no_page_lacks_what_was_acknowledged_or_has_what_was_deleted() {
    let mut all = Counts::default();
    for seed in 0..SEEDS {
        let counts = list_run::play(seed).unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"));
        all.pages += counts.pages;
        all.keys += counts.keys;
        all.lists += counts.lists;
        all.failures += counts.failures;
        all.kills += counts.kills;
        all.changes += counts.changes;
    }
    println!("{all:?}");
    assert!(all.pages > 10 * SEEDS && all.keys > 10 * SEEDS && all.lists > SEEDS);
    assert!(all.failures > 0 && all.kills > SEEDS && all.changes > 0);
}

#[test]
fn the_same_seed_is_the_same_run() {
    assert_eq!(list_run::play(7), list_run::play(7));
}
