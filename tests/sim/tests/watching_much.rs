//! Many changes and many who watch, with real nodes on a virtual clock.

use henge_core::client::WatchOutput;
use henge_core::limits::WATCH_TOLD_MAX;
use henge_core::replication::Level;
use henge_core::time::Duration;
use henge_core::watch::Span;
use henge_sim::Cluster;
use henge_sim::watcher::{Watcher, run};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// What of `pending` was answered goes to `acked`.
fn settle(
    cluster: &mut Cluster,
    pending: &mut BTreeMap<u64, String>,
    acked: &mut BTreeSet<Vec<u8>>,
) {
    while let Some(response) = cluster.take_any_response() {
        let key = pending.remove(&response.id);
        if response.result.is_ok() {
            acked.extend(key.map(String::into_bytes));
        }
    }
}

#[test]
fn each_of_100_000_changes_is_told_once_though_the_serving_stone_is_killed_10_times() {
    let mut cluster = Cluster::new(3, 100);
    let mut serving = 0;
    let mut watchers = [Watcher::new(&cluster, 0, Some(serving))];
    let watch = watchers[0].watch(&cluster, Span::Prefix(b"k".to_vec()));
    run(&mut cluster, &mut watchers, millis(20));
    assert_eq!(watchers[0].take(), [WatchOutput::Watching { watch }]);
    let (mut pending, mut acked) = (BTreeMap::new(), BTreeSet::new());
    let (mut written, mut kills) = (0, 0);
    while acked.len() < CHANGES {
        for _ in 0..50 {
            written += 1;
            let seat = written % 3;
            if cluster.is_running(seat) {
                let key = format!("k{written}");
                let operation = cluster.write("value", Some(Level::Quorum));
                pending.insert(cluster.request(seat, &key, operation), key);
            }
        }
        run(&mut cluster, &mut watchers, Duration::from_micros(800));
        watchers[0].take();
        settle(&mut cluster, &mut pending, &mut acked);
        if acked.len() < WATCH_TOLD_MAX {
            // Until then the client remembers all that it was told.
            assert_eq!(watchers[0].resyncs, 0);
        }
        if kills < KILLS && acked.len() > (kills + 1) * CHANGES / (KILLS + 1) {
            kills += 1;
            cluster.crash(serving);
            run(&mut cluster, &mut watchers, millis(3));
            cluster.start(serving);
            serving = (serving + 1) % 3;
            watchers[0].server = Some(serving);
        }
    }
    run(&mut cluster, &mut watchers, millis(3_000));
    settle(&mut cluster, &mut pending, &mut acked);
    let watcher = &watchers[0];
    println!(
        "{} written, {} acknowledged, {} told, {} resyncs, {kills} kills",
        written,
        acked.len(),
        watcher.changes,
        watcher.resyncs
    );
    assert_eq!(watcher.wrongs, [""; 0]);
    assert_eq!(kills, KILLS);
    let missed = acked.iter().filter(|key| {
        let name = (watch, (*key).clone());
        !watcher.last.contains_key(&name)
    });
    assert_eq!(missed.count(), 0);
    // Each key was written once, so each was told once.
    assert_eq!(watcher.changes, watcher.last.len() as u64);
}

/// Figures, not a promise: `--ignored --nocapture`.
#[test]
#[ignore = "takes memory and time, and asserts little"]
fn what_10_000_watchers_cost() {
    for (name, is_shared) in [("one prefix", true), ("a key each", false)] {
        let mut cluster = Cluster::new(3, 200);
        let clock: fn() -> u64 = || {
            static BEGAN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
            let nanos = BEGAN.get_or_init(Instant::now).elapsed().as_nanos();
            u64::try_from(nanos).unwrap_or(u64::MAX)
        };
        cluster.time_nodes(clock);
        let before = resident_kib();
        let mut watchers: Vec<Watcher> = (0..WATCHERS)
            .map(|number| {
                let mut watcher = Watcher::new(&cluster, number, Some(0));
                let span = match is_shared {
                    true => Span::Prefix(b"k".to_vec()),
                    false => Span::Key(format!("k{number}").into_bytes()),
                };
                watcher.watch(&cluster, span);
                watcher
            })
            .collect();
        run(&mut cluster, &mut watchers, millis(200));
        let begun = watchers.iter_mut().map(|it| it.take().len());
        assert_eq!(begun.sum::<usize>() as u64, WATCHERS);
        let after = resident_kib();
        let report = cluster.report(0).watch;
        let mut nanos = Vec::new();
        for number in 0..CHANGES_TIMED {
            let worked = cluster.worked_nanos(0);
            let written = cluster.put(1, &format!("k{number}"), "value", Some(Level::All));
            assert!(written.result.is_ok());
            run(&mut cluster, &mut watchers, millis(1));
            nanos.push(cluster.worked_nanos(0) - worked);
        }
        let told: u64 = watchers.iter().map(|it| it.changes).sum();
        let expected = if is_shared {
            WATCHERS * CHANGES_TIMED
        } else {
            CHANGES_TIMED
        };
        assert_eq!(told, expected);
        nanos.sort_unstable();
        let at = |part: usize| nanos[nanos.len() * part / 100] as f64 / 1_000.0;
        println!(
            "{name}: {} watches of {} selectors, {} KiB in the whole process with the clients ({} B \
             each); work of the serving node for a change: median {:.0} us, p99 {:.0} us",
            report.watches,
            report.selectors,
            after - before,
            (after - before) * 1_024 / WATCHERS,
            at(50),
            at(99),
        );
    }
}

/// Memory of this process, in KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

const CHANGES: usize = 100_000;
const KILLS: usize = 10;
const WATCHERS: u64 = 10_000;
const CHANGES_TIMED: u64 = 100;
