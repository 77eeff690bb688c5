//! What a watch promises (`docs/watch.md`), with real nodes on a virtual clock.

use henge_core::client::{WatchId, WatchOutput};
use henge_core::limits::{WATCH_QUEUE_BYTES_MAX, WATCH_TAIL_ENTRIES_MAX};
use henge_core::replication::Level;
use henge_core::selector::Span;
use henge_core::time::Duration;
use henge_core::watch::Change;
use henge_core::wire::{Operation, Reply};
use henge_sim::Cluster;
use henge_sim::watcher::{Watcher, run};

const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn key(text: &str) -> Span {
    Span::Key(text.into())
}

fn prefix(text: &str) -> Span {
    Span::Prefix(text.into())
}

/// A key and its value, if it has one.
type Pair = (String, Option<String>);

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

fn pair(change: &Change) -> Pair {
    let value = change.value.as_ref().map(|value| text(&value.bytes));
    (text(&change.key), value)
}

fn set(key: &str, value: &str) -> Pair {
    (key.into(), Some(value.into()))
}

/// What `watch` was told, and nothing else may have come.
fn told(watcher: &mut Watcher, watch: WatchId) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for output in watcher.take() {
        match output {
            WatchOutput::Changes { watch: it, changes } if it == watch => {
                pairs.extend(changes.iter().map(pair));
            }
            WatchOutput::Changes { .. }
            | WatchOutput::Watching { .. }
            | WatchOutput::Resumed { .. }
            | WatchOutput::Shown { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(watcher.wrongs, [""; 0]);
    pairs
}

/// A cluster of three with a watcher at `server`, who watches `span`.
fn watching(seed: u64, server: usize, span: Span) -> (Cluster, [Watcher; 1], WatchId) {
    let mut cluster = Cluster::new(3, seed);
    let mut watchers = [Watcher::new(&cluster, 0, Some(server))];
    let watch = watchers[0].watch(&cluster, span);
    run(&mut cluster, &mut watchers, millis(20));
    assert_eq!(watchers[0].take(), [WatchOutput::Watching { watch }]);
    (cluster, watchers, watch)
}

fn put(cluster: &mut Cluster, seat: usize, key: &str, value: &str) {
    let written = cluster.put(seat, key, value, Some(Level::Quorum));
    assert!(
        matches!(written.result, Ok(Reply::Written { .. })),
        "{written:?}"
    );
}

fn delete(cluster: &mut Cluster, seat: usize, key: &str) {
    let Operation::Write { level, request, .. } = cluster.write("", Some(Level::Quorum)) else {
        panic!("a write")
    };
    let delete = Operation::Write {
        level,
        request,
        context: vec![],
        value: None,
        ttl_ms: None,
    };
    let id = cluster.request(seat, key, delete);
    assert!(cluster.wait(id).result.is_ok());
}

#[test]
fn a_key_a_prefix_and_a_range_are_told_of_what_changes_there_and_of_nothing_else() {
    let mut cluster = Cluster::new(3, 1);
    let mut watchers = [
        Watcher::new(&cluster, 0, Some(0)),
        Watcher::new(&cluster, 1, Some(1)),
    ];
    let one = watchers[0].watch(&cluster, key("a/1"));
    let some = watchers[0].watch(&cluster, prefix("a/"));
    let range = watchers[1].watch(
        &cluster,
        Span::Range {
            from: b"a/2".to_vec(),
            to: b"b".to_vec(),
        },
    );
    run(&mut cluster, &mut watchers, millis(20));
    for (name, seat) in [("a/1", 0), ("a/2", 1), ("b", 2), ("a/3", 2), ("a0", 0)] {
        put(&mut cluster, seat, name, name);
    }
    delete(&mut cluster, 1, "a/2");
    run(&mut cluster, &mut watchers, millis(20));
    let heard = watchers[0].heard.clone();
    assert_eq!(told(&mut watchers[0], one), [set("a/1", "a/1")]);
    watchers[0].heard = heard;
    let mut all = told(&mut watchers[0], some);
    all.sort();
    let gone = ("a/2".into(), None);
    let expected = [
        set("a/1", "a/1"),
        gone,
        set("a/2", "a/2"),
        set("a/3", "a/3"),
    ];
    assert_eq!(all, expected);
    let mut all = told(&mut watchers[1], range);
    all.sort();
    let gone = ("a/2".into(), None);
    let expected = [gone, set("a/2", "a/2"), set("a/3", "a/3"), set("a0", "a0")];
    assert_eq!(all, expected);
    watchers[0].client.unwatch(cluster.now, some);
    run(&mut cluster, &mut watchers, millis(20));
    put(&mut cluster, 0, "a/4", "4");
    run(&mut cluster, &mut watchers, millis(20));
    assert_eq!(told(&mut watchers[0], some), []);
    assert_eq!(cluster.report(0).watch.watches, 1);
}

#[test]
fn a_change_is_told_within_a_millisecond_of_its_answer() {
    let (mut cluster, mut watchers, _) = watching(2, 0, prefix(""));
    for number in 0..100 {
        put(&mut cluster, number % 3, &format!("k{number}"), "v");
        let answered = cluster.now;
        let limit = answered + millis(1);
        while watchers[0].changes <= number as u64 {
            assert!(
                cluster.now <= limit,
                "write {number} is not told after 1 ms"
            );
            run(&mut cluster, &mut watchers, Duration::from_micros(100));
        }
    }
}

#[test]
fn whoever_comes_back_elsewhere_goes_on_where_it_was() {
    let (mut cluster, mut watchers, watch) = watching(3, 0, prefix("k"));
    put(&mut cluster, 1, "k0", "0");
    run(&mut cluster, &mut watchers, millis(20));
    assert_eq!(told(&mut watchers[0], watch), [set("k0", "0")]);
    cluster.crash(0);
    run(&mut cluster, &mut watchers, millis(5));
    assert!(!watchers[0].is_connected());
    for number in 1..50 {
        put(&mut cluster, 1 + number % 2, &format!("k{number}"), "v");
    }
    watchers[0].server = Some(2);
    run(&mut cluster, &mut watchers, millis(500));
    let mut all = told(&mut watchers[0], watch);
    all.sort();
    let mut expected: Vec<Pair> = (1..50).map(|it| set(&format!("k{it}"), "v")).collect();
    expected.sort();
    assert_eq!(all, expected);
}

#[test]
fn a_token_goes_on_in_another_client() {
    let (mut cluster, mut watchers, watch) = watching(4, 0, key("k"));
    put(&mut cluster, 1, "k", "1");
    run(&mut cluster, &mut watchers, millis(20));
    let token = watchers[0].client.watch_token(watch).expect("it watches");
    put(&mut cluster, 1, "k", "2");
    put(&mut cluster, 1, "k", "3");
    let mut others = [Watcher::new(&cluster, 7, Some(2))];
    let other = others[0].watch_from(&cluster, key("k"), token);
    run(&mut cluster, &mut others, millis(100));
    let all = told(&mut others[0], other);
    assert_eq!(all.last(), Some(&set("k", "3")));
}

#[test]
fn a_replica_that_is_killed_and_comes_back_costs_nobody_a_change() {
    for seat in 0..3 {
        let (mut cluster, mut watchers, watch) = watching(5, 0, prefix("k"));
        if seat == 0 {
            watchers[0].server = Some(1);
            run(&mut cluster, &mut watchers, millis(200));
        }
        for round in 0..5 {
            cluster.crash(seat);
            cluster.run_for(millis(5));
            for number in 0..10 {
                let through = (seat + 1 + number % 2) % 3;
                put(
                    &mut cluster,
                    through,
                    &format!("k{number}"),
                    &format!("{round}"),
                );
            }
            cluster.start(seat);
            for number in 10..20 {
                let through = (seat + 1 + number % 2) % 3;
                put(
                    &mut cluster,
                    through,
                    &format!("k{number}"),
                    &format!("{round}"),
                );
            }
            run(&mut cluster, &mut watchers, millis(1_500));
            let mut all = told(&mut watchers[0], watch);
            all.sort();
            all.dedup();
            let value = format!("{round}");
            let expected = (0..20).map(|number| set(&format!("k{number}"), &value));
            let mut expected: Vec<Pair> = expected.collect();
            expected.sort();
            assert_eq!(all, expected, "seat {seat}, round {round}");
        }
    }
}

#[test]
fn a_stone_that_is_cut_off_tells_what_it_missed_when_it_is_back() {
    let (mut cluster, mut watchers, watch) = watching(6, 0, prefix("k"));
    cluster.cut(0, 1, true);
    cluster.cut(0, 2, true);
    cluster.run_for(millis(50));
    for number in 0..30 {
        put(&mut cluster, 1 + number % 2, &format!("k{number}"), "v");
    }
    run(&mut cluster, &mut watchers, millis(200));
    assert_eq!(told(&mut watchers[0], watch), []);
    cluster.cut(0, 1, false);
    cluster.cut(0, 2, false);
    run(&mut cluster, &mut watchers, millis(1_000));
    assert_eq!(told(&mut watchers[0], watch).len(), 30);
}

#[test]
fn frames_that_are_lost_without_a_word_are_asked_for_again() {
    let (mut cluster, mut watchers, watch) = watching(7, 0, prefix("k"));
    cluster.lose(1, 0, true);
    cluster.lose(2, 0, true);
    for number in 0..30 {
        put(&mut cluster, 1 + number % 2, &format!("k{number}"), "v");
    }
    cluster.lose(1, 0, false);
    cluster.lose(2, 0, false);
    run(&mut cluster, &mut watchers, millis(5_000));
    assert_eq!(told(&mut watchers[0], watch).len(), 30);
}

#[test]
fn a_slow_reader_costs_bounded_memory_and_is_told_to_read_anew() {
    let (mut cluster, mut watchers, watch) = watching(8, 0, prefix("k"));
    watchers[0].reads = false;
    let quick = Watcher::new(&cluster, 1, Some(0));
    let [slow] = watchers;
    let mut watchers = [slow, quick];
    watchers[1].watch(&cluster, prefix("k"));
    run(&mut cluster, &mut watchers, millis(20));
    let value = "v".repeat(4_000);
    let count = 2 * WATCH_QUEUE_BYTES_MAX / value.len();
    let mut queued = 0;
    for number in 0..count {
        let operation = cluster.write(&value, None);
        cluster.request(number % 3, &format!("k{number}"), operation);
        if number % 50 == 0 {
            run(&mut cluster, &mut watchers, millis(2));
            queued = queued.max(cluster.report(0).watch.queued_bytes);
        }
    }
    run(&mut cluster, &mut watchers, millis(500));
    assert!(
        queued < 2 * WATCH_QUEUE_BYTES_MAX as u64,
        "{queued} bytes wait"
    );
    assert_eq!(
        (watchers[1].changes, watchers[1].resyncs),
        (count as u64, 0)
    );
    watchers[0].reads = true;
    run(&mut cluster, &mut watchers, millis(500));
    let outputs = watchers[0].take();
    assert!(
        outputs.contains(&WatchOutput::Resync { watch }),
        "it hears that it has missed something"
    );
    put(&mut cluster, 1, "k-last", "v");
    run(&mut cluster, &mut watchers, millis(20));
    assert_eq!(told(&mut watchers[0], watch), [set("k-last", "v")]);
    assert_eq!(cluster.report(0).watch.queued_bytes, 0);
}

#[test]
fn history_that_is_gone_is_said() {
    let (mut cluster, mut watchers, watch) = watching(9, 0, key("k"));
    watchers[0].server = None;
    run(&mut cluster, &mut watchers, millis(10));
    for batch in 0..WATCH_TAIL_ENTRIES_MAX / 500 + 2 {
        for number in 0..500 {
            let operation = cluster.write("v", None);
            cluster.request(number % 3, &format!("other-{batch}-{number}"), operation);
        }
        cluster.run_for(millis(20));
    }
    put(&mut cluster, 0, "k", "v");
    watchers[0].server = Some(1);
    run(&mut cluster, &mut watchers, millis(200));
    assert_eq!(watchers[0].take(), [WatchOutput::Resync { watch }]);
    put(&mut cluster, 0, "k", "w");
    run(&mut cluster, &mut watchers, millis(20));
    assert_eq!(told(&mut watchers[0], watch), [set("k", "w")]);
}

#[test]
fn changes_are_told_while_owners_change_and_afterwards() {
    let mut cluster = Cluster::with_others(3, 2, 10, |config| config.partitions = 16);
    let mut watchers = [Watcher::new(&cluster, 0, Some(0))];
    let watch = watchers[0].watch(&cluster, prefix("k"));
    run(&mut cluster, &mut watchers, millis(20));
    for (newcomer, seat) in [3, 4].into_iter().enumerate() {
        cluster.start(seat);
        for round in 0..20 {
            for number in 0..40 {
                let (key, value) = (format!("k{number}"), format!("{seat}-{round}"));
                put(&mut cluster, number % 3, &key, &value);
            }
            run(&mut cluster, &mut watchers, millis(200));
        }
        assert_eq!(cluster.state().unsettled(), 0, "the newcomer has its part");
        // With the second one, two of three owners are others than those it began with.
        assert!(watchers[0].resyncs <= newcomer as u64);
        watchers[0].take();
        for number in 0..40 {
            put(&mut cluster, number % 4, &format!("k{number}"), "last");
        }
        run(&mut cluster, &mut watchers, millis(50));
        assert_eq!(told(&mut watchers[0], watch).len(), 40);
    }
}

#[test]
fn what_cannot_be_watched_is_said() {
    let mut cluster = Cluster::new(3, 11);
    let mut watchers = [Watcher::new(&cluster, 0, Some(0))];
    let spec = henge_core::client::WatchSpec {
        bucket: henge_core::id::BucketId(77).into(),
        span: key("k"),
        token: vec![],
    };
    let watch = watchers[0]
        .client
        .watch(cluster.now, spec)
        .expect("a good watch");
    run(&mut cluster, &mut watchers, millis(20));
    let outputs = watchers[0].take();
    let [WatchOutput::Failed { watch: it, failure }] = &outputs[..] else {
        panic!("{outputs:?}")
    };
    assert_eq!((*it, failure.code.name()), (watch, "NO_SUCH_BUCKET"));
    let long = Span::Prefix(vec![0; 2_000]);
    let spec = henge_core::client::WatchSpec {
        bucket: henge_core::id::BucketId(0).into(),
        span: long,
        token: vec![],
    };
    assert!(watchers[0].client.watch(cluster.now, spec).is_err());
}

#[test]
fn whatever_fails_a_watcher_has_in_the_end_what_the_ring_has() {
    let mut total = henge_sim::watch_run::Counts::default();
    let mut quiet = 0;
    for seed in 0..SEEDS {
        let counts = henge_sim::watch_run::play(seed);
        let counts = counts.unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"));
        quiet += u64::from(counts.resyncs == 0);
        total.changes += counts.changes;
        total.resyncs += counts.resyncs;
        total.kills += counts.kills;
        total.moves += counts.moves;
    }
    println!("{SEEDS} seeds, {quiet} without a resync: {total:?}");
    assert!(
        quiet * 2 > SEEDS,
        "where history is kept it is hardly ever gone: {total:?}"
    );
    assert!(total.resyncs > 0, "where it is not it is gone");
}

/// Runs of random faults.
const SEEDS: u64 = 1_000;
