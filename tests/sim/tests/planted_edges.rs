//! The runs with edge nodes see: each planted bug of theirs is caught within a fixed set of seeds.

use henge_core::planted::{Bug, plant};
use henge_sim::edge_run;

/// Seeds within which each bug is caught, all counted from 0.
const SEEDS: u64 = 200;

const BUGS: [Bug; 2] = [Bug::LodgedBeforeDurable, Bug::MakersForgotten];

/// They cannot be planted one beside another.
#[test]
fn each_planted_bug_of_edge_nodes_is_caught_within_a_fixed_set_of_seeds() {
    for bug in BUGS {
        plant(Some(bug));
        let caught = (0..SEEDS).find_map(|seed| Some((seed, edge_run::play(seed).err()?)));
        plant(None);
        println!("{}: {caught:?}", bug.name());
        assert!(
            caught.is_some(),
            "not caught in {SEEDS} seeds: {}",
            bug.name()
        );
    }
}
