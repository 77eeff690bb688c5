//! Which guests a stone takes: it looks at their names before anything of them runs.

use henge_tests::process::{Stone, StoneSpec, binary};
use std::fs;

/// A module whose only function is exported as `export` and traps when the module is instantiated;
/// `import`, if it is there, is a function that it wants from `env`.
fn module(export: &str, import: Option<&str>) -> Vec<u8> {
    let name = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let own = u8::from(import.is_some());
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    let mut section = |id: u8, body: Vec<u8>| {
        module.extend([id, u8::try_from(body.len()).unwrap()]);
        module.extend(body);
    };
    section(1, vec![1, 0x60, 0, 0]);
    if let Some(import) = import {
        section(2, [&[1], &name("env")[..], &name(import), &[0, 0]].concat());
    }
    section(3, vec![1, 0]);
    section(7, [&[1], &name(export)[..], &[0, own]].concat());
    section(8, vec![own]);
    section(10, vec![1, 3, 0, 0x00, 0x0b]);
    module
}

/// The numbers of the sections of a module.
fn sections(module: &[u8]) -> Vec<u8> {
    let mut found = Vec::new();
    let mut at = 8;
    while at < module.len() {
        found.push(module[at]);
        let (mut length, mut shift) = (0, 0);
        loop {
            at += 1;
            length |= usize::from(module[at] & 0x7f) << shift;
            shift += 7;
            if module[at] & 0x80 == 0 {
                break;
            }
        }
        at += 1 + length;
    }
    found
}

fn refusal(module: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("guest.wasm");
    fs::write(&file, module).unwrap();
    let flag = format!("--guest-module={}", file.display());
    let ended = binary::finish(StoneSpec::alone(folder.path(), &[&flag]).command(), b"");
    assert_eq!(ended.code(), 1, "{ended:?}");
    ended.stderr
}

#[test]
fn the_guest_imports_nothing_and_exports_its_version() {
    const IMPORTS: u8 = 2;
    for guest in [binary::guest_plain(), binary::guest_hooks()] {
        let module = fs::read(&guest).unwrap();
        let sections = sections(&module);
        assert!(
            sections.contains(&7) && !sections.contains(&IMPORTS),
            "{sections:?}"
        );
        let is_there = |name: &[u8]| module.windows(name.len()).any(|window| window == name);
        assert!(is_there(b"\x0bhenge_abi_1\0"), "{}", guest.display());
    }
    assert!(
        sections(&module("henge_abi_1", Some("f"))).contains(&IMPORTS),
        "the check can fail"
    );
}

#[test]
fn the_shipped_guest_has_no_test_hooks() {
    let folder = tempfile::tempdir().unwrap();
    let stone = Stone::ready(StoneSpec::alone(folder.path(), &["--shards=1"]));
    for key in ["henge-test-hook:trap", "henge-test-hook:exhaust"] {
        assert!(stone.http().put_text(key, "a key like any other"));
    }
    assert_eq!(stone.status()["shards"][0]["restarts"], 0);
}

#[test]
fn a_guest_that_imports_is_refused_by_what_it_wants() {
    let said = refusal(&module("henge_abi_1", Some("clock")));
    assert!(
        said.contains("env.clock") && said.contains("import nothing"),
        "{said}"
    );
}

#[test]
fn a_guest_without_our_abi_is_refused_by_name_before_it_runs() {
    let said = refusal(&module("henge_abi_2", None));
    assert!(
        said.contains("henge_abi_1") && said.contains("henge_abi_2"),
        "{said}"
    );
    let said = refusal(&module("something", None));
    assert!(
        said.contains("henge_abi_1") && said.contains("no henge_abi_* at all"),
        "{said}"
    );
}

#[test]
fn bytes_that_are_no_module_are_refused() {
    for bytes in [
        &b""[..],
        b"not wasm at all",
        &module("henge_abi_1", None)[..20],
    ] {
        let said = refusal(bytes);
        assert!(said.contains("guest module"), "{said}");
    }
}
