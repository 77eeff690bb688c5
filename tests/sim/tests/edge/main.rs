//! What an edge node promises (`docs/edge.md`), with real nodes and leaves on a virtual clock.

mod behind;
mod scene;

use henge_core::causality::Policy;
use henge_core::leaf::{Progress, ReadFrom, Source};
use henge_core::replication::Level;
use henge_sim::Cluster;
use scene::Scene;

pub(crate) fn waiting(text: &str) -> Option<(Source, String)> {
    Some((Source::Waiting, text.into()))
}

pub(crate) fn copy(text: &str) -> Option<(Source, String)> {
    Some((Source::Copy, text.into()))
}

#[test]
fn a_write_is_durable_here_then_at_the_edge_then_on_the_ring() {
    let mut scene = Scene::new(1, 1);
    let write = scene.write(0, "k", "v");
    scene.drain();
    let told = &scene.devices[0].progress[&write];
    let ranks = told.iter().map(|progress| match progress {
        Progress::Local => 1,
        Progress::Edge => 2,
        Progress::Ring { .. } => 3,
        Progress::Refused { .. } => 4,
    });
    assert_eq!(ranks.collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(scene.applied("k"), (1, vec!["v".into()]));
    assert_eq!(scene.read(0, "k", ReadFrom::Local), copy("v"));
}

#[test]
fn clients_see_what_others_write_and_what_the_ring_has() {
    let mut scene = Scene::new(2, 2);
    scene.cluster.put(1, "a/ring", "old", Some(Level::Quorum));
    scene.subscribe("a/");
    assert_eq!(scene.read(1, "a/ring", ReadFrom::Nearest), copy("old"));
    scene.write(0, "a/own", "v");
    scene.drain();
    scene.until("the other has it", |scene| {
        scene.told(1, "a/own") == Some((Source::Copy, Some("v".into())))
    });
    scene.cluster.put(2, "a/ring", "new", Some(Level::Quorum));
    scene.until("both have it", |scene| {
        let new = Some((Source::Copy, Some("new".into())));
        scene.told(0, "a/ring") == new && scene.told(1, "a/ring") == new
    });
    assert_eq!(scene.read(0, "b/other", ReadFrom::Nearest), None);
}

#[test]
fn without_the_ring_clients_write_and_see_each_other_and_lose_nothing() {
    let mut scene = Scene::new(3, 2);
    scene.cluster.put(1, "a/1", "ring", Some(Level::Quorum));
    scene.subscribe("a/");
    scene.lose_backbone();
    let first = scene.write(0, "a/1", "one");
    let second = scene.write(0, "a/1", "two");
    let new = scene.write(1, "a/2", "new");
    scene.until("the edge node has all", |scene| {
        let of_first = scene.has_lodged(0, first) && scene.has_lodged(0, second);
        of_first && scene.has_lodged(1, new)
    });
    assert_eq!(scene.read(1, "a/1", ReadFrom::Nearest), waiting("two"));
    assert_eq!(scene.read(0, "a/2", ReadFrom::Nearest), waiting("new"));
    assert_eq!(
        scene.told(1, "a/1"),
        Some((Source::Waiting, Some("two".into())))
    );
    let listed: Vec<_> = {
        let Scene {
            cluster, devices, ..
        } = &mut scene;
        devices[0].list(cluster, "a/", 10, false)
    };
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(listed, [pair("a/1", "two"), pair("a/2", "new")]);
    scene.post.backbone = Some(1);
    scene.drain();
    assert_eq!(scene.applied("a/1"), (3, vec!["two".into()]));
    scene.until("both have copies", |scene| {
        let both = [0, 1].map(|device| {
            [
                scene.read(device, "a/1", ReadFrom::Local) == copy("two"),
                scene.read(device, "a/2", ReadFrom::Local) == copy("new"),
            ]
        });
        both == [[true; 2]; 2]
    });
}

#[test]
fn who_comes_while_the_ring_is_away_is_shown_what_the_edge_node_has() {
    let mut scene = Scene::new(4, 2);
    scene.cluster.put(1, "a/1", "ring", Some(Level::Quorum));
    let now = scene.cluster.now;
    scene.devices[0].subscribe(now, "a/");
    scene.until("the first has all", |scene| {
        scene.devices[0].synced.len() == 1
    });
    scene.lose_backbone();
    let write = scene.write(0, "a/2", "waits");
    scene.until("it is lodged", |scene| scene.has_lodged(0, write));
    let now = scene.cluster.now;
    scene.devices[1].subscribe(now, "a/");
    scene.until("the second has all", |scene| {
        scene.devices[1].synced.len() == 1
    });
    assert_eq!(scene.read(1, "a/1", ReadFrom::Nearest), copy("ring"));
    assert_eq!(scene.read(1, "a/2", ReadFrom::Nearest), waiting("waits"));
}

#[test]
fn an_edge_node_that_crashes_or_loses_its_storage_loses_no_write() {
    for loses_all in [false, true] {
        let mut scene = Scene::new(5, 2);
        scene.subscribe("a/");
        scene.lose_backbone();
        for number in 0..40 {
            let key = format!("a/{}", number % 20);
            scene.write(number % 2, &key, &number.to_string());
        }
        scene.run(500);
        assert_eq!(scene.post.edge().leaf().pending(), 40);
        let Scene {
            cluster,
            post,
            devices,
        } = &mut scene;
        post.kill(cluster, devices);
        if loses_all {
            post.wipe();
        }
        post.start(cluster);
        post.backbone = Some(2);
        scene.run(50);
        if !loses_all {
            assert_eq!(scene.post.found, Some(40));
        }
        scene.drain();
        for number in 20..40 {
            let applied = scene.applied(&format!("a/{}", number % 20));
            assert_eq!(
                applied,
                (2, vec![number.to_string()]),
                "storage lost: {loses_all}"
            );
        }
    }
}

#[test]
fn clients_notice_nothing_of_an_eviction() {
    let mut scene = Scene::new(6, 2);
    scene.subscribe("a/");
    scene.lose_backbone();
    let write = scene.write(0, "a/1", "one");
    scene.until("it is lodged", |scene| scene.has_lodged(0, write));
    let Scene { cluster, post, .. } = &mut scene;
    post.evict(cluster);
    scene.run(50);
    assert_eq!(scene.post.found, Some(1));
    assert!(scene.devices[0].is_online && scene.devices[1].is_online);
    let write = scene.write(1, "a/2", "two");
    scene.until("it is lodged", |scene| scene.has_lodged(1, write));
    scene.until("it is seen", |scene| {
        scene.told(0, "a/2") == Some((Source::Waiting, Some("two".into())))
    });
    let synced: Vec<u32> = scene
        .devices
        .iter()
        .flat_map(|it| it.synced.values().copied())
        .collect();
    assert_eq!(synced, [1, 1], "nobody had to begin anew");
    scene.post.backbone = Some(0);
    scene.drain();
    scene.until("both have copies", |scene| {
        scene.read(0, "a/2", ReadFrom::Local) == copy("two")
            && scene.read(1, "a/1", ReadFrom::Local) == copy("one")
    });
    assert_eq!(scene.applied("a/1"), (1, vec!["one".into()]));
}

#[test]
fn who_watches_again_misses_nothing_of_the_time_when_nobody_did() {
    let mut scene = Scene::new(10, 2);
    scene.write(1, "a/1", "old");
    scene.drain();
    let now = scene.cluster.now;
    let watched = scene.devices[0].subscribe(now, "a/");
    scene.until("all is there", |scene| scene.devices[0].synced.len() == 1);
    scene.devices[0].leaf().unsubscribe(now, watched);
    scene.run(100);
    scene.write(1, "a/1", "new");
    scene.drain();
    scene.subscribe_anew(0, "a/");
    assert_eq!(scene.read(0, "a/1", ReadFrom::Local), copy("new"));
}

#[test]
fn who_has_waited_for_a_watch_through_an_eviction_misses_nothing() {
    let mut scene = Scene::new(11, 1);
    scene.go_to_stone(0, Some(2));
    scene.cluster.put(1, "a/1", "old", Some(Level::Quorum));
    scene.subscribe("a/");
    scene.lose_backbone();
    // The edge node has none of these keys, so the client waits.
    scene.devices[0].synced.clear();
    scene.go_to(0, Some(0));
    scene.run(500);
    scene.cluster.put(1, "a/1", "new", Some(Level::Quorum));
    scene.post.evict(&mut scene.cluster);
    scene.post.backbone = Some(0);
    scene.until("all is there again", |scene| {
        scene.devices[0].synced.len() == 1
    });
    assert_eq!(scene.read(0, "a/1", ReadFrom::Local), copy("new"));
}

#[test]
fn what_waited_while_it_was_watched_is_not_shown_for_ever() {
    let mut scene = Scene::new(12, 2);
    scene.subscribe("a/");
    scene.lose_backbone();
    scene.write(1, "a/1", "waits");
    scene.until("it is shown", |scene| scene.told(0, "a/1").is_some());
    assert_eq!(scene.read(0, "a/1", ReadFrom::Local), waiting("waits"));
    let now = scene.cluster.now;
    let watched = scene.devices[0].subscribe(now, "a/");
    scene.devices[0].leaf().unsubscribe(now, watched);
    scene.post.backbone = Some(1);
    scene.drain();
    scene.subscribe_anew(0, "a/");
    assert_eq!(scene.read(0, "a/1", ReadFrom::Local), copy("waits"));
}

#[test]
fn writes_of_two_clients_to_one_key_have_not_seen_each_other() {
    let cluster = Cluster::with(3, 7, |config| config.policy = Policy::Siblings);
    let mut scene = Scene::in_cluster(cluster, 7, 2);
    scene.lose_backbone();
    for value in ["a1", "a2"] {
        scene.write(0, "k", value);
        scene.run(20);
        let of_other = value.replace('a', "b");
        scene.write(1, "k", &of_other);
        scene.run(20);
    }
    assert_eq!(scene.post.edge().leaf().pending(), 4);
    let Scene { cluster, post, .. } = &mut scene;
    post.evict(cluster);
    scene.post.backbone = Some(1);
    scene.drain();
    let (dots, values) = scene.applied("k");
    let has = |value: &str| values.iter().any(|it| it == value);
    assert!(has("a2") && has("b2") && !has("a1"), "{values:?}");
    assert_eq!(dots, 4);
}

#[test]
fn a_client_can_go_on_at_a_stone_with_what_the_edge_node_has_not_delivered() {
    let mut scene = Scene::new(8, 1);
    scene.lose_backbone();
    for value in ["one", "two", "three"] {
        scene.write(0, "k", value);
    }
    scene.run(200);
    assert_eq!(scene.post.edge().leaf().pending(), 3);
    let Scene {
        cluster,
        post,
        devices,
    } = &mut scene;
    post.cut_client(cluster, devices, 0);
    devices[0].post = None;
    devices[0].server = Some(2);
    scene.until("the client is done", |scene| {
        scene.devices[0].leaf().pending() == 0
    });
    assert_eq!(scene.applied("k"), (3, vec!["three".into()]));
    scene.post.backbone = Some(0);
    scene.drain();
    assert_eq!(
        scene.applied("k"),
        (3, vec!["three".into()]),
        "nothing is applied twice"
    );
}

#[test]
fn a_refused_write_is_said_and_shown_no_more() {
    let mut scene = Scene::new(9, 2);
    // Members take less than what this node was told.
    scene.post.line().pair_bytes_max = 1_000_000;
    scene.post.cut(&mut scene.cluster);
    scene.until("it was greeted again", |scene| {
        let greeted = scene.post.edge().leaf().greeted();
        greeted.is_some_and(|it| it.pair_bytes_max == 1_000_000)
    });
    let Scene {
        cluster,
        post,
        devices,
    } = &mut scene;
    post.cut_client(cluster, devices, 0);
    scene.until("the client is back", |scene| scene.devices[0].is_online);
    scene.cluster.put(1, "a/k", "ring", Some(Level::Quorum));
    scene.subscribe("a/");
    scene.lose_backbone();
    let write = scene.write(0, "a/k", &"x".repeat(20_000));
    scene.until("it is shown", |scene| {
        scene
            .told(1, "a/k")
            .is_some_and(|it| it.0 == Source::Waiting)
    });
    scene.post.backbone = Some(0);
    scene.until("it is refused", |scene| {
        matches!(scene.devices[0].last(write), Some(Progress::Refused { .. }))
    });
    scene.until("it is shown no more", |scene| {
        scene.told(1, "a/k") == Some((Source::Copy, Some("ring".into())))
            && scene.told(0, "a/k") == Some((Source::Copy, Some("ring".into())))
    });
    assert_eq!(scene.post.edge().leaf().pending(), 0);
}

#[test]
fn a_key_that_the_ring_has_no_more_goes_also_where_it_was_newer_than_at_the_edge_node() {
    // Soon the ring does not know any more what has changed.
    let cluster = Cluster::with(3, 14, |config| config.watch_tail_bytes_max = 2_000);
    let mut scene = Scene::in_cluster(cluster, 14, 2);
    scene.cluster.put(1, "a/k", "old", Some(Level::Quorum));
    scene.subscribe("a/");
    scene.lose_backbone();
    for device in 0..2 {
        scene.go_to(device, None);
        scene.devices[device].server = Some(1);
    }
    scene.write(1, "a/k", "new");
    scene.until("it is told", |scene| {
        scene.told(0, "a/k") == Some((Source::Copy, Some("new".into())))
    });
    scene.devices[0].server = None;
    scene.devices[0].cut(&mut scene.cluster);
    let now = scene.cluster.now;
    let deleted = scene.devices[1].write(now, "a/k", None).expect("room");
    scene.until("it is deleted", |scene| {
        matches!(scene.devices[1].last(deleted), Some(Progress::Ring { .. }))
    });
    for number in 0..200 {
        let key = format!("b/{number}");
        (scene.cluster).put(1, &key, &"x".repeat(100), Some(Level::Quorum));
    }
    scene.devices[0].synced.clear();
    scene.go_to(0, Some(0));
    scene.until("all of the edge node is there", |scene| {
        !scene.devices[0].synced.is_empty()
    });
    assert_eq!(scene.read(0, "a/k", ReadFrom::Local), copy("new"));
    scene.post.backbone = Some(0);
    scene.until("it is gone", |scene| {
        scene.told(0, "a/k") == Some((Source::Copy, None))
    });
    assert_eq!(scene.read(0, "a/k", ReadFrom::Local), None);
}
