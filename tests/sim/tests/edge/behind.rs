//! Who is behind the others does not take them back: edge nodes, stones, and clients that go from one to another.

use crate::copy;
use crate::scene::Scene;
use henge_core::causality::Value;
use henge_core::id::RequestId;
use henge_core::leaf::{Progress, ReadFrom, Source, Write};
use henge_core::replication::Level;
use henge_core::time::Duration;
use henge_core::wire::Operation;

#[test]
fn a_write_that_an_edge_node_has_brought_to_the_ring_is_not_read_older_at_a_stone() {
    let mut scene = one_that_has_read(13);
    cut_the_third_stone(&mut scene, true);
    scene.write(0, "k", "new");
    scene.drain();
    is_not_shown_what_the_third_stone_has(&mut scene);
}

#[test]
fn what_was_told_of_a_key_is_not_read_older_at_a_stone() {
    let mut scene = one_that_has_read(14);
    scene.subscribe("k");
    cut_the_third_stone(&mut scene, true);
    scene.cluster.put(1, "k", "new", Some(Level::Quorum));
    scene.until("it is told", |scene| {
        scene.told(0, "k") == Some((Source::Copy, Some("new".into())))
    });
    is_not_shown_what_the_third_stone_has(&mut scene);
}

/// A client that has read `k` on the ring.
fn one_that_has_read(seed: u64) -> Scene {
    let mut scene = Scene::new(seed, 1);
    scene.cluster.put(1, "k", "old", Some(Level::All));
    let old = Some((Source::Ring, "old".into()));
    assert_eq!(scene.read(0, "k", ReadFrom::Ring), old);
    scene
}

/// The third stone hears nothing of the others, or hears of them again.
fn cut_the_third_stone(scene: &mut Scene, is_cut: bool) {
    for seat in 0..2 {
        scene.cluster.cut(seat, 2, is_cut);
    }
}

/// The first client goes to the stone that has missed something, and reads it there: not what is older.
fn is_not_shown_what_the_third_stone_has(scene: &mut Scene) {
    scene.go_to_stone(0, Some(2));
    let device = &mut scene.devices[0];
    device.run(&mut scene.cluster, Duration::from_millis(100));
    assert!(device.is_online);
    let (key, now) = (b"k".to_vec(), scene.cluster.now);
    let leaf = device.leaf();
    let read = leaf.read(now, key, ReadFrom::Ring, Some(Level::One), 500);
    let read = read.expect("a good read");
    device.run(&mut scene.cluster, Duration::from_millis(1_000));
    let answer = device.answers.remove(&read).expect("an answer");
    let failure = answer.expect_err("only the others have the newest");
    assert!(failure.code.is_retryable(), "{failure:?}");
}

#[test]
fn who_comes_from_a_stone_keeps_what_an_edge_node_behind_the_ring_has_not_heard_of() {
    let mut scene = Scene::new(15, 2);
    scene.go_to_stone(0, Some(2));
    scene.cluster.put(1, "a/1", "old", Some(Level::Quorum));
    scene.subscribe("a/");
    scene.lose_backbone();
    scene.cluster.put(1, "a/2", "new", Some(Level::Quorum));
    scene.until("it is told", |scene| scene.told(0, "a/2").is_some());
    scene.devices[0].synced.clear();
    scene.go_to(0, Some(0));
    scene.until("all is there again", |scene| {
        scene.devices[0].synced.len() == 1
    });
    assert_eq!(scene.read(0, "a/2", ReadFrom::Local), copy("new"));
    assert_eq!(scene.read(0, "a/1", ReadFrom::Local), copy("old"));
    scene.post.backbone = Some(1);
    scene.until("the other has it too", |scene| {
        scene.told(1, "a/2") == Some((Source::Copy, Some("new".into())))
    });
    assert_eq!(scene.read(0, "a/2", ReadFrom::Local), copy("new"));
}

#[test]
fn what_an_edge_node_knows_to_be_deleted_goes_also_while_the_ring_is_away() {
    let mut scene = Scene::new(16, 2);
    scene.cluster.put(1, "a/1", "old", Some(Level::Quorum));
    scene.subscribe("a/");
    // One of them hears nothing for a while.
    scene.go_to_stone(0, None);
    let now = scene.cluster.now;
    let deleted = scene.devices[1].write(now, "a/1", None);
    deleted.expect("room");
    scene.drain();
    scene.run(500);
    scene.lose_backbone();
    // What was told before is forgotten, so the client has to list what there is.
    scene.post.evict(&mut scene.cluster);
    scene.devices[0].synced.clear();
    assert_eq!(scene.read(0, "a/1", ReadFrom::Local), copy("old"));
    scene.go_to(0, Some(0));
    scene.until("it is gone", |scene| {
        scene.told(0, "a/1") == Some((Source::Copy, None))
    });
    assert!(!scene.post.edge().leaf().is_online());
    assert_eq!(scene.read(0, "a/1", ReadFrom::Local), None);
}

#[test]
fn writes_of_one_key_that_are_handed_in_again_are_never_shown_back_in_time() {
    let mut scene = Scene::new(17, 1);
    scene.lose_backbone();
    let writes = ["one", "two", "three"].map(|value| scene.write(0, "k", value));
    scene.until("all are lodged", |scene| {
        writes.iter().all(|write| scene.has_lodged(0, *write))
    });
    // The client does not hear of their outcomes, and the edge node forgets that there were any.
    scene.go_to_stone(0, None);
    scene.post.backbone = Some(1);
    scene.until("the ring has them", |scene| {
        scene.post.edge().leaf().pending() == 0
    });
    let Scene {
        cluster,
        post,
        devices,
    } = &mut scene;
    post.kill(cluster, devices);
    post.wipe();
    post.start(cluster);
    scene.go_to(0, Some(0));
    let shows_the_newest = |scene: &mut Scene| {
        let read = scene.read(0, "k", ReadFrom::Local);
        read.expect("a value").1 == "three"
    };
    let step = |scene: &mut Scene| {
        assert!(shows_the_newest(scene));
        let Scene {
            cluster,
            post,
            devices,
        } = scene;
        post.run(cluster, devices, Duration::from_micros(200));
        (post.edge().leaf().pending(), devices[0].leaf().pending())
    };
    let mut all = (0..5_000).map(|_| step(&mut scene));
    assert!(all.any(|(there, _)| there == 3), "all wait there again");
    assert!(
        all.any(|(there, _)| there <= 1),
        "all but one are over there"
    );
    // The client has been told that an earlier one was over before, and cannot look now at what it has become;
    // until it tries again, the last one is over too.
    scene.lose_backbone();
    scene.run(600);
    scene.post.backbone = Some(0);
    let mut all = (0..5_000).map(|_| step(&mut scene));
    assert!(all.any(|(_, here)| here == 0), "all is over");
    assert_eq!(scene.applied("k"), (3, vec!["three".into()]));
}

#[test]
fn a_write_that_was_over_before_is_not_taken_for_the_newest() {
    let mut scene = Scene::new(18, 1);
    // The third stone hears of the second write only, so it does not know the first one's id.
    cut_the_third_stone(&mut scene, true);
    let id = |sequence| RequestId::in_order(7, sequence);
    let value = |text: &str| Value {
        encoding: 1,
        bytes: text.into(),
    };
    for (sequence, text) in [(3, "old"), (4, "new")] {
        let write = Operation::Write {
            level: None,
            request: id(sequence),
            context: vec![],
            value: Some(value(text)),
            ttl_ms: None,
        };
        let number = scene.cluster.request(0, "k", write);
        scene.cluster.wait(number).result.expect("it is written");
    }
    cut_the_third_stone(&mut scene, false);
    scene.cluster.get(1, "k", Some(Level::All));
    scene.run(100);
    scene.post.backbone = Some(2);
    scene.post.cut(&mut scene.cluster);
    scene.until("the edge node is back", |scene| {
        scene.post.edge().leaf().is_online()
    });
    // Its maker has not heard of the first one, and hands it in again.
    let now = scene.cluster.now;
    let write = Write {
        key: b"k".to_vec(),
        value: Some(value("old")),
        request: Some(id(3)),
        ..Write::default()
    };
    let write = scene.devices[0].leaf().write(now, write).expect("room");
    scene.drain();
    assert!(
        matches!(
            scene.devices[0].last(write),
            Some(Progress::Ring {
                is_alone: false,
                ..
            })
        ),
        "{:?}",
        scene.devices[0].last(write)
    );
    assert_eq!(scene.read(0, "k", ReadFrom::Local), copy("new"));
    assert_eq!(scene.applied("k"), (2, vec!["new".into()]));
}
