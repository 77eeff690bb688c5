//! A whole store with a manifest that makes no sense although its checksum is right.

use crate::targets::manifest_bytes;
use henge_core::rng::Rng;
use henge_core::storage::store::Scan;
use henge_core::storage::{Facts, FileId, FileKind, StoreSettings};
use henge_tests::storage::engine::{key, small};
use henge_tests::storage::{Disk, Engine};
use std::ops::Bound;

#[test]
fn no_manifest_with_a_right_checksum_makes_a_store_panic() {
    let settings = StoreSettings {
        memory_bytes_max: 128 << 10,
        ..small()
    };
    let mut engine = Engine::open(settings, Disk::default());
    for number in 0..400 {
        while engine.store.can_write().is_err() {
            engine.drive();
        }
        let facts = Facts {
            written_at_ms: 1 + number,
            is_tombstone: number % 7 == 0,
            expires_at_ms: (number % 5 == 0).then_some(50_000 + number),
        };
        engine.put(&key(number % 150), &[7; 200], facts).unwrap();
        engine.step(0);
    }
    engine.drive();
    let manifest = engine.store.manifest().clone();
    let file = FileId {
        kind: FileKind::Manifest,
        number: 0,
    };
    let (mut opened, executions) = (0, 1_500);
    for seed in 0..executions {
        let mut disk = engine.disk.clone();
        let bytes = manifest_bytes(&mut Rng::new(seed), &manifest);
        disk.files().insert(file, bytes);
        let mut engine = Engine::open(settings, disk);
        if !engine.is_open() {
            continue;
        }
        opened += 1;
        let _ = engine.store.keys();
        for number in 0..30 {
            engine.get(&key(number));
        }
        engine.scan(&Scan {
            from: Bound::Unbounded,
            to: Bound::Unbounded,
            is_reverse: seed % 2 == 0,
            live_at_ms: None,
            entries_max: 1_000,
        });
        engine.pass_ms(60_000);
        engine.drive();
    }
    println!(
        "MEASURE storage fuzz of manifests: {executions} stores, {opened} of them opened, 0 crashes"
    );
    assert!(opened > 20, "{opened}");
}
