//! A guest that traps under load: `docs/guest-abi.md`, "Traps".

use henge_core::client::ConnectionState;
use henge_core::wire::ErrorCode;
use henge_tests::process::http::path;
use henge_tests::process::{Session, Stone, StoneSpec, Stones, Writers, binary, session};
use henge_tests::process::{wait_until, writers::assert_kept};
use std::time::Duration;

/// Keys of these beginnings trap, in a guest that is built for tests.
const TRAP: &str = "henge-test-hook:trap";
const EXHAUST: &str = "henge-test-hook:exhaust";

fn hooks() -> String {
    format!("--guest-module={}", binary::guest_hooks().display())
}

/// Little enough memory to be used up quickly.
const SMALL: [&str; 2] = ["--memory-max=32MiB", "--shard-memory-max=96MiB"];

fn restarts(stone: &Stone) -> u64 {
    let status = stone.status();
    let shards = status["shards"].as_array().unwrap();
    shards
        .iter()
        .map(|shard| shard["restarts"].as_u64().unwrap())
        .sum()
}

fn recovery_ms(stone: &Stone) -> u64 {
    let status = stone.status();
    let shards = status["shards"].as_array().unwrap();
    let last = shards
        .iter()
        .filter_map(|shard| shard["last_restart_ms"].as_u64());
    last.max().expect("a restart took some time")
}

/// Asks for a key that traps, with nothing else under way.
fn provoke(socket: &mut Session, key: &str) {
    let failure = socket.put(key, "x").unwrap_err();
    assert_eq!(failure.code, ErrorCode::Indeterminate, "{failure}");
}

fn assert_one_connection(socket: &Session) {
    let online = |state: &&ConnectionState| matches!(state, ConnectionState::Online { .. });
    assert_eq!(
        socket.states.iter().filter(online).count(),
        1,
        "{:?}",
        socket.states
    );
}

fn survives(key: &str, name: &str) {
    let hooks = hooks();
    let stones = Stones::start_with(3, &[&hooks, SMALL[0], SMALL[1]]);
    let mut socket = stones.session(0);
    for number in 0..500 {
        socket
            .put(&format!("kept/{number}"), &number.to_string())
            .unwrap();
    }
    provoke(&mut socket, key);
    for number in 0..500 {
        let value = socket.get(&format!("kept/{number}")).unwrap().unwrap();
        assert_eq!(value.bytes, number.to_string().as_bytes());
    }
    socket.put("after", "1").unwrap();
    assert_one_connection(&socket);
    let count = restarts(&stones[0]);
    assert!(count >= 1, "it did trap");
    assert_eq!(
        restarts(&stones[1]) + restarts(&stones[2]),
        0,
        "the others did not"
    );
    println!(
        "MEASURE {name}: {count} restarts, the last served again after {} ms",
        recovery_ms(&stones[0])
    );
    for number in 0..3 {
        assert_eq!(stones.http(number).text("after").as_deref(), Some("1"));
        let peers = stones[number].status()["peers"].clone();
        assert!(
            peers
                .as_array()
                .unwrap()
                .iter()
                .all(|peer| peer["up"] == true),
            "{peers}"
        );
    }
}

#[test]
fn a_trap_loses_no_acknowledged_write_and_no_connection() {
    survives(TRAP, "trap");
}

#[test]
fn a_guest_without_memory_loses_no_acknowledged_write_and_no_connection() {
    survives(EXHAUST, "memory cap");
}

#[test]
fn requests_under_way_beside_one_that_traps_are_answered() {
    let hooks = hooks();
    let stones = Stones::start_with(3, &[&hooks]);
    let mut socket = stones.session(0);
    socket.put("first", "1").unwrap();
    let mut calls = Vec::new();
    let mut poison = Vec::new();
    for number in 0..400 {
        if number % 200 == 100 {
            poison.push(
                socket
                    .submit(session::put(&format!("{TRAP}/{number}"), "x"))
                    .unwrap(),
            );
        }
        let key = format!("beside/{number}");
        calls.push((key.clone(), socket.submit(session::put(&key, "x")).unwrap()));
    }
    for id in poison {
        assert!(socket.wait(id).is_err());
    }
    for (key, id) in calls {
        let result = socket.wait(id);
        assert!(result.is_ok(), "{key}: {result:?}");
        assert_eq!(stones.http(1).text(&key).as_deref(), Some("x"));
    }
    assert_one_connection(&socket);
    assert!(restarts(&stones[0]) >= 1);
}

#[test]
fn http_writers_go_on_beside_requests_that_trap() {
    let hooks = hooks();
    let stones = Stones::start_with(3, &[&hooks]);
    let http = stones.http(0);
    let writers = Writers::start(&[http.clone(), http.clone()], "beside", 100);
    let mut statuses = Vec::new();
    for number in 0..3 {
        std::thread::sleep(Duration::from_millis(200));
        let key = format!("{TRAP}/{number}");
        statuses.push(http.send("PUT", &path(&key), &[], Some(b"x")).status);
    }
    std::thread::sleep(Duration::from_millis(200));
    let known = writers.finish();
    assert!(statuses.iter().all(|status| *status == 504), "{statuses:?}");
    let failed: u64 = known.iter().map(|writer| writer.failed).sum();
    let written: u64 = known.iter().map(|writer| writer.count).sum();
    println!(
        "MEASURE traps over HTTP: {} restarts, {written} writes beside, {failed} of them failed",
        restarts(&stones[0])
    );
    assert_kept(&known, &stones.http(1));
    assert_eq!(failed, 0, "of {written}");
}

#[test]
fn a_guest_that_only_traps_stops_the_stone_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let hooks = hooks();
    let mut stone = Stone::ready(StoneSpec::alone(folder.path(), &[&hooks, "--shards=1"]));
    let mut socket = Session::connect(&stone.spec.address());
    socket.put("kept", "1").unwrap();
    for number in 0..3 {
        if !stone.is_running() {
            break;
        }
        // Three traps each: the client sends again what was lost.
        let call = session::put(&format!("{TRAP}/{number}"), "x").with_timeout_ms(2_000);
        let id = socket.submit(call).unwrap();
        assert!(socket.wait(id).is_err());
    }
    wait_until("the stone gives up", Duration::from_secs(5), || {
        !stone.is_running()
    });
    assert_eq!(stone.wait_end().code(), Some(1));
    let said = stone.log();
    assert!(
        said.contains("trapped") && said.contains("in a row"),
        "{said}"
    );

    stone.start();
    stone.wait_ready();
    assert_eq!(stone.http().text("kept").as_deref(), Some("1"));
}
