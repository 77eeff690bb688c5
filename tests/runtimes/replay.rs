//! One node's life, given again natively, in wasmtime and in V8: the same answers to the byte.

#![allow(
    clippy::unwrap_used,
    reason = "a test that unwraps fails where it should"
)]

use henge_core::hash::hash64;
use henge_core::id::RequestId;
use henge_core::node::batch;
use henge_core::replication::Level;
use henge_core::rng::Rng;
use henge_core::time::Duration;
use henge_core::wire::Operation;
use henge_host::engine::module::GUEST;
use henge_host::engine::{Engine, Guest};
use henge_sim::Cluster;
use henge_sim::trace::Trace;
use std::path::Path;
use std::process::Command;

const INPUTS: u64 = 100_000;
const ROUNDS: u64 = 240;
const SEED: u64 = 0x7ace;

#[test]
fn a_hundred_thousand_inputs_are_answered_alike_natively_in_wasmtime_and_in_v8() {
    let trace = record();
    assert!(trace.inputs() >= INPUTS, "{}", trace.inputs());
    let native = trace.replay();
    assert_eq!(native.len(), trace.batches.len());
    assert_alike("wasmtime", &native, &in_wasmtime(&trace));
    assert_alike("V8", &native, &in_v8(&trace));
    println!(
        "MEASURE replay: {} inputs in {} batches give {} bytes, the same natively, in wasmtime and in \
         V8; digest {:016x}",
        trace.inputs(),
        native.len(),
        native.iter().map(Vec::len).sum::<usize>(),
        hash64(&native.concat())
    );
}

/// The life of one of three nodes under mixed load, while the two others crash and are cut off.
fn record() -> Trace {
    let mut cluster = Cluster::new(3, SEED);
    cluster.record(0);
    cluster.crash(0);
    cluster.start(0);
    let mut rng = Rng::new(SEED);
    for round in 0..ROUNDS {
        for _ in 0..200 {
            let seat = usize::try_from(rng.below(3)).unwrap();
            let key = format!("key/{}", rng.below(2_000));
            let operation = operation(&mut cluster, &mut rng);
            // What a seat that is down is asked goes nowhere.
            cluster.request(seat, &key, operation);
            cluster.run_for(Duration::from_micros(rng.below(150)));
        }
        disturb(&mut cluster, &mut rng, round);
        cluster.run_for(Duration::from_millis(5));
    }
    cluster.take_trace(0).expect("it was recorded")
}

fn operation(cluster: &mut Cluster, rng: &mut Rng) -> Operation {
    let levels = [
        None,
        None,
        Some(Level::One),
        Some(Level::Quorum),
        Some(Level::All),
    ];
    let level = levels[usize::try_from(rng.below(5)).unwrap()];
    match rng.below(10) {
        0..5 => Operation::Get {
            level,
            seen: Vec::new(),
        },
        5 => Operation::Write {
            level,
            request: RequestId {
                client: 2,
                sequence: rng.next_u64(),
            },
            context: vec![],
            value: None,
            ttl_ms: None,
        },
        _ => cluster.write(&"v".repeat(usize::try_from(rng.below(600)).unwrap()), level),
    }
}

/// One other node at a time is away, by a crash or by a cut.
fn disturb(cluster: &mut Cluster, rng: &mut Rng, round: u64) {
    let seat = 1 + usize::try_from(round / 8 % 2).unwrap();
    match round % 8 {
        2 => cluster.crash(seat),
        4 => cluster.start(seat),
        6 => cluster.cut(0, seat, true),
        7 => cluster.cut(0, seat, false),
        _ => cluster.run_for(Duration::from_millis(rng.below(30))),
    }
}

fn in_wasmtime(trace: &Trace) -> Vec<Vec<u8>> {
    let engine = Engine::new(GUEST).expect("the shipped guest");
    let mut guest = Guest::new(&engine, &trace.config, trace.seed, trace.began, 1 << 30)
        .expect("settings are good");
    let mut outputs = Vec::new();
    let step = |(now, _, inputs): &(_, u32, Vec<u8>)| {
        outputs.clear();
        let timeout = guest.step(*now, inputs, &mut outputs).expect("no trap");
        let mut bytes = Vec::new();
        let micros = timeout.map_or(u64::MAX, |at| at.as_micros());
        bytes.extend_from_slice(&micros.to_le_bytes());
        outputs
            .iter()
            .for_each(|output| batch::put_output(&mut bytes, output));
        bytes
    };
    trace.batches.iter().map(step).collect()
}

fn in_v8(trace: &Trace) -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (guest, file) = (
        folder.path().join("guest.wasm"),
        folder.path().join("trace"),
    );
    std::fs::write(&guest, GUEST).expect("a file can be written");
    std::fs::write(&file, trace.to_file()).expect("a file can be written");
    let outputs = folder.path().join("outputs");
    let ended = Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("runtimes/replay.mjs"))
        .args([&guest, &file, &outputs])
        .output()
        .expect("node is installed");
    assert!(
        ended.status.success(),
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    let bytes = std::fs::read(outputs).expect("it was written");
    let (mut rest, mut batches) = (&bytes[..], Vec::new());
    while let Some((length, more)) = rest.split_first_chunk() {
        let length = usize::try_from(u32::from_le_bytes(*length)).expect("it is in memory");
        let (batch, more) = more.split_at(length);
        batches.push(batch.to_vec());
        rest = more;
    }
    batches
}

fn assert_alike(runtime: &str, native: &[Vec<u8>], there: &[Vec<u8>]) {
    let first = native
        .iter()
        .zip(there)
        .position(|(native, there)| native != there);
    assert_eq!(
        first, None,
        "the first batch that {runtime} answers otherwise"
    );
    assert_eq!(native.len(), there.len(), "{runtime}");
}
