//! What is deleted is forgotten when every owner knows of it, and does not come back.

use henge_core::causality::Token;
use henge_core::cluster::Change;
use henge_core::config::Config;
use henge_core::id::{MemberId, RequestId};
use henge_core::replication::Level;
use henge_core::time::Duration;
use henge_core::wire::{Operation, Reply, Response};
use henge_sim::Cluster;

const HORIZON_MS: u64 = 60_000;

fn cluster(members: usize, seed: u64) -> Cluster {
    cluster_of(members, 16, seed)
}

fn cluster_of(members: usize, partitions: u16, seed: u64) -> Cluster {
    let mut cluster = Cluster::with(members, seed, move |config: &mut Config| {
        config.partitions = partitions;
        config.horizon_ms = HORIZON_MS;
        config.sync_round_ms = 2_000;
    });
    // Until the members have agreed on who they are.
    cluster.run_for(Duration::from_millis(3_000));
    cluster
}

fn horizons(count: u64) -> Duration {
    Duration::from_millis(count * HORIZON_MS)
}

fn delete(cluster: &mut Cluster, seat: usize, key: &str, level: Level) {
    let request = RequestId {
        client: 9,
        sequence: cluster.now.as_micros(),
    };
    let operation = Operation::Write {
        level: Some(level),
        request,
        context: vec![],
        value: None,
        ttl_ms: None,
    };
    let id = cluster.request(seat, key, operation);
    cluster.wait(id).result.expect("a delete");
}

/// The value at one owner, or how many members have counted in the context that it has instead.
fn own(cluster: &mut Cluster, seat: usize, key: &str) -> Result<String, usize> {
    let response: Response = cluster.get(seat, key, Some(Level::One));
    match response.result.expect("a read") {
        Reply::Found(entry) => Ok(String::from_utf8(entry.value.bytes).expect("text")),
        Reply::Missing { context } => Err(Token::decode(&context).expect("a token").seen.len()),
        other @ (Reply::Written { .. } | Reply::Listed { .. } | Reply::Edge(_)) => {
            panic!("{other:?}")
        }
    }
}

fn collected(cluster: &Cluster, seats: usize) -> u64 {
    (0..seats).map(|seat| cluster.report(seat).collected).sum()
}

#[test]
fn a_deleted_key_is_forgotten_by_all_after_the_horizon_and_not_before() {
    let mut cluster = cluster(3, 1);
    for number in 0..30 {
        cluster.put(number % 3, &format!("k{number}"), "v", Some(Level::All));
    }
    for number in 0..20 {
        delete(&mut cluster, number % 3, &format!("k{number}"), Level::All);
    }
    cluster.run_for(Duration::from_millis(HORIZON_MS - 5_000));
    assert_eq!(collected(&cluster, 3), 0);
    assert_eq!(own(&mut cluster, 0, "k0"), Err(1));
    cluster.run_for(horizons(2));
    assert_eq!(collected(&cluster, 3), 60, "20 keys by each of 3 owners");
    for seat in 0..3 {
        assert_eq!(own(&mut cluster, seat, "k0"), Err(0), "seat {seat}");
        assert_eq!(own(&mut cluster, seat, "k29").as_deref(), Ok("v"));
    }
}

#[test]
fn nothing_is_forgotten_while_an_owner_is_away_and_its_old_value_does_not_come_back() {
    let mut cluster = cluster(3, 2);
    cluster.put(0, "k", "old", Some(Level::All));
    cluster.crash(2);
    cluster.run_for(Duration::from_millis(3_000));
    delete(&mut cluster, 0, "k", Level::Quorum);
    cluster.run_for(horizons(3));
    assert_eq!(collected(&cluster, 3 - 1), 0);
    cluster.start(2);
    cluster.run_for(Duration::from_millis(20_000));
    assert_eq!(own(&mut cluster, 2, "k"), Err(1));
    cluster.run_for(horizons(2));
    for seat in 0..3 {
        assert_eq!(own(&mut cluster, seat, "k"), Err(0), "seat {seat}");
    }
}

#[test]
fn members_that_were_replaced_bring_back_nothing_that_was_forgotten_since() {
    // Comparing all the partitions takes longer than hearing of their new owners.
    let mut cluster = cluster_of(6, 64, 3);
    let keys: Vec<String> = (0..100).map(|number| format!("k{number}")).collect();
    for key in &keys {
        cluster.put(0, key, "old", Some(Level::All));
    }
    cluster.put(0, "other", "kept", Some(Level::All));
    for away in [4, 5] {
        cluster.crash(away);
        cluster.run_for(Duration::from_millis(3_000));
        let id = MemberId::from_name(&format!("stone-{}", away + 1));
        cluster.wish(0, Change::Leave(id));
        cluster.run_for(Duration::from_millis(30_000));
    }
    for key in &keys {
        delete(&mut cluster, 0, key, Level::Quorum);
    }
    cluster.run_for(horizons(4));
    assert_eq!(cluster.state().unsettled(), 0);
    for key in &keys {
        assert_eq!(own(&mut cluster, 0, key), Err(0), "{key}");
    }
    // They are finding out what they have while they hear that they own nothing any more.
    let cut = |cluster: &mut Cluster, is_cut| {
        for away in [4, 5] {
            (0..4).for_each(|seat| cluster.cut(away, seat, is_cut));
        }
    };
    cut(&mut cluster, true);
    cluster.start(4);
    cluster.start(5);
    cluster.run_for(Duration::from_millis(100));
    cut(&mut cluster, false);
    cluster.run_for(horizons(1));
    assert!(cluster.report(4).hints.expired > 0);
    for seat in 0..4 {
        for key in &keys {
            assert_eq!(own(&mut cluster, seat, key), Err(0), "{key} at seat {seat}");
        }
        assert_eq!(own(&mut cluster, seat, "other").as_deref(), Ok("kept"));
    }
}

#[test]
fn a_key_that_was_forgotten_is_written_with_dots_that_nobody_has_seen() {
    let mut cluster = cluster(3, 4);
    let seat = cluster.owners("k")[0];
    for text in ["a", "b", "c"] {
        cluster.put(seat, "k", text, Some(Level::All));
    }
    delete(&mut cluster, seat, "k", Level::All);
    let Ok(Reply::Missing { context }) = cluster.get(seat, "k", Some(Level::All)).result else {
        panic!("it is deleted");
    };
    let old = Token::decode(&context).expect("a token").seen;
    cluster.run_for(horizons(3));
    assert_eq!(own(&mut cluster, seat, "k"), Err(0));
    // Also by a node that has restarted since.
    cluster.crash(seat);
    cluster.start(seat);
    cluster.run_for(Duration::from_millis(3_000));
    cluster.put(seat, "k", "new", Some(Level::All));
    let Ok(Reply::Found(entry)) = cluster.get(seat, "k", Some(Level::All)).result else {
        panic!("it is written");
    };
    let new = Token::decode(&entry.context).expect("a token").seen;
    for (actor, counter) in old.iter() {
        assert!(new.counter(actor) > counter, "{old:?} {new:?}");
    }
}
