//! What members think of each other: who is alive, and what it does not change.

use henge_core::cluster::Change;
use henge_core::membership::Condition;
use henge_core::replication::Level;
use henge_core::time::{Duration, Instant};
use henge_sim::Cluster;

/// Virtual seconds.
const fn seconds(count: u64) -> Duration {
    Duration::from_millis(count * 1_000)
}

/// What the member of `seat` thinks of that of `other`, and since when.
fn seen(cluster: &Cluster, seat: usize, other: usize) -> Option<(Condition, Instant)> {
    let id = cluster.seats[other].id;
    let report = cluster.report(seat);
    let seen = report.members.iter().find(|member| member.id == id);
    seen.map(|member| (member.condition, member.since))
}

fn condition(cluster: &Cluster, seat: usize, other: usize) -> Option<Condition> {
    seen(cluster, seat, other).map(|(condition, _)| condition)
}

#[test]
fn a_member_that_one_other_cannot_reach_is_alive_for_both() {
    let mut cluster = Cluster::new(4, 1);
    cluster.run_for(seconds(10));
    cluster.cut(0, 1, true);
    for _ in 0..60 {
        cluster.run_for(seconds(1));
        for seat in 0..4 {
            let report = cluster.report(seat);
            assert_eq!((report.gossip.dead, report.gossip.renewals), (0, 0));
        }
    }
    assert_eq!(condition(&cluster, 0, 1), Some(Condition::Alive));
}

#[test]
fn a_killed_member_is_dead_for_all_and_owns_what_it_owned() {
    let mut cluster = Cluster::new(4, 2);
    cluster.run_for(seconds(10));
    let before = cluster.state().clone();
    let killed_at = cluster.now;
    cluster.crash(2);
    cluster.run_for(seconds(15));
    for seat in [0, 1, 3] {
        let (condition, since) = seen(&cluster, seat, 2).expect("it is a member");
        assert_eq!(condition, Condition::Dead);
        assert!(since > killed_at && since < cluster.now, "{since:?}");
        let gossip = cluster.report(seat).gossip;
        assert_eq!((gossip.alive, gossip.dead), (2, 1));
    }
    assert_eq!(*cluster.state(), before);
    cluster.start(2);
    cluster.run_for(seconds(3));
    let report = cluster.report(2);
    assert_eq!((report.gossip.alive, report.gossip.dead), (3, 0));
    assert_eq!(condition(&cluster, 0, 2), Some(Condition::Alive));
}

#[test]
fn who_was_dead_before_a_member_starts_is_dead_for_it() {
    let mut cluster = Cluster::new(4, 3);
    cluster.run_for(seconds(10));
    cluster.crash(1);
    cluster.crash(2);
    cluster.run_for(seconds(30));
    cluster.start(2);
    cluster.run_for(seconds(15));
    assert_eq!(condition(&cluster, 2, 1), Some(Condition::Dead));
    assert_eq!(condition(&cluster, 2, 0), Some(Condition::Alive));
}

#[test]
fn what_is_said_of_a_member_keeps_nobody_from_using_a_connection_to_it() {
    let mut cluster = Cluster::new(3, 4);
    cluster.run_for(seconds(10));
    // Its answers are lost, and nobody is told that: the connections are up.
    for seat in [0, 1] {
        cluster.lose(2, seat, true);
    }
    cluster.run_for(seconds(15));
    assert_eq!(condition(&cluster, 0, 2), Some(Condition::Dead));
    for seat in [0, 1] {
        cluster.lose(2, seat, false);
    }
    let answer = cluster.put(0, "key", "value", Some(Level::All));
    assert!(answer.result.is_ok(), "{answer:?}");
    cluster.run_for(seconds(30));
    assert_eq!(condition(&cluster, 0, 2), Some(Condition::Alive));
    assert_eq!(condition(&cluster, 2, 0), Some(Condition::Alive));
}

#[test]
fn two_who_were_parted_find_each_other_again() {
    let mut cluster = Cluster::new(2, 5);
    cluster.run_for(seconds(10));
    for (from, to) in [(0, 1), (1, 0)] {
        cluster.lose(from, to, true);
    }
    cluster.run_for(seconds(30));
    assert_eq!(condition(&cluster, 0, 1), Some(Condition::Dead));
    for (from, to) in [(0, 1), (1, 0)] {
        cluster.lose(from, to, false);
    }
    cluster.run_for(seconds(5));
    assert_eq!(condition(&cluster, 0, 1), Some(Condition::Alive));
    assert_eq!(condition(&cluster, 1, 0), Some(Condition::Alive));
}

#[test]
fn who_joins_is_listed_and_who_has_left_is_not() {
    let mut cluster = Cluster::with_others(4, 1, 6, |config| config.partitions = 16);
    cluster.run_for(seconds(10));
    assert_eq!(condition(&cluster, 0, 4), None);
    cluster.start(4);
    cluster.run_for(seconds(5));
    assert_eq!(condition(&cluster, 0, 4), Some(Condition::Alive));
    assert_eq!(condition(&cluster, 4, 0), Some(Condition::Alive));
    cluster.wish(0, Change::Leave(cluster.seats[1].id));
    cluster.run_for(seconds(60));
    assert_eq!(condition(&cluster, 0, 1), None);
    for seat in [0, 2, 3, 4] {
        assert_eq!(cluster.report(seat).gossip.strangers, 0);
    }
    assert!(cluster.report(1).members.is_empty());
}
