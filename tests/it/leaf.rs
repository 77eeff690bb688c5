//! What a leaf promises (`docs/leaf.md`), with real nodes on a virtual clock.

use henge_core::causality::{Policy, Token, Value};
use henge_core::id::RequestId;
use henge_core::leaf::{Answer, Progress, ReadFrom, Source, Write};
use henge_core::replication::Level;
use henge_core::storage::{FileId, FileKind};
use henge_core::time::Duration;
use henge_core::wire::{ErrorCode, Failure, Reply};
use henge_sim::Cluster;
use henge_sim::device::Device;

fn pair(seed: u64, server: Option<usize>) -> (Cluster, Device) {
    let mut cluster = Cluster::new(3, seed);
    let mut device = Device::new(&cluster, seed, server);
    device.run(&mut cluster, millis(20));
    assert_eq!(device.found, Some(0));
    (cluster, device)
}

const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn text(answer: Result<Answer, Failure>) -> (Source, Option<String>) {
    let answer = answer.expect("an answer");
    let value = answer
        .value
        .map(|value| String::from_utf8(value.bytes).expect("text"));
    (answer.source, value)
}

/// What the replicas have of `key`.
fn on_ring(cluster: &mut Cluster, key: &str) -> Option<String> {
    match cluster
        .get(1, key, Some(Level::Quorum))
        .result
        .expect("a read")
    {
        Reply::Found(entry) => Some(String::from_utf8(entry.value.bytes).expect("text")),
        Reply::Missing { .. } => None,
        other => panic!("{other:?}"),
    }
}

/// Ends the device as a power cut would and starts it from what its disk holds.
fn restart(cluster: &mut Cluster, device: &mut Device) {
    device.kill();
    device.start(cluster);
    device.run(cluster, millis(50));
}

fn drain(cluster: &mut Cluster, device: &mut Device) {
    for _ in 0..2_000 {
        if device.leaf().pending() == 0 {
            return;
        }
        device.run(cluster, millis(20));
    }
    panic!("{} writes wait after 40 s", device.leaf().pending());
}

#[test]
fn a_write_is_seen_at_once_and_comes_from_here_to_the_ring() {
    let (mut cluster, mut device) = pair(1, Some(0));
    let write = device.write(cluster.now, "k", Some("v")).unwrap();
    let seen = device.read(&mut cluster, "k", ReadFrom::Nearest);
    assert_eq!(text(seen), (Source::Waiting, Some("v".into())));
    drain(&mut cluster, &mut device);
    let told = &device.progress[&write];
    assert!(
        matches!(told[..], [Progress::Local, Progress::Ring { .. }]),
        "{told:?}"
    );
    assert_eq!(on_ring(&mut cluster, "k"), Some("v".into()));
    let copy = device.read(&mut cluster, "k", ReadFrom::Local);
    assert_eq!(text(copy), (Source::Copy, Some("v".into())));
}

#[test]
fn writes_without_a_connection_wait_and_survive_restarts() {
    let (mut cluster, mut device) = pair(2, None);
    for number in 0..300 {
        let (key, value) = (format!("k{}", number % 100), format!("v{number}"));
        device.write(cluster.now, &key, Some(&value)).unwrap();
    }
    device.write(cluster.now, "k7", None).unwrap();
    device.run(&mut cluster, millis(100));
    for _ in 0..3 {
        device.kill();
        device.start(&cluster);
        device.run(&mut cluster, millis(100));
        assert_eq!(device.found, Some(301));
        let seen = device.read(&mut cluster, "k9", ReadFrom::Nearest);
        assert_eq!(text(seen), (Source::Waiting, Some("v209".into())));
    }
    device.server = Some(2);
    restart(&mut cluster, &mut device);
    drain(&mut cluster, &mut device);
    for number in (0..100).filter(|number| *number != 7) {
        let value = on_ring(&mut cluster, &format!("k{number}"));
        assert_eq!(value, Some(format!("v{}", 200 + number)));
    }
    assert_eq!(on_ring(&mut cluster, "k7"), None);
    device.run(&mut cluster, millis(50));
    device.kill();
    device.start(&cluster);
    device.run(&mut cluster, millis(100));
    assert_eq!(device.found, Some(0), "what the ring has is not sent again");
    assert_eq!(
        text(device.read(&mut cluster, "k7", ReadFrom::Local)),
        (Source::Copy, None)
    );
}

/// The dots that were minted for `key`, and its value.
fn applied(cluster: &mut Cluster, key: &str) -> (u64, Option<String>) {
    let reply = cluster
        .get(0, key, Some(Level::All))
        .result
        .expect("a read");
    let (context, value) = match reply {
        Reply::Found(entry) => (entry.context, Some(entry.value.bytes)),
        Reply::Missing { context } => (context, None),
        other => panic!("{other:?}"),
    };
    let seen = Token::decode(&context).expect("a context").seen;
    let value = value.map(|bytes| String::from_utf8(bytes).expect("text"));
    (seen.iter().map(|(_, counter)| counter).sum(), value)
}

#[test]
fn a_write_that_is_handed_in_again_is_applied_once() {
    let (mut cluster, mut device) = pair(5, None);
    let request = RequestId {
        client: 77,
        sequence: 1,
    };
    let hand_in = |cluster: &Cluster, device: &mut Device| {
        let value = Value {
            encoding: 1,
            bytes: b"v".to_vec(),
        };
        let write = Write {
            key: b"k".to_vec(),
            value: Some(value),
            request: Some(request),
            ..Write::default()
        };
        device.leaf().write(cluster.now, write).expect("room")
    };
    let first = hand_in(&cluster, &mut device);
    assert_eq!(hand_in(&cluster, &mut device), first);
    device.run(&mut cluster, millis(20));
    assert_eq!(device.progress[&first], [Progress::Local]);
    assert_eq!(hand_in(&cluster, &mut device), first);
    device.run(&mut cluster, millis(1));
    assert_eq!(device.progress[&first], [Progress::Local, Progress::Local]);
    // By another one of its makers, when the leaf has begun anew.
    restart(&mut cluster, &mut device);
    let again = hand_in(&cluster, &mut device);
    assert_eq!(device.leaf().pending(), 1);
    device.server = Some(1);
    device.cut(&mut cluster);
    restart(&mut cluster, &mut device);
    drain(&mut cluster, &mut device);
    assert!(matches!(device.last(again), Some(Progress::Ring { .. })));
    assert_eq!(applied(&mut cluster, "k"), (1, Some("v".into())));
    // Also when the ring has it already.
    hand_in(&cluster, &mut device);
    drain(&mut cluster, &mut device);
    assert_eq!(applied(&mut cluster, "k"), (1, Some("v".into())));
}

#[test]
fn what_the_ring_refuses_is_said_and_holds_up_nothing() {
    let mut cluster = Cluster::with(3, 3, |config| config.pair_bytes_max = 1_000);
    let mut device = Device::new(&cluster, 3, None);
    device.line().pair_bytes_max = 1_000;
    device.run(&mut cluster, millis(20));
    let large = "x".repeat(2_000);
    let refused = device.write(cluster.now, "k", Some(&large)).unwrap();
    let next = device.write(cluster.now, "k", Some("small")).unwrap();
    let other = device.write(cluster.now, "other", Some("v")).unwrap();
    device.run(&mut cluster, millis(20));
    device.server = Some(0);
    restart(&mut cluster, &mut device);
    drain(&mut cluster, &mut device);
    let Some(Progress::Refused { failure, .. }) = device.last(refused) else {
        panic!("{:?}", device.progress);
    };
    assert_eq!(failure.code, ErrorCode::ValueTooLarge);
    for write in [next, other] {
        assert!(matches!(device.last(write), Some(Progress::Ring { .. })));
    }
    assert_eq!(on_ring(&mut cluster, "k"), Some("small".into()));
}

#[test]
fn reads_say_where_they_are_from() {
    let (mut cluster, mut device) = pair(4, Some(0));
    cluster.put(1, "ring", "v", None).result.unwrap();
    let found = device.read(&mut cluster, "ring", ReadFrom::Nearest);
    assert_eq!(text(found), (Source::Ring, Some("v".into())));
    let local = device.read(&mut cluster, "never", ReadFrom::Local);
    assert_eq!(local.unwrap_err().code, ErrorCode::Unavailable);
    // Behind a write of its own, a read of the ring sees that.
    device.write(cluster.now, "mine", Some("v")).unwrap();
    let behind = device.read(&mut cluster, "mine", ReadFrom::Ring);
    assert_eq!(text(behind), (Source::Ring, Some("v".into())));
    device.server = None;
    device.cut(&mut cluster);
    device.run(&mut cluster, millis(20));
    let copy = device.read(&mut cluster, "ring", ReadFrom::Nearest);
    assert_eq!(text(copy), (Source::Copy, Some("v".into())));
    let missing = device.read(&mut cluster, "never", ReadFrom::Nearest);
    assert!(missing.unwrap_err().message.contains("not here"));
}

#[test]
fn a_read_behind_writes_that_cannot_go_ends_in_time() {
    let (mut cluster, mut device) = pair(13, None);
    device.write(cluster.now, "k", Some("v")).unwrap();
    let key = b"k".to_vec();
    let read = { device.leaf() }.read(cluster.now, key, ReadFrom::Ring, None, 500);
    let read = read.unwrap();
    device.run(&mut cluster, millis(499));
    assert!(device.answers.is_empty());
    device.run(&mut cluster, millis(2));
    let failure = device.answers.remove(&read).unwrap().unwrap_err();
    assert_eq!(failure.code, ErrorCode::Timeout);
}

#[test]
fn a_read_without_answer_falls_back_on_the_copy() {
    let (mut cluster, mut device) = pair(5, Some(0));
    cluster.put(1, "k", "v", None).result.unwrap();
    device.read(&mut cluster, "k", ReadFrom::Nearest).unwrap();
    cluster.crash(1);
    cluster.crash(2);
    device.run(&mut cluster, millis(20));
    let id = { device.leaf() }
        .read(
            cluster.now,
            b"k".to_vec(),
            ReadFrom::Nearest,
            Some(Level::All),
            300,
        )
        .unwrap();
    device.run(&mut cluster, millis(600));
    let answer = device.answers.remove(&id).expect("an answer");
    assert_eq!(text(answer), (Source::Copy, Some("v".into())));
}

#[test]
fn a_copy_ends_with_its_time_to_live() {
    let (mut cluster, mut device) = pair(6, Some(0));
    let write = Write {
        key: b"k".to_vec(),
        value: Some(henge_core::causality::Value {
            encoding: 1,
            bytes: b"v".to_vec(),
        }),
        ttl_ms: Some(1_000),
        ..Write::default()
    };
    device.leaf().write(cluster.now, write).unwrap();
    drain(&mut cluster, &mut device);
    assert_eq!(
        text(device.read(&mut cluster, "k", ReadFrom::Local)).1,
        Some("v".into())
    );
    device.run(&mut cluster, millis(1_100));
    assert_eq!(
        text(device.read(&mut cluster, "k", ReadFrom::Local)).1,
        None
    );
    assert_eq!(on_ring(&mut cluster, "k"), None);
}

#[test]
fn another_cluster_gets_nothing() {
    let (mut cluster, mut device) = pair(7, Some(0));
    device.write(cluster.now, "k", Some("v")).unwrap();
    drain(&mut cluster, &mut device);
    device.server = None;
    device.cut(&mut cluster);
    device.write(cluster.now, "k", Some("w")).unwrap();
    device.run(&mut cluster, millis(20));
    device.line().cluster = 2;
    device.server = Some(0);
    device.kill();
    device.start(&cluster);
    device.run(&mut cluster, millis(3_000));
    assert_eq!((device.found, device.leaf().pending()), (Some(1), 1));
    assert_eq!(on_ring(&mut cluster, "k"), Some("v".into()));
    device.line().cluster = 1;
    restart(&mut cluster, &mut device);
    drain(&mut cluster, &mut device);
    assert_eq!(on_ring(&mut cluster, "k"), Some("w".into()));
}

#[test]
fn two_leaves_that_write_one_key_agree_in_the_end() {
    let (mut cluster, mut one) = pair(8, None);
    let mut other = Device::new(&cluster, 99, None);
    other.run(&mut cluster, millis(20));
    one.write(cluster.now, "k", Some("one")).unwrap();
    other.write(cluster.now, "k", Some("other")).unwrap();
    for device in [&mut one, &mut other] {
        device.run(&mut cluster, millis(20));
        device.server = Some(0);
        restart(&mut cluster, device);
        drain(&mut cluster, device);
    }
    let seen = text(one.read(&mut cluster, "k", ReadFrom::Ring));
    assert_eq!(seen, text(other.read(&mut cluster, "k", ReadFrom::Ring)));
    assert_eq!(seen.1, Some("other".into()), "the ring took it later");
}

#[test]
fn copies_are_dropped_when_there_are_too_many() {
    let (mut cluster, mut device) = pair(9, Some(0));
    device.kill();
    device.settings().copies_max = 10;
    device.start(&cluster);
    device.run(&mut cluster, millis(50));
    for number in 0..25 {
        device
            .write(cluster.now, &format!("k{number}"), Some("v"))
            .unwrap();
        drain(&mut cluster, &mut device);
    }
    assert_eq!(device.leaf().copies(), 10);
    assert!(device.read(&mut cluster, "k14", ReadFrom::Local).is_err());
    assert!(device.read(&mut cluster, "k15", ReadFrom::Local).is_ok());
    device.run(&mut cluster, millis(20));
    restart(&mut cluster, &mut device);
    device.run(&mut cluster, millis(200));
    assert_eq!(device.leaf().copies(), 10);

    // Less room in a later run: what is too much goes for good.
    for copies_max in [4, 10] {
        device.settings().copies_max = copies_max;
        restart(&mut cluster, &mut device);
        device.run(&mut cluster, millis(200));
        assert_eq!(device.leaf().copies(), 4);
        let is_here = |number: &u32| {
            let key = format!("k{number}");
            device.read(&mut cluster, &key, ReadFrom::Local).is_ok()
        };
        assert_eq!((0..25).filter(is_here).count(), 4);
    }
}

#[test]
fn a_storage_that_fails_is_said_and_takes_no_more() {
    let (mut cluster, mut device) = pair(10, None);
    device.disk().is_full = true;
    let waiting = device.write(cluster.now, "k", Some("v")).unwrap();
    device.run(&mut cluster, millis(100));
    assert_eq!(device.last(waiting), None);
    device.disk().is_full = false;
    device.run(&mut cluster, millis(2_000));
    assert_eq!(device.last(waiting), Some(&Progress::Local));
    device.disk().is_broken = true;
    device.write(cluster.now, "k", Some("w")).unwrap();
    let key = b"k".to_vec();
    let read = { device.leaf() }.read(cluster.now, key, ReadFrom::Ring, None, 300);
    let read = read.unwrap();
    device.run(&mut cluster, millis(500));
    let unread = device.answers.remove(&read).expect("an answer");
    assert_eq!(unread.unwrap_err().code, ErrorCode::Corrupt);
    assert!(device.failed.as_ref().unwrap().contains("input/output"));
    let refused = device.write(cluster.now, "k", Some("x")).unwrap_err();
    assert_eq!(refused.code, ErrorCode::Corrupt);
}

#[test]
fn a_store_of_another_bucket_is_not_opened() {
    let (mut cluster, mut device) = pair(11, None);
    device.run(&mut cluster, millis(20));
    device.kill();
    device.settings().bucket = "carts".into();
    device.start(&cluster);
    device.run(&mut cluster, millis(50));
    assert_eq!(device.found, None);
    let why = device.failed.clone().expect("it says so");
    assert!(why.contains("carts") && why.contains("default"), "{why}");
}

#[test]
fn damage_is_said_and_never_read_as_something_else() {
    let (mut cluster, mut device) = pair(12, None);
    for number in 0..50 {
        device
            .write(cluster.now, &format!("k{number}"), Some("value"))
            .unwrap();
        device.run(&mut cluster, millis(5));
    }
    device.kill();
    let log = { device.disk().files() }
        .into_iter()
        .find(|stored| stored.file.kind == FileKind::Log)
        .expect("a log");
    let FileId { kind, number } = log.file;
    device.disk().bytes(FileId { kind, number })[200] ^= 1;
    device.start(&cluster);
    device.run(&mut cluster, millis(50));
    assert_eq!(device.found, None);
    assert!(device.failed.is_some());
}

#[test]
fn writes_that_wait_replace_each_other_and_nothing_that_nobody_here_has_seen() {
    let mut cluster = Cluster::with(3, 41, |config| config.policy = Policy::Siblings);
    let mut device = Device::new(&cluster, 41, None);
    device.run(&mut cluster, millis(20));
    for value in ["one", "two", "three"] {
        device.write(cluster.now, "alone", Some(value)).unwrap();
        device.write(cluster.now, "both", Some(value)).unwrap();
    }
    let theirs = cluster.put(1, "both", "theirs", Some(Level::Quorum));
    theirs.result.expect("written");
    device.server = Some(0);
    drain(&mut cluster, &mut device);
    let mut all_on_ring = |key: &str| match cluster.get(1, key, Some(Level::All)).result {
        Ok(Reply::Found(entry)) => {
            let values = entry.siblings.iter().chain([&entry.value]);
            values
                .map(|it| String::from_utf8_lossy(&it.bytes).into_owned())
                .collect()
        }
        other => panic!("{other:?}"),
    };
    let alone: Vec<String> = all_on_ring("alone");
    assert_eq!(alone, ["three"]);
    let both = all_on_ring("both");
    assert!(
        both.contains(&"theirs".into()) && both.contains(&"three".into()),
        "{both:?}"
    );
}

#[test]
fn a_write_beside_others_is_shown_with_them() {
    let mut cluster = Cluster::with(3, 43, |config| config.policy = Policy::Siblings);
    let mut device = Device::new(&cluster, 43, None);
    device.run(&mut cluster, millis(20));
    device.subscribe(cluster.now, "kept/");
    for key in ["kept/put", "kept/gone", "put", "gone"] {
        let theirs = cluster.put(1, key, "theirs", Some(Level::All));
        theirs.result.expect("written");
        let mine = (!key.ends_with("gone")).then_some("mine");
        device.write(cluster.now, key, mine).expect("taken");
    }
    device.server = Some(0);
    drain(&mut cluster, &mut device);
    for key in ["kept/put", "kept/gone", "put", "gone"] {
        let here = device
            .read(&mut cluster, key, ReadFrom::Local)
            .expect("here");
        let values = here.value.iter().chain(&here.siblings);
        let mut values: Vec<_> = { values }
            .map(|value| String::from_utf8_lossy(&value.bytes).into_owned())
            .collect();
        values.sort();
        match key.ends_with("gone") {
            true => assert_eq!(values, ["theirs"], "{key}"),
            false => assert_eq!(values, ["mine", "theirs"], "{key}"),
        }
    }
}
