//! The runs of those who watch see: each planted bug of watches is caught within a fixed set of seeds.

use henge_core::planted::{Bug, plant};
use henge_sim::watch_run;

/// Seeds within which each bug is caught, all counted from 0.
const SEEDS: u64 = 300;

const BUGS: [Bug; 4] = [
    Bug::ChangeBeforeDurable,
    Bug::GapUnsaid,
    Bug::OneStreamEnough,
    Bug::ToldTwice,
];

/// They cannot be planted one beside another.
#[test]
fn each_planted_bug_of_watches_is_caught_within_a_fixed_set_of_seeds() {
    for bug in BUGS {
        plant(Some(bug));
        let caught = (0..SEEDS).find(|seed| watch_run::play(*seed).is_err());
        plant(None);
        let wrong = caught.map(|seed| (seed, bug.name()));
        println!("{wrong:?}");
        assert!(
            caught.is_some(),
            "not caught in {SEEDS} seeds: {}",
            bug.name()
        );
    }
}
