//! One key through every door: HTTP, WebSocket and the command line.

use henge_core::causality::Value;
use henge_core::client::Call;
use henge_core::id::BucketId;
use henge_core::replication::Level;
use henge_core::wire::Reply;
use henge_tests::process::http::path;
use henge_tests::process::{Stones, binary, session, wait_until};
use std::time::Duration;

/// How long a stone may take to notice that another one is gone.
const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn what_one_stone_took_every_stone_gives_by_every_door() {
    let stones = Stones::start(3);
    assert!(stones.http(0).put_text("by/http", "one"));
    stones.session(1).put("by/socket", "two").unwrap();
    let put = binary::run(&["put", "by/command", "three", "--server", &stones.address(2)]);
    assert_eq!(put.code(), 0, "{put:?}");

    for number in 0..3 {
        let (http, mut socket) = (stones.http(number), stones.session(number));
        for (key, value) in [
            ("by/http", "one"),
            ("by/socket", "two"),
            ("by/command", "three"),
        ] {
            assert_eq!(http.text(key).as_deref(), Some(value));
            assert_eq!(socket.get(key).unwrap().unwrap().bytes, value.as_bytes());
            let got = binary::run(&["get", key, "--server", &stones.address(number)]);
            assert_eq!((got.code(), got.text().trim_end()), (0, value), "{got:?}");
        }
    }
}

#[test]
fn a_value_comes_back_with_the_type_and_the_bytes_it_came_with() {
    let stones = Stones::start(3);
    let types: [(&str, &[u8], u8); 4] = [
        ("application/octet-stream", &[0, 255, 10, 13, 0], 0),
        (
            "text/plain; charset=utf-8",
            "Stehende Steine, \u{2728}".as_bytes(),
            1,
        ),
        ("application/json", br#"{"a":[1,2,null],"b":"\u00e9"}"#, 2),
        ("application/octet-stream", b"", 0),
    ];
    for (number, (name, bytes, encoding)) in types.into_iter().enumerate() {
        let key = format!("types/{number} with / and \u{e9} and %");
        let (first, second) = (stones.http(number % 3), stones.http((number + 1) % 3));
        let put = first.send("PUT", &path(&key), &[("content-type", name)], Some(bytes));
        assert_eq!(put.status, 204, "{put:?}");
        let got = second.get(&path(&key));
        assert_eq!((got.status, &got.body[..]), (200, bytes), "{key}");
        assert_eq!(got.header("content-type"), name);
        let by_socket = stones.session(2).get(&key).unwrap().unwrap();
        let expected = Value {
            encoding,
            bytes: bytes.to_vec(),
        };
        assert_eq!(by_socket, expected);
    }
}

#[test]
fn a_key_that_is_not_there_is_404_none_and_exit_code_3() {
    let stones = Stones::start(3);
    let answer = stones.http(0).get(&path("nothing"));
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (404, &"NOT_FOUND".into())
    );
    assert_eq!(stones.session(1).get("nothing").unwrap(), None);
    let got = binary::run(&["get", "nothing", "--server", &stones.address(2)]);
    assert_eq!((got.code(), got.text().as_str()), (3, ""), "{got:?}");
    assert!(got.stderr.contains("nothing"), "{got:?}");
}

#[test]
fn a_deleted_key_is_gone_everywhere_and_can_be_written_again() {
    let stones = Stones::start(3);
    for (round, number) in [0, 1, 2].into_iter().enumerate() {
        let text = format!("round {round}");
        assert!(stones.http(number).put_text("k", &text));
        assert_eq!(stones.http((number + 1) % 3).text("k"), Some(text));
        match round {
            0 => {
                let answer = stones.http(1).send("DELETE", &path("k"), &[], None);
                assert_eq!(answer.status, 204, "{answer:?}");
            }
            1 => {
                let delete = Call::delete(BucketId(0), b"k".to_vec());
                stones.session(2).call(delete).unwrap();
            }
            _ => {
                let ended = binary::run(&["delete", "k", "--server", &stones.address(0)]);
                assert_eq!(ended.code(), 0, "{ended:?}");
            }
        }
        for reader in 0..3 {
            assert_eq!(stones.http(reader).text("k"), None, "round {round}");
        }
    }
}

#[test]
fn versions_grow_are_the_same_everywhere_and_a_context_comes_with_them() {
    let stones = Stones::start(3);
    let mut versions = Vec::new();
    for number in 0..3 {
        let put = stones.http(number).send("PUT", &path("v"), &[], Some(b"x"));
        let written = put.header("henge-version").to_owned();
        assert!(!put.header("henge-context").is_empty());
        let readers = (0..3).map(|reader| stones.http(reader).get(&path("v")));
        for read in readers {
            assert_eq!(read.header("henge-version"), written, "{read:?}");
            assert_eq!(read.header("henge-siblings"), "0");
            assert_eq!(read.header("henge-context"), put.header("henge-context"));
        }
        versions.push(written);
    }
    assert!(
        versions.is_sorted() && versions[0] != versions[2],
        "{versions:?}"
    );
}

#[test]
fn every_level_reads_and_writes_and_a_level_with_a_stone_down_says_which_is_missing() {
    let mut stones = Stones::start(3);
    let levels = [
        "one",
        "quorum",
        "all",
        "local_quorum",
        "each_quorum",
        "1",
        "2",
        "3",
    ];
    for level in levels {
        let http = stones.http(0);
        let target = format!("{}?w={level}", path("levels"));
        let put = http.send("PUT", &target, &[], Some(level.as_bytes()));
        assert_eq!(put.status, 204, "{level}: {put:?}");
        let got = http.get(&format!("{}?r={level}&timeout_ms=2000", path("levels")));
        assert_eq!((got.status, got.text().as_str()), (200, level), "{got:?}");
    }

    stones.kill9(2);
    let http = stones.http(0);
    let target = format!("{}?w=all&timeout_ms=1000", path("levels"));
    // Until the stone has noticed, its time runs out: then it does not know yet who is missing.
    wait_until("it says which stone is missing", PATIENCE, || {
        let put = http.send("PUT", &target, &[], Some(b"x"));
        assert!([503, 504].contains(&put.status), "{put:?}");
        put.status == 503 && put.text().contains("stone-3")
    });
    let all = http.get(&format!("{}?r=all&timeout_ms=1000", path("levels")));
    assert!([503, 504].contains(&all.status), "{all:?}");
    let two = format!("{}?r=2", path("levels"));
    assert_eq!(http.get(&two).status, 200);
}

#[test]
fn the_same_request_id_through_two_stones_is_one_write() {
    let stones = Stones::start(3);
    let id = [("henge-request-id", "7e57c11e47-1")];
    let first = stones
        .http(0)
        .send("PUT", &path("once"), &id, Some(b"first"));
    assert_eq!(first.status, 204, "{first:?}");
    assert!(stones.http(1).put_text("once", "second"));
    let again = stones
        .http(2)
        .send("PUT", &path("once"), &id, Some(b"first"));
    assert_eq!(again.status, 204, "{again:?}");
    for number in 0..3 {
        let read = stones.http(number).get(&format!("{}?r=all", path("once")));
        assert_eq!(read.text(), "second");
    }
}

#[test]
fn siblings_come_back_by_socket_and_a_context_resolves_them() {
    let stones = Stones::start_with(3, &["--policy=siblings"]);
    let mut socket = stones.session(0);
    for value in ["left", "right"] {
        socket.put("s", value).unwrap();
    }
    let read = session::get("s").with_level(Some(Level::All));
    let Ok(Reply::Found(entry)) = socket.call(read.clone()) else {
        panic!("found")
    };
    assert_eq!(
        entry.siblings.len(),
        1,
        "blind writes are concurrent: {entry:?}"
    );
    let resolve = session::put("s", "both").with_context(entry.context);
    socket.call(resolve).unwrap();
    let Ok(Reply::Found(entry)) = socket.call(read) else {
        panic!("found")
    };
    assert_eq!(
        (&entry.value.bytes[..], entry.siblings.len()),
        (&b"both"[..], 0)
    );
}
