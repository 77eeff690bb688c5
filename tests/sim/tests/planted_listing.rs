//! The runs of those who list see: each planted bug of lists is caught within a fixed set of seeds.

use henge_core::planted::{Bug, plant};
use henge_sim::list_run;

/// Seeds within which each bug is caught, all counted from 0.
const SEEDS: u64 = 200;

const BUGS: [Bug; 3] = [
    Bug::PageBeyondEnd,
    Bug::ListOneShort,
    Bug::PageWithoutTombstones,
];

/// They cannot be planted one beside another.
#[test]
fn each_planted_bug_of_lists_is_caught_within_a_fixed_set_of_seeds() {
    for bug in BUGS {
        plant(Some(bug));
        let caught = (0..SEEDS).find_map(|seed| Some((seed, list_run::play(seed).err()?)));
        plant(None);
        println!("{}: {caught:?}", bug.name());
        assert!(
            caught.is_some(),
            "not caught in {SEEDS} seeds: {}",
            bug.name()
        );
    }
}
