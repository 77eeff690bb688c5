//! Many keys of real stones, by the command line and by HTTP.

use henge_tests::process::binary::{self, Ended};
use henge_tests::process::{Stones, wait_until};
use std::time::Duration;

const KEYS: usize = 600;

fn key(number: usize) -> String {
    format!("user:{number:04}")
}

fn list(stones: &Stones, number: usize, arguments: &[&str]) -> Ended {
    let address = stones.address(number);
    binary::run(&[&["list", "--server", &address], arguments].concat())
}

/// The lines that a list prints, which has to succeed.
fn lines(stones: &Stones, number: usize, arguments: &[&str]) -> Vec<String> {
    let ended = list(stones, number, arguments);
    assert_eq!(ended.code(), 0, "{ended:?}");
    ended.text().lines().map(str::to_owned).collect()
}

fn load(stones: &Stones) {
    let mut socket = stones.session(0);
    for number in 0..KEYS {
        socket.put(&key(number), &format!("v{number}")).unwrap();
    }
    socket.put("other", "x").unwrap();
}

#[test]
fn the_command_lists_what_is_there_in_order_also_when_a_stone_is_killed() {
    let mut stones = Stones::start(3);
    load(&stones);
    let mut expected: Vec<_> = (0..KEYS).map(|it| format!("{}\tv{it}", key(it))).collect();
    for number in 0..3 {
        assert_eq!(lines(&stones, number, &["user:"]), expected);
    }
    let deleted = binary::run(&["delete", &key(7), "--server", &stones.address(1)]);
    assert_eq!(deleted.code(), 0, "{deleted:?}");
    expected.remove(7);
    assert_eq!(lines(&stones, 2, &["user:", "--r", "quorum"]), expected);

    let some = ["--from", &key(100), "--to", &key(110), "--keys-only"];
    let keys: Vec<_> = (100..110).map(key).collect();
    assert_eq!(lines(&stones, 0, &some), keys);
    let first = lines(&stones, 0, &["user:", "--limit", "50"]);
    assert_eq!(first, expected[..50]);
    let rest = lines(&stones, 1, &["user:", "--after", &key(50)]);
    assert_eq!(rest, expected[50..]);

    let one = lines(&stones, 0, &["user:0599", "--json"]);
    let one: serde_json::Value = serde_json::from_str(&one[0]).unwrap();
    assert_eq!(
        (&one["key"], &one["value"]),
        (&"user:0599".into(), &"v599".into())
    );
    assert!(
        one["version"].is_string() && one["context"].is_string(),
        "{one}"
    );
    assert_eq!(lines(&stones, 0, &["nobody"]), [""; 0]);

    stones.kill9(2);
    assert_eq!(lines(&stones, 0, &["user:", "--r", "quorum"]), expected);
    let all = list(&stones, 0, &["user:", "--r", "all", "--timeout-ms", "500"]);
    assert!(
        all.code() != 0 && all.stderr.contains("replicas"),
        "{all:?}"
    );
}

#[test]
fn http_lists_lines_of_json_and_says_what_is_wrong_with_a_question() {
    let stones = Stones::start(3);
    load(&stones);
    let http = stones.http(1);
    let keys = |target: &str| -> Vec<String> {
        let answer = http.get(target);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("content-type"), "application/x-ndjson");
        let text = answer.text();
        let lines = text.lines().map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["key"].as_str().unwrap().to_owned()
        });
        lines.collect()
    };
    let expected: Vec<_> = (0..KEYS).map(key).collect();
    assert_eq!(keys("/v1/kv?prefix=user:"), expected);
    assert_eq!(keys("/v1/kv?prefix=").len(), KEYS + 1);
    assert_eq!(
        keys("/v1/kv?prefix=user:&limit=3&after=user:0009&r=all"),
        expected[10..13]
    );
    assert_eq!(
        keys("/v1/kv?from=user:0590&to=user:0595"),
        expected[590..595]
    );
    assert_eq!(keys("/v1/kv?prefix=nobody"), [""; 0]);
    for (target, status, said) in [
        ("/v1/kv", 400, "?prefix="),
        ("/v1/kv?prefix=a&from=b", 400, "?prefix="),
        ("/v1/kv?from=b&to=a", 400, "ends before"),
        ("/v1/kv?prefix=a&r=9", 400, "allowed"),
        ("/v1/kv?prefix=a&w=1", 400, "?limit="),
        ("/v1/kv?prefix=a&bucket=none", 404, "no bucket"),
    ] {
        let answer = http.get(target);
        assert!(
            answer.status == status && answer.text().contains(said),
            "{target}: {answer:?}"
        );
    }
}

#[test]
fn a_stone_that_comes_back_is_told_by_a_list_what_it_has_missed() {
    let mut stones = Stones::start(3);
    load(&stones);
    stones.kill9(2);
    let put = binary::run(&["put", &key(3), "new", "--server", &stones.address(0)]);
    assert_eq!(put.code(), 0, "{put:?}");
    stones.restart(2);
    wait_until("it serves", Duration::from_secs(20), || {
        let ended = list(&stones, 2, &["user:0003", "--r", "quorum"]);
        ended.code() == 0 && ended.text() == "user:0003\tnew\n"
    });
}
