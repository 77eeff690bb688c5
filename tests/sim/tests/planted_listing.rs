//! The runs of those who list see: each planted bug of lists is caught within a fixed set of seeds.

mod caught;

use caught::assert_each_is_caught;
use henge_core::planted::Bug;
use henge_sim::list_run;

/// Seeds within which each bug is caught, all counted from 0.
const SEEDS: u64 = 200;

const BUGS: [Bug; 3] = [
    Bug::PageBeyondEnd,
    Bug::ListOneShort,
    Bug::PageWithoutTombstones,
];

#[test]
fn each_planted_bug_of_lists_is_caught_within_a_fixed_set_of_seeds() {
    assert_each_is_caught(&BUGS, SEEDS, list_run::play);
}
