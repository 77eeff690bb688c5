//! What a page of a list promises (`docs/listing.md`), with real nodes on a virtual clock.

use henge_core::client::{Listing, PageWanted};
use henge_core::cluster::Change;
use henge_core::config::Config;
use henge_core::hash::{partition_at, position};
use henge_core::id::{BucketId, PartitionId};
use henge_core::limits::LIST_PAGE_BYTES;
use henge_core::replication::Level;
use henge_core::selector::Span;
use henge_core::time::Duration;
use henge_core::wire::{
    ErrorCode, Failure, FrameKind, Listed, Operation, Reply, Request, message_frame,
};
use henge_sim::Cluster;

const PARTITIONS: u16 = 8;

fn few_partitions(config: &mut Config) {
    config.partitions = PARTITIONS;
    // What a replica lacks comes to it by reads only.
    config.sync_round_ms = 3_600_000;
}

fn prefix(text: &str) -> Span {
    Span::Prefix(text.into())
}

fn partition_of(key: &str) -> PartitionId {
    partition_at(position(BucketId(0), key.as_bytes()), PARTITIONS)
}

fn wanted(partition: PartitionId, after: &str, limit: u32) -> PageWanted {
    let after = after.into();
    PageWanted {
        partition,
        after,
        is_reverse: false,
        limit,
    }
}

type Page = (Vec<Listed>, Option<Vec<u8>>);

fn page(
    cluster: &mut Cluster,
    seat: usize,
    span: &Span,
    wanted: &PageWanted,
    level: Level,
) -> Result<Page, Failure> {
    let id = cluster.request_page(seat, span, wanted, Some(level));
    match cluster.wait(id).result? {
        Reply::Listed { entries, next } => Ok((entries, next)),
        other => panic!("{other:?}"),
    }
}

fn pair(entry: &Listed) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    (text(&entry.key), text(&entry.value.bytes))
}

/// Everything that a list through `seat` gives, in the order in which it gives it.
fn list(cluster: &mut Cluster, seat: usize, span: &Span, level: Level) -> Vec<(String, String)> {
    let listing = Listing::new(span.clone(), None, PARTITIONS);
    play(cluster, seat, listing, level)
}

fn play(
    cluster: &mut Cluster,
    seat: usize,
    mut listing: Listing,
    level: Level,
) -> Vec<(String, String)> {
    let span = &listing.span().clone();
    let mut pairs = Vec::new();
    while !listing.is_done() {
        while let Some(mut wanted) = listing.poll_page() {
            wanted.limit = 7;
            let found = page(cluster, seat, span, &wanted, level).expect("a page");
            let taken = listing.handle_page(wanted.partition, found.0, found.1);
            taken.expect("a page in order");
        }
        while let Some(entry) = listing.poll_entry() {
            pairs.push(pair(&entry));
        }
    }
    pairs
}

fn put(cluster: &mut Cluster, seat: usize, key: &str, value: &str) {
    let response = cluster.put(seat, key, value, Some(Level::Quorum));
    response.result.expect("a write that succeeds");
}

fn delete(cluster: &mut Cluster, seat: usize, key: &str) {
    let mut operation = cluster.write("", Some(Level::Quorum));
    if let Operation::Write { value, .. } = &mut operation {
        *value = None;
    }
    let id = cluster.request(seat, key, operation);
    cluster.wait(id).result.expect("a delete that succeeds");
}

/// The keys `k000` and so on, each with a value, and what a list of them is to give.
fn load(cluster: &mut Cluster, count: usize) -> Vec<(String, String)> {
    let pairs = (0..count).map(|number| (format!("k{number:03}"), format!("v{number}")));
    let pairs: Vec<_> = pairs.collect();
    for (number, (key, value)) in pairs.iter().enumerate() {
        put(cluster, number % 3, key, value);
    }
    pairs
}

#[test]
fn every_key_is_listed_once_and_in_order_through_every_member() {
    let mut cluster = Cluster::with(5, 31, few_partitions);
    let pairs = load(&mut cluster, 120);
    put(&mut cluster, 0, "j", "before");
    put(&mut cluster, 0, "l", "behind");
    for seat in 0..5 {
        for level in [Level::One, Level::Quorum, Level::All] {
            assert_eq!(list(&mut cluster, seat, &prefix("k"), level), pairs);
        }
    }
    let some = Span::Range {
        from: b"k010".to_vec(),
        to: b"k020".to_vec(),
    };
    assert_eq!(list(&mut cluster, 1, &some, Level::Quorum), pairs[10..20]);
    let one = Span::Key(b"k007".to_vec());
    assert_eq!(list(&mut cluster, 1, &one, Level::Quorum), pairs[7..8]);
    assert_eq!(
        list(&mut cluster, 1, &prefix(""), Level::Quorum).len(),
        122,
        "the node's own records are none of the keys"
    );
    assert_eq!(list(&mut cluster, 1, &prefix("x"), Level::Quorum), []);
}

#[test]
fn a_list_from_the_last_key_to_the_first_has_the_same_keys_and_goes_on_behind_any_of_them() {
    let mut cluster = Cluster::with(3, 44, few_partitions);
    let mut pairs = load(&mut cluster, 80);
    delete(&mut cluster, 0, "k079");
    delete(&mut cluster, 1, "k040");
    pairs.retain(|(key, _)| key != "k079" && key != "k040");
    pairs.reverse();
    let range = |from: &str, to: &str| Span::Range {
        from: from.into(),
        to: to.into(),
    };
    let mut check = |span: Span, behind: &str, expected: &[(String, String)]| {
        for level in [Level::One, Level::Quorum] {
            let listing = Listing::new(span.clone(), None, PARTITIONS);
            let listing = listing.in_reverse(true).behind(behind.into());
            assert_eq!(
                play(&mut cluster, 0, listing, level),
                expected,
                "{span:?} behind {behind:?}"
            );
        }
    };
    check(prefix("k"), "", &pairs);
    check(prefix("k"), "k070", &pairs[9..]);
    check(range("k010", "k020"), "", &pairs[58..68]);
    check(range("k010", "k020"), "k012", &pairs[66..68]);
    check(range("k010", ""), "k012", &pairs[66..68]);
    check(Span::Key("k007".into()), "", &pairs[70..71]);
    // Where to go on may lie outside of what is listed.
    check(prefix("k"), "z", &pairs);
    check(prefix("k"), "a", &[]);
    check(range("k010", "k020"), "k020", &pairs[58..68]);
    check(range("k010", "k020"), "k010", &[]);
    check(range("k010", "k020"), "k005", &[]);
    check(Span::Key("k007".into()), "k007", &[]);
    check(Span::Key("k007".into()), "k008", &pairs[70..71]);
}

#[test]
fn what_is_deleted_or_over_is_left_out_and_the_list_goes_on_behind_it() {
    let mut cluster = Cluster::with(3, 32, few_partitions);
    let mut pairs = load(&mut cluster, 60);
    let gone: Vec<_> = pairs.drain(10..50).collect();
    for (number, (key, _)) in gone.iter().enumerate() {
        if number % 2 == 0 {
            delete(&mut cluster, number % 3, key);
        } else {
            let mut operation = cluster.write("short", Some(Level::Quorum));
            if let Operation::Write { ttl_ms, .. } = &mut operation {
                *ttl_ms = Some(50);
            }
            let id = cluster.request(number % 3, key, operation);
            cluster.wait(id).result.expect("a write that succeeds");
        }
    }
    cluster.run_for(Duration::from_millis(100));
    assert_eq!(list(&mut cluster, 0, &prefix("k"), Level::Quorum), pairs);
    // A page of nothing else is empty and says where to go on.
    let first = &gone[0].0;
    let ask = wanted(partition_of(first), "k009", 1);
    let (entries, next) = page(&mut cluster, 0, &prefix("k"), &ask, Level::All).expect("a page");
    assert_eq!((entries, next), (vec![], Some(first.clone().into_bytes())));
}

#[test]
fn an_entry_has_what_a_read_of_the_key_has_and_when_it_ends() {
    let mut cluster = Cluster::with(3, 33, few_partitions);
    let mut operation = cluster.write("v", Some(Level::All));
    if let Operation::Write { ttl_ms, .. } = &mut operation {
        *ttl_ms = Some(60_000);
    }
    let id = cluster.request(0, "k", operation);
    cluster.wait(id).result.expect("a write that succeeds");
    let Ok(Reply::Found(entry)) = cluster.get(1, "k", Some(Level::All)).result else {
        panic!("a value")
    };
    let ask = wanted(partition_of("k"), "", 10);
    let (mut entries, next) = page(&mut cluster, 1, &prefix(""), &ask, Level::All).expect("a page");
    let listed = entries.pop().expect("the key");
    let ends_in_ms = listed.expires_at_ms.expect("an end") - cluster.now.as_millis();
    assert!((50_000..=60_000).contains(&ends_in_ms), "{ends_in_ms}");
    let expected = Listed {
        key: b"k".to_vec(),
        value: entry.value,
        version: entry.version,
        siblings: entry.siblings,
        expires_at_ms: listed.expires_at_ms,
        context: entry.context,
    };
    assert_eq!((listed, entries.len(), next), (expected, 0, None));
}

#[test]
fn a_page_at_quorum_shows_what_one_owner_has_missed_and_brings_it_to_it() {
    let mut cluster = Cluster::with(3, 34, few_partitions);
    let before = load(&mut cluster, 40);
    cluster.cut(2, 0, true);
    cluster.cut(2, 1, true);
    let mut after = before.clone();
    for (number, (key, value)) in after.iter_mut().enumerate() {
        if number % 3 == 0 {
            *value = "new".to_owned();
            put(&mut cluster, 0, key, "new");
        }
    }
    delete(&mut cluster, 1, "k001");
    after.remove(1);
    // Alone it can be read at level one only, and says what it has.
    assert_eq!(list(&mut cluster, 2, &prefix("k"), Level::One), before);
    let ask = wanted(PartitionId(0), "", 10);
    let alone = page(&mut cluster, 2, &prefix("k"), &ask, Level::Quorum).unwrap_err();
    assert_eq!(alone.code, ErrorCode::Unavailable);
    assert_eq!(list(&mut cluster, 0, &prefix("k"), Level::Quorum), after);
    // The comparison that its return begins brings it some, the list the rest.
    for seat in [0, 1] {
        cluster.cut(2, seat, false);
    }
    assert_eq!(list(&mut cluster, 2, &prefix("k"), Level::Quorum), after);
    let repairs = cluster.report(2).repairs;
    assert!(repairs > 0, "{repairs}");
    cluster.run_for(Duration::from_millis(100));
    assert_eq!(list(&mut cluster, 2, &prefix("k"), Level::One), after);
}

#[test]
fn an_owner_that_is_silent_is_replaced() {
    let mut cluster = Cluster::with(3, 35, few_partitions);
    let pairs = load(&mut cluster, 20);
    // Nobody is told that nothing comes from it.
    cluster.lose(1, 0, true);
    assert_eq!(list(&mut cluster, 0, &prefix("k"), Level::Quorum), pairs);
    let ask = wanted(PartitionId(0), "", 10);
    let all = page(&mut cluster, 0, &prefix("k"), &ask, Level::All).unwrap_err();
    assert_eq!(all.code, ErrorCode::Timeout);
}

#[test]
fn a_page_is_as_long_as_was_asked_and_no_longer_than_allowed() {
    let mut cluster = Cluster::with(3, 36, few_partitions);
    for number in 0..40 {
        put(
            &mut cluster,
            0,
            &format!("{{t}}{number:02}"),
            &"x".repeat(10_000),
        );
    }
    let place = partition_of("{t}");
    let mut get = |after: &str, limit| {
        let ask = wanted(place, after, limit);
        page(&mut cluster, 1, &prefix("{t}"), &ask, Level::Quorum).expect("a page")
    };
    let (entries, next) = get("", 3);
    assert_eq!((entries.len(), next), (3, Some(b"{t}02".to_vec())));
    assert_eq!(get("{t}02", 1).0[0].key, b"{t}03");
    for limit in [0, u32::MAX] {
        let (entries, next) = get("", limit);
        let bytes: usize = entries.iter().map(|it| it.value.bytes.len()).sum();
        assert!(
            (LIST_PAGE_BYTES - 20_000..=LIST_PAGE_BYTES).contains(&bytes),
            "{bytes}"
        );
        assert_eq!(next.as_deref(), entries.last().map(|it| it.key.as_slice()));
    }
    let (entries, next) = get("{t}38", 5);
    assert_eq!((entries.len(), next), (1, None));
    assert_eq!(get("{t}39", 5), (vec![], None));
    assert_eq!(get("{u}", 5), (vec![], None), "behind all");
}

#[test]
fn a_state_that_is_larger_than_a_page_is_a_page() {
    let mut cluster = Cluster::with(3, 37, |config| {
        few_partitions(config);
        config.pair_bytes_max = 1_024 * 1_024;
    });
    for number in 0..4 {
        put(
            &mut cluster,
            0,
            &format!("{{t}}{number}"),
            &"x".repeat(500_000),
        );
    }
    let (mut after, mut keys) = (String::new(), 0);
    loop {
        let ask = wanted(partition_of("{t}"), &after, 0);
        let found = page(&mut cluster, 2, &prefix("{t}"), &ask, Level::All).expect("a page");
        assert_eq!(found.0.len(), 1);
        keys += 1;
        let Some(next) = found.1 else { break };
        after = String::from_utf8(next).expect("text");
    }
    assert_eq!(keys, 4);
}

#[test]
fn a_list_that_makes_no_sense_is_refused_by_name() {
    let mut cluster = Cluster::with(3, 38, few_partitions);
    let code = |cluster: &mut Cluster, span: &Span, after: &str| {
        let ask = wanted(PartitionId(0), after, 1);
        page(cluster, 0, span, &ask, Level::One).unwrap_err().code
    };
    let long = "k".repeat(1_025);
    let backwards = Span::Range {
        from: b"b".to_vec(),
        to: b"a".to_vec(),
    };
    assert_eq!(
        code(&mut cluster, &prefix(&long), ""),
        ErrorCode::KeyTooLarge
    );
    assert_eq!(
        code(&mut cluster, &prefix(""), &long),
        ErrorCode::KeyTooLarge
    );
    assert_eq!(code(&mut cluster, &backwards, ""), ErrorCode::Protocol);
    let level = page(
        &mut cluster,
        0,
        &prefix(""),
        &wanted(PartitionId(0), "", 1),
        Level::Replicas(4),
    );
    assert_eq!(level.unwrap_err().code, ErrorCode::Level);
    // One with a key, and one in a bucket that there is not.
    for (key, bucket, code) in [
        ("k", 0, ErrorCode::Protocol),
        ("", 9, ErrorCode::NoSuchBucket),
    ] {
        let id = cluster.take_number();
        let request = Request {
            id,
            timeout_ms: 0,
            bucket: BucketId(bucket),
            key: key.into(),
            operation: Operation::List {
                span: prefix(""),
                after: vec![],
                is_reverse: false,
                limit: 1,
                r: None,
            },
        };
        let frame = message_frame(FrameKind::Request, PartitionId(0), &request);
        cluster.hand(0, frame);
        assert_eq!(cluster.wait(id).result.unwrap_err().code, code);
    }
}

#[test]
fn lists_go_on_while_owners_change() {
    let mut cluster = Cluster::with_others(3, 1, 39, few_partitions);
    let pairs = load(&mut cluster, 100);
    cluster.start(3);
    let mut lists = 0;
    while cluster.state().unsettled() > 0 || cluster.state().members().len() < 4 {
        assert_eq!(
            list(&mut cluster, lists % 3, &prefix("k"), Level::Quorum),
            pairs
        );
        cluster.run_for(Duration::from_millis(1));
        lists += 1;
    }
    assert!(lists > 4, "{lists}");
    let gone = cluster.seats[0].id;
    cluster.wish(1, Change::Leave(gone));
    while cluster.state().unsettled() > 0 || cluster.state().members().len() > 3 {
        assert_eq!(
            list(&mut cluster, 1 + lists % 3, &prefix("k"), Level::Quorum),
            pairs
        );
        cluster.run_for(Duration::from_millis(1));
        lists += 1;
    }
    for seat in 1..4 {
        assert_eq!(list(&mut cluster, seat, &prefix("k"), Level::All), pairs);
    }
}
