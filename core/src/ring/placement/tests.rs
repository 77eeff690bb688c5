use super::*;
use crate::ring::Member;
use alloc::format;

fn list(zones: &[(&str, u32)]) -> Members {
    let member = |(i, &(zone, capacity)): (usize, &(&str, u32))| {
        Member::new(&format!("m{i}"), zone.parse().unwrap(), capacity)
    };
    Members::new(zones.iter().enumerate().map(member).collect()).unwrap()
}

fn small() -> Placement {
    Placement::new(list(&[("a", 1), ("b", 2), ("c", 1), ("d", 0)]), 8, 2).unwrap()
}

#[test]
fn a_partition_is_the_highest_bits_of_a_position() {
    let placement = small();
    assert_eq!(placement.partition_of(0), PartitionId(0));
    assert_eq!(placement.partition_of(u64::MAX), PartitionId(7));
    assert_eq!(placement.partition_of(3 << 61 | 5), PartitionId(3));
    let one = Placement::new(list(&[("a", 1)]), 1, 1).unwrap();
    assert_eq!(one.partition_of(u64::MAX), PartitionId(0));
}

#[test]
fn wrong_dimensions_are_refused() {
    let refused =
        |partitions, replicas| Placement::new(list(&[("a", 1)]), partitions, replicas).unwrap_err();
    assert_eq!(refused(0, 1), RingError::BadPartitions { partitions: 0 });
    assert_eq!(refused(48, 1), RingError::BadPartitions { partitions: 48 });
    assert_eq!(refused(8, 0), RingError::BadReplicas { replicas: 0 });
    assert_eq!(refused(8, 17), RingError::BadReplicas { replicas: 17 });
}

#[test]
fn a_partition_that_is_not_there_has_no_owners() {
    assert_eq!(small().owners(PartitionId(7)).len(), 2);
    assert!(small().owners(PartitionId(8)).is_empty());
    assert!(small().owners(PartitionId(u16::MAX)).is_empty());
}

#[test]
fn stand_ins_are_everyone_else_with_capacity_and_other_zones_first() {
    let members = list(&[("a", 1), ("b", 1), ("a", 1), ("b", 1), ("c", 1), ("c", 0)]);
    let placement = Placement::new(members, 16, 2).unwrap();
    for partition in (0..16).map(PartitionId) {
        let owners = placement.owners(partition);
        let stand_ins = placement.stand_ins(partition);
        assert_eq!(stand_ins.len(), 3);
        assert!(stand_ins.iter().all(|index| !owners.contains(index)));
        let zone = |index| placement.members().at(index).unwrap().zone.clone();
        assert!(
            owners
                .iter()
                .all(|&owner| zone(owner) != zone(stand_ins[0]))
        );
    }
}

#[test]
fn loads_agree_with_the_lists() {
    let placement = small();
    for share in placement.shares() {
        assert_eq!(share.vnodes, placement.load(share.member));
        assert_eq!(share.primaries, placement.primary_load(share.member));
        assert_eq!(share.vnodes, count(placement.partitions_of(share.member)));
    }
}

#[test]
fn a_received_placement_is_checked() {
    let placement = small();
    let bytes = postcard::to_allocvec(&placement).unwrap();
    assert_eq!(
        postcard::from_bytes::<Placement>(&bytes).unwrap(),
        placement
    );

    let reason = |change: fn(&mut Placement)| {
        let mut wrong = placement.clone();
        change(&mut wrong);
        match Placement::try_from(wire::Parts::from(wrong)) {
            Err(RingError::BadTable { reason }) => reason,
            other => panic!("accepted or refused for another reason: {other:?}"),
        }
    };
    assert_eq!(reason(|p| p.table.truncate(15)), "it has the wrong size");
    assert_eq!(
        reason(|p| p.table[1] = p.table[0]),
        "a member owns a partition twice"
    );
    assert_eq!(
        reason(|p| p.table[0] = MemberIndex::new(900)),
        "an owner is not a member with capacity"
    );
    for cut in 0..bytes.len() {
        assert!(postcard::from_bytes::<Placement>(&bytes[..cut]).is_err());
    }
}
