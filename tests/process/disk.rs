//! A disk that is full, and one that does not sync.

use henge_tests::process::http::path;
use henge_tests::process::{Stone, StoneSpec, wait_until};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// Runs the stone with a file system of 3 MiB for its data, of which 1 MiB is taken: in a mount
/// namespace of its own, so that nothing is left behind.
fn on_a_small_disk(spec: &StoneSpec) -> Command {
    let inner = spec.command();
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", MOUNT_AND_RUN]);
    command
        .arg(&spec.data)
        .arg(inner.get_program())
        .args(inner.get_args());
    command
}

const MOUNT_AND_RUN: &str = "mkdir -p \"$0\" && mount -t tmpfs -o size=3m tmpfs \"$0\" \
     && head -c 1048576 /dev/zero > \"$0/ballast\" && exec \"$@\"";

#[test]
fn a_full_disk_refuses_writes_serves_reads_and_recovers_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let spec = StoneSpec::alone(folder.path(), &["--shards=1"]);
    let command = on_a_small_disk(&spec);
    let stone = Stone::ready_as(spec, command);
    let http = stone.http();
    let put = |key: &str| {
        let target = format!("{}?timeout_ms=600", path(key));
        http.send("PUT", &target, &[], Some(&[7; 10_000]))
    };
    let mut written = Vec::new();
    let refused = loop {
        let key = format!("full/{}", written.len());
        let answer = put(&key);
        if answer.status != 204 {
            break answer;
        }
        written.push(key);
        assert!(written.len() < 400, "the disk does not fill");
    };
    assert!(written.len() > 50, "{} fit", written.len());
    assert!([429, 503, 504].contains(&refused.status), "{refused:?}");
    assert!(stone.log().contains("disk is full"), "{}", stone.log());
    assert_eq!(http.get(&path(&written[0])).status, 200, "reads go on");
    assert_eq!(
        http.get("/health").status,
        200,
        "{}",
        http.get("/health").text()
    );

    let data = stone.spec.data.strip_prefix("/").unwrap();
    let root = PathBuf::from(format!("/proc/{}/root", stone.pid()));
    fs::remove_file(root.join(data).join("ballast")).unwrap();
    wait_until("writes go on", Duration::from_secs(10), || {
        put("room").status == 204
    });
    println!(
        "MEASURE full disk: {} values of 10,000 bytes fitted into 2 MiB",
        written.len()
    );
    for key in &written {
        assert_eq!(http.get(&path(key)).body.len(), 10_000, "{key}");
    }
}

#[test]
fn a_failed_sync_stops_the_stone_and_what_was_acknowledged_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let spec = StoneSpec::alone(folder.path(), &["--shards=1", "--pair-bytes-max=1MiB"]);
    let mut stone = Stone::ready(spec);
    let http = stone.http();
    // The next segment of the log will be a device that takes writes and cannot be synced.
    let segment = stone.spec.data.join("shard-0").join("log-0000000002");
    std::os::unix::fs::symlink("/dev/null", &segment).unwrap();
    let value = vec![7; 1_000_000];
    let mut written = 0;
    while let Some(answer) =
        http.try_send("PUT", &path(&format!("sync/{written}")), &[], Some(&value))
        && answer.status == 204
    {
        written += 1;
        assert!(written < 200, "the log goes on in the first segment");
    }
    assert!(written > 5, "{written}: a memtable has 8 MiB");
    assert_eq!(stone.wait_end().code(), Some(1));
    let said = stone.log();
    assert!(
        said.contains("cannot make") && said.contains("log-0000000002"),
        "{said}"
    );

    fs::remove_file(&segment).unwrap();
    stone.start();
    stone.wait_ready();
    for number in 0..written {
        let length = stone
            .http()
            .get(&path(&format!("sync/{number}")))
            .body
            .len();
        assert_eq!(length, value.len(), "{number}");
    }
}
