//! A change moves little and disturbs nothing else.

use crate::flow::fewest_moves;
use crate::lists::{Change, Dimensions, change, dimensions, list};
use crate::spread::history;
use henge_core::id::{MemberId, PartitionId};
use henge_core::ring::{Member, Members, Placement, moves};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

proptest! {
    #[test]
    fn lists_that_keep_their_owners_keep_their_order(
        list in list(1..24),
        changes in prop::collection::vec(change(), 1..6),
        dimensions in dimensions(),
    ) {
        history(list, &changes, dimensions, |before, after| {
            for partition in (0..after.partitions()).map(PartitionId) {
                let (old, new) = (ids(before, partition), ids(after, partition));
                let same = old.len() == new.len() && old.iter().all(|id| new.contains(id));
                prop_assert!(!same || old == new, "{old:?} became {new:?}");
            }
            Ok(())
        })?;
    }

    #[test]
    fn moves_are_the_difference_of_the_lists(
        list in list(1..24),
        changes in prop::collection::vec(change(), 1..6),
        dimensions in dimensions(),
    ) {
        history(list, &changes, dimensions, |before, after| {
            let moves = moves(before, after).unwrap();
            for partition in (0..after.partitions()).map(PartitionId) {
                let mut owners = ids(before, partition);
                for step in moves.iter().filter(|step| step.partition == partition) {
                    owners.retain(|&owner| Some(owner) != step.from);
                    owners.extend(step.to);
                }
                let mut new = ids(after, partition);
                owners.sort_unstable();
                new.sort_unstable();
                prop_assert_eq!(owners, new);
            }
            Ok(())
        })?;
    }
}

/// A flat list, what happens to it, and a small placement: what the solver can do in a test.
fn small_history() -> impl Strategy<Value = (Vec<Member>, Vec<Change>, Dimensions)> {
    let dimensions = (2..6u32, 1..=4u8).prop_map(|(log, replicas)| Dimensions {
        partitions: 1 << log,
        replicas,
    });
    let list = list(2..9).prop_map(|list| list.into_iter().map(in_region).collect());
    (list, prop::collection::vec(change(), 1..4), dimensions)
}

/// How many vnodes a history moves, and the fewest that a solver of its own finds; by step.
fn moved_and_fewest(
    (list, changes, dimensions): (Vec<Member>, Vec<Change>, Dimensions),
) -> Vec<(usize, usize)> {
    let mut steps = Vec::new();
    let seen = history(list, &changes, dimensions, |before, after| {
        let moves = moves(before, after).unwrap();
        let moved = moves.iter().filter(|step| step.to.is_some()).count();
        steps.push((moved, usize::try_from(fewest_moves(before, after)).unwrap()));
        Ok(())
    });
    seen.unwrap();
    steps
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_change_moves_much_more_than_it_must(trial in small_history()) {
        for (moved, fewest) in moved_and_fewest(trial) {
            let allowed = fewest + fewest / 10 + 2;
            prop_assert!((fewest..=allowed).contains(&moved), "{moved} moved, {fewest} must");
        }
    }
}

/// Over many changes, nearly all of which move exactly the fewest.
#[test]
fn ring_moves_only_what_it_must() {
    let mut runner = TestRunner::deterministic();
    let mut trial = || small_history().new_tree(&mut runner).unwrap().current();
    let steps: Vec<(usize, usize)> = (0..400).flat_map(|_| moved_and_fewest(trial())).collect();
    let moved: usize = steps.iter().map(|step| step.0).sum();
    let fewest: usize = steps.iter().map(|step| step.1).sum();
    assert!(
        moved * 1_000 <= fewest * 1_002,
        "{moved} moved, {fewest} must"
    );
    let exact = steps
        .iter()
        .filter(|(moved, fewest)| moved == fewest)
        .count();
    assert!(
        exact * 1_000 >= steps.len() * 995,
        "{exact} of {} are exact",
        steps.len()
    );
}

/// One stone joins or leaves a cluster of ordinary size.
#[test]
fn a_join_or_a_leave_moves_what_the_stone_owns() {
    for count in [5, 16, 64] {
        for capacities in [[1, 1, 1], [1, 2, 4]] {
            let stone = |i: u32| {
                let zone = format!("eu/z{}", i % 8).parse().unwrap();
                Member::new(&format!("stone-{i}"), zone, capacities[i as usize % 3])
            };
            let few = Members::new((0..count).map(stone).collect()).unwrap();
            let more = Members::new((0..=count).map(stone).collect()).unwrap();
            let id = MemberId::from_name(&format!("stone-{count}"));

            let before = Placement::new(few.clone(), 256, 3).unwrap();
            let joined = before.evolve(more.clone());
            let owns = joined.load(more.index_of(id).unwrap()) as usize;
            check_ratio(moves(&before, &joined).unwrap().len(), owns);

            let before = Placement::new(more.clone(), 256, 3).unwrap();
            let owned = before.load(more.index_of(id).unwrap()) as usize;
            check_ratio(moves(&before, &before.evolve(few)).unwrap().len(), owned);
        }
    }
}

/// 1.10 is promised.
fn check_ratio(moved: usize, must: usize) {
    assert!(
        must <= moved && moved * 10 <= must * 11,
        "{moved} moved, {must} must"
    );
}

fn in_region(member: Member) -> Member {
    Member {
        zone: member.zone.region().parse().unwrap(),
        ..member
    }
}

fn ids(placement: &Placement, partition: PartitionId) -> Vec<MemberId> {
    let owners = placement.owners(partition).iter();
    owners
        .map(|&owner| placement.members().at(owner).unwrap().id)
        .collect()
}
