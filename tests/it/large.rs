//! Nodes whose data is many times their memory, on a virtual clock.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use henge_core::config::Config;
use henge_core::limits::MEMORY_BYTES_MIN;
use henge_core::replication::Level;
use henge_core::rng::Rng;
use henge_core::storage::{FileId, FileKind};
use henge_core::time::Duration;
use henge_core::wire::{ErrorCode, Operation, Reply, Response};
use henge_sim::Cluster;
use std::collections::BTreeMap;

fn little_memory(config: &mut Config) {
    config.memory_bytes_max = MEMORY_BYTES_MIN;
}

fn text(response: Response) -> Option<String> {
    match response.result {
        Ok(Reply::Found(entry)) => Some(String::from_utf8(entry.value.bytes).unwrap()),
        Ok(Reply::Missing { .. }) => None,
        other => panic!("{other:?}"),
    }
}

/// Writes `count` keys of about 4 KiB through `seat`, many at a time, each until it is taken.
fn fill(cluster: &mut Cluster, seat: usize, tag: &str, count: usize) -> BTreeMap<String, String> {
    let mut rng = Rng::new(count as u64);
    let mut written = BTreeMap::new();
    let all: Vec<(String, String)> = (0..count)
        .map(|number| {
            let noise: String = (0..250)
                .map(|_| format!("{:016x}", rng.next_u64()))
                .collect();
            (format!("{tag}/{number}"), noise)
        })
        .collect();
    for chunk in all.chunks(64) {
        let mut open: Vec<&(String, String)> = chunk.iter().collect();
        while !open.is_empty() {
            let ids: Vec<u64> = open
                .iter()
                .map(|(key, value)| {
                    let operation = cluster.write(value, Some(Level::All));
                    cluster.request(seat, key, operation)
                })
                .collect();
            let results: Vec<_> = ids.into_iter().map(|id| cluster.wait(id).result).collect();
            let mut again = Vec::new();
            for (pair, result) in open.into_iter().zip(results) {
                match result {
                    Ok(_) => drop(written.insert(pair.0.clone(), pair.1.clone())),
                    Err(failure) if failure.code == ErrorCode::RateLimited => again.push(pair),
                    Err(failure) => panic!("{failure}"),
                }
            }
            open = again;
            cluster.run_for(Duration::from_millis(1));
        }
    }
    written
}

#[test]
fn all_is_read_and_written_anew_when_data_is_many_times_the_memory_and_members_crash() {
    let mut cluster = Cluster::with(3, 71, little_memory);
    let mut written = fill(&mut cluster, 0, "k", 4_000);
    for seat in 0..3 {
        let storage = cluster.report(seat).storage;
        assert!(storage.table_bytes > MEMORY_BYTES_MIN, "{storage:?}");
        assert!(storage.memory_bytes <= MEMORY_BYTES_MIN, "{storage:?}");
        assert_eq!(storage.keys, 4_000);
    }
    for seat in [1, 0, 2] {
        cluster.crash(seat);
        cluster.start(seat);
        cluster.run_for(Duration::from_millis(500));
        // Keys that are in tables by now are read and replaced.
        for number in (seat..4_000).step_by(401) {
            let key = format!("k/{number}");
            let before = cluster.get(seat, &key, Some(Level::All));
            assert_eq!(text(before).as_ref(), written.get(&key), "{key}");
            let value = format!("again {seat}");
            assert!(
                cluster
                    .put(seat, &key, &value, Some(Level::All))
                    .result
                    .is_ok()
            );
            written.insert(key, value);
        }
    }
    for (key, value) in written.iter().step_by(7) {
        assert_eq!(
            text(cluster.get(2, key, Some(Level::All))).as_ref(),
            Some(value),
            "{key}"
        );
    }
    assert_eq!(cluster.report(1).storage.keys, 4_000);
    assert!(cluster.report(1).storage.blocks_read > 0);
}

#[test]
fn a_retry_is_recognised_though_its_log_segment_is_gone_and_the_write_was_replaced() {
    let mut cluster = Cluster::with(3, 72, little_memory);
    let write = cluster.write("first", None);
    let first = cluster.request(0, "k", write.clone());
    let Ok(Reply::Written { version, .. }) = cluster.wait(first).result else {
        panic!("written")
    };
    cluster.put(0, "k", "second", None);
    fill(&mut cluster, 0, "more", 1_500);
    let log = |number| FileId {
        kind: FileKind::Log,
        number,
    };
    let files: Vec<_> = cluster
        .medium(0)
        .files()
        .iter()
        .map(|stored| stored.file)
        .collect();
    assert!(!files.contains(&log(1)), "{files:?}");
    cluster.crash(0);
    cluster.start(0);
    cluster.run_for(Duration::from_millis(500));
    let again = cluster.request(0, "k", write);
    let Ok(Reply::Written {
        version: retried, ..
    }) = cluster.wait(again).result
    else {
        panic!("written")
    };
    assert_eq!(retried, version);
    assert_eq!(text(cluster.get(1, "k", None)).as_deref(), Some("second"));
}

#[test]
fn a_value_with_a_time_to_live_is_gone_everywhere_when_it_is_over() {
    let mut cluster = Cluster::with(3, 73, little_memory);
    let with_ttl = |operation: Operation| match operation {
        Operation::Write {
            level,
            request,
            context,
            value,
            ..
        } => Operation::Write {
            level,
            request,
            context,
            value,
            ttl_ms: Some(10_000),
        },
        other @ (Operation::Get { .. } | Operation::List { .. } | Operation::Edge(_)) => other,
    };
    for number in 0..20 {
        let operation = with_ttl(cluster.write("short", Some(Level::All)));
        let id = cluster.request(0, &format!("k{number}"), operation);
        assert!(cluster.wait(id).result.is_ok());
    }
    cluster.put(0, "for ever", "long", None);
    fill(&mut cluster, 0, "more", 800);
    for seat in 0..3 {
        assert_eq!(
            text(cluster.get(seat, "k7", None)).as_deref(),
            Some("short")
        );
    }
    cluster.run_for(Duration::from_millis(11_000));
    cluster.crash(1);
    cluster.start(1);
    cluster.run_for(Duration::from_millis(500));
    for seat in 0..3 {
        for number in 0..20 {
            let key = format!("k{number}");
            assert_eq!(
                text(cluster.get(seat, &key, Some(Level::All))),
                None,
                "{key}"
            );
        }
        assert_eq!(
            text(cluster.get(seat, "for ever", None)).as_deref(),
            Some("long")
        );
    }
    let repairs: u64 = (0..3).map(|seat| cluster.report(seat).repairs).sum();
    assert_eq!(repairs, 0, "replicas agree on what has expired");
    assert!(cluster.put(2, "k7", "again", None).result.is_ok());
    assert_eq!(text(cluster.get(0, "k7", None)).as_deref(), Some("again"));
}
