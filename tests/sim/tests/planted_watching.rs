//! The runs of those who watch see: each planted bug of watches is caught within a fixed set of seeds.

mod caught;

use caught::assert_each_is_caught;
use henge_core::planted::Bug;
use henge_sim::watch_run;

/// Seeds within which each bug is caught, all counted from 0.
const SEEDS: u64 = 300;

const BUGS: [Bug; 4] = [
    Bug::ChangeBeforeDurable,
    Bug::GapUnsaid,
    Bug::OneStreamEnough,
    Bug::ToldTwice,
];

#[test]
fn each_planted_bug_of_watches_is_caught_within_a_fixed_set_of_seeds() {
    assert_each_is_caught(&BUGS, SEEDS, watch_run::play);
}
