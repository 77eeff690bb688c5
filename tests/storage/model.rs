//! Against a sorted map, with reopening, scans, and requests that end in any order.

use henge_core::rng::Rng;
use henge_core::storage::Facts;
use henge_tests::storage::engine::{key, small};
use henge_tests::storage::{Disk, Engine, Model};

/// A state of up to 600 bytes, half of which compresses.
fn state(rng: &mut Rng, number: u64) -> Vec<u8> {
    let length = usize::try_from(rng.below(600)).unwrap();
    let mut bytes = format!("{{\"number\":{number},\"text\":\"").into_bytes();
    bytes.resize(bytes.len() + length / 2, b'x');
    bytes.extend((0..length / 2).map(|_| rng.next_u64().to_le_bytes()[0]));
    bytes
}

/// Writes, reads and reopens at random; returns operations, flushes and merges.
fn run(seed: u64, operations: u64) -> (u64, u64, u64) {
    let mut rng = Rng::new(seed);
    let mut engine = Engine::open(small(), Disk::default());
    let mut model = Model::default();
    let (mut flushes, mut merges) = (0, 0);
    for number in 0..operations {
        match rng.below(1_000) {
            0 => {
                engine.drive();
                model.check(&mut engine);
            }
            1 => {
                settle(&mut engine);
                model.check_scan(&mut engine, 37, rng.below(2) == 0);
            }
            2..4 => {
                engine.drive();
                let report = engine.store.report();
                (flushes, merges) = (flushes + report.flushes, merges + report.merges);
                engine = Engine::open(small(), engine.disk);
                assert!(engine.is_open(), "{:?}", engine.events);
                for states in model.written.values_mut() {
                    states.last_mut().unwrap().0 = engine.durable;
                }
            }
            4..300 => {
                let key = key(rng.below(6_000));
                let got = engine.get(&key);
                let newest = model
                    .written
                    .get(&key)
                    .map(|states| states.last().unwrap().1.clone());
                assert_eq!(got, henge_tests::storage::engine::Got::State(newest));
            }
            _ => {
                let key = key(rng.below(6_000));
                let state = state(&mut rng, number);
                let is_new = !model.written.contains_key(&key);
                while engine.store.can_write().is_err() {
                    assert!(engine.step(usize::try_from(rng.below(9)).unwrap()), "stuck");
                }
                if engine.store.wants_rotation() {
                    engine.store.rotate();
                    engine.store.note(b"note");
                }
                let batch = engine
                    .store
                    .write(key.clone(), &state, Facts::default(), is_new);
                model.wrote(&key, batch, &state);
                for _ in 0..rng.below(4) {
                    engine.step(usize::try_from(rng.below(9)).unwrap());
                }
            }
        }
    }
    settle(&mut engine);
    model.check(&mut engine);
    model.check_scan(&mut engine, 1_000, false);
    model.check_scan(&mut engine, 7, true);
    let report = engine.store.report();
    (operations, flushes + report.flushes, merges + report.merges)
}

fn settle(engine: &mut Engine) {
    engine.drive();
    assert_eq!(engine.failure(), None);
}

#[test]
fn the_engine_is_a_sorted_map_whatever_order_requests_end_in() {
    let total = (0..12)
        .map(|seed| run(seed, 12_000))
        .fold((0, 0, 0), |sum, run| {
            (sum.0 + run.0, sum.1 + run.1, sum.2 + run.2)
        });
    println!(
        "MEASURE storage model: {} operations, {} flushes, {} merges",
        total.0, total.1, total.2
    );
    assert!(total.1 > 100 && total.2 > 100, "{total:?}");
}
