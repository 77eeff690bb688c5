//! Even loads and distinct zones, in every placement of every history.

use crate::lists::{Change, Dimensions, change, changed, dimensions, list};
use crate::place;
use henge_core::id::PartitionId;
use henge_core::ring::{Member, MemberIndex, Members, Placement};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Calls `check` on the first placement of `list` and on the one after each change.
pub(crate) fn history(
    mut list: Vec<Member>,
    changes: &[Change],
    dimensions: Dimensions,
    mut check: impl FnMut(&Placement, &Placement) -> Result<(), TestCaseError>,
) -> Result<(), TestCaseError> {
    let mut placement = place(&list, dimensions);
    check(&placement, &placement)?;
    for (serial, change) in changes.iter().enumerate() {
        list = changed(&list, change, serial);
        let next = placement.evolve(Members::new(list.clone()).unwrap());
        check(&placement, &next)?;
        placement = next;
    }
    Ok(())
}

proptest! {
    #[test]
    fn every_load_is_the_fair_share_rounded(
        list in list(1..24),
        changes in prop::collection::vec(change(), 0..6),
        dimensions in dimensions(),
    ) {
        history(list, &changes, dimensions, |_, placement| {
            for share in placement.shares() {
                prop_assert!((share.fair_min..=share.fair_max).contains(&share.vnodes), "{share:?}");
            }
            Ok(())
        })?;
    }

    #[test]
    fn no_vnode_could_pass_to_a_member_with_less_for_its_capacity(
        list in list(1..16),
        changes in prop::collection::vec(change(), 0..4),
        dimensions in dimensions(),
    ) {
        history(list, &changes, dimensions, |_, placement| {
            for partition in partitions(placement) {
                check_no_better_owner(placement, partition)?;
            }
            Ok(())
        })?;
    }

    #[test]
    fn owners_are_in_as_many_zones_as_there_are(
        list in list(1..24),
        changes in prop::collection::vec(change(), 0..6),
        dimensions in dimensions(),
    ) {
        history(list, &changes, dimensions, |_, placement| {
            partitions(placement).try_for_each(|partition| check_spread(placement, partition))
        })?;
    }

    #[test]
    fn first_places_are_even_in_a_first_placement(list in list(1..24), dimensions in dimensions()) {
        let placement = place(&list, dimensions);
        let width = u32::try_from(placement.owners(PartitionId(0)).len()).unwrap();
        for share in placement.shares() {
            let fair = share.vnodes / width..=share.vnodes.div_ceil(width);
            prop_assert!(fair.contains(&share.primaries), "{share:?}");
        }
    }
}

/// Lists that keep their owners keep their order, so first places can only be evened out where
/// something moved; that is enough to keep them from drifting apart.
#[test]
fn first_places_stay_even_over_a_long_history() {
    let stone = |i: u32| {
        let zone = format!("eu/z{}", i % 5).parse().unwrap();
        Member::new(&format!("stone-{i}"), zone, [1, 2, 4][(i as usize / 5) % 3])
    };
    let mut list: Vec<Member> = (0..32).map(stone).collect();
    let mut placement = place(
        &list,
        Dimensions {
            partitions: 1_024,
            replicas: 3,
        },
    );
    for i in 32..132 {
        match i % 3 {
            0 => drop(list.remove(i as usize * 7 % list.len())),
            _ => list.push(stone(i)),
        }
        placement = placement.evolve(Members::new(list.clone()).unwrap());
        for share in placement.shares() {
            let fair = share.vnodes.div_ceil(3);
            assert!(share.primaries <= fair + fair / 4 + 2, "{share:?}");
        }
    }
}

fn partitions(placement: &Placement) -> impl Iterator<Item = PartitionId> + use<> {
    (0..placement.partitions()).map(PartitionId)
}

fn member(placement: &Placement, index: MemberIndex) -> &Member {
    placement.members().at(index).unwrap()
}

/// How many of `indexes` are in each domain of `parts` parts.
fn census<'a>(
    placement: &'a Placement,
    indexes: &[MemberIndex],
    parts: usize,
) -> BTreeMap<&'a str, usize> {
    let mut census = BTreeMap::new();
    for &index in indexes {
        *census
            .entry(member(placement, index).zone.prefix(parts))
            .or_default() += 1;
    }
    census
}

fn with_capacity(placement: &Placement) -> Vec<MemberIndex> {
    placement
        .members()
        .iter()
        .filter(|(_, m)| m.capacity > 0)
        .map(|(index, _)| index)
        .collect()
}

fn check_spread(placement: &Placement, partition: PartitionId) -> Result<(), TestCaseError> {
    let (owners, all) = (placement.owners(partition), with_capacity(placement));
    prop_assert_eq!(
        owners.len(),
        all.len().min(usize::from(placement.replicas()))
    );
    let mut distinct = owners.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    prop_assert_eq!(distinct.len(), owners.len());
    for parts in 1..=3 {
        let (used, sizes) = (
            census(placement, owners, parts),
            census(placement, &all, parts),
        );
        prop_assert_eq!(used.len(), sizes.len().min(owners.len()), "parts {}", parts);
        prop_assert!(
            parts < 3 || is_even(&used, &sizes),
            "{:?} of {:?}",
            used,
            sizes
        );
    }
    Ok(())
}

/// Whether no zone could take an owner from one that has two more.
fn is_even(used: &BTreeMap<&str, usize>, sizes: &BTreeMap<&str, usize>) -> bool {
    let most = used.values().copied().max().unwrap_or(0);
    sizes.iter().all(|(zone, &size)| {
        let count = used.get(zone).copied().unwrap_or(0);
        count + 1 >= most || count == size
    })
}

/// Whatever the fair shares are: if an owner could hand the partition to another member without
/// loss of spread, it does not have more for its capacity than that one, by more than the rounding.
fn check_no_better_owner(
    placement: &Placement,
    partition: PartitionId,
) -> Result<(), TestCaseError> {
    let owners = placement.owners(partition);
    for &from in owners {
        for to in with_capacity(placement) {
            let alike = member(placement, from).zone == member(placement, to).zone;
            if alike && !owners.contains(&to) {
                let (rich, poor) = (member(placement, from), member(placement, to));
                let less = u64::from(placement.load(from) - 1) * u64::from(poor.capacity);
                let more = u64::from(placement.load(to) + 1) * u64::from(rich.capacity);
                prop_assert!(less <= more, "{rich:?} could give to {poor:?}");
            }
        }
    }
    Ok(())
}
