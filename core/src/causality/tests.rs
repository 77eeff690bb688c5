//! What the parts promise one by one; the laws of the whole are in `core/tests`.

use super::*;
use crate::id::{ActorId, RequestId};
use crate::limits::{ACTORS_MAX, COUNTER_MAX, PAIR_BYTES_MAX, SIBLINGS_MAX};
use crate::time::{Duration, Instant};
use alloc::string::ToString;
use alloc::{vec, vec::Vec};

const A: ActorId = ActorId(1);
const B: ActorId = ActorId(2);
const UNNUMBERED: RequestId = RequestId {
    client: 0,
    sequence: 0,
};

fn dot(actor: ActorId, counter: u64) -> Dot {
    Dot { actor, counter }
}

fn context(entries: &[(ActorId, u64)]) -> Context {
    Context::try_from(entries.to_vec()).unwrap()
}

fn value(byte: u8) -> Option<Value> {
    Some(Value {
        encoding: 0,
        bytes: vec![byte],
    })
}

fn request(sequence: u64) -> RequestId {
    RequestId {
        client: 9,
        sequence,
    }
}

/// A write of `byte` at clock `hlc` that carries no request id.
fn put(set: &mut VersionSet, actor: ActorId, hlc: u64, byte: u8, seen: Option<&Context>) -> Dot {
    let hlc = Hlc::from_u64(hlc);
    set.write(actor, hlc, UNNUMBERED, value(byte), seen, Policy::Siblings)
}

fn put_lww(set: &mut VersionSet, actor: ActorId, hlc: u64, byte: u8) -> Dot {
    set.write(
        actor,
        Hlc::from_u64(hlc),
        UNNUMBERED,
        value(byte),
        None,
        Policy::Lww,
    )
}

fn bytes(set: &VersionSet) -> Vec<u8> {
    set.live(0)
        .map(|version| version.value.as_ref().unwrap().bytes[0])
        .collect()
}

#[test]
fn ticks_rise_when_the_clock_stands_still_and_carry_into_the_milliseconds() {
    let now = Instant::from_micros(5_000);
    let mut clock = Clock::new(Hlc::from_u64((5 << 16) | 0xfffe), Duration::from_millis(0));
    assert_eq!(clock.tick(now).as_u64(), (5 << 16) | 0xffff);
    assert_eq!(clock.tick(now).as_u64(), 6 << 16);
    assert_eq!(clock.tick(now).as_u64(), (6 << 16) | 1);
}

#[test]
fn a_far_future_timestamp_is_refused_and_leaves_the_clock_as_it_was() {
    let now = Instant::from_micros(10_000);
    let mut clock = Clock::new(Hlc::default(), Duration::from_millis(500));
    let limit = Hlc::from_u64((510 << 16) | 0xffff);
    assert_eq!(clock.observe(now, limit), Ok(()));
    let refused = clock.observe(now, Hlc::from_u64(511 << 16));
    assert_eq!(
        refused,
        Err(ClockError::FarFuture {
            ahead_ms: 501,
            allowed_ms: 500
        })
    );
    assert_eq!(clock.last(), limit);
    clock.restore(Hlc::from_u64(900 << 16));
    assert_eq!(clock.tick(now).as_u64(), (900 << 16) | 1);
}

#[test]
fn a_timestamp_reads_back_from_its_text_and_nothing_else_is_one() {
    let hlc = Hlc::from_u64(0x0000_0191_abcd_0001);
    assert_eq!(hlc.to_string(), "00000191abcd0001");
    assert_eq!("00000191abcd0001".parse(), Ok(hlc));
    for text in [
        "",
        "1",
        "+0000191abcd0001",
        "00000191abcd00012",
        "00000191abcd000g",
    ] {
        assert_eq!(text.parse::<Hlc>(), Err(ParseHlcError), "{text}");
    }
}

#[test]
fn a_context_contains_a_dot_and_all_before_it() {
    let mut seen = Context::new();
    assert!(seen.insert(dot(B, 3)) && seen.insert(dot(A, 1)));
    assert!(seen.contains(dot(B, 3)) && seen.contains(dot(B, 1)));
    assert!(!seen.contains(dot(B, 4)) && !seen.contains(dot(B, 0)));
    assert!(!seen.insert(dot(ActorId(7), 0)));
    assert_eq!(seen.iter().collect::<Vec<_>>(), [(A, 1), (B, 3)]);
    assert!(seen.insert(dot(B, 2)) && seen.counter(B) == 3);
}

#[test]
fn a_context_covers_what_it_has_joined() {
    let (mut left, right) = (context(&[(A, 2), (B, 1)]), context(&[(A, 1), (B, 5)]));
    assert!(!left.covers(&right) && !right.covers(&left));
    left.join(&right);
    assert_eq!(left, context(&[(A, 2), (B, 5)]));
    assert!(left.covers(&right) && left.covers(&Context::new()));
}

#[test]
fn a_context_that_breaks_the_rules_does_not_decode() {
    let check = |entries: Vec<(ActorId, u64)>, expect: DecodeError| {
        let bytes = postcard::to_allocvec(&entries).unwrap();
        assert_eq!(Context::decode(&bytes), Err(expect));
        assert!(postcard::from_bytes::<Context>(&bytes).is_err());
    };
    check(vec![(B, 1), (A, 1)], DecodeError::UnsortedContext);
    check(vec![(A, 1), (A, 2)], DecodeError::UnsortedContext);
    check(
        vec![(A, 0)],
        DecodeError::BadCounter {
            actor: A,
            counter: 0,
        },
    );
    check(
        vec![(A, COUNTER_MAX + 1)],
        DecodeError::BadCounter {
            actor: A,
            counter: COUNTER_MAX + 1,
        },
    );
    let many: Vec<_> = (0..=ACTORS_MAX as u64).map(|n| (ActorId(n), 1)).collect();
    check(
        many,
        DecodeError::TooManyActors {
            count: ACTORS_MAX + 1,
        },
    );
}

#[test]
fn only_the_one_encoding_of_a_context_decodes() {
    let seen = context(&[(A, 1), (B, 300)]);
    let bytes = seen.encode();
    assert_eq!(bytes, [2, 1, 1, 2, 0xac, 2]);
    assert_eq!(Context::decode(&bytes), Ok(seen));
    assert_eq!(Context::decode(&bytes[..5]), Err(DecodeError::Malformed));
    let wrong_length = |found_bytes| {
        let expected_bytes = found_bytes - 1;
        Err(DecodeError::NotCanonical {
            expected_bytes,
            found_bytes,
        })
    };
    assert_eq!(
        Context::decode(&[1, 1, 1, 0]),
        wrong_length(4),
        "trailing byte"
    );
    assert_eq!(
        Context::decode(&[1, 0x81, 0, 1]),
        wrong_length(4),
        "padded number"
    );
}

#[test]
fn a_write_replaces_what_it_has_seen_and_stands_beside_the_rest() {
    let mut set = VersionSet::new();
    put(&mut set, A, 1, b'a', None);
    let seen = set.context().clone();
    put(&mut set, A, 2, b'b', None);
    assert_eq!(bytes(&set), [b'b', b'a']);
    assert_eq!(put(&mut set, A, 3, b'c', Some(&seen)), dot(A, 3));
    assert_eq!(bytes(&set), [b'c', b'b']);
}

#[test]
fn a_version_that_a_write_has_seen_elsewhere_does_not_come_back() {
    let (mut here, mut there) = (VersionSet::new(), VersionSet::new());
    put(&mut there, B, 1, b'a', None);
    put(&mut here, A, 2, b'b', Some(there.context()));
    assert!(!here.merge(&there, Policy::Siblings) && here.covers(&there));
    assert!(!there.covers(&here) && there.merge(&here, Policy::Siblings));
    assert_eq!(bytes(&here), [b'b']);
    assert_eq!(here.digest(), there.digest());
}

#[test]
fn a_client_cannot_claim_dots_of_the_coordinator_that_are_not_minted_yet() {
    let mut set = VersionSet::new();
    let forged = context(&[(A, 100), (B, COUNTER_MAX)]);
    assert_eq!(put(&mut set, A, 1, b'a', Some(&forged)), dot(A, 1));
    assert_eq!(set.context().counter(A), 1);
    put(&mut set, B, 2, b'b', None);
    assert_eq!(VersionSet::decode(&set.encode()), Ok(set));
}

#[test]
fn a_tombstone_stands_beside_concurrent_values_and_is_not_read() {
    let mut set = VersionSet::new();
    put(&mut set, A, 1, b'a', None);
    set.write(
        B,
        Hlc::from_u64(2),
        UNNUMBERED,
        None,
        None,
        Policy::Siblings,
    );
    assert_eq!(set.versions().len(), 2);
    assert_eq!(set.winner().unwrap().value, None);
    assert_eq!(bytes(&set), *b"a");
}

#[test]
fn the_last_writer_wins_alone_and_a_late_clock_does_not_lose_to_what_it_replaces() {
    let (mut left, mut right) = (VersionSet::new(), VersionSet::new());
    put_lww(&mut left, A, 5, b'a');
    put_lww(&mut right, B, 9, b'b');
    let other = left.clone();
    assert!(left.merge(&right, Policy::Lww) && right.merge(&other, Policy::Lww));
    assert_eq!((left.digest(), bytes(&left)), (right.digest(), vec![b'b']));
    put_lww(&mut left, A, 6, b'c');
    right.merge(&left, Policy::Lww);
    assert_eq!(bytes(&right), *b"c");
    assert_eq!(right.winner().unwrap().hlc, Hlc::from_u64(10));
}

#[test]
fn a_retry_where_the_write_is_known_mints_no_second_dot() {
    let mut set = VersionSet::new();
    let first = set.write(
        A,
        Hlc::from_u64(1),
        request(1),
        value(b'a'),
        None,
        Policy::Siblings,
    );
    let before = set.clone();
    let again = set.write(
        B,
        Hlc::from_u64(2),
        request(1),
        value(b'a'),
        None,
        Policy::Siblings,
    );
    assert_eq!((first, before), (again, set));
}

#[test]
fn a_retry_at_another_coordinator_is_read_once_and_replaced_whole() {
    let (mut left, mut right) = (VersionSet::new(), VersionSet::new());
    left.write(
        A,
        Hlc::from_u64(1),
        request(1),
        value(b'a'),
        None,
        Policy::Siblings,
    );
    right.write(
        B,
        Hlc::from_u64(9),
        request(1),
        value(b'a'),
        None,
        Policy::Siblings,
    );
    left.merge(&right, Policy::Siblings);
    assert_eq!((bytes(&left), left.versions().len()), (vec![b'a'], 2));
    assert_eq!(
        left.winner().unwrap().dot,
        dot(A, 1),
        "of one write the smallest dot speaks"
    );
    let seen = left.context().clone();
    put(&mut left, A, 10, b'b', Some(&seen));
    left.merge(&right, Policy::Siblings);
    assert_eq!(left.versions().len(), 1);
}

#[test]
fn a_write_at_the_cap_replaces_the_lowest() {
    let mut set = VersionSet::new();
    let cap = u64::try_from(SIBLINGS_MAX).unwrap();
    for n in 0..=cap {
        put(&mut set, A, 100 - n, u8::try_from(n).unwrap(), None);
        assert!(set.versions().len() <= SIBLINGS_MAX);
    }
    assert!(
        !bytes(&set).contains(&15),
        "the lowest clock before the last write"
    );
    assert!(bytes(&set).contains(&16), "the write itself stays");
}

#[test]
fn beyond_the_cap_all_are_kept_after_a_merge_but_the_highest_are_read() {
    let (mut left, mut right) = (VersionSet::new(), VersionSet::new());
    for n in 0..10 {
        put(&mut left, A, 2 * n, 2, None);
        put(&mut right, B, 2 * n + 1, 1, None);
    }
    left.merge(&right, Policy::Siblings);
    assert_eq!(
        (left.versions().len(), left.live(0).count()),
        (20, SIBLINGS_MAX)
    );
    let lowest = left.live(0).last().unwrap().hlc;
    assert_eq!(lowest, Hlc::from_u64(4));
    assert_eq!(VersionSet::decode(&left.encode()), Ok(left));
}

#[test]
fn a_context_full_of_forged_actors_takes_the_coordinator_and_still_decodes() {
    let forged: Vec<_> = (10..10 + ACTORS_MAX as u64)
        .map(|n| (ActorId(n), 1))
        .collect();
    let mut set = VersionSet::new();
    assert_eq!(
        put(&mut set, A, 1, b'a', Some(&context(&forged))),
        dot(A, 1)
    );
    assert_eq!(put(&mut set, B, 2, b'b', None), dot(B, 1));
    assert_eq!(
        (set.context().len(), bytes(&set)),
        (ACTORS_MAX, b"ba".to_vec())
    );
    assert_eq!(VersionSet::decode(&set.encode()), Ok(set.clone()));

    let mut other = VersionSet::new();
    put(&mut other, ActorId(3), 3, b'c', None);
    let before = other.clone();
    assert!(!other.merge(&set, Policy::Siblings) && other == before);
}

#[test]
fn a_set_that_breaks_its_invariants_does_not_decode() {
    let version = |dot, len| Version {
        dot,
        hlc: Hlc::from_u64(1),
        request: UNNUMBERED,
        expires_at_ms: None,
        value: Some(Value {
            encoding: 0,
            bytes: vec![0; len],
        }),
    };
    let check = |versions: Vec<Version>, expect: DecodeError| {
        let bytes = postcard::to_allocvec(&(context(&[(A, 20), (B, 1)]), versions)).unwrap();
        assert_eq!(VersionSet::decode(&bytes), Err(expect));
        assert!(postcard::from_bytes::<VersionSet>(&bytes).is_err());
    };
    let at = |counter| version(dot(A, counter), 1);
    check(vec![at(2), at(1)], DecodeError::UnsortedVersions);
    check(vec![at(1), at(1)], DecodeError::UnsortedVersions);
    check(
        vec![at(0)],
        DecodeError::DotOutsideContext { dot: dot(A, 0) },
    );
    check(
        vec![at(21)],
        DecodeError::DotOutsideContext { dot: dot(A, 21) },
    );
    check(
        (1..=17).map(at).collect(),
        DecodeError::TooManyVersions { actor: A },
    );
    let bytes = PAIR_BYTES_MAX + 1;
    check(
        vec![version(dot(B, 1), bytes)],
        DecodeError::ValueTooLong {
            dot: dot(B, 1),
            bytes,
        },
    );
}

#[test]
fn the_encoding_of_a_set_is_the_documented_one() {
    let mut set = VersionSet::new();
    set.write(
        A,
        Hlc::from_u64(1),
        request(300),
        value(b'a'),
        None,
        Policy::Siblings,
    );
    set.write(
        B,
        Hlc::from_u64(2),
        UNNUMBERED,
        None,
        None,
        Policy::Siblings,
    );
    let expect = [
        2, 1, 1, 2, 1, // context: two entries
        2, // two versions
        1, 1, 1, 9, 0xac, 2, 0, 1, 0, 1, b'a', // a value: encoding 0, one byte
        2, 1, 2, 0, 0, 0, 0, // a tombstone
    ];
    assert_eq!(set.encode(), expect);
    assert_eq!(set.digest(), crate::hash::hash64(&expect));
    assert_eq!(VersionSet::decode(&expect), Ok(set));
    assert_eq!(VersionSet::new().encode(), [0, 0]);
}

#[test]
fn two_versions_under_one_dot_merge_the_same_way_on_both_sides() {
    let (mut left, mut right) = (VersionSet::new(), VersionSet::new());
    put(&mut left, A, 1, b'a', None);
    put(&mut right, A, 1, b'b', None);
    let other = left.clone();
    assert!(left.merge(&right, Policy::Siblings) && !right.merge(&other, Policy::Siblings));
    assert_eq!((left.digest(), bytes(&left)), (right.digest(), vec![b'b']));
}
