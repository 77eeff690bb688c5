//! Stones that join and leave while others write.

use henge_core::hash::{partition_at, position};
use henge_core::id::BucketId;
use henge_core::limits::PARTITIONS_DEFAULT;
use henge_tests::process::binary;
use henge_tests::process::http::Http;
use henge_tests::process::ring::{leave, wait_settled};
use henge_tests::process::stone::LOOPBACK;
use henge_tests::process::writers::assert_kept;
use henge_tests::process::{Stone, StoneSpec, Stones, Writers, ports, wait_until};
use std::time::{Duration, Instant};

/// How long a change of owners may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Pairs of a stone that leaves, and of the others.
const RECORDS: usize = 20_000;

/// A stone that joins at the stone at `seed`.
fn joiner(stones: &Stones, name: &str, seed: String) -> StoneSpec {
    let (at, zone) = ((LOOPBACK, ports::free()), format!("local/{name}"));
    StoneSpec::joiner(stones.folder(), name, at, &zone, &[seed])
}

#[test]
fn stones_join_and_leave_under_load_and_nothing_acknowledged_is_lost() {
    let stones = Stones::start(3);
    let clients = [stones.http(1), stones.http(2)];
    let writers = Writers::start(&clients, "moves", 500);
    std::thread::sleep(Duration::from_secs(1));
    let server = stones.address(1);
    let asked = [stones.http(1)];

    let join = "--join=four@local/four";
    let plan = binary::run(&["ring", "plan", join, "--server", &server]);
    assert_eq!(plan.code(), 0, "{plan:?}");
    let said = "192 of 768 copies of 256 partitions";
    assert!(plan.text().starts_with(said), "{plan:?}");
    let began = Instant::now();
    let four = Stone::launch(joiner(&stones, "four", server.clone()));
    wait_settled(&asked, &["four", "stone-1", "stone-2", "stone-3"], PATIENCE);
    let joined = began.elapsed();

    // One that joins is killed again and again, and started without its seed.
    let mut spec = joiner(&stones, "five", four.spec.address());
    let mut five = Stone::ready(spec.clone());
    spec.arguments.pop();
    spec.arguments.push("--seed=127.0.0.1:9".into());
    five.spec = spec;
    for _ in 0..3 {
        five.kill9();
        five.start();
        std::thread::sleep(Duration::from_millis(300));
    }
    let five_names = ["five", "four", "stone-1", "stone-2", "stone-3"];
    wait_settled(&asked, &five_names, PATIENCE);

    let began = Instant::now();
    leave("stone-1", &[], &server);
    wait_settled(&asked, &["five", "four", "stone-2", "stone-3"], PATIENCE);
    let left = began.elapsed();
    let known = writers.finish();

    let checked = assert_kept(&known, &five.http());
    let acknowledged: u64 = known.iter().map(|writer| writer.count).sum();
    let failed: u64 = known.iter().map(|writer| writer.failed).sum();
    let stall = known
        .iter()
        .map(|writer| writer.stall)
        .max()
        .unwrap_or_default();
    println!(
        "MEASURE moves: a fourth stone joined in {joined:.1?}, a fifth under three kills, the first \
         left in {left:.1?}; {acknowledged} writes acknowledged, {failed} not, longest stall of a \
         writer {stall:.0?}, {checked} keys read back, 0 lost"
    );
    assert!(acknowledged > 500, "{acknowledged}");
}

#[test]
fn who_has_left_has_given_everything_away_whichever_shard_had_it() {
    let stones = Stones::start(4);
    // The first shard has nothing of this, and is done long before the other one.
    let keys = (0..).map(|number| format!("k{number}"));
    let is_second = |key: &String| {
        let position = position(BucketId::default(), key.as_bytes());
        partition_at(position, PARTITIONS_DEFAULT).0 % 2 == 1
    };
    let lines = keys.filter(is_second).take(RECORDS);
    let lines: Vec<String> = lines.map(|key| format!("{{\"id\":\"{key}\"}}\n")).collect();
    let file = stones.folder().join("records.ndjson");
    std::fs::write(&file, lines.concat()).unwrap();
    let (name, server) = (file.display().to_string(), stones.address(1));
    let ended = binary::run(&["import", &name, "--key", "id", "--server", &server]);
    assert_eq!(ended.code(), 0, "{ended:?}");

    let asked = stones.http(1);
    let answer = asked.send("DELETE", "/v1/members/stone-1", &[], None);
    assert_eq!(answer.status, 200, "{answer:?}");
    wait_settled(&[asked], &["stone-2", "stone-3", "stone-4"], PATIENCE);
    let status = stones[0].status();
    let shards = status["shards"].as_array().unwrap();
    let keys = shards.iter().map(|shard| shard["storage"]["keys"].as_u64());
    assert_eq!(keys.collect::<Vec<_>>(), [Some(0), Some(0)]);
    hears_that_it_is_no_member(&stones.http(0));
}

#[test]
fn who_was_given_up_while_it_was_dead_hears_of_it_when_it_comes_back() {
    let mut stones = Stones::start(4);
    stones.kill9(3);
    leave("stone-4", &["--dead"], &stones.address(0));
    let asked = [0, 1, 2].map(|number| stones.http(number));
    wait_settled(&asked, &["stone-1", "stone-2", "stone-3"], PATIENCE);
    stones[3].start();
    hears_that_it_is_no_member(&stones.http(3));
}

/// Waits until it does, and checks that it serves nobody.
fn hears_that_it_is_no_member(gone: &Http) {
    wait_until("it hears that it is no member", PATIENCE, || {
        let health = gone.try_get("/health");
        health.is_some_and(|said| said.status == 503 && said.text().contains("no member"))
    });
    assert_eq!(gone.get("/v1/kv/k1").status, 503);
}
