//! What three or five nodes promise together, on a virtual clock.

use henge_core::causality::Value;
use henge_core::id::{PartitionId, RequestId};
use henge_core::node::Event;
use henge_core::replication::Level;
use henge_core::storage::{FileId, FileKind};
use henge_core::time::Duration;
use henge_core::wire::{self, Entry, ErrorCode, Failure, FrameKind, Operation, Reply, Response};
use henge_sim::Cluster;

const LOG: FileId = FileId {
    kind: FileKind::Log,
    number: 1,
};

fn found(response: Response) -> Option<Entry> {
    match response.result {
        Ok(Reply::Found(entry)) => Some(entry),
        Ok(Reply::Missing { .. }) => None,
        other => panic!("{other:?}"),
    }
}

fn text(response: Response) -> Option<String> {
    found(response).map(|entry| String::from_utf8(entry.value.bytes).expect("text was written"))
}

fn failure(response: Response) -> Failure {
    response.result.expect_err("a failure")
}

fn is_written(response: &Response) -> bool {
    matches!(response.result, Ok(Reply::Written { .. }))
}

#[test]
fn what_one_member_wrote_every_member_reads() {
    let mut cluster = Cluster::new(3, 1);
    assert!(is_written(&cluster.put(0, "k", "v", None)));
    for seat in 0..3 {
        assert_eq!(text(cluster.get(seat, "k", None)).as_deref(), Some("v"));
        assert_eq!(text(cluster.get(seat, "other", None)), None);
    }
}

#[test]
fn a_deleted_key_is_absent_and_can_be_written_again() {
    let mut cluster = Cluster::new(3, 2);
    cluster.put(0, "k", "v", None);
    let request = RequestId {
        client: 9,
        sequence: 1,
    };
    let delete = Operation::Write {
        level: None,
        request,
        context: vec![],
        value: None,
        ttl_ms: None,
    };
    let id = cluster.request(1, "k", delete);
    assert!(is_written(&cluster.wait(id)));
    assert_eq!(text(cluster.get(2, "k", None)), None);
    cluster.put(2, "k", "again", None);
    assert_eq!(text(cluster.get(0, "k", None)).as_deref(), Some("again"));
}

#[test]
fn a_member_without_the_key_hands_a_write_on_and_reads_it_from_its_owners() {
    let mut cluster = Cluster::new(5, 3);
    let stranger = (0..5)
        .find(|seat| !cluster.owners("k").contains(seat))
        .unwrap();
    assert!(is_written(&cluster.put(
        stranger,
        "k",
        "v",
        Some(Level::All)
    )));
    assert_eq!(cluster.report(stranger).storage.keys, 0);
    assert_eq!(
        text(cluster.get(stranger, "k", Some(Level::All))).as_deref(),
        Some("v")
    );
    for seat in cluster.owners("k") {
        assert_eq!(cluster.report(seat).storage.keys, 1);
    }
}

#[test]
fn a_quorum_goes_on_without_one_member_and_repairs_it_when_it_is_read_again() {
    let mut cluster = Cluster::new(3, 4);
    cluster.put(0, "k", "old", Some(Level::All));
    cluster.crash(2);
    cluster.run_for(Duration::from_millis(5));
    assert!(is_written(&cluster.put(0, "k", "new", None)));
    assert_eq!(text(cluster.get(1, "k", None)).as_deref(), Some("new"));
    let refused = failure(cluster.put(0, "k", "x", Some(Level::All)));
    assert_eq!(refused.code, ErrorCode::Unavailable);
    assert!(refused.message.contains("stone-3"), "{refused}");

    cluster.start(2);
    cluster.run_for(Duration::from_millis(20));
    assert_eq!(
        text(cluster.get(2, "k", Some(Level::One))).as_deref(),
        Some("old")
    );
    assert_eq!(text(cluster.get(2, "k", None)).as_deref(), Some("new"));
    cluster.run_for(Duration::from_millis(5));
    assert_eq!(
        text(cluster.get(2, "k", Some(Level::One))).as_deref(),
        Some("new")
    );
}

#[test]
fn an_unreachable_quorum_is_said_at_once_and_nothing_is_written() {
    let mut cluster = Cluster::new(3, 5);
    cluster.cut(0, 1, true);
    cluster.cut(0, 2, true);
    cluster.run_for(Duration::from_millis(5));
    let before = cluster.now;
    assert_eq!(
        failure(cluster.put(0, "k", "v", None)).code,
        ErrorCode::Unavailable
    );
    assert_eq!(
        failure(cluster.get(0, "k", None)).code,
        ErrorCode::Unavailable
    );
    assert!(cluster.now.since(before) < Duration::from_millis(5));
    assert_eq!(text(cluster.get(0, "k", Some(Level::One))), None);
}

#[test]
fn a_write_that_loses_its_replicas_under_way_is_unknown_and_its_retry_is_applied_once() {
    let mut cluster = Cluster::new(3, 6);
    let write = cluster.write("v", None);
    let first = cluster.request(0, "k", write.clone());
    cluster.run_for(Duration::from_micros(250));
    cluster.cut(0, 1, true);
    cluster.cut(0, 2, true);
    let unknown = failure(cluster.wait(first));
    assert_eq!(unknown.code, ErrorCode::Indeterminate);
    assert!(unknown.message.contains("may or may not"), "{unknown}");

    cluster.cut(0, 1, false);
    cluster.cut(0, 2, false);
    cluster.run_for(Duration::from_millis(5));
    let again = cluster.request(0, "k", write);
    assert!(is_written(&cluster.wait(again)));
    assert_eq!(cluster.report(0).retries, 1);
    for seat in 0..3 {
        assert_eq!(text(cluster.get(seat, "k", None)).as_deref(), Some("v"));
    }
}

#[test]
fn a_retry_at_another_coordinator_does_not_undo_a_later_write() {
    let mut cluster = Cluster::new(3, 7);
    let write = cluster.write("first", None);
    let first = cluster.request(0, "k", write.clone());
    cluster.wait(first);
    cluster.put(1, "k", "second", None);
    let again = cluster.request(2, "k", write);
    assert!(is_written(&cluster.wait(again)));
    assert_eq!(
        text(cluster.get(2, "k", Some(Level::All))).as_deref(),
        Some("second")
    );
}

#[test]
fn a_retry_after_the_coordinator_restarted_is_still_recognised() {
    let mut cluster = Cluster::new(3, 8);
    let write = cluster.write("v", None);
    let first = cluster.request(0, "k", write.clone());
    let Ok(Reply::Written { version, .. }) = cluster.wait(first).result else {
        panic!("written")
    };
    cluster.crash(0);
    cluster.start(0);
    cluster.run_for(Duration::from_millis(20));
    let again = cluster.request(0, "k", write);
    let Ok(Reply::Written {
        version: retried, ..
    }) = cluster.wait(again).result
    else {
        panic!("written")
    };
    assert_eq!(retried, version);
    assert_eq!(cluster.report(0).retries, 1);
}

#[test]
fn siblings_come_back_with_a_context_that_resolves_them() {
    let siblings = |config: &mut henge_core::config::Config| {
        config.policy = henge_core::causality::Policy::Siblings;
    };
    let mut cluster = Cluster::with(3, 9, siblings);
    cluster.cut(0, 1, true);
    cluster.run_for(Duration::from_millis(5));
    cluster.put(0, "k", "left", Some(Level::One));
    cluster.put(1, "k", "right", Some(Level::One));
    cluster.cut(0, 1, false);
    cluster.run_for(Duration::from_millis(5));
    let entry = found(cluster.get(2, "k", Some(Level::All))).unwrap();
    assert_eq!(
        (&entry.value.bytes[..], entry.siblings.len()),
        (&b"right"[..], 1)
    );
    let resolve = Operation::Write {
        level: Some(Level::All),
        request: RequestId {
            client: 3,
            sequence: 1,
        },
        context: entry.context,
        value: Some(Value {
            encoding: 1,
            bytes: b"both".to_vec(),
        }),
        ttl_ms: None,
    };
    let id = cluster.request(1, "k", resolve);
    assert!(is_written(&cluster.wait(id)));
    let entry = found(cluster.get(0, "k", Some(Level::All))).unwrap();
    assert_eq!(
        (&entry.value.bytes[..], entry.siblings.len()),
        (&b"both"[..], 0)
    );
}

#[test]
fn every_acknowledged_write_survives_crashes_of_all_members_at_random_moments() {
    for seed in 0..200 {
        let mut cluster = Cluster::new(3, seed);
        let mut last_seen = std::collections::BTreeMap::<String, Entry>::new();
        let mut attempted = std::collections::BTreeSet::new();
        for round in 0..5_u64 {
            let mut open = std::collections::BTreeMap::new();
            for n in 0..40_u64 {
                let (key, value) = (format!("k{}", (n * 7 + seed) % 25), format!("{round}-{n}"));
                let write = cluster.write(&value, None);
                let id = cluster.request(usize::try_from(n % 3).unwrap(), &key, write);
                open.insert(id, (key, value));
                cluster.run_for(Duration::from_micros(37 * (seed % 5)));
            }
            cluster.run_for(Duration::from_micros(100 + 173 * (seed % 17)));
            // Of writes to one key through several members at once any acknowledged one may win,
            // and an unacknowledged one may too.
            let mut possible = std::collections::BTreeMap::<String, (bool, Vec<String>)>::new();
            for (id, (key, value)) in open {
                let is_ok = cluster
                    .take_response(id)
                    .is_some_and(|response| is_written(&response));
                let entry = possible.entry(key).or_default();
                entry.0 |= is_ok;
                entry.1.push(value);
            }
            for seat in 0..3 {
                cluster.crash(seat);
            }
            for seat in 0..3 {
                cluster.start(seat);
            }
            cluster.run_for(Duration::from_millis(20));
            for (key, (is_acknowledged, values)) in possible {
                // What nobody was told of may be with one replica only: a session does not lose it.
                let read = Operation::Get {
                    level: None,
                    seen: last_seen
                        .get(&key)
                        .map_or_else(Vec::new, |it| it.context.clone()),
                };
                let id = cluster.request(usize::try_from(round % 3).unwrap(), &key, read);
                let entry = found(cluster.wait(id));
                let now = entry
                    .as_ref()
                    .map(|entry| String::from_utf8(entry.value.bytes.clone()).unwrap());
                let is_new = now.as_ref().is_some_and(|now| values.contains(now));
                assert!(
                    is_new || !is_acknowledged,
                    "seed {seed}, round {round}, {key}: {now:?}"
                );
                // An earlier write that nobody was told of may have come out of hiding since, if
                // nothing newer had been seen.
                let before = last_seen.get(&key);
                let is_late = now.as_ref().is_some_and(|now| attempted.contains(now))
                    && before.map(|before| before.version) < entry.as_ref().map(|now| now.version);
                // The context may have grown by what others have brought.
                let shown = |entry: &Entry| (entry.value.clone(), entry.version);
                assert!(
                    is_new || is_late || entry.as_ref().map(shown) == before.map(shown),
                    "seed {seed}, round {round}, {key}: {now:?} after {before:?}"
                );
                attempted.extend(values);
                last_seen.extend(entry.map(|entry| (key, entry)));
            }
        }
    }
}

#[test]
fn a_full_disk_delays_writes_until_there_is_room() {
    let mut cluster = Cluster::new(1, 10);
    cluster.medium(0).is_full = true;
    let write = cluster.write("v", None);
    let id = cluster.request(0, "k", write);
    cluster.run_for(Duration::from_millis(300));
    assert!(cluster.take_response(id).is_none());
    assert!(cluster.events.contains(&(0, Event::StorageFull)));
    cluster.medium(0).is_full = false;
    assert!(is_written(&cluster.wait(id)));
    cluster.crash(0);
    cluster.start(0);
    cluster.run_for(Duration::from_millis(20));
    assert_eq!(text(cluster.get(0, "k", None)).as_deref(), Some("v"));
}

#[test]
fn a_failed_sync_stops_the_node_and_nothing_is_acknowledged() {
    let mut cluster = Cluster::new(1, 11);
    cluster.medium(0).is_broken = true;
    assert_eq!(
        failure(cluster.put(0, "k", "v", None)).code,
        ErrorCode::Indeterminate
    );
    let stopped = |(_, event): &(usize, Event)| matches!(event, Event::StorageFailed(_));
    assert!(cluster.events.iter().any(stopped));
    assert_eq!(
        failure(cluster.put(0, "k", "v", None)).code,
        ErrorCode::Unavailable
    );
}

#[test]
fn a_torn_log_tail_is_cut_and_a_damaged_middle_stops_the_node_by_name() {
    let mut cluster = Cluster::new(1, 12);
    for n in 0..10 {
        cluster.put(0, &format!("k{n}"), "v", None);
    }
    cluster.crash(0);
    cluster.medium(0).bytes(LOG).extend_from_slice(b"HNGB torn");
    cluster.start(0);
    cluster.run_for(Duration::from_millis(20));
    let is_cut = |(_, event): &(usize, Event)| matches!(event, Event::LogTailCut { bytes: 9, .. });
    assert!(cluster.events.iter().any(is_cut));
    assert_eq!(cluster.report(0).storage.keys, 10);

    cluster.crash(0);
    cluster.medium(0).bytes(LOG)[200] ^= 1;
    cluster.events.clear();
    cluster.start(0);
    cluster.run_for(Duration::from_millis(20));
    let [(0, Event::StorageFailed(why))] = &cluster.events[..] else {
        panic!("{:?}", cluster.events)
    };
    assert!(why.contains("log-0000000001 is damaged at byte"), "{why}");
    assert!(!cluster.report(0).ready);
}

#[test]
fn bad_requests_name_what_is_wrong_and_what_is_allowed() {
    let mut cluster = Cluster::new(3, 13);
    let mut refuse = |key: &str, value: &str, level, code, words: &str| {
        let failure = failure(cluster.put(0, key, value, level));
        assert_eq!(failure.code, code, "{failure}");
        assert!(failure.message.contains(words), "{failure}");
    };
    refuse("", "v", None, ErrorCode::KeyTooLarge, "1 to 1024 bytes");
    refuse(
        &"k".repeat(1_025),
        "v",
        None,
        ErrorCode::KeyTooLarge,
        "1025 bytes",
    );
    refuse(
        "k",
        &"v".repeat(10_240),
        None,
        ErrorCode::ValueTooLarge,
        "at most 10240",
    );
    refuse(
        "k",
        "v",
        Some(Level::Replicas(4)),
        ErrorCode::Level,
        "1 to 3",
    );
}

#[test]
fn one_trace_gives_one_output() {
    let mut cluster = Cluster::new(3, 14);
    cluster.record(0);
    cluster.crash(0);
    cluster.start(0);
    for n in 0..500 {
        cluster.put(n % 3, &format!("k{}", n % 50), &format!("v{n}"), None);
    }
    let trace = cluster.take_trace(0).unwrap();
    assert!(trace.inputs() > 1_000);
    assert_eq!(trace.replay(), trace.replay());
}

#[test]
fn a_read_never_shows_what_a_crash_could_take_back() {
    let mut cluster = Cluster::new(2, 15);
    let write = cluster.write("v", Some(Level::One));
    let put = cluster.request(0, "k", write);
    cluster.run_for(Duration::from_micros(50));
    let own = cluster.request(
        0,
        "k",
        Operation::Get {
            level: Some(Level::One),
            seen: Vec::new(),
        },
    );
    let other = cluster.request(
        1,
        "k",
        Operation::Get {
            level: Some(Level::All),
            seen: Vec::new(),
        },
    );
    // The write has arrived, and its sync takes longer than this.
    cluster.run_for(Duration::from_micros(400));
    assert!(cluster.take_response(put).is_none());
    assert!(cluster.take_response(own).is_none());
    assert!(cluster.take_response(other).is_none());
    assert!(is_written(&cluster.wait(put)));
    assert_eq!(text(cluster.wait(own)).as_deref(), Some("v"));
    assert_eq!(text(cluster.wait(other)).as_deref(), Some("v"));
}

#[test]
fn a_request_id_that_was_used_for_another_key_is_refused() {
    let mut cluster = Cluster::new(3, 16);
    let write = cluster.write("v", None);
    let first = cluster.request(0, "k", write.clone());
    assert!(is_written(&cluster.wait(first)));
    let same_owner = (0..)
        .map(|n| format!("k{n}"))
        .find(|key| cluster.owners(key)[0] == 0)
        .unwrap();
    let second = cluster.request(0, &same_owner, write);
    assert_eq!(failure(cluster.wait(second)).code, ErrorCode::Protocol);
}

#[test]
fn a_frame_without_a_request_in_it_is_refused_to_its_sender() {
    let mut cluster = Cluster::new(1, 17);
    let frame = wire::message_frame(FrameKind::Request, PartitionId(0), &"nonsense");
    cluster.hand(0, frame);
    cluster.run_for(Duration::from_millis(1));
    let [refusal] = &cluster.refusals[..] else {
        panic!("{:?}", cluster.refusals)
    };
    assert!(refusal.message.contains("not the message"), "{refusal:?}");
    assert!(matches!(
        cluster.events.last(),
        Some((0, Event::Refused(_)))
    ));
    assert_eq!(cluster.report(0).refused, 1);
}
