//! The laws of placement.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test fails as the test does"
)]

mod flow;
mod golden;
mod lists;
mod moving;
mod spread;

use henge_core::ring::{Members, Placement};
use lists::{Dimensions, dimensions, list};
use proptest::prelude::*;

fn place(list: &[henge_core::ring::Member], dimensions: Dimensions) -> Placement {
    let members = Members::new(list.to_vec()).unwrap();
    Placement::new(members, dimensions.partitions, dimensions.replicas).unwrap()
}

proptest! {
    #[test]
    fn the_order_of_the_list_never_matters(
        (list, shuffled) in list(1..24).prop_flat_map(|list| {
            (Just(list.clone()), Just(list).prop_shuffle())
        }),
        dimensions in dimensions(),
    ) {
        prop_assert_eq!(place(&list, dimensions), place(&shuffled, dimensions));
    }

    #[test]
    fn the_same_list_again_changes_nothing(list in list(1..24), dimensions in dimensions()) {
        let placement = place(&list, dimensions);
        let again = placement.evolve(Members::new(list).unwrap());
        prop_assert_eq!(placement, again);
    }

    #[test]
    fn what_is_received_is_what_was_sent(list in list(1..24), dimensions in dimensions()) {
        let placement = place(&list, dimensions);
        let bytes = postcard::to_allocvec(&placement).unwrap();
        let received: Placement = postcard::from_bytes(&bytes).unwrap();
        prop_assert_eq!(placement.digest(), received.digest());
        prop_assert_eq!(placement, received);
    }
}
