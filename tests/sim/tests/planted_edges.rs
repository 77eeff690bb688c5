//! The runs with edge nodes see: each planted bug of theirs is caught within a fixed set of seeds.

mod caught;

use caught::assert_each_is_caught;
use henge_core::planted::Bug;
use henge_sim::edge_run;

/// Seeds within which each bug is caught, all counted from 0.
const SEEDS: u64 = 200;

const BUGS: [Bug; 2] = [Bug::LodgedBeforeDurable, Bug::MakersForgotten];

#[test]
fn each_planted_bug_of_edge_nodes_is_caught_within_a_fixed_set_of_seeds() {
    assert_each_is_caught(&BUGS, SEEDS, edge_run::play);
}
