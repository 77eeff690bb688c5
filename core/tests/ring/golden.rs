//! Placements that must never change by accident: every member of a running cluster has to find
//! the same ones.

use henge_core::ring::{Member, Members, Placement};

fn members(count: u32) -> Members {
    let member = |i: u32| {
        let zone = format!("r{}/z{}/h{i}", i % 2, i % 5).parse().unwrap();
        Member::new(&format!("stone-{i}"), zone, [1, 2, 4, 0][i as usize % 4])
    };
    Members::new((0..count).map(member).collect()).unwrap()
}

#[test]
fn a_placement_is_the_same_in_every_release() {
    let first = Placement::new(members(12), 256, 3).unwrap();
    let joined = first.evolve(members(15));
    let left = joined.evolve(members(9));
    let digests = [first, joined, left].map(|placement| placement.digest());
    assert_eq!(
        digests.map(|d| format!("{d:016x}")),
        ["16722bbbb019b35f", "a3185992ef8ad873", "e06f80e92c9dd6cb"]
    );
}
