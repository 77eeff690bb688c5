//! Stones that join and leave while others write.

use henge_tests::process::writers::assert_kept;
use henge_tests::process::{Stone, StoneSpec, Stones, Writers, ports, wait_until};
use serde_json::Value;
use std::process::Command;
use std::time::{Duration, Instant};

/// How long a change of owners may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A stone that joins at the stone at `seed`.
fn joiner(stones: &Stones, name: &str, seed: &str) -> StoneSpec {
    let port = ports::free();
    let data = stones.folder().join(name);
    StoneSpec {
        name: name.into(),
        port,
        log: stones.folder().join(format!("{name}.log")),
        arguments: vec![
            format!("--name={name}"),
            format!("--listen=127.0.0.1:{port}"),
            format!("--data={}", data.display()),
            format!("--zone=local/{name}"),
            "--shards=1".into(),
            format!("--seed={seed}"),
        ],
        data,
        ..stones[0].spec.clone()
    }
}

fn ring(stones: &Stones, number: usize) -> Value {
    let answer = stones.http(number).get("/v1/ring");
    serde_json::from_slice(&answer.body).expect("JSON")
}

/// Waits until the cluster has just these members and no owners change.
fn wait_settled(stones: &Stones, asked: usize, names: &[&str]) {
    wait_until("the owners are settled", PATIENCE, || {
        let ring = ring(stones, asked);
        let members = ring["members"].as_array().expect("members");
        let mut there: Vec<&str> = members
            .iter()
            .filter_map(|it| it["name"].as_str())
            .collect();
        there.sort_unstable();
        ring["unsettled"] == 0 && there == names
    });
}

fn henge(arguments: &[&str]) -> String {
    let mut command: Command = henge_tests::process::binary::command(arguments);
    let ended = command.output().expect("henge runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        ended.status.success(),
        "{arguments:?}: {}",
        text(&ended.stderr)
    );
    text(&ended.stdout)
}

#[test]
fn stones_join_and_leave_under_load_and_nothing_acknowledged_is_lost() {
    let stones = Stones::start(3);
    let clients = [stones.http(1), stones.http(2)];
    let writers = Writers::start(&clients, "moves", 500);
    std::thread::sleep(Duration::from_secs(1));
    let server = stones.address(1);

    let plan = henge(&[
        "ring",
        "plan",
        "--join=four@local/four",
        "--server",
        &server,
    ]);
    assert!(
        plan.starts_with("192 of 768 copies of 256 partitions"),
        "{plan}"
    );
    let began = Instant::now();
    let four = Stone::launch(joiner(&stones, "four", &server));
    wait_settled(&stones, 1, &["four", "stone-1", "stone-2", "stone-3"]);
    let joined = began.elapsed();

    // One that joins is killed again and again, and started without its seed.
    let mut spec = joiner(&stones, "five", &four.spec.address());
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
    wait_settled(&stones, 1, &five_names);

    let began = Instant::now();
    let said = henge(&["ring", "leave", "stone-1", "--server", &server]);
    assert_eq!(said, "stone-1 has left\n");
    wait_settled(&stones, 1, &["five", "four", "stone-2", "stone-3"]);
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
