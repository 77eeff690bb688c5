//! What members say to each other, and how long they work, is counted.

use henge_core::config::Config;
use henge_core::replication::Level;
use henge_core::time::Duration;
use henge_sim::Cluster;
use henge_sim::world::traffic::{Amount, Comparisons};
use std::sync::atomic::{AtomicU64, Ordering};

fn second_rounds(config: &mut Config) {
    config.sync_round_ms = 1_000;
    config.partitions = 16;
}

#[test]
fn what_repair_takes_is_told_from_what_is_always_said() {
    let mut cluster = Cluster::with(3, 1, second_rounds);
    // Until the members have agreed on who they are.
    cluster.run_for(Duration::from_millis(5_000));
    cluster.count_traffic();
    for key in 0..20 {
        cluster.put(0, &format!("k{key}"), "old", Some(Level::All));
    }
    let written = cluster.count_traffic().expect("counting");
    assert_eq!(written.replicated.frames, 40, "one to each other owner");
    assert_eq!(written.moved, Amount::default());

    let end = cluster.now + Duration::from_millis(1_000);
    cluster.run_for(Duration::from_millis(1_000));
    let quiet = cluster.count_traffic().expect("counting");
    assert_eq!(quiet.differing(), Comparisons::default());
    assert_eq!(quiet.last_repair_at(), None);
    let idle = quiet.idle(end);
    assert!((45..=51).contains(&idle.count), "16 of each of 3: {idle:?}");
    assert!(idle.said.frames <= 2 * idle.count);
    assert_eq!([quiet.moved, quiet.replicated], [Amount::default(); 2]);
    assert!(
        quiet.others.frames <= 9,
        "how far each is, once a second: {quiet:?}"
    );

    for present in 0..2 {
        cluster.lose(present, 2, true);
    }
    cluster.put(0, "k1", "new", None);
    for present in 0..2 {
        cluster.lose(present, 2, false);
    }
    cluster.count_traffic();
    let began = cluster.now;
    cluster.run_for(Duration::from_millis(3_000));
    let repair = cluster.count_traffic().expect("counting");
    assert!((1..=2).contains(&repair.differing().count));
    assert!((1..=4).contains(&repair.moved.frames));
    assert!(repair.last_repair_at().is_some_and(|at| at > began));
    assert_eq!(repair.replicated, Amount::default());
}

#[test]
fn the_time_that_nodes_work_is_taken_and_changes_nothing() {
    static CLOCK: AtomicU64 = AtomicU64::new(0);
    let run = |is_timed: bool| {
        let mut cluster = Cluster::with(3, 1, second_rounds);
        if is_timed {
            cluster.time_nodes(|| CLOCK.fetch_add(1, Ordering::Relaxed));
        }
        cluster.put(0, "k", "v", Some(Level::All));
        cluster.run_for(Duration::from_millis(2_000));
        (cluster.report(1), cluster.worked_nanos(1))
    };
    let ((plain, none), (timed, some)) = (run(false), run(true));
    assert_eq!(plain, timed);
    assert!(none == 0 && some > 0);
}
