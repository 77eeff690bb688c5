//! A whole store with a manifest that makes no sense although its checksum is right.

use crate::targets::manifest_bytes;
use henge_core::rng::Rng;
use henge_core::storage::manifest::Manifest;
use henge_core::storage::store::Scan;
use henge_core::storage::{Facts, FileId, FileKind, StoreSettings};
use henge_tests::storage::engine::{key, small};
use henge_tests::storage::{Disk, Engine};
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Opens stores whose manifests were changed inside of their checksums, reads, scans and merges.
pub(crate) fn no_manifest_with_a_right_checksum_makes_a_store_panic() {
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
        engine
            .put(&key(number % 150), &[7; 200], facts)
            .expect("room");
        engine.step(0);
    }
    engine.drive();
    let file = FileId {
        kind: FileKind::Manifest,
        number: 0,
    };
    let manifest = Manifest::decode(&engine.disk.files()[&file]).expect("what it has written");
    let (mut opened, mut crashed, executions) = (0, Vec::new(), 1_500);
    for seed in 0..executions {
        let mut disk = engine.disk.clone();
        let bytes = manifest_bytes(&mut Rng::new(seed), &manifest);
        disk.files().insert(file, bytes);
        match catch_unwind(AssertUnwindSafe(|| use_store(settings, disk, seed))) {
            Ok(is_open) => opened += u32::from(is_open),
            Err(_) => crashed.push(seed),
        }
    }
    println!(
        "MEASURE storage fuzz of manifests: {executions} stores, {opened} of them opened, {} crashes",
        crashed.len()
    );
    assert!(crashed.is_empty(), "seeds {crashed:?}");
    assert!(opened > 20, "{opened}");
}

fn use_store(settings: StoreSettings, disk: Disk, seed: u64) -> bool {
    let mut engine = Engine::open(settings, disk);
    if !engine.is_open() {
        return false;
    }
    let _ = engine.store.keys();
    for number in 0..30 {
        engine.get(&key(number));
    }
    engine.scan(&Scan {
        from: Bound::Unbounded,
        to: Bound::Unbounded,
        is_reverse: seed.is_multiple_of(2),
        live_at_ms: None,
        shows_pending: false,
        entries_max: 1_000,
        bytes_max: usize::MAX,
    });
    engine.pass_ms(60_000);
    engine.drive();
    true
}
