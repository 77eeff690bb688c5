use super::module::GUEST;
use super::*;
use henge_core::config::Config;
use henge_core::id::MemberId;
use henge_core::node::batch::put_input;
use henge_core::node::{Event, Input, Output};
use henge_core::ring::Member;
use henge_core::storage::{OperationId, StorageAnswer, StorageRequest};
use henge_core::time::Instant;

const NOW: Instant = Instant::from_micros(1_700_000_000_000_000);
const MEMORY: usize = 64 << 20;

fn config() -> Config {
    let me = Member::new("alone", "local".parse().unwrap(), 1);
    Config::new(1, MemberId::from_name("alone"), vec![me])
}

fn step(guest: &mut Guest, inputs: &[Input<'_>]) -> Vec<Output> {
    let mut batch = Vec::new();
    inputs.iter().for_each(|input| put_input(&mut batch, input));
    let mut outputs = Vec::new();
    guest.step(NOW, &batch, &mut outputs).unwrap();
    outputs
}

fn storage(outputs: &[Output]) -> Option<(OperationId, &StorageRequest)> {
    outputs.iter().find_map(|output| match output {
        Output::Storage { operation, request } => Some((*operation, request)),
        _ => None,
    })
}

#[test]
fn an_empty_storage_makes_a_guest_ready() {
    let engine = Engine::new(GUEST).unwrap();
    let mut guest = Guest::new(&engine, &config(), 7, NOW, MEMORY).unwrap();
    let mut outputs = step(&mut guest, &[Input::Opened(vec![])]);
    let ready = |output: &Output| matches!(output, Output::Event(Event::Ready { keys: 0, .. }));
    let mut is_ready = false;
    for _ in 0..10 {
        is_ready |= outputs.iter().any(ready);
        let Some((operation, _)) = storage(&outputs) else {
            break;
        };
        let done = Input::StorageDone {
            operation,
            result: Ok(StorageAnswer::Done),
        };
        outputs = step(&mut guest, &[done]);
    }
    assert!(is_ready, "{outputs:?}");
    assert!(guest.memory_bytes() < MEMORY);
}

#[test]
fn a_guest_that_was_idle_for_long_is_not_taken_for_one_that_runs_away() {
    let engine = Engine::new(GUEST).unwrap();
    let mut guest = Guest::new(&engine, &config(), 7, NOW, MEMORY).unwrap();
    // More epochs than any call may last.
    for _ in 0..10_000 {
        engine.wasmtime().increment_epoch();
    }
    let outputs = step(&mut guest, &[Input::Inspect(3)]);
    assert!(
        matches!(outputs[..], [Output::Report { id: 3, .. }]),
        "{outputs:?}"
    );
}

#[test]
fn the_guest_imports_nothing() {
    let module = wasmtime::Module::new(&wasmtime::Engine::default(), GUEST).unwrap();
    assert_eq!(module.imports().count(), 0);
}

#[test]
fn a_batch_of_another_version_traps_and_says_so() {
    let engine = Engine::new(GUEST).unwrap();
    let mut guest = Guest::new(&engine, &config(), 7, NOW, MEMORY).unwrap();
    let trap = guest.step(NOW, &[0xff; 9], &mut Vec::new()).unwrap_err();
    assert!(
        trap.to_string().contains("a batch of this version"),
        "{trap}"
    );
}

#[test]
fn a_guest_cannot_take_more_memory_than_it_may() {
    let engine = Engine::new(GUEST).unwrap();
    let mut guest = Guest::new(&engine, &config(), 7, NOW, 4 << 20).unwrap();
    let frame = vec![0; 8 << 20];
    let mut batch = Vec::new();
    put_input(
        &mut batch,
        &Input::Client {
            client: henge_core::wire::ClientId(1),
            frame: &frame,
        },
    );
    let trap = guest.step(NOW, &batch, &mut Vec::new()).unwrap_err();
    assert!(trap.to_string().contains("memory allocation"), "{trap}");
}

#[test]
fn a_configuration_that_makes_no_ring_is_refused_in_words() {
    let engine = Engine::new(GUEST).unwrap();
    let config = Config {
        replicas: 0,
        ..config()
    };
    let error = Guest::new(&engine, &config, 7, NOW, MEMORY).err().unwrap();
    assert!(matches!(error, EngineError::Config(_)), "{error}");
    assert!(error.to_string().contains("0 replicas"), "{error}");
}

#[test]
fn a_module_of_another_version_is_refused_before_it_runs() {
    // (module (func (export "henge_abi_9")))
    let other = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x07\x0f\x01\x0bhenge_abi_9\0\0\x0a\x04\x01\x02\0\x0b";
    let why = Engine::new(other).err().unwrap().to_string();
    assert!(
        why.contains("henge_abi_1") && why.contains("henge_abi_9"),
        "{why}"
    );
    assert!(Engine::new(b"nothing").is_err());
}
