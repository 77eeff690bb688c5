use super::module::GUEST;
use super::*;
use henge_core::config::Config;
use henge_core::id::MemberId;
use henge_core::node::{Event, Input, Output, batch};
use henge_core::ring::Member;
use henge_core::time::Instant;

const NOW: Instant = Instant::from_micros(1_700_000_000_000_000);

#[test]
fn a_guest_that_was_idle_for_long_is_not_taken_for_one_that_runs_away() {
    let engine = Engine::new(GUEST).unwrap();
    let member = Member::new("stone-1", "local/a".parse().unwrap(), 1);
    let config = Config::new(1, MemberId::from_name("stone-1"), vec![member]);
    let mut guest = Guest::new(&engine, &config, 7, NOW, 64 << 20).unwrap();
    // More epochs than any call may last.
    for _ in 0..10_000 {
        engine.wasmtime().increment_epoch();
    }
    let mut inputs = Vec::new();
    batch::put_input(&mut inputs, &Input::Inspect(3));
    let mut outputs = Vec::new();
    guest.step(NOW, &inputs, &mut outputs).unwrap();
    assert!(
        matches!(outputs[..], [Output::Report { id: 3, .. }]),
        "{outputs:?}"
    );
}

#[test]
fn the_guest_imports_nothing_and_others_are_refused_by_name() {
    let module = wasmtime::Module::new(&wasmtime::Engine::default(), GUEST).unwrap();
    assert_eq!(module.imports().count(), 0);
    let refused = |bytes: &[u8]| match Engine::new(bytes) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("it was taken"),
    };
    assert!(refused(b"\0asm\x01\0\0\0").contains("henge_abi_1"));
    assert!(!refused(b"nonsense").is_empty());
}

#[test]
fn a_guest_without_memory_traps_and_says_so() {
    let engine = Engine::new(GUEST).unwrap();
    let member = Member::new("stone-1", "local/a".parse().unwrap(), 1);
    let config = Config::new(1, MemberId::from_name("stone-1"), vec![member]);
    let mut guest = Guest::new(&engine, &config, 7, NOW, 2 << 20).unwrap();
    let frame = vec![0; 3 << 20];
    let mut inputs = Vec::new();
    let from = MemberId::from_name("stone-2");
    batch::put_input(
        &mut inputs,
        &Input::Peer {
            from,
            frame: &frame,
        },
    );
    let mut outputs = Vec::new();
    assert!(guest.step(NOW, &inputs, &mut outputs).is_err());
    assert!(
        !outputs
            .iter()
            .any(|output| matches!(output, Output::Event(Event::Ready { .. })))
    );
}
