//! Replicas that differ become the same without anybody reading them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use henge_core::config::Config;
use henge_core::replication::Level;
use henge_core::time::Duration;
use henge_core::wire::{ErrorCode, Reply, Response};
use henge_sim::Cluster;

fn second_rounds(config: &mut Config) {
    config.sync_round_ms = 1_000;
    config.partitions = 16;
}

fn text(response: Response) -> Option<String> {
    match response.result {
        Ok(Reply::Found(entry)) => Some(String::from_utf8(entry.value.bytes).unwrap()),
        Ok(Reply::Missing { .. }) => None,
        other => panic!("{other:?}"),
    }
}

fn is_written(response: &Response) -> bool {
    matches!(response.result, Ok(Reply::Written { .. }))
}

/// How many of the keys `0..count` read `value` in the own state of `seat`.
fn has(cluster: &mut Cluster, seat: usize, count: usize, value: &str) -> usize {
    let reads = |key: usize, cluster: &mut Cluster| {
        text(cluster.get(seat, &format!("k{key}"), Some(Level::One))).as_deref() == Some(value)
    };
    (0..count).filter(|key| reads(*key, cluster)).count()
}

#[test]
fn a_member_that_was_away_gets_what_it_missed_and_little_else() {
    let mut cluster = Cluster::with(3, 1, second_rounds);
    for key in 0..400 {
        cluster.put(0, &format!("k{key}"), "old", Some(Level::All));
    }
    cluster.crash(2);
    cluster.run_for(Duration::from_millis(5));
    for key in 0..40 {
        assert!(is_written(&cluster.put(
            key % 2,
            &format!("k{key}"),
            "new",
            None
        )));
    }
    cluster.start(2);
    cluster.run_for(Duration::from_millis(3_000));
    assert_eq!(has(&mut cluster, 2, 40, "new"), 40);
    let (mut moved, mut repairs) = (0, 0);
    for seat in 0..3 {
        let report = cluster.report(seat);
        moved += report.sync.pushed + report.sync.fetched;
        repairs += report.repairs;
    }
    assert_eq!(repairs, 0, "no read has helped");
    assert!((40..=40 * 4).contains(&moved), "{moved} states were moved");
}

#[test]
fn a_member_whose_disk_was_lost_is_filled_again() {
    let mut cluster = Cluster::with(3, 2, second_rounds);
    for key in 0..300 {
        cluster.put(key % 3, &format!("k{key}"), "v", Some(Level::All));
    }
    cluster.crash(1);
    cluster.wipe(1);
    cluster.start(1);
    cluster.run_for(Duration::from_millis(5_000));
    assert_eq!(cluster.report(1).storage.keys, 300);
    assert_eq!(has(&mut cluster, 1, 300, "v"), 300);
}

#[test]
fn replicas_that_are_the_same_say_so_in_one_message() {
    let mut cluster = Cluster::with(3, 3, second_rounds);
    for key in 0..100 {
        cluster.put(0, &format!("k{key}"), "v", Some(Level::All));
    }
    cluster.run_for(Duration::from_millis(3_000));
    let before = cluster.report(0).sync;
    cluster.run_for(Duration::from_millis(10_000));
    let after = cluster.report(0).sync;
    let begun = after.exchanges - before.exchanges;
    assert!((150..=170).contains(&begun), "{begun} in ten rounds of 16");
    assert!(after.same - before.same >= begun - 4);
    assert_eq!(
        (after.pushed, after.fetched),
        (before.pushed, before.fetched)
    );
}

#[test]
fn a_tree_that_is_grown_after_a_restart_is_the_one_that_was_kept() {
    let mut cluster = Cluster::with(3, 4, second_rounds);
    for key in 0..500 {
        cluster.put(0, &format!("k{key}"), "v", Some(Level::All));
    }
    cluster.crash(0);
    cluster.start(0);
    cluster.run_for(Duration::from_millis(10));
    // Written while the trees grow.
    for key in 0..100 {
        cluster.put(1, &format!("k{}", key * 5), "w", Some(Level::All));
    }
    cluster.run_for(Duration::from_millis(3_000));
    let before = cluster.report(0).sync;
    assert_eq!(before.growing, 0);
    cluster.run_for(Duration::from_millis(3_000));
    let after = cluster.report(0).sync;
    assert!(after.same > before.same);
    assert_eq!(
        (after.pushed, after.fetched),
        (before.pushed, before.fetched)
    );
}

#[test]
fn a_stand_in_holds_a_write_and_hands_it_back() {
    let mut cluster = Cluster::with(5, 5, second_rounds);
    let owners = cluster.owners("k");
    let (coordinator, absent) = (owners[0], owners[2]);
    cluster.crash(absent);
    cluster.run_for(Duration::from_millis(5));
    assert!(is_written(&cluster.put(coordinator, "k", "v", None)));
    cluster.run_for(Duration::from_millis(50));
    let held = |cluster: &Cluster| -> u64 {
        let seats = (0..5).filter(|seat| *seat != absent);
        seats.map(|seat| cluster.report(seat).hints.held).sum()
    };
    assert_eq!(held(&cluster), 1);
    cluster.start(absent);
    cluster.run_for(Duration::from_millis(3_000));
    assert_eq!(held(&cluster), 0);
    assert_eq!(
        text(cluster.get(absent, "k", Some(Level::One))).as_deref(),
        Some("v")
    );
    let handed_back: u64 = (0..5)
        .map(|seat| cluster.report(seat).hints.handed_back)
        .sum();
    assert_eq!(handed_back, 1);
}

#[test]
fn what_a_stand_in_holds_survives_its_crash() {
    let mut cluster = Cluster::with(5, 6, second_rounds);
    let owners = cluster.owners("k");
    cluster.crash(owners[1]);
    cluster.run_for(Duration::from_millis(5));
    assert!(is_written(&cluster.put(owners[0], "k", "v", None)));
    cluster.run_for(Duration::from_millis(50));
    let holds = |seat: &usize| *seat != owners[1] && cluster.report(*seat).hints.held == 1;
    let holder = (0..5).find(holds).unwrap();
    cluster.crash(holder);
    cluster.start(holder);
    cluster.run_for(Duration::from_millis(20));
    assert_eq!(cluster.report(holder).hints.held, 1);
    cluster.start(owners[1]);
    cluster.run_for(Duration::from_millis(3_000));
    assert_eq!(cluster.report(holder).hints.held, 0);
    assert_eq!(cluster.report(holder).storage.keys, 0);
}

#[test]
fn a_sloppy_quorum_goes_on_with_one_owner_and_a_strict_one_does_not() {
    let sloppy = |config: &mut Config| {
        second_rounds(config);
        config.sloppy_quorum = true;
    };
    for (is_sloppy, mut cluster) in [
        (false, Cluster::with(5, 7, second_rounds)),
        (true, Cluster::with(5, 7, sloppy)),
    ] {
        let owners = cluster.owners("k");
        cluster.crash(owners[1]);
        cluster.crash(owners[2]);
        cluster.run_for(Duration::from_millis(5));
        let written = cluster.put(owners[0], "k", "v", None);
        if !is_sloppy {
            assert_eq!(written.result.unwrap_err().code, ErrorCode::Unavailable);
            continue;
        }
        assert!(is_written(&written), "{written:?}");
        // The one owner is lost for good; what was acknowledged is with a stand-in as well.
        cluster.crash(owners[0]);
        cluster.wipe(owners[0]);
        for seat in &owners {
            cluster.start(*seat);
        }
        cluster.run_for(Duration::from_millis(5_000));
        for seat in owners {
            let read = text(cluster.get(seat, "k", Some(Level::One)));
            assert_eq!(read.as_deref(), Some("v"), "seat {seat}");
        }
    }
}
