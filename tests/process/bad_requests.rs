//! Requests that cannot be, by every door: each is told what was wrong and what is allowed.

use henge_core::causality::Value;
use henge_core::client::Call;
use henge_core::id::BucketId;
use henge_core::replication::Level;
use henge_core::wire::{ErrorCode, Frame, FrameKind, Response, decode_body, message_frame};
use henge_core::wire::{Operation, Request};
use henge_tests::process::binary::{self, Ended};
use henge_tests::process::http::path;
use henge_tests::process::{Answer, Raw, Stones, session};

fn assert_http(answer: &Answer, status: u16, code: &str, words: &[&str]) {
    let json = answer.json();
    assert_eq!(
        (answer.status, json["code"].as_str()),
        (status, Some(code)),
        "{answer:?}"
    );
    let message = json["message"].as_str().unwrap();
    for word in words {
        assert!(message.contains(word), "{word}: {message}");
    }
}

fn assert_command(ended: &Ended, code: i32, words: &[&str]) {
    assert_eq!(ended.code(), code, "{ended:?}");
    assert!(ended.stderr.contains("error:"), "{ended:?}");
    for word in words {
        assert!(ended.stderr.contains(word), "{word}: {ended:?}");
    }
}

#[test]
fn a_key_that_is_too_long_is_refused_with_its_length_and_the_limit() {
    let stones = Stones::start(1);
    let (http, address) = (stones.http(0), stones.address(0));
    let (fits, long) = ("k".repeat(1_024), "k".repeat(1_025));
    assert!(http.put_text(&fits, "fits"));
    assert_eq!(http.text(&fits).as_deref(), Some("fits"));
    let words = ["1025", "1024"];
    let answer = http.send("PUT", &path(&long), &[], Some(b"v"));
    assert_http(&answer, 414, "KEY_TOO_LARGE", &words);
    assert_http(&http.get(&path(&long)), 414, "KEY_TOO_LARGE", &words);
    assert_http(&http.get("/v1/kv/"), 414, "KEY_TOO_LARGE", &["empty"]);
    let ended = binary::run(&["put", &long, "v", "--server", &address]);
    assert_command(&ended, 1, &words);
    let failure = stones.session(0).put(&long, "v").unwrap_err();
    assert_eq!(failure.code, ErrorCode::KeyTooLarge);
    // One that does not check before it sends.
    let response = unchecked(
        &address,
        long.as_bytes(),
        Operation::Get {
            level: None,
            seen: Vec::new(),
        },
    );
    let failure = response.result.unwrap_err();
    assert_eq!(failure.code, ErrorCode::KeyTooLarge);
    assert!(
        words.iter().all(|word| failure.message.contains(word)),
        "{failure}"
    );
}

#[test]
fn a_pair_that_is_too_large_is_refused_with_the_limit() {
    let stones = Stones::start(1);
    let (http, address) = (stones.http(0), stones.address(0));
    let (fits, large) = (vec![7; 10_240 - 4], vec![7; 10_240 - 3]);
    assert_eq!(
        http.send("PUT", &path("pair"), &[], Some(&fits)).status,
        204
    );
    let answer = http.send("PUT", &path("pair"), &[], Some(&large));
    assert_http(&answer, 413, "VALUE_TOO_LARGE", &["10240"]);
    let ended = binary::run_with(&["put", "pair", "-", "--server", &address], &large);
    assert_command(&ended, 1, &["10240"]);
    let value = Value {
        encoding: 0,
        bytes: large,
    };
    let call = Call::put(BucketId(0), b"pair".to_vec(), value.clone());
    let mut socket = stones.session(0);
    socket.get("pair").unwrap();
    let failure = socket.call(call).unwrap_err();
    assert_eq!(failure.code, ErrorCode::ValueTooLarge);
    let write = Operation::Write {
        level: None,
        request: henge_core::id::RequestId {
            client: 5,
            sequence: 1,
        },
        context: vec![],
        value: Some(value),
        ttl_ms: None,
    };
    let failure = unchecked(&address, b"pair", write).result.unwrap_err();
    assert_eq!(failure.code, ErrorCode::ValueTooLarge);
    assert!(failure.message.contains("10240"), "{failure}");
    assert_eq!(http.get(&path("pair")).body, fits);
}

#[test]
fn a_level_that_does_not_exist_or_asks_for_too_many_is_named_with_what_is_allowed() {
    let stones = Stones::start(1);
    let (http, address) = (stones.http(0), stones.address(0));
    for (level, words) in [
        ("most", &["most", "quorum", "local_quorum"][..]),
        ("0", &["\"0\"", "quorum"]),
        ("17", &["17", "quorum"]),
        ("2", &["2", "1"]),
    ] {
        let target = format!("{}?w={level}", path("k"));
        assert_http(
            &http.send("PUT", &target, &[], Some(b"v")),
            400,
            "LEVEL",
            words,
        );
        let ended = binary::run(&["put", "k", "v", "--w", level, "--server", &address]);
        assert!([1, 2].contains(&ended.code()), "{ended:?}");
        assert!(
            words.iter().all(|word| ended.stderr.contains(word)),
            "{ended:?}"
        );
    }
    let call = session::get("k").with_level(Some(Level::Replicas(2)));
    let failure = stones.session(0).call(call).unwrap_err();
    assert_eq!(failure.code, ErrorCode::Level);
    assert!(failure.message.contains("allowed are 1 to 1"), "{failure}");
}

#[test]
fn options_and_headers_that_do_not_exist_or_do_not_fit_are_named() {
    let stones = Stones::start(1);
    let http = stones.http(0);
    for (target, words) in [
        ("/v1/kv/k?q=2", &["q", "?r=LEVEL"][..]),
        ("/v1/kv/k?w=1", &["?r="]),
        ("/v1/kv/k?timeout_ms=600000", &["600000", "60000"]),
        ("/v1/kv/k?timeout_ms=soon", &["timeout_ms"]),
    ] {
        assert_http(&http.get(target), 400, "BAD_REQUEST", words);
    }
    for (name, value, words) in [
        ("henge-request-id", "seven", &["CLIENT-SEQUENCE"][..]),
        ("henge-context", "!!", &["henge-context"]),
    ] {
        let answer = http.send("PUT", &path("k"), &[(name, value)], Some(b"v"));
        assert_http(&answer, 400, "BAD_REQUEST", words);
    }
    let json = [("content-type", "application/json")];
    let answer = http.send("PUT", &path("k"), &json, Some(b"{\"a\":"));
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("JSON"), "{answer:?}");
    assert_http(
        &http.send("POST", &path("k"), &[], Some(b"v")),
        405,
        "METHOD",
        &["PUT"],
    );
    assert_eq!(http.get("/v1/nothing").status, 404);
    assert_eq!(http.text("k"), None, "none of it was written");
}

#[test]
fn a_server_that_is_not_there_is_named_by_the_command_line() {
    let port = henge_tests::process::ports::free();
    let address = format!("127.0.0.1:{port}");
    let ended = binary::run(&["get", "k", "--server", &address, "--timeout-ms", "400"]);
    assert_command(&ended, 1, &[&address]);
    let ended = binary::run(&["status", "--server", &address]);
    assert_command(&ended, 1, &[&address]);
}

#[test]
fn an_unknown_flag_or_command_is_named_with_exit_code_2() {
    for (arguments, words) in [
        (
            &["get", "k", "--servr", "x"][..],
            &["--servr", "--server"][..],
        ),
        (&["fetch", "k"], &["fetch"]),
        (&["serve", "--prot", "1"], &["--prot"]),
        (&["get"], &["KEY"]),
    ] {
        let ended = binary::run(arguments);
        assert_command(&ended, 2, words);
    }
}

/// The answer to a request that no client has checked.
fn unchecked(address: &str, key: &[u8], operation: Operation) -> Response {
    let request = Request {
        id: 1,
        timeout_ms: 0,
        bucket: BucketId(0),
        key: key.to_vec(),
        operation,
    };
    let mut raw = Raw::greeted(address);
    let position = henge_core::hash::position(BucketId(0), key);
    // 256 partitions: the top 8 bits.
    let partition = henge_core::id::PartitionId(u16::try_from(position >> 56).unwrap());
    raw.send(message_frame(FrameKind::Request, partition, &request));
    let answer = raw.receive().expect("an answer");
    let (frame, _) = Frame::take(&answer).unwrap();
    decode_body(frame.body).unwrap()
}
