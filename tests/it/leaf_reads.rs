//! What a leaf reads of the ring (`docs/leaf.md`): never less than was seen here before, settled if that is
//! asked, and with its end.

use henge_core::leaf::{Answer, ReadFrom, Source};
use henge_core::replication::Level;
use henge_core::time::Duration;
use henge_core::wire::{Failure, FrameKind, Frames, Hello, Operation, Reply, Role};
use henge_sim::Cluster;
use henge_sim::device::Device;

const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn pair(seed: u64, server: Option<usize>) -> (Cluster, Device) {
    let mut cluster = Cluster::new(3, seed);
    let mut device = Device::new(&cluster, seed, server);
    device.run(&mut cluster, millis(20));
    (cluster, device)
}

fn text(answer: Result<Answer, Failure>) -> (Source, Option<String>) {
    let answer = answer.expect("an answer");
    let value = answer
        .value
        .map(|value| String::from_utf8(value.bytes).expect("text"));
    (answer.source, value)
}

/// Ends the device as a power cut would and starts it from what its disk holds.
fn restart(cluster: &mut Cluster, device: &mut Device) {
    device.kill();
    device.start(cluster);
    device.run(cluster, millis(50));
}

fn drain(cluster: &mut Cluster, device: &mut Device) {
    for _ in 0..500 {
        if device.leaf().pending() == 0 {
            return;
        }
        device.run(cluster, millis(20));
    }
    panic!("{} writes wait after 10 s", device.leaf().pending());
}

/// Three members, of which only the first has `k` = new, which the device has written or read.
fn one_is_ahead(device_writes: bool) -> (Cluster, Device) {
    let mut cluster = Cluster::with(3, 42, |config| {
        config.sync_round_ms = 600_000;
        config.write_level = Level::One;
    });
    let mut device = Device::new(&cluster, 42, None);
    device.run(&mut cluster, millis(20));
    cluster
        .put(0, "k", "old", Some(Level::All))
        .result
        .expect("written");
    cluster.lose(0, 1, true);
    cluster.lose(0, 2, true);
    device.server = Some(0);
    device.cut(&mut cluster);
    if device_writes {
        device.write(cluster.now, "k", Some("new")).expect("taken");
    } else {
        cluster
            .put(0, "k", "new", Some(Level::One))
            .result
            .expect("written");
    }
    drain(&mut cluster, &mut device);
    let id = { device.leaf() }
        .read(
            cluster.now,
            b"k".to_vec(),
            ReadFrom::Ring,
            Some(Level::One),
            0,
        )
        .expect("asked");
    device.run(&mut cluster, millis(100));
    let read = text(device.answers.remove(&id).expect("an answer"));
    assert_eq!(read, (Source::Ring, Some("new".into())));
    cluster.lose(0, 1, false);
    cluster.lose(0, 2, false);
    (cluster, device)
}

#[test]
fn a_read_never_goes_back_behind_what_was_seen_here_before_not_even_after_a_restart() {
    for (device_writes, restarts) in [(true, false), (true, true), (false, false), (false, true)] {
        let (mut cluster, mut device) = one_is_ahead(device_writes);
        let old = cluster.get(1, "k", Some(Level::One)).result;
        assert!(matches!(old, Ok(Reply::Found(entry)) if entry.value.bytes == b"old"));
        device.server = Some(1);
        match restarts {
            true => restart(&mut cluster, &mut device),
            false => device.cut(&mut cluster),
        }
        device.run(&mut cluster, millis(100));
        assert!(device.is_online);
        for from in [ReadFrom::Ring, ReadFrom::Nearest] {
            let id = { device.leaf() }
                .read(cluster.now, b"k".to_vec(), from, Some(Level::One), 0)
                .unwrap();
            device.run(&mut cluster, millis(200));
            let read = text(device.answers.remove(&id).expect("an answer"));
            let how = (device_writes, restarts, from);
            assert_eq!(read, (Source::Ring, Some("new".into())), "{how:?}");
        }
    }
}

#[test]
fn a_settled_read_waits_for_the_writes_here_and_then_for_the_replicas() {
    let (mut cluster, mut device) = pair(43, Some(0));
    cluster.crash(2);
    device.run(&mut cluster, millis(2_000));
    device.write(cluster.now, "k", Some("v")).unwrap();
    let settled = |device: &mut Device, now, timeout_ms| {
        let key = b"k".to_vec();
        { device.leaf() }
            .read(now, key, ReadFrom::Settled, Some(Level::All), timeout_ms)
            .unwrap()
    };
    let read = settled(&mut device, cluster.now, 2_000);
    device.run(&mut cluster, millis(3_000));
    let failure = device.answers.remove(&read).unwrap().unwrap_err();
    assert!(failure.code.is_retryable(), "{failure}");
    assert_eq!(device.leaf().pending(), 0, "a majority has it");
    cluster.start(2);
    let read = settled(&mut device, cluster.now, 10_000);
    device.run(&mut cluster, millis(9_000));
    let answer = text(device.answers.remove(&read).expect("an answer"));
    assert_eq!(answer, (Source::Ring, Some("v".into())));
    for seat in 0..3 {
        let there = cluster.get(seat, "k", Some(Level::One)).result;
        assert!(matches!(there, Ok(Reply::Found(_))), "{seat} has it");
    }
}

#[test]
fn the_end_of_a_value_that_was_only_read_is_known_without_a_connection() {
    let (mut cluster, mut device) = pair(44, Some(0));
    let Operation::Write {
        level,
        request,
        context,
        value,
        ..
    } = cluster.write("v", Some(Level::Quorum))
    else {
        panic!("a write");
    };
    let operation = Operation::Write {
        level,
        request,
        context,
        value,
        ttl_ms: Some(5_000),
    };
    let id = cluster.request(1, "k", operation);
    cluster.wait(id).result.expect("written");
    let read = device.read(&mut cluster, "k", ReadFrom::Ring).unwrap();
    let ends = read.expires_at_ms.expect("it ends");
    assert!(ends.abs_diff(cluster.now.as_millis() + 5_000) < 1_000);
    device.server = None;
    device.cut(&mut cluster);
    device.run(&mut cluster, millis(3_000));
    let copy = device.read(&mut cluster, "k", ReadFrom::Nearest);
    assert_eq!(text(copy), (Source::Copy, Some("v".into())));
    device.run(&mut cluster, millis(2_500));
    let copy = device.read(&mut cluster, "k", ReadFrom::Nearest);
    assert_eq!(text(copy), (Source::Copy, None));
}

#[test]
fn a_read_of_what_is_not_here_waits_for_the_first_connection_and_for_no_other() {
    let mut cluster = Cluster::new(3, 77);
    let mut device = Device::new(&cluster, 77, None);
    // It dials an edge node, which does not greet.
    device.post = Some(0);
    device.run(&mut cluster, millis(20));
    let ask = |device: &mut Device, now| {
        let key = b"ring".to_vec();
        { device.leaf() }.read(now, key, ReadFrom::Nearest, None, 0)
    };
    let early = ask(&mut device, cluster.now).expect("asked");
    device.run(&mut cluster, millis(20));
    assert_eq!(device.answers.get(&early), None);
    device.lose(&cluster);
    device.run(&mut cluster, millis(5));
    let failure = { device.answers.remove(&early) }.expect("an answer");
    assert!(failure.expect_err("not here").message.contains("not here"));
    // The next is under way, or will be.
    let later = ask(&mut device, cluster.now).expect("asked");
    device.run(&mut cluster, millis(5));
    let failure = { device.answers.remove(&later) }.expect("an answer");
    assert!(failure.expect_err("not here").message.contains("not here"));
    // In a new run it is greeted in the end.
    device.kill();
    device.start(&cluster);
    device.run(&mut cluster, millis(20));
    let early = ask(&mut device, cluster.now).expect("asked");
    device.run(&mut cluster, millis(20));
    let hello = Hello::new(None, Role::Client);
    let welcome = device.line().greet(&cluster, 0, &hello);
    device.take(&mut cluster, &welcome);
    let said = device.take_sent().concat();
    let kinds = Frames::new(&said).map(|frame| frame.expect("a frame").kind);
    let asked = kinds.filter(|kind| *kind == FrameKind::Request).count();
    assert_eq!((asked, device.answers.get(&early)), (1, None));
}
