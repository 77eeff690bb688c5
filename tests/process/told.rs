//! What people and machines are told of a cluster, and what the command line takes and gives.

use henge_tests::process::http::path;
use henge_tests::process::{Stones, binary};
use std::fs;

#[test]
fn the_ring_is_the_same_on_every_stone_and_shared_fairly() {
    let stones = Stones::start(3);
    let ring = stones.http(0).get("/v1/ring").json();
    for number in 1..3 {
        assert_eq!(stones.http(number).get("/v1/ring").json(), ring);
    }
    assert_eq!(
        (&ring["partitions"], &ring["replicas"]),
        (&256.into(), &3.into())
    );
    for member in ring["members"].as_array().unwrap() {
        let share = member["share"].as_f64().unwrap();
        assert!((share - 1.0 / 3.0).abs() < 0.01, "{member}");
    }
    let owners = ring["owners"].as_array().unwrap();
    assert_eq!(owners.len(), 256);
    for three in owners {
        let mut seats: Vec<u64> = three
            .as_array()
            .unwrap()
            .iter()
            .map(|seat| seat.as_u64().unwrap())
            .collect();
        seats.sort_unstable();
        assert_eq!(seats, [0, 1, 2]);
    }
}

#[test]
fn counters_count_what_was_done_and_the_status_command_shows_every_stone() {
    let mut stones = Stones::start(3);
    for number in 0..30 {
        assert!(stones.http(0).put_text(&format!("k{number}"), "v"));
        assert_eq!(
            stones.http(0).text(&format!("k{number}")).as_deref(),
            Some("v")
        );
    }
    let metrics = stones.http(0).get("/metrics").text();
    let sum = |name: &str| -> u64 {
        let lines = metrics.lines().filter(|line| line.starts_with(name));
        lines
            .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
            .sum()
    };
    assert_eq!(
        (sum("henge_writes_total"), sum("henge_reads_total")),
        (30, 30)
    );
    assert_eq!(
        (
            sum("henge_keys"),
            sum("henge_ready"),
            sum("henge_failures_total")
        ),
        (30, 1, 0)
    );

    let all = binary::run(&["status", "--server", &stones.address(0)]);
    assert_eq!(all.code(), 0, "{all:?}");
    stones.kill9(2);
    let shown = binary::run(&["status", "--server", &stones.address(0)]);
    assert_eq!(shown.code(), 1, "a script can tell: {shown:?}");
    for name in ["stone-1", "stone-2", "stone-3"] {
        assert!(shown.text().contains(name), "{shown:?}");
    }
    let lost = shown.text();
    let lost = lost
        .lines()
        .find(|line| line.starts_with("stone-3"))
        .unwrap();
    assert!(!lost.contains("ready"), "{lost}");
}

#[test]
fn the_command_line_takes_values_from_everywhere_and_gives_them_back_unchanged() {
    let stones = Stones::start(3);
    let server = stones.address(0);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("value");
    let bytes: Vec<u8> = (0..=255).collect();
    fs::write(&file, &bytes).unwrap();
    let file = file.display().to_string();
    let puts: [(&str, &[&str], &[u8], &str); 4] = [
        (
            "from/file",
            &["--file", &file],
            b"",
            "application/octet-stream",
        ),
        ("from/stdin", &["-"], b"text\n", "text/plain; charset=utf-8"),
        (
            "from/argument",
            &["\u{e9}"],
            b"",
            "text/plain; charset=utf-8",
        ),
        (
            "from/json",
            &["{\"a\":1}", "--as", "json", "--w", "all"],
            b"",
            "application/json",
        ),
    ];
    for (key, arguments, input, content_type) in puts {
        let put = binary::run_with(
            &[&["put", key, "--server", &server], arguments].concat(),
            input,
        );
        assert_eq!(put.code(), 0, "{put:?}");
        let read = stones.http(1).get(&path(key));
        assert_eq!(read.header("content-type"), content_type, "{key}");
        let got = binary::run(&["get", key, "--r", "all", "--server", &server]);
        assert_eq!((got.code(), &got.stdout), (0, &read.body), "{key}");
    }
    assert_eq!(stones.http(2).get(&path("from/file")).body, bytes);
    let wrong = binary::run(&[
        "put",
        "from/json",
        "{\"a\":",
        "--as",
        "json",
        "--server",
        &server,
    ]);
    assert_eq!(wrong.code(), 2, "{wrong:?}");
    assert!(wrong.stderr.contains("JSON"), "{wrong:?}");
}

#[test]
fn the_command_line_goes_on_at_the_next_server_of_its_list() {
    let mut stones = Stones::start(3);
    let list = [stones.address(0), stones.address(1)].join(",");
    stones.kill9(0);
    let put = binary::run(&["put", "k", "v", "--server", &list]);
    assert_eq!(put.code(), 0, "{put:?}");
    assert_eq!(stones.http(2).text("k").as_deref(), Some("v"));
}
