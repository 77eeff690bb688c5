//! Merge is a join: the laws hold for all sets that decode, not only for those that honest
//! replicas reach. Decoding itself takes any bytes.

use henge_core::causality::{Context, Dot, Hlc, Policy, Value, Version, VersionSet};
use henge_core::id::{ActorId, RequestId};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn merged(left: &VersionSet, right: &VersionSet, policy: Policy) -> VersionSet {
    let mut all = left.clone();
    let changed = all.merge(right, policy);
    assert_eq!(changed, all != *left, "merge says whether it changed");
    all
}

/// Contexts and versions without any story behind them: clocks contradict causality, and one dot
/// may stand for different writes.
fn set() -> impl Strategy<Value = VersionSet> {
    let context = btree_map(0..4_u64, 1..9_u64, 0..5);
    let version = (0..3_u64, 0..3_u64, any::<Option<bool>>());
    let versions = btree_map((0..4_u64, 1..9_u64), version, 0..24);
    (context, versions).prop_map(|(context, versions)| {
        let versions = versions.into_iter().filter_map(|((actor, counter), rest)| {
            let (hlc, sequence, value) = rest;
            (context.get(&actor).is_some_and(|&seen| counter <= seen)).then(|| Version {
                dot: Dot {
                    actor: ActorId(actor),
                    counter,
                },
                hlc: Hlc::from_u64(hlc),
                request: RequestId {
                    client: sequence.min(1),
                    sequence,
                },
                expires_at_ms: None,
                value: value.map(|bit| Value {
                    encoding: 0,
                    bytes: vec![u8::from(bit)],
                }),
            })
        });
        encoded(&context, versions.collect())
    })
}

fn encoded(context: &BTreeMap<u64, u64>, versions: Vec<Version>) -> VersionSet {
    let context: Vec<(u64, u64)> = context
        .iter()
        .map(|(&actor, &seen)| (actor, seen))
        .collect();
    let bytes = postcard::to_allocvec(&(context, versions)).expect("it encodes");
    VersionSet::decode(&bytes).expect("the invariants hold")
}

/// `PROPTEST_CASES` cases of each law, or enough to find every planted bug at once.
fn config() -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|text| text.parse().ok());
    let cases = asked.unwrap_or(20_000);
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn policy() -> impl Strategy<Value = Policy> {
    prop_oneof![Just(Policy::Lww), Just(Policy::Siblings)]
}

/// A live version for each `(actor, counter, clock, request)`, in a context with `seen` besides.
fn of(versions: &[(u64, u64, u64, u64)], seen: &[(u64, u64)]) -> VersionSet {
    let mut context: BTreeMap<u64, u64> = seen.iter().copied().collect();
    let version = |&(actor, counter, hlc, sequence): &(u64, u64, u64, u64)| Version {
        dot: Dot {
            actor: ActorId(actor),
            counter,
        },
        hlc: Hlc::from_u64(hlc),
        request: RequestId {
            client: sequence.min(1),
            sequence,
        },
        expires_at_ms: None,
        value: Some(Value {
            encoding: 0,
            bytes: Vec::new(),
        }),
    };
    for &(actor, counter, ..) in versions {
        let known = context.entry(actor).or_default();
        *known = counter.max(*known);
    }
    encoded(&context, versions.iter().map(version).collect())
}

fn assert_any_grouping(a: &VersionSet, b: &VersionSet, c: &VersionSet, policy: Policy) {
    let left = merged(&merged(a, b, policy), c, policy);
    assert_eq!(left, merged(a, &merged(b, c, policy), policy));
    assert_eq!(left, merged(b, &merged(a, c, policy), policy));
}

/// A merge that keeps one copy of a retried write forgets the other, and then the write that
/// replaced the kept copy decides what is left by when it arrives.
#[test]
fn a_retried_write_of_which_one_copy_is_replaced_merges_in_any_grouping() {
    let (first, retry) = (of(&[(1, 1, 1, 7)], &[]), of(&[(2, 1, 2, 7)], &[]));
    let replaces_first = of(&[(3, 1, 3, 0)], &[(1, 1)]);
    assert_any_grouping(&first, &retry, &replaces_first, Policy::Siblings);
}

/// A merge that drops what exceeds the cap drops it for good, even if those that pushed it out
/// turn out to be replaced.
#[test]
fn siblings_beyond_the_cap_merge_in_any_grouping() {
    let mut many: Vec<_> = (1..=15).map(|n| (1, n, n, 0)).collect();
    many.push((4, 1, 16, 0));
    let (full, one_more) = (of(&many, &[]), of(&[(2, 1, 100, 0)], &[]));
    let replaces_two = of(&[(3, 1, 200, 0)], &[(2, 1), (4, 1)]);
    assert_any_grouping(&full, &one_more, &replaces_two, Policy::Siblings);
}

/// A last-writer-wins merge that also believes contexts contradicts itself where a clock does not
/// follow causality.
#[test]
fn a_last_writer_with_a_slow_clock_merges_in_any_grouping() {
    let (middle, high) = (of(&[(1, 1, 20, 0)], &[]), of(&[(2, 1, 30, 0)], &[]));
    let replaces_high = of(&[(3, 1, 10, 0)], &[(2, 1)]);
    assert_any_grouping(&middle, &high, &replaces_high, Policy::Lww);
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn merge_is_commutative_associative_and_idempotent(
        a in set(), b in set(), c in set(), policy in policy(),
    ) {
        let ab = merged(&a, &b, policy);
        prop_assert_eq!(&ab, &merged(&b, &a, policy));
        prop_assert_eq!(merged(&ab, &c, policy), merged(&a, &merged(&b, &c, policy), policy));
        for part in [&a, &b, &ab] {
            prop_assert_eq!(&merged(&ab, part, policy), &ab);
        }
        prop_assert_eq!(VersionSet::decode(&ab.encode()), Ok(ab));
    }

    #[test]
    fn covers_says_whether_a_merge_would_change_anything(a in set(), b in set()) {
        prop_assert_eq!(a.covers(&b), merged(&a, &b, Policy::Siblings) == a);
        prop_assert!(merged(&a, &b, Policy::Siblings).covers(&b));
    }

    #[test]
    fn bytes_decode_only_to_what_encodes_to_them(bytes in vec(0..6_u8, 0..24)) {
        if let Ok(set) = VersionSet::decode(&bytes) {
            prop_assert_eq!(set.encode(), &bytes[..]);
        }
        if let Ok(context) = Context::decode(&bytes) {
            prop_assert_eq!(context.encode(), bytes);
        }
    }

    #[test]
    fn damaged_bytes_never_panic(a in set(), at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = a.encode();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(damaged) = VersionSet::decode(&bytes) {
            merged(&damaged, &a, Policy::Siblings);
            prop_assert!(VersionSet::decode(&bytes[..at]) != Ok(damaged));
        }
    }

    #[test]
    fn no_context_of_a_client_claims_unminted_dots_or_breaks_the_set(
        mut a in set(), seen in btree_map(0..6_u64, 1..=u64::MAX / 2, 0..6), policy in policy(),
        actor in 0..6_u64, hlc: u64,
    ) {
        let seen: Vec<_> = seen.into_iter().map(|(actor, seen)| (ActorId(actor), seen)).collect();
        let seen = Context::try_from(seen).expect("sorted and in bounds");
        let (actor, request) = (ActorId(actor), RequestId::default());
        for minted in a.context().counter(actor) + 1..10 {
            let hlc = Hlc::from_u64(hlc);
            let dot = a.write(actor, hlc, request, None, Some(&seen), policy);
            prop_assert_eq!(dot, Dot { actor, counter: minted });
            prop_assert_eq!(a.context().counter(actor), minted);
            prop_assert_eq!(VersionSet::decode(&a.encode()), Ok(a.clone()));
        }
    }
}
