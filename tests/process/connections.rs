//! As many connections as there may be, and one more.

use henge_core::wire::{Hello, Role};
use henge_tests::process::stone::{Stone, StoneSpec};
use henge_tests::process::{Raw, Session, wait_until};
use std::process::Command;
use std::time::Duration;

/// Open files that the stone may have: half of them are for connections.
const FILES: usize = 128;

/// The command that runs a stone which may have few open files.
fn limited(spec: &StoneSpec) -> Command {
    let plain = spec.command();
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit -n {FILES}; exec \"$0\" \"$@\"")])
        .arg(plain.get_program())
        .args(plain.get_args());
    for (name, value) in plain.get_envs() {
        if value.is_none() {
            command.env_remove(name);
        }
    }
    command
}

#[test]
fn a_stone_that_may_open_few_files_says_so_and_turns_away_who_comes_too_much() {
    let folder = tempfile::tempdir().unwrap();
    let spec = StoneSpec::alone(folder.path(), &["--memory-max=4MiB"]);
    let (address, command) = (spec.address(), limited(&spec));
    let mut stone = Stone::ready_as(spec, command);
    let said = stone.log();
    for words in ["128 open files", "takes 64 connections", "ulimit -n"] {
        assert!(said.contains(words), "{words}: {said}");
    }

    let mut session = Session::connect(&address);
    session.put("before", "1").unwrap();
    let mut crowd: Vec<Raw> = Vec::new();
    wait_until("there is no room", Duration::from_secs(10), || {
        let Ok(mut more) = Raw::try_open(&address) else {
            return true;
        };
        // One that says nothing would not stay for long.
        more.hello(&Hello::new(None, Role::Client));
        crowd.push(more);
        false
    });
    assert!(
        (FILES / 2 - 8..FILES / 2).contains(&crowd.len()),
        "{}",
        crowd.len()
    );
    let why = Raw::try_open(&address).err().expect("there is no room");
    assert!(why.contains("503"), "{why}");

    // Who is there is served, and what is written becomes files.
    let value = "x".repeat(9_000);
    for number in 0..2_000 {
        session.put(&format!("k{number}"), &value).unwrap();
    }
    assert!(stone.is_running());
    crowd.truncate(crowd.len() / 2);
    wait_until("there is room again", Duration::from_secs(5), || {
        Raw::try_open(&address).is_ok()
    });
    assert_eq!(stone.http().text("before").as_deref(), Some("1"));
}
