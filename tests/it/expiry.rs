//! Values end with their time to live on a leaf too, and who subscribes to them is told (`docs/leaf.md`).

use henge_core::causality::Value;
use henge_core::leaf::{Progress, ReadFrom, Source, Write, WriteId};
use henge_core::replication::Level;
use henge_core::time::Duration;
use henge_core::wire::{Operation, Reply};
use henge_sim::Cluster;
use henge_sim::device::Device;

const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn pair(seed: u64, server: Option<usize>) -> (Cluster, Device) {
    let mut cluster = Cluster::new(3, seed);
    let mut device = Device::new(&cluster, seed, server);
    device.run(&mut cluster, millis(50));
    assert_eq!(device.found, Some(0));
    (cluster, device)
}

/// Writes a value of another client's that lives so long.
fn put(cluster: &mut Cluster, key: &str, ttl: u64) {
    let Operation::Write {
        level,
        request,
        context,
        value,
        ..
    } = cluster.write("theirs", Some(Level::Quorum))
    else {
        panic!("a write");
    };
    let operation = Operation::Write {
        level,
        request,
        context,
        value,
        ttl_ms: Some(ttl),
    };
    let id = cluster.request(1, key, operation);
    cluster.wait(id).result.expect("written");
}

fn write(cluster: &Cluster, device: &mut Device, key: &str, ttl: u64) -> WriteId {
    let value = Value {
        encoding: 1,
        bytes: b"mine".to_vec(),
    };
    let write = Write {
        key: key.into(),
        value: Some(value),
        ttl_ms: Some(ttl),
        ..Write::default()
    };
    device.leaf().write(cluster.now, write).expect("room")
}

fn here(cluster: &mut Cluster, device: &mut Device, key: &str) -> Option<String> {
    let answer = device
        .read(cluster, key, ReadFrom::Local)
        .expect("an answer");
    answer
        .value
        .map(|value| String::from_utf8(value.bytes).expect("text"))
}

fn is_on_ring(cluster: &mut Cluster, key: &str) -> bool {
    let reply = cluster
        .get(1, key, Some(Level::Quorum))
        .result
        .expect("a read");
    matches!(reply, Reply::Found(_))
}

/// How often it was told that `key` has ended.
fn ends(device: &Device, key: &str) -> u32 {
    device.expired.get(key.as_bytes()).copied().unwrap_or(0)
}

#[test]
fn a_value_that_ends_is_told_when_it_does_and_once() {
    let (mut cluster, mut device) = pair(1, Some(0));
    device.subscribe(cluster.now, "a/");
    device.run(&mut cluster, millis(300));
    put(&mut cluster, "a/told", 1_000);
    put(&mut cluster, "b/not", 1_000);
    device.run(&mut cluster, millis(900));
    assert_eq!(ends(&device, "a/told"), 0);
    assert_eq!(
        here(&mut cluster, &mut device, "a/told").as_deref(),
        Some("theirs")
    );
    device.run(&mut cluster, millis(110));
    assert_eq!(ends(&device, "a/told"), 1);
    let told = &device.told[&b"a/told".to_vec()];
    assert_eq!((told.source, told.value.as_ref()), (Source::Copy, None));
    assert_eq!(here(&mut cluster, &mut device, "a/told"), None);
    device.run(&mut cluster, millis(20_000));
    assert_eq!(device.expired.len(), 1);
    assert_eq!(ends(&device, "a/told"), 1);
}

#[test]
fn one_that_has_another_value_meanwhile_does_not_end() {
    let (mut cluster, mut device) = pair(2, Some(0));
    device.subscribe(cluster.now, "a/");
    device.run(&mut cluster, millis(300));
    put(&mut cluster, "a/longer", 1_000);
    put(&mut cluster, "a/for-ever", 1_000);
    device.run(&mut cluster, millis(500));
    put(&mut cluster, "a/longer", 2_000);
    let written = cluster.put(1, "a/for-ever", "stays", Some(Level::Quorum));
    written.result.expect("written");
    device.run(&mut cluster, millis(1_000));
    assert_eq!(device.expired.len(), 0);
    device.run(&mut cluster, millis(1_100));
    assert_eq!((ends(&device, "a/longer"), device.expired.len()), (1, 1));
    assert_eq!(
        here(&mut cluster, &mut device, "a/for-ever").as_deref(),
        Some("stays")
    );
}

#[test]
fn copies_from_before_a_restart_end_in_time_and_those_that_ended_meanwhile_are_told_then() {
    let (mut cluster, mut device) = pair(3, Some(0));
    device.subscribe(cluster.now, "a/");
    device.run(&mut cluster, millis(300));
    put(&mut cluster, "a/meanwhile", 10_000);
    put(&mut cluster, "a/later", 60_000);
    device.run(&mut cluster, millis(7_000));
    device.server = None;
    device.kill();
    cluster.run_for(millis(10_000));
    for _ in 0..2 {
        device.kill();
        device.start(&cluster);
        device.run(&mut cluster, millis(20));
        assert_eq!(here(&mut cluster, &mut device, "a/meanwhile"), None);
        assert!(device.expired.is_empty(), "nobody wants to know");
    }
    device.subscribe(cluster.now, "a/");
    device.run(&mut cluster, millis(20));
    assert_eq!(
        (ends(&device, "a/meanwhile"), ends(&device, "a/later")),
        (1, 0)
    );
    device.run(&mut cluster, millis(50_000));
    assert_eq!(
        (ends(&device, "a/meanwhile"), ends(&device, "a/later")),
        (1, 1)
    );
    // What was told is not told again in a later life, also when the ring is asked again.
    device.kill();
    device.start(&cluster);
    device.server = Some(0);
    device.run(&mut cluster, millis(20));
    device.subscribe(cluster.now, "a/");
    device.run(&mut cluster, millis(10_000));
    assert!(!device.synced.is_empty());
    assert!(device.told.is_empty(), "{:?}", device.told);
}

#[test]
fn a_write_that_waits_ends_in_time_and_is_not_there_again_when_the_ring_takes_it() {
    let (mut cluster, mut device) = pair(4, Some(0));
    let before = cluster.put(1, "a/mine", "before", Some(Level::All));
    before.result.expect("written");
    device.subscribe(cluster.now, "a/");
    device.run(&mut cluster, millis(300));
    device.server = None;
    device.cut(&mut cluster);
    let ended = write(&cluster, &mut device, "a/mine", 1_000);
    let living = write(&cluster, &mut device, "a/long", 100_000);
    device.run(&mut cluster, millis(990));
    assert_eq!(
        here(&mut cluster, &mut device, "a/mine").as_deref(),
        Some("mine")
    );
    device.run(&mut cluster, millis(20));
    assert_eq!(ends(&device, "a/mine"), 1);
    assert_eq!(here(&mut cluster, &mut device, "a/mine"), None);
    device.kill();
    device.start(&cluster);
    device.run(&mut cluster, millis(20));
    device.subscribe(cluster.now, "a/");
    device.run(&mut cluster, millis(20));
    assert!(device.expired.is_empty(), "it was told");
    assert_eq!(here(&mut cluster, &mut device, "a/mine"), None);
    assert_eq!(device.leaf().pending(), 2);
    device.server = Some(0);
    device.run(&mut cluster, millis(10_000));
    assert_eq!(device.leaf().pending(), 0);
    for write in [ended, living] {
        assert!(matches!(device.last(write), Some(Progress::Ring { .. })));
    }
    assert!(
        !is_on_ring(&mut cluster, "a/mine"),
        "what was there before is replaced"
    );
    assert!(is_on_ring(&mut cluster, "a/long"));
    // It lives as long as its writer said, not so long from when the ring has taken it.
    device.run(&mut cluster, millis(100_000 - 11_040 - 500));
    assert!(is_on_ring(&mut cluster, "a/long"));
    device.run(&mut cluster, millis(1_000));
    assert!(!is_on_ring(&mut cluster, "a/long"));
    assert_eq!((ends(&device, "a/long"), ends(&device, "a/mine")), (1, 0));
}

#[test]
fn many_values_that_end_at_once_are_all_told() {
    let (mut cluster, mut device) = pair(5, None);
    device.subscribe(cluster.now, "");
    for number in 0..12_000 {
        if number % 400 == 0 {
            device.run(&mut cluster, millis(5));
        }
        write(&cluster, &mut device, &format!("k{number}"), 60_000);
    }
    device.run(&mut cluster, millis(70_000));
    assert_eq!(device.expired.len(), 12_000);
    assert!(device.expired.values().all(|times| *times == 1));
}

#[test]
fn more_copies_than_are_known_ahead_all_end_in_time() {
    let (mut cluster, mut device) = pair(6, Some(0));
    device.settings().memory_bytes_max = 32 << 20;
    device.kill();
    device.start(&cluster);
    device.run(&mut cluster, millis(50));
    device.subscribe(cluster.now, "");
    let began = cluster.now;
    let mut ends_at = Vec::new();
    for number in 0..10_000_u64 {
        let ttl = 100_000 + number * 7_919 % 50_000;
        write(&cluster, &mut device, &format!("k{number}"), ttl);
        ends_at.push((cluster.now + millis(ttl)).since(began).as_millis());
        if number % 100 == 0 {
            device.run(&mut cluster, millis(20));
        }
    }
    while device.leaf().pending() > 0 {
        device.run(&mut cluster, millis(100));
    }
    ends_at.sort_unstable();
    while device.expired.len() < ends_at.len() {
        device.run(&mut cluster, millis(1_000));
        let now = cluster.now.since(began).as_millis();
        let due = ends_at.partition_point(|at| *at + 100 < now);
        let told = device.expired.len();
        assert!(told >= due, "{told} of {due} at {now}");
        assert!(now < 200_000);
    }
    assert!(device.expired.values().all(|times| *times == 1));
}
