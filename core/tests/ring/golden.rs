//! Placements that must never change by accident: every member of a running cluster has to find
//! the same ones.

use henge_core::ring::{Member, Members, Placement};

fn members(count: u32, zones: u32) -> Members {
    let member = |i: u32| {
        let zone = format!("r{}/z{}/h{i}", i % 2, i % zones).parse().unwrap();
        Member::new(&format!("stone-{i}"), zone, [1, 2, 4, 0][i as usize % 4])
    };
    Members::new((0..count).map(member).collect()).unwrap()
}

#[test]
fn a_placement_is_the_same_in_every_release() {
    let first = Placement::new(members(12, 5), 256, 3).unwrap();
    let joined = first.evolve(members(15, 5));
    let left = joined.evolve(members(9, 5));
    let moved = left.evolve(members(9, 3));
    let digests = [first, joined, left, moved].map(|placement| placement.digest());
    let golden = [
        0x1672_2bbb_b019_b35f,
        0xa318_5992_ef8a_d873,
        0xe06f_80e9_2c9d_d6cb,
        0xfd7a_e770_8bc7_81a1,
    ];
    assert_eq!(digests, golden, "{digests:x?}");
}
