//! Stones that must not start, or must start after all: each says why.

use henge_tests::process::binary::{self, Ended};
use henge_tests::process::{Stone, StoneSpec};
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// What a stone says that ends at once with `code`.
fn assert_refused(ended: &Ended, code: i32, words: &[&str]) {
    assert_eq!(ended.code(), code, "{ended:?}");
    assert!(ended.stderr.contains("error:"), "{ended:?}");
    for word in words {
        assert!(
            ended.stderr.contains(word),
            "{word:?} is not in: {}",
            ended.stderr
        );
    }
}

fn end(spec: &StoneSpec) -> Ended {
    binary::finish(spec.command(), b"")
}

fn with(mut spec: StoneSpec, more: &[&str]) -> StoneSpec {
    spec.arguments.extend(more.iter().map(ToString::to_string));
    spec
}

/// A stopped stone with `count` keys in its one log.
fn written(count: u32) -> (TempDir, Stone) {
    let folder = tempfile::tempdir().unwrap();
    let spec = StoneSpec::alone(folder.path(), &["--shards=1"]);
    let mut stone = Stone::ready(spec);
    for number in 0..count {
        assert!(stone.http().put_text(&format!("k{number}"), "value"));
    }
    assert_eq!(stone.stop().code(), Some(0));
    (folder, stone)
}

fn only_log(stone: &Stone) -> PathBuf {
    let shard = stone.spec.data.join("shard-0");
    let files = fs::read_dir(&shard)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let is_log = |path: &PathBuf| {
        path.file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with("log-")
    };
    let logs: Vec<PathBuf> = files.filter(is_log).collect();
    assert_eq!(logs.len(), 1, "{logs:?}");
    logs[0].clone()
}

#[test]
fn a_second_stone_on_one_data_folder_is_refused_with_the_pid_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let first = Stone::ready(StoneSpec::alone(folder.path(), &[]));
    let second = StoneSpec::alone(folder.path(), &[]);
    let pid = first.pid().to_string();
    assert_refused(&end(&second), 1, &[&pid, "--data"]);
    assert!(first.http().put_text("still", "here"));
}

#[test]
fn a_killed_stone_leaves_its_folder_free() {
    let folder = tempfile::tempdir().unwrap();
    let mut stone = Stone::ready(StoneSpec::alone(folder.path(), &[]));
    stone.kill9();
    stone.start();
    stone.wait_ready();
}

#[test]
fn a_port_that_is_taken_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let spec = StoneSpec::alone(folder.path(), &[]);
    let _taken = std::net::TcpListener::bind(("127.0.0.1", spec.port)).unwrap();
    assert_refused(&end(&spec), 1, &[&spec.address(), "--listen"]);
}

#[test]
fn shards_partitions_name_and_cluster_other_than_the_folders_are_refused_naming_both() {
    let folder = tempfile::tempdir().unwrap();
    let spec = StoneSpec::alone(folder.path(), &["--shards=2"]);
    let mut stone = Stone::ready(spec.clone());
    assert!(stone.http().put_text("k", "v"));
    assert_eq!(stone.stop().code(), Some(0));
    let mut bare = spec.clone();
    bare.arguments.retain(|argument| argument != "--shards=2");
    for (flag, words) in [
        ("--shards=3", &["shards 2", "3"][..]),
        ("--partitions=64", &["partitions 256", "64"]),
        ("--name=other", &["name stone-1", "other"]),
        ("--cluster=other", &["cluster henge", "other"]),
    ] {
        let mut words = words.to_vec();
        let data = spec.data.display().to_string();
        words.push(&data);
        assert_refused(&end(&with(bare.clone(), &[flag])), 1, &words);
    }
    let mut again = Stone::ready(bare);
    assert_eq!(
        again.status()["shards"].as_array().unwrap().len(),
        2,
        "the folder's own count"
    );
    assert_eq!(again.http().text("k").as_deref(), Some("v"));
    assert_eq!(again.stop().code(), Some(0));
}

#[test]
fn more_replicas_asked_for_than_there_are_is_named_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let spec = StoneSpec::alone(folder.path(), &["--write-level=2"]);
    assert_refused(
        &end(&spec),
        2,
        &["--write-level", "2", "allowed are 1 to 1"],
    );
    let spec = StoneSpec::alone(folder.path(), &["--read-level=most"]);
    assert_refused(&end(&spec), 2, &["--read-level", "most", "quorum"]);
}

#[test]
fn wrong_settings_are_named_wherever_they_come_from() {
    let folder = tempfile::tempdir().unwrap();
    let spec = StoneSpec::alone(folder.path(), &[]);
    for (flag, words) in [
        ("--replicas=0", &["replicas"][..]),
        ("--partitions=100", &["100", "power of two"]),
        ("--pair-bytes-max=2GiB", &["pair"]),
        ("--member=a", &["\"a\"", "NAME=HOST:PORT@ZONE"]),
        ("--zone=e u", &["e u"]),
        ("--shards=0", &["shards"]),
        ("--policy=first", &["first", "lww"]),
    ] {
        assert_refused(&end(&with(spec.clone(), &[flag])), 2, words);
    }
    let mut command = spec.command();
    command.env("HENGE_REPLICAS", "many");
    assert_refused(&binary::finish(command, b""), 2, &["many", "--replicas"]);
}

#[test]
fn a_wrong_line_of_the_settings_file_is_named_with_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("henge.toml");
    for (text, words) in [
        (
            "name = \"stone-1\"\nreplcas = 3\n",
            &["replcas", "replicas", "line 2"][..],
        ),
        ("replicas = \"three\"\n", &["line 1", "replicas"]),
        ("name = \n", &["line 1"]),
    ] {
        fs::write(&file, text).unwrap();
        let spec = StoneSpec::alone(folder.path(), &[&format!("--config={}", file.display())]);
        let ended = end(&spec);
        assert_refused(&ended, 2, words);
        assert!(ended.stderr.contains("henge.toml"), "{ended:?}");
    }
    let missing = folder.path().join("missing.toml");
    let spec = StoneSpec::alone(folder.path(), &[&format!("--config={}", missing.display())]);
    assert_refused(&end(&spec), 2, &["missing.toml"]);
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("henge.toml");
    fs::write(
        &file,
        "zone = \"from/file\"\ncluster = \"file\"\nname = \"file\"\n",
    )
    .unwrap();
    let spec = StoneSpec::alone(
        folder.path(),
        &["--name=flag", &format!("--config={}", file.display())],
    );
    let mut command = spec.command();
    command
        .env("HENGE_CLUSTER", "environment")
        .env("HENGE_NAME", "environment");
    let mut stone = Stone::ready_as(spec, command);
    let status = stone.status();
    assert_eq!(status["name"], "flag");
    assert_eq!(status["cluster"], "environment");
    assert_eq!(status["zone"], "from/file");
    assert_eq!(stone.stop().code(), Some(0));
}

#[test]
fn a_torn_end_of_the_log_is_cut_and_said_and_the_stone_serves() {
    let (_folder, mut stone) = written(50);
    let log = only_log(&stone);
    let whole = fs::read(&log).unwrap();
    fs::write(
        &log,
        [&whole[..], b"HNGB\x40\0\0\0 half of a batch"].concat(),
    )
    .unwrap();
    stone.start();
    stone.wait_ready();
    let said = stone.log();
    assert!(
        said.contains(&format!("cut at byte {}", whole.len())),
        "{said}"
    );
    for number in 0..50 {
        assert_eq!(
            stone.http().text(&format!("k{number}")).as_deref(),
            Some("value")
        );
    }
    assert!(stone.http().put_text("new", "one"));
    stone.kill9();
    stone.start();
    stone.wait_ready();
    assert_eq!(stone.http().text("new").as_deref(), Some("one"));
}

#[test]
fn a_damaged_middle_of_the_log_is_refused_by_file_and_byte_and_left_as_it_is() {
    let (_folder, mut stone) = written(50);
    let log = only_log(&stone);
    let mut bytes = fs::read(&log).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 0x40;
    fs::write(&log, &bytes).unwrap();
    stone.start();
    let name = log.file_name().unwrap().to_string_lossy().into_owned();
    henge_tests::process::wait_until("it says so", std::time::Duration::from_secs(10), || {
        let said = stone.log();
        said.contains(&name) && said.contains("damaged at byte")
    });
    let answer = stone.http().try_get("/health");
    assert!(
        answer.is_none_or(|answer| answer.status == 503),
        "it does not serve"
    );
    assert!(!stone.http().put_text("k0", "over"), "it takes no writes");
    assert_eq!(fs::read(&log).unwrap(), bytes, "the log is as it was");
}

#[test]
fn files_that_are_not_ours_are_left_alone() {
    let (_folder, mut stone) = written(3);
    let foreign = stone.spec.data.join("shard-0").join("notes.txt");
    fs::write(&foreign, "mine").unwrap();
    stone.start();
    stone.wait_ready();
    assert_eq!(stone.http().text("k1").as_deref(), Some("value"));
    assert_eq!(fs::read_to_string(foreign).unwrap(), "mine");
}

#[test]
fn a_data_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("data");
    fs::write(&file, "a file").unwrap();
    let ended = end(&StoneSpec::alone(folder.path(), &[]));
    assert_refused(&ended, 1, &[&file.display().to_string()]);
}
