use super::*;
use crate::ring::Member;
use alloc::format;

fn members(list: &[(&str, u32)]) -> Members {
    let member = |(i, &(zone, capacity)): (usize, &(&str, u32))| {
        // The ids ascend, so that a list and its results are in one order.
        let id = crate::id::MemberId(u64::try_from(i).unwrap());
        Member {
            id,
            ..Member::new(&format!("m{i}"), zone.parse().unwrap(), capacity)
        }
    };
    Members::new(list.iter().enumerate().map(member).collect()).unwrap()
}

/// The whole vnodes of every share, and whether there is a rest.
fn whole(list: &[(&str, u32)], replicas: u8, partitions: u16) -> Vec<(u32, bool)> {
    let members = members(list);
    let tree = Tree::new(&members, replicas);
    let shares = fair_shares(&members, &tree, partitions);
    shares
        .members
        .iter()
        .map(|share| (share.whole, share.rest > 0))
        .collect()
}

fn rounded(list: &[(&str, u32)], replicas: u8, partitions: u16, load: &[u32]) -> Vec<u32> {
    let members = members(list);
    let tree = Tree::new(&members, replicas);
    targets(&tree, &fair_shares(&members, &tree, partitions), load)
}

#[test]
fn shares_are_in_proportion_to_capacity() {
    let list = [("a", 1), ("b", 2), ("c", 0), ("d", 4), ("e", 1)];
    assert_eq!(
        whole(&list, 1, 256),
        [
            (32, false),
            (64, false),
            (0, false),
            (128, false),
            (32, false)
        ]
    );
}

#[test]
fn no_member_owns_more_than_every_partition() {
    let list = [("a", 100), ("b", 1), ("c", 2), ("d", 3)];
    let shares = whole(&list, 2, 256);
    assert_eq!(shares, [(256, false), (42, true), (85, true), (128, false)]);
}

#[test]
fn a_zone_that_is_full_shares_by_a_level_of_its_own() {
    let list = [("a", 5), ("a", 5), ("b", 1), ("c", 1), ("d", 2)];
    let shares = whole(&list, 3, 64);
    assert_eq!(
        shares,
        [
            (32, false),
            (32, false),
            (32, false),
            (32, false),
            (64, false)
        ]
    );
}

#[test]
fn a_zone_that_every_partition_needs_gets_its_fewest() {
    let list = [("a", 100), ("a", 100), ("a", 100), ("b", 1), ("b", 3)];
    assert_eq!(
        whole(&list, 3, 60),
        [
            (40, false),
            (40, false),
            (40, false),
            (15, false),
            (45, false)
        ]
    );
}

#[test]
fn the_largest_rests_are_rounded_up_and_then_the_lowest_ids() {
    assert_eq!(
        rounded(&[("a", 5), ("b", 3), ("c", 2)], 1, 4, &[0; 3]),
        [2, 1, 1]
    );
    assert_eq!(
        rounded(&[("a", 1), ("b", 1), ("c", 1)], 1, 4, &[0; 3]),
        [2, 1, 1]
    );
}

#[test]
fn who_already_owns_more_is_rounded_up_first() {
    assert_eq!(
        rounded(&[("a", 1), ("b", 1), ("c", 1)], 1, 4, &[1, 1, 2]),
        [1, 1, 2]
    );
    // The same through a level of zones: zone b has two thirds of 32 vnodes.
    let list = [("a", 1), ("a", 1), ("b", 2), ("b", 2)];
    assert_eq!(rounded(&list, 1, 32, &[5, 5, 11, 11]), [5, 5, 11, 11]);
    assert_eq!(rounded(&list, 1, 32, &[6, 5, 10, 11]), [6, 5, 10, 11]);
}

#[test]
fn domains_are_rounded_with_their_members() {
    let list = [
        ("a", 1),
        ("a", 2),
        ("b", 2),
        ("b", 2),
        ("c", 3),
        ("c", 1),
        ("d", 7),
    ];
    let members = members(&list);
    let tree = Tree::new(&members, 3);
    let shares = fair_shares(&members, &tree, 64);
    let targets = targets(&tree, &shares, &[0; 7]);
    let totals = tree.totals(|index| targets[index.get()]);
    for (total, share) in totals.iter().zip(&shares.domains) {
        assert!(
            (share.whole..=share.ceil()).contains(total),
            "{total} for {share:?}"
        );
    }
    assert_eq!(totals[ROOT], 3 * 64);
}
