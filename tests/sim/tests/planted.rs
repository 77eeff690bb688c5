//! The checkers see: each planted bug is caught within a fixed set of seeds.

use henge_core::planted::{Bug, plant};
use henge_sim::run::run;
use henge_sim::swarm::{Scope, plan};

/// Seeds within which each bug is caught, all counted from 1.
const SEEDS: u64 = 3_000;

/// What no law here can show. `HintBeforeDurable` costs a copy of what is on other disks as well: the
/// tests of hints, `tests/it/repair.rs`, lose those other disks. No client of a run watches or lists: the
/// bugs of these are caught in `planted_watching.rs` and `planted_listing.rs`, those of edge nodes in
/// `planted_edges.rs`.
const SEEN_ELSEWHERE: [Bug; 10] = [
    Bug::HintBeforeDurable,
    Bug::ChangeBeforeDurable,
    Bug::GapUnsaid,
    Bug::OneStreamEnough,
    Bug::ToldTwice,
    Bug::PageBeyondEnd,
    Bug::ListOneShort,
    Bug::PageWithoutTombstones,
    Bug::LodgedBeforeDurable,
    Bug::MakersForgotten,
];

#[test]
fn each_planted_bug_is_caught_within_a_fixed_set_of_seeds() {
    // A node that panics is caught too, and needs no backtrace.
    std::panic::set_hook(Box::new(|_| {}));
    let mut missed = Vec::new();
    let here = Bug::ALL.iter().filter(|bug| !SEEN_ELSEWHERE.contains(bug));
    for bug in here {
        plant(Some(*bug));
        let scope = Scope::default();
        let caught =
            (1..=SEEDS).find(|seed| run(&plan(*seed, scope), scope, false).failure.is_some());
        plant(None);
        if caught.is_none() {
            missed.push(bug.name());
        }
    }
    let _ = std::panic::take_hook();
    assert!(missed.is_empty(), "not caught in {SEEDS} seeds: {missed:?}");
}
