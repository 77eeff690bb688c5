//! Members that join and leave, while everything that was acknowledged stays readable.

use henge_core::cluster::Change;
use henge_core::config::Config;
use henge_core::replication::Level;
use henge_core::time::Duration;
use henge_core::wire::{ErrorCode, Reply, Response};
use henge_sim::Cluster;
use henge_sim::world::LinkSettings;
use std::collections::BTreeMap;

fn few_partitions(config: &mut Config) {
    config.partitions = 16;
}

/// Virtual seconds.
const fn seconds(count: u64) -> Duration {
    Duration::from_millis(count * 1_000)
}

fn found(response: &Response) -> Option<Vec<u8>> {
    match response.result.as_ref().expect("a read that succeeds") {
        Reply::Found(entry) => Some(entry.value.bytes.clone()),
        Reply::Missing { .. } => None,
        other => panic!("{other:?}"),
    }
}

fn load(cluster: &mut Cluster, keys: usize) {
    for number in 0..keys {
        let response = cluster.put(
            number % 3,
            &format!("k{number}"),
            &format!("v{number}"),
            None,
        );
        response.result.expect("a write that succeeds");
    }
}

fn assert_all(cluster: &mut Cluster, keys: usize, seat: usize, level: Level) {
    for number in 0..keys {
        let response = cluster.get(seat, &format!("k{number}"), Some(level));
        let value = found(&response);
        assert_eq!(value, Some(format!("v{number}").into_bytes()), "k{number}");
    }
}

/// Waits until no owners are changing any more.
fn settle(cluster: &mut Cluster, members: usize) {
    for _ in 0..120 {
        let state = cluster.state();
        if state.unsettled() == 0 && state.members().len() == members {
            return;
        }
        cluster.run_for(seconds(1));
    }
    panic!("not settled after 120 s: {:?}", cluster.state());
}

#[test]
fn a_member_that_joins_takes_over_its_share_and_serves_it() {
    let mut cluster = Cluster::with_others(3, 1, 7, few_partitions);
    load(&mut cluster, 200);
    cluster.start(3);
    settle(&mut cluster, 4);
    let new = cluster.seats[3].id;
    let owned = |(_, it): &(_, &henge_core::cluster::Ownership)| it.holds(new);
    assert_eq!(cluster.state().ownerships().filter(owned).count(), 12);
    cluster.run_for(seconds(3));
    assert_all(&mut cluster, 200, 3, Level::All);
    // Those that have given something away do not keep it.
    let keys: u64 = (0..4).map(|seat| cluster.report(seat).storage.keys).sum();
    assert_eq!(keys, 3 * 200);
}

#[test]
fn a_member_that_leaves_gives_everything_away_first() {
    let mut cluster = Cluster::with(4, 8, few_partitions);
    load(&mut cluster, 200);
    let gone = cluster.seats[2].id;
    cluster.wish(1, Change::Leave(gone));
    settle(&mut cluster, 3);
    assert_eq!(cluster.report(2).storage.keys, 0);
    // Nobody would answer it any more.
    let refused = cluster.put(2, "k1", "v1", None).result;
    assert_eq!(refused.unwrap_err().code, ErrorCode::Unavailable);
    cluster.crash(2);
    assert_all(&mut cluster, 200, 0, Level::All);
}

#[test]
fn a_dead_member_is_replaced_by_what_the_others_have() {
    let mut cluster = Cluster::with(4, 9, few_partitions);
    load(&mut cluster, 200);
    cluster.crash(2);
    let gone = cluster.seats[2].id;
    cluster.wish(1, Change::Leave(gone));
    cluster.run_for(seconds(3));
    cluster.wish(1, Change::Forget(gone));
    settle(&mut cluster, 3);
    assert_all(&mut cluster, 200, 0, Level::All);
}

#[test]
fn members_that_restart_go_on_where_they_were() {
    let mut cluster = Cluster::with_others(3, 1, 10, few_partitions);
    load(&mut cluster, 100);
    cluster.start(3);
    for round in 0..40 {
        let seat = round % 4;
        cluster.run_for(Duration::from_millis(150));
        cluster.crash(seat);
        cluster.run_for(Duration::from_millis(50));
        cluster.start(seat);
    }
    settle(&mut cluster, 4);
    assert_all(&mut cluster, 100, 1, Level::Quorum);
}

#[test]
fn nobody_hears_of_an_incarnation_that_a_crash_can_take_back() {
    let mut cluster = Cluster::with(3, 9, few_partitions);
    cluster.run_for(seconds(3));
    cluster.crash(2);
    cluster.wipe(2);
    let before = cluster.state().epoch;
    // Nothing that it writes becomes durable.
    cluster.medium(2).extra_micros = 10_000_000;
    cluster.start(2);
    cluster.run_for(seconds(2));
    cluster.crash(2);
    cluster.medium(2).extra_micros = 0;
    cluster.start(2);
    cluster.run_for(seconds(5));
    assert_eq!(
        cluster.state().epoch,
        before + 1,
        "one new life, agreed on once"
    );
}

#[test]
fn no_write_waits_in_vain_while_owners_change() {
    for seed in SEEDS {
        let mut cluster = Cluster::with_others(5, 1, seed, few_partitions);
        cluster.link_all(LinkSettings {
            micros_spread: 20_000,
            slow_permille: 200,
            slow_micros: 100_000,
            ..LinkSettings::CALM
        });
        cluster.run_for(seconds(2));
        let mut asked = BTreeMap::new();
        let leaving = cluster.seats[2].id;
        let mut number = 0;
        // A stone joins; then another one leaves.
        for step in 0..2 {
            match step {
                0 => cluster.start(5),
                _ => cluster.wish(1, Change::Leave(leaving)),
            }
            let limit = cluster.now + seconds(60);
            loop {
                // Not those that are no members yet, or none any more.
                for seat in [0, 1, 3, 4] {
                    let put = cluster.write("v", Some(Level::Quorum));
                    let id = cluster.request(seat, &format!("k{}", number % 200), put);
                    asked.insert(id, cluster.now);
                    number += 1;
                }
                cluster.run_for(Duration::from_millis(5));
                while let Some(response) = cluster.take_any_response() {
                    let began = asked.remove(&response.id).expect("asked once");
                    let took = cluster.now.since(began).as_millis();
                    let result = response.result;
                    assert!(
                        result.is_ok() && took < 900,
                        "{seed}: {took} ms, {result:?}"
                    );
                }
                let state = cluster.state();
                let members = state.members().len();
                if state.unsettled() == 0 && members == [6, 5][step] {
                    break;
                }
                assert!(cluster.now < limit, "{seed}: not settled");
            }
        }
    }
}

/// Clusters that are tried. With 57 a member refuses a write that was handed on to it, and the one
/// that has done so comes to know the new owners before it hears of that.
const SEEDS: core::ops::Range<u64> = 50..65;
