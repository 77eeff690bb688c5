//! Buckets of real stones: made at one, used through the others.

use henge_core::causality::Value;
use henge_core::client::Call;
use henge_core::wire::{ErrorCode, Reply};
use henge_tests::process::binary::{self, Ended};
use henge_tests::process::http::path;
use henge_tests::process::{Answer, Stones, wait_until};
use std::time::Duration;

fn put_bucket(stones: &Stones, number: usize, name: &str, body: &str) -> Answer {
    let target = format!("/v1/buckets/{name}");
    let http = stones.http(number);
    http.send("PUT", &target, &[], Some(body.as_bytes()))
}

fn make(stones: &Stones, number: usize, name: &str, body: &str) {
    let answer = put_bucket(stones, number, name, body);
    assert_eq!(answer.status, 201, "{answer:?}");
    for number in 0..stones.count() {
        wait_until("the bucket is known", Duration::from_secs(10), || {
            names(stones, number).contains(&name.to_owned())
        });
    }
}

fn names(stones: &Stones, number: usize) -> Vec<String> {
    let buckets = stones.http(number).get("/v1/buckets");
    if buckets.status != 200 {
        return Vec::new();
    }
    let buckets = buckets.json();
    let buckets = buckets.as_array().unwrap().iter();
    buckets
        .map(|it| it["name"].as_str().unwrap().to_owned())
        .collect()
}

fn run(stones: &Stones, number: usize, arguments: &[&str]) -> Ended {
    let address = stones.address(number);
    binary::run(&[arguments, &["--server", &address]].concat())
}

fn in_bucket(key: &str, bucket: &str) -> String {
    format!("{}?bucket={bucket}", path(key))
}

#[test]
fn a_bucket_made_at_one_stone_is_used_through_the_others_by_every_door() {
    let stones = Stones::start(3);
    let settings = r#"{"policy": "siblings", "r": 2, "w": "quorum", "ttl_ms": 3600000}"#;
    make(&stones, 0, "carts", settings);
    for value in ["left", "right"] {
        let put = stones
            .http(1)
            .send("PUT", &in_bucket("k", "carts"), &[], Some(value.as_bytes()));
        assert_eq!(put.status, 204, "{put:?}");
        let put = run(&stones, 2, &["put", "k", value]);
        assert_eq!(put.code(), 0, "{put:?}");
    }
    for number in 0..3 {
        let http = stones.http(number);
        let both = http.get(&in_bucket("k", "carts"));
        assert_eq!(
            (both.status, both.header("henge-siblings")),
            (200, "1"),
            "{both:?}"
        );
        let one = http.get(&in_bucket("k", "default"));
        assert_eq!(
            (one.text().as_str(), one.header("henge-siblings")),
            ("right", "0")
        );
        let both = run(
            &stones,
            number,
            &["get", "k", "--meta", "--bucket", "carts"],
        );
        assert!(
            both.code() == 0 && both.stderr.contains("siblings: 1"),
            "{both:?}"
        );
        let one = run(&stones, number, &["get", "k", "--meta"]);
        assert!(
            one.text() == "right" && one.stderr.contains("siblings: 0"),
            "{one:?}"
        );
    }
    let listed = run(&stones, 2, &["bucket", "list"]);
    let lines: Vec<String> = listed.text().lines().map(str::to_owned).collect();
    assert!(lines[1].starts_with("default  lww"), "{listed:?}");
    assert_eq!(
        lines[2].split_whitespace().collect::<Vec<_>>(),
        ["carts", "siblings", "2", "quorum", "1h"]
    );
    let gone = run(&stones, 0, &["delete", "k", "--bucket", "carts"]);
    assert_eq!(gone.code(), 0, "{gone:?}");
    assert_eq!(stones.http(1).text("k").as_deref(), Some("right"));
}

#[test]
fn a_bucket_from_the_command_line_can_be_used_at_once_at_the_stone_that_has_made_it() {
    let stones = Stones::start(3);
    for round in 0..8 {
        let name = format!("b{round}");
        let made = run(
            &stones,
            0,
            &["bucket", "create", &name, "--policy", "siblings"],
        );
        assert!(made.code() == 0 && made.text().contains(&name), "{made:?}");
        for key in 0..8 {
            let target = in_bucket(&format!("k{key}"), &name);
            let put = stones.http(0).send("PUT", &target, &[], Some(b"v"));
            assert_eq!(put.status, 204, "{put:?}");
        }
    }
}

#[test]
fn a_bucket_takes_other_levels_but_no_other_policy() {
    let stones = Stones::start(3);
    make(&stones, 0, "logs", r#"{"policy": "lww"}"#);
    let again = put_bucket(&stones, 0, "logs", r#"{"policy": "lww"}"#);
    assert_eq!(
        (again.status, &again.json()["id"]),
        (200, &1.into()),
        "{again:?}"
    );
    let other = put_bucket(&stones, 1, "logs", r#"{"w": "all", "ttl_ms": 60000}"#);
    assert_eq!(other.status, 200, "{other:?}");
    let expected = serde_json::json!({
        "name": "logs", "id": 1, "policy": "lww", "r": "quorum", "w": "all", "ttl_ms": 60_000
    });
    assert_eq!(other.json(), expected);
    let endless = run(&stones, 1, &["bucket", "create", "logs", "--ttl", "none"]);
    assert!(
        endless.code() == 0 && endless.text().contains("none"),
        "{endless:?}"
    );
    let refused = put_bucket(&stones, 1, "logs", r#"{"policy": "siblings"}"#);
    assert_eq!(
        (refused.status, &refused.json()["code"]),
        (409, &"POLICY".into())
    );
    let refused = run(
        &stones,
        1,
        &["bucket", "create", "logs", "--policy", "siblings"],
    );
    assert_eq!(refused.code(), 1, "{refused:?}");
    assert!(refused.stderr.contains("cannot be changed"), "{refused:?}");
}

#[test]
fn what_cannot_be_a_bucket_is_refused_with_what_is_allowed() {
    let stones = Stones::start(1);
    for (name, body, says) in [
        ("default", "{}", "choose another name"),
        ("-a", "{}", "1 to 64"),
        ("a%20b", "{}", "1 to 64"),
        ("a", r#"{"w": 4}"#, "allowed are 1 to 3"),
        ("a", r#"{"r": "most"}"#, "each_quorum"),
        ("a", r#"{"ttl_ms": 0}"#, "allowed are 1 to"),
        ("a", r#"{"policy": "first"}"#, "siblings"),
        ("a", r#"{"n": 3}"#, "ttl_ms"),
        ("a", "carts", "JSON"),
    ] {
        let answer = put_bucket(&stones, 0, name, body);
        assert_eq!(answer.status, 400, "{name} {body}: {answer:?}");
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(says), "{says}: {message}");
    }
    assert_eq!(names(&stones, 0), ["default"]);
}

#[test]
fn an_unknown_bucket_is_refused_by_every_door_with_those_that_there_are() {
    let stones = Stones::start(1);
    make(&stones, 0, "carts", "{}");
    let answer = stones.http(0).get(&in_bucket("k", "cards"));
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (404, &"NO_SUCH_BUCKET".into())
    );
    assert!(answer.text().contains("default, carts"), "{answer:?}");
    let put = run(&stones, 0, &["put", "k", "v", "--bucket", "cards"]);
    assert_eq!(put.code(), 1, "{put:?}");
    for words in ["NO_SUCH_BUCKET", "default, carts", "henge bucket create"] {
        assert!(put.stderr.contains(words), "{words}: {put:?}");
    }
    let mut socket = stones.session(0);
    let call = Call::get("cards".to_owned(), b"k".to_vec());
    assert_eq!(socket.call(call).unwrap_err().code, ErrorCode::NoSuchBucket);
    // A connection that is open hears of new ones.
    make(&stones, 0, "cards", "{}");
    let call = || Call::get("cards".to_owned(), b"k".to_vec());
    wait_until("the client hears of it", Duration::from_secs(5), || {
        socket.turn();
        socket.call(call()).is_ok()
    });
}

#[test]
fn buckets_and_what_is_in_them_survive_a_restart_of_all_stones() {
    let mut stones = Stones::start(3);
    make(&stones, 1, "carts", r#"{"policy": "siblings", "w": "all"}"#);
    for value in ["left", "right"] {
        let mut socket = stones.session(2);
        let value = Value {
            encoding: 1,
            bytes: value.into(),
        };
        socket
            .call(Call::put("carts".to_owned(), b"k".to_vec(), value))
            .unwrap();
    }
    for number in 0..3 {
        stones.kill9(number);
    }
    for number in 0..3 {
        stones[number].start();
    }
    stones.wait_ready();
    for number in 0..3 {
        let call = Call::get("carts".to_owned(), b"k".to_vec());
        let read = stones.session(number).call(call).unwrap();
        let Reply::Found(entry) = &read else {
            panic!("{read:?}")
        };
        assert_eq!(entry.siblings.len(), 1, "stone {number}: {entry:?}");
        assert_eq!(names(&stones, number), ["default", "carts"]);
    }
    make(&stones, 2, "logs", "{}");
    let again = put_bucket(&stones, 0, "carts", "{}");
    assert_eq!((again.status, &again.json()["id"]), (200, &1.into()));
}
