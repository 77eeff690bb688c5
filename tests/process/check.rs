//! `henge check` and `henge dump` on the files that a real stone has left.

use henge_tests::process::binary::{self, Ended};
use henge_tests::process::{Stone, StoneSpec};
use serde_json::Value;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// Records that fill a stone of little memory: enough for several tables and a log behind them.
const RECORDS: usize = 20_000;
/// Keys that are written behind them.
const LATER: usize = 5;

/// A stone with tables of one shard, which runs.
fn filled(folder: &Path) -> Stone {
    let spec = StoneSpec::alone(folder, &["--shards=1", "--memory-max=4MiB"]);
    let stone = Stone::ready(spec);
    let file = folder.join("records.ndjson");
    let lines = (0..RECORDS).fold(String::new(), |mut lines, number| {
        let text = format!("{number} ").repeat(40);
        writeln!(lines, r#"{{"id":"k{number:05}","t":"{text}"}}"#).unwrap();
        lines
    });
    fs::write(&file, lines).unwrap();
    let name = file.display().to_string();
    let server = stone.spec.address();
    let ended = binary::run(&["import", &name, "--key", "id", "--server", &server]);
    assert_eq!(ended.code(), 0, "{ended:?}");
    // One after another: so the last segment has more than one batch.
    for number in 0..LATER {
        let key = format!("later/{number}");
        let ended = binary::run(&["put", &key, "1", "--as", "json", "--server", &server]);
        assert_eq!(ended.code(), 0, "{ended:?}");
    }
    stone
}

fn check(data: &Path) -> Ended {
    binary::run(&["check", &data.display().to_string()])
}

fn dump(file: &Path, more: &[&str]) -> Ended {
    let name = file.display().to_string();
    binary::run(&[&["dump", &name], more].concat())
}

/// The files of the shard whose names begin with `kind`, the longest first.
fn files(data: &Path, kind: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(data.join("shard-0")).unwrap();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with(kind)
        })
        .collect();
    files.sort_by_key(|path| std::cmp::Reverse(fs::metadata(path).unwrap().len()));
    files
}

/// Flips a bit in the middle of `file`, runs `henge check`, and flips it back. Gives what was said.
fn check_damaged(data: &Path, file: &Path) -> String {
    let good = fs::read(file).unwrap();
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 0x10;
    fs::write(file, bad).unwrap();
    let ended = check(data);
    fs::write(file, good).unwrap();
    assert_eq!(ended.code(), 1, "{ended:?}");
    assert!(
        ended.stderr.contains("hint: nothing was changed"),
        "{ended:?}"
    );
    let name = format!("damaged: {}, byte ", file.display());
    let said = ended.text();
    let damages: Vec<&str> = { said.lines() }
        .filter_map(|line| line.strip_prefix(&name))
        .collect();
    assert_eq!(damages.len(), 1, "{said}");
    let (offset, _) = damages[0].split_once(':').unwrap();
    assert!(offset.parse::<usize>().unwrap() <= middle, "{said}");
    said
}

#[test]
fn a_stopped_stone_is_checked_its_damages_are_named_and_its_files_printed() {
    let folder = tempfile::tempdir().unwrap();
    let mut stone = filled(folder.path());
    let data = stone.spec.data.clone();

    let refused = check(&data);
    assert_eq!(refused.code(), 1, "{refused:?}");
    let pid = format!("the stone with pid {}", stone.pid());
    assert!(refused.stderr.contains(&pid), "{refused:?}");
    assert!(refused.stderr.contains("stopped stone"), "{refused:?}");

    assert!(stone.stop().success());
    let clean = check(&data);
    assert_eq!(clean.code(), 0, "{clean:?}");
    assert!(clean.text().contains("checked 1 shard"), "{clean:?}");
    println!("MEASURE check: {}", clean.text().trim());

    let (tables, logs) = (files(&data, "table-"), files(&data, "log-"));
    let manifest = &files(&data, "manifest-")[0];
    assert!(tables.len() > 1 && !logs.is_empty(), "{tables:?} {logs:?}");
    // A file that no manifest names may still lie there, and is not looked at.
    let said = clean.text();
    let is_named = |file: &&PathBuf| !said.contains(&format!("note: {}", file.display()));
    let live = tables.iter().find(is_named).unwrap();
    assert!(check_damaged(&data, live).contains("does not match its checksum"));
    let last = logs.iter().max().unwrap();
    assert!(check_damaged(&data, last).contains("does not match its checksum"));
    assert!(check_damaged(&data, manifest).contains("does not match its checksum"));

    fs::rename(live, folder.path().join("aside")).unwrap();
    let missing = check(&data);
    assert_eq!(missing.code(), 1, "{missing:?}");
    assert!(missing.text().contains("is missing"), "{missing:?}");
    fs::rename(folder.path().join("aside"), live).unwrap();
    assert_eq!(check(&data).code(), 0);

    every_key_is_printed(&tables, &logs);
    let said = dump(manifest, &[]).text();
    assert!(said.starts_with("manifest incarnation="), "{said}");
    assert!(said.contains("\ntable level="), "{said}");
    stone.start();
    stone.wait_ready();
}

fn every_key_is_printed(tables: &[PathBuf], logs: &[PathBuf]) {
    let mut keys = std::collections::BTreeSet::new();
    for file in tables.iter().chain(logs) {
        let ended = dump(file, &["--json"]);
        assert_eq!(ended.code(), 0, "{}", ended.stderr);
        for line in ended.text().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            // What the node has stored for itself is in no partition of the ring.
            let is_pair = line["partition"] != u64::from(u16::MAX);
            if let Some(key) = line["key"].as_str().filter(|_| is_pair) {
                assert_eq!(line["versions"][0]["encoding"], "json", "{line}");
                keys.insert(key.to_owned());
            }
        }
    }
    assert_eq!(keys.len(), RECORDS + LATER);
    assert!(keys.contains("k00042"));
    let text = dump(&tables[0], &[]).text();
    assert!(text.starts_with("table number="), "{}", &text[..200]);
    assert!(text.contains("\npair partition="), "{}", &text[..200]);
}

#[test]
fn what_is_no_data_folder_or_no_file_of_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let ended = check(folder.path());
    assert_eq!(ended.code(), 1, "{ended:?}");
    assert!(ended.stderr.contains("is no data folder"), "{ended:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "untouched");
    let other = folder.path().join("other");
    fs::write(&other, "text").unwrap();
    for file in [&other, &folder.path().join("absent")] {
        let ended = dump(file, &[]);
        assert_eq!(ended.code(), 1, "{ended:?}");
        let name = file.display().to_string();
        assert!(ended.stderr.contains(&name), "{ended:?}");
    }
}
