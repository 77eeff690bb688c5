//! What a leaf promises of the keys that it subscribes to (`docs/leaf.md`), with real nodes on a virtual
//! clock.

use henge_core::leaf::{ReadFrom, Source, SubscriptionId};
use henge_core::replication::Level;
use henge_core::rng::Rng;
use henge_core::time::Duration;
use henge_sim::Cluster;
use henge_sim::device::Device;
use std::collections::BTreeMap;

const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn pair(seed: u64, server: Option<usize>) -> (Cluster, Device) {
    let mut cluster = Cluster::new(3, seed);
    let mut device = Device::new(&cluster, seed, server);
    device.run(&mut cluster, millis(20));
    assert_eq!(device.found, Some(0));
    (cluster, device)
}

fn put(cluster: &mut Cluster, key: &str, value: &str) {
    let written = cluster.put(1, key, value, Some(Level::Quorum)).result;
    written.expect("written");
}

fn delete(cluster: &mut Cluster, key: &str) {
    let operation = cluster.write("", Some(Level::Quorum));
    let henge_core::wire::Operation::Write {
        level,
        request,
        context,
        ..
    } = operation
    else {
        panic!("a write");
    };
    let operation = henge_core::wire::Operation::Write {
        level,
        request,
        context,
        value: None,
        ttl_ms: None,
    };
    let id = cluster.request(1, key, operation);
    cluster.wait(id).result.expect("deleted");
}

/// Runs until the subscription was all here `times` times.
fn sync(cluster: &mut Cluster, device: &mut Device, id: SubscriptionId, times: u32) {
    for _ in 0..2_000 {
        if device.synced.get(&id).copied().unwrap_or(0) >= times {
            return;
        }
        device.run(cluster, millis(10));
    }
    panic!("not all here after 20 s");
}

fn here(cluster: &mut Cluster, device: &mut Device, key: &str) -> Option<String> {
    let answer = device.read(cluster, key, ReadFrom::Local).expect("an answer");
    answer.value.map(|value| String::from_utf8(value.bytes).expect("text"))
}

fn pairs(count: usize, prefix: &str) -> Vec<(String, String)> {
    (0..count).map(|n| (format!("{prefix}{n:03}"), format!("v{n}"))).collect()
}

#[test]
fn all_keys_are_here_and_are_kept_as_the_ring_has_them() {
    let (mut cluster, mut device) = pair(1, Some(0));
    for (key, value) in pairs(40, "a/") {
        put(&mut cluster, &key, &value);
    }
    put(&mut cluster, "b/1", "other");
    let id = device.subscribe(cluster.now, "a/");
    sync(&mut cluster, &mut device, id, 1);
    assert_eq!(device.list(&mut cluster, "a/", 7, false), pairs(40, "a/"));
    put(&mut cluster, "a/003", "new");
    put(&mut cluster, "a/900", "more");
    delete(&mut cluster, "a/004");
    device.run(&mut cluster, millis(300));
    device.server = None;
    device.cut(&mut cluster);
    let answer = device.read(&mut cluster, "a/003", ReadFrom::Nearest).unwrap();
    assert_eq!(answer.source, Source::Copy);
    assert_eq!(here(&mut cluster, &mut device, "a/003").as_deref(), Some("new"));
    assert_eq!(here(&mut cluster, &mut device, "a/900").as_deref(), Some("more"));
    assert_eq!(here(&mut cluster, &mut device, "a/004"), None);
    assert_eq!(here(&mut cluster, &mut device, "a/nowhere"), None, "there is no such key");
    device.read(&mut cluster, "b/1", ReadFrom::Local).unwrap_err();
    assert_eq!(device.told.len(), 41, "each key");
}

#[test]
fn it_goes_on_where_it_was_after_a_restart_and_after_a_long_time_without_a_connection() {
    let (mut cluster, mut device) = pair(2, Some(0));
    for (key, value) in pairs(100, "a/") {
        put(&mut cluster, &key, &value);
    }
    let id = device.subscribe(cluster.now, "a/");
    sync(&mut cluster, &mut device, id, 1);
    put(&mut cluster, "a/000", "before");
    device.run(&mut cluster, millis(7_000));
    for round in 0..3 {
        device.kill();
        put(&mut cluster, "a/001", &format!("round {round}"));
        delete(&mut cluster, &format!("a/01{round}"));
        cluster.run_for(millis(20_000));
        device.start(&cluster);
        device.run(&mut cluster, millis(50));
        // It has what it had, and does not say that this is all.
        assert_eq!(device.list(&mut cluster, "a/", 512, false).len(), 100 - round);
        let id = device.subscribe(cluster.now, "a/");
        device.turn(&mut cluster);
        assert!(device.synced.is_empty());
        sync(&mut cluster, &mut device, id, 1);
        let value = here(&mut cluster, &mut device, "a/001");
        assert_eq!(value, Some(format!("round {round}")));
        assert_eq!(device.list(&mut cluster, "a/", 512, false).len(), 99 - round);
        let told: Vec<String> = { device.told.keys() }
            .map(|key| String::from_utf8_lossy(key).into_owned())
            .collect();
        assert_eq!(told, ["a/001".to_owned(), format!("a/01{round}")], "nothing else was fetched");
        device.run(&mut cluster, millis(7_000));
    }
}

#[test]
fn when_history_is_gone_all_is_fetched_again_and_what_is_not_there_any_more_goes() {
    let mut cluster = Cluster::with(3, 3, |config| config.watch_tail_bytes_max = 4_000);
    let mut device = Device::new(&cluster, 3, Some(0));
    device.run(&mut cluster, millis(20));
    for (key, value) in pairs(60, "a/") {
        put(&mut cluster, &key, &value);
    }
    let id = device.subscribe(cluster.now, "a/");
    sync(&mut cluster, &mut device, id, 1);
    device.run(&mut cluster, millis(7_000));
    device.server = None;
    device.cut(&mut cluster);
    for n in 0..30 {
        delete(&mut cluster, &format!("a/{n:03}"));
    }
    for n in 0..300 {
        put(&mut cluster, &format!("b/{n}"), "to push the deletes out of the tails");
    }
    device.server = Some(2);
    sync(&mut cluster, &mut device, id, 2);
    assert_eq!(device.list(&mut cluster, "a/", 512, false), pairs(60, "a/")[30..]);
    let gone = device.told.values().filter(|answer| answer.value.is_none()).count();
    assert_eq!(gone, 30, "each is told");
}

#[test]
fn who_ends_a_subscription_while_all_is_fetched_again_has_all_the_next_time() {
    for step in 0..40 {
        let mut cluster = Cluster::with(3, 50, |config| config.watch_tail_bytes_max = 2_000);
        let mut device = Device::new(&cluster, 50, Some(0));
        device.run(&mut cluster, millis(20));
        for (key, value) in pairs(30, "a/") {
            put(&mut cluster, &key, &value);
        }
        let id = device.subscribe(cluster.now, "a/");
        sync(&mut cluster, &mut device, id, 1);
        device.run(&mut cluster, millis(7_000));
        device.server = None;
        device.cut(&mut cluster);
        for n in 0..10 {
            delete(&mut cluster, &format!("a/{n:03}"));
        }
        for n in 0..100 {
            put(&mut cluster, &format!("b/{n}"), "to push the deletes out of the tails");
        }
        device.server = Some(2);
        device.run(&mut cluster, Duration::from_micros(400 * step));
        device.leaf().unsubscribe(cluster.now, id);
        device.run(&mut cluster, millis(1));
        device.synced.clear();
        let id = device.subscribe(cluster.now, "a/");
        sync(&mut cluster, &mut device, id, 1);
        let all = device.list(&mut cluster, "a/", 512, false);
        assert_eq!(all, pairs(30, "a/")[10..], "after {step} steps");
    }
}

#[test]
fn its_own_writes_are_told_at_once_and_give_way_to_newer_ones() {
    let (mut cluster, mut device) = pair(4, Some(0));
    let id = device.subscribe(cluster.now, "a/");
    sync(&mut cluster, &mut device, id, 1);
    device.write(cluster.now, "a/k", Some("mine")).unwrap();
    device.turn(&mut cluster);
    let told = &device.told[&b"a/k".to_vec()];
    assert_eq!((told.source, told.version), (Source::Waiting, None));
    device.run(&mut cluster, millis(200));
    assert_eq!(device.leaf().pending(), 0);
    let told = &device.told[&b"a/k".to_vec()];
    assert_eq!(told.source, Source::Copy, "the ring has it");
    assert!(told.version.is_some());
    put(&mut cluster, "a/k", "theirs");
    device.run(&mut cluster, millis(200));
    let told = &device.told[&b"a/k".to_vec()];
    assert_eq!(told.source, Source::Copy);
    assert_eq!(here(&mut cluster, &mut device, "a/k").as_deref(), Some("theirs"));
    // One that the ring does not take is not shown any more.
    device.line().pair_bytes_max = 100;
    device.server = None;
    device.cut(&mut cluster);
    device.run(&mut cluster, millis(10));
    device.write(cluster.now, "a/k", Some(&"long".repeat(100))).unwrap();
    device.turn(&mut cluster);
    assert_eq!(device.told[&b"a/k".to_vec()].source, Source::Waiting);
    device.server = Some(1);
    device.run(&mut cluster, millis(12_000));
    assert_eq!(device.leaf().pending(), 0, "it was refused");
    let told = device.told[&b"a/k".to_vec()].clone();
    assert_eq!(told.value.map(|it| it.bytes), Some(b"theirs".to_vec()));
}

#[test]
fn what_nobody_wants_any_more_stays_for_a_while_and_is_dropped_then() {
    let (mut cluster, mut device) = pair(5, Some(0));
    device.settings().copies_max = 5;
    device.kill();
    device.start(&cluster);
    device.run(&mut cluster, millis(50));
    for (key, value) in pairs(50, "a/") {
        put(&mut cluster, &key, &value);
    }
    let id = device.subscribe(cluster.now, "a/");
    sync(&mut cluster, &mut device, id, 1);
    device.leaf().unsubscribe(cluster.now, id);
    device.run(&mut cluster, millis(100));
    assert_eq!(device.list(&mut cluster, "a/", 512, false).len(), 50);
    for other in 0..40 {
        let id = device.subscribe(cluster.now, &format!("other{other}/"));
        device.run(&mut cluster, millis(2));
        device.leaf().unsubscribe(cluster.now, id);
    }
    device.run(&mut cluster, millis(500));
    assert_eq!(device.list(&mut cluster, "a/", 512, false).len(), 5, "as many as any copies");
}

#[test]
fn a_listing_is_what_a_reader_of_each_key_would_see() {
    let mut rng = Rng::new(6);
    for seed in 0..20 {
        let (mut cluster, mut device) = pair(100 + seed, Some(0));
        let id = device.subscribe(cluster.now, "");
        sync(&mut cluster, &mut device, id, 1);
        let mut model = BTreeMap::new();
        for _ in 0..60 {
            if rng.below(12) == 0 {
                device.server = match device.server {
                    Some(_) => None,
                    None => Some(1),
                };
                device.cut(&mut cluster);
            }
            let key = format!("k{:02}", rng.below(30));
            let value = (rng.below(4) > 0).then(|| rng.below(1_000).to_string());
            device.write(cluster.now, &key, value.as_deref()).unwrap();
            match value {
                Some(value) => model.insert(key, value),
                None => model.remove(&key),
            };
            device.run(&mut cluster, Duration::from_micros(rng.below(3_000)));
            let limit = 1 + usize::try_from(rng.below(9)).unwrap();
            let expected: Vec<(String, String)> = model.clone().into_iter().collect();
            assert_eq!(device.list(&mut cluster, "k", limit, false), expected);
            let reverse: Vec<(String, String)> = model.clone().into_iter().rev().collect();
            assert_eq!(device.list(&mut cluster, "k", limit, true), reverse);
        }
    }
}
