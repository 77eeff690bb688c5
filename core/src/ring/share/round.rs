//! Fair shares rounded to whole vnodes.

use super::FairShare;
use crate::ring::domain::Tree;
use crate::ring::member::MemberIndex;
use crate::ring::tally::Tally;
use alloc::vec::Vec;
use core::cmp::Reverse;

/// How many vnodes each member shall own: its share rounded down or up, within the bounds of every
/// domain.
///
/// The largest rests are rounded up, among equals the lowest ids. The bounds are nested, so taking whoever is next and
/// admitted leads to the best choice (the greedy algorithm on a polymatroid; Edmonds 1970).
pub(in crate::ring) fn targets(tree: &Tree, shares: &[FairShare], partitions: u16) -> Vec<u32> {
    let mut tally = Tally::new(tree, u32::from(partitions));
    let mut targets: Vec<u32> = shares.iter().map(|share| share.whole).collect();
    for &member in &tree.owners {
        (0..targets[member.get()]).for_each(|_| tally.add(member));
    }
    let mut up: Vec<MemberIndex> = tree.owners.clone();
    up.retain(|member| shares[member.get()].ceil() > targets[member.get()]);
    up.sort_by_key(|member| Reverse(shares[member.get()].rest));
    for member in up {
        if tally.admits(member) {
            tally.add(member);
            targets[member.get()] += 1;
        }
    }
    let given: u32 = targets.iter().sum();
    assert!(
        given == u32::from(tree.width) * u32::from(partitions),
        "shares add up to all vnodes"
    );
    targets
}
