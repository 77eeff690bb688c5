//! Many changes, with real nodes on a virtual clock.

use henge_core::client::WatchOutput;
use henge_core::limits::WATCH_TOLD_MAX;
use henge_core::replication::Level;
use henge_core::selector::Span;
use henge_core::time::Duration;
use henge_sim::Cluster;
use henge_sim::watcher::{Watcher, run};
use std::collections::{BTreeMap, BTreeSet};

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

const CHANGES: usize = 100_000;
const KILLS: usize = 10;
