//! Random member lists and what can happen to them.

use henge_core::ring::Member;
use proptest::prelude::*;
use std::ops::Range;

/// `Q` and `N`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dimensions {
    pub(crate) partitions: u16,
    pub(crate) replicas: u8,
}

pub(crate) fn dimensions() -> impl Strategy<Value = Dimensions> {
    (0..=8u32, 1..=5u8).prop_map(|(log, replicas)| Dimensions {
        partitions: 1 << log,
        replicas,
    })
}

/// A valid list: zones of one to three parts of which many coincide, mixed capacities, some 0.
pub(crate) fn list(members: Range<usize>) -> impl Strategy<Value = Vec<Member>> {
    (
        prop::collection::vec((zone(), capacity()), members),
        1..=3usize,
        1..=6u8,
    )
        .prop_map(|(parts, depth, width)| {
            let mut list: Vec<Member> = (parts.into_iter().enumerate())
                .map(|(i, (zone, capacity))| member(i, zone, depth, width, capacity))
                .collect();
            if list.iter().all(|member| member.capacity == 0) {
                list[0].capacity = 1;
            }
            list
        })
}

/// One thing that happens to a list.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Join {
        zone: [u8; 3],
        capacity: u32,
    },
    Leave(prop::sample::Index),
    Resize {
        who: prop::sample::Index,
        capacity: u32,
    },
    Relocate {
        who: prop::sample::Index,
        zone: [u8; 3],
    },
}

pub(crate) fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (zone(), capacity()).prop_map(|(zone, capacity)| Change::Join { zone, capacity }),
        any::<prop::sample::Index>().prop_map(Change::Leave),
        (any::<prop::sample::Index>(), capacity())
            .prop_map(|(who, capacity)| Change::Resize { who, capacity }),
        (any::<prop::sample::Index>(), zone())
            .prop_map(|(who, zone)| Change::Relocate { who, zone }),
    ]
}

/// The list after `change`; the same list if nobody with capacity would be left.
pub(crate) fn changed(list: &[Member], change: &Change, serial: usize) -> Vec<Member> {
    let mut next = list.to_vec();
    match change {
        Change::Join { zone, capacity } => {
            let depth = list[0].zone.as_str().split('/').count();
            next.push(member(1_000 + serial, *zone, depth, 4, *capacity));
        }
        Change::Leave(who) => {
            next.remove(who.index(list.len()));
        }
        Change::Relocate { who, zone } => {
            let depth = list[0].zone.as_str().split('/').count();
            next[who.index(list.len())].zone = member(0, *zone, depth, 4, 1).zone;
        }
        Change::Resize { who, capacity } => next[who.index(list.len())].capacity = *capacity,
    }
    if next.iter().any(|member| member.capacity > 0) {
        next
    } else {
        list.to_vec()
    }
}

fn zone() -> impl Strategy<Value = [u8; 3]> {
    any::<[u8; 3]>()
}

fn capacity() -> impl Strategy<Value = u32> {
    prop_oneof![8 => 1..=8u32, 2 => Just(1), 1 => Just(0), 1 => any::<u32>()]
}

/// `depth` parts are used, each with `width` possible names.
fn member(i: usize, zone: [u8; 3], depth: usize, width: u8, capacity: u32) -> Member {
    let parts: Vec<String> = zone[..depth]
        .iter()
        .map(|n| format!("z{}", n % width))
        .collect();
    Member::new(
        &format!("stone-{i}"),
        parts.join("/").parse().unwrap(),
        capacity,
    )
}
