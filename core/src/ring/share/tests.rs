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
        .iter()
        .map(|share| (share.whole, share.ceil() > share.whole))
        .collect()
}

fn rounded(list: &[(&str, u32)], replicas: u8, partitions: u16) -> Vec<u32> {
    let members = members(list);
    let tree = Tree::new(&members, replicas);
    targets(&tree, &fair_shares(&members, &tree, partitions), partitions)
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
    assert_eq!(rounded(&[("a", 5), ("b", 3), ("c", 2)], 1, 4), [2, 1, 1]);
    assert_eq!(rounded(&[("a", 1), ("b", 1), ("c", 1)], 1, 4), [2, 1, 1]);
}

#[test]
fn rounding_stays_within_the_bounds_of_every_zone() {
    let list = [
        ("a", 1),
        ("a", 2),
        ("a", 4),
        ("b", 2),
        ("b", 2),
        ("b", 3),
        ("c", 1),
    ];
    let members = members(&list);
    let tree = Tree::new(&members, 3);
    let targets = targets(&tree, &fair_shares(&members, &tree, 64), 64);
    assert_eq!(tree.totals(|index| targets[index.get()])[1..], [64, 64, 64]);
}
