//! Tables with so many blocks that they have several directories.

use henge_core::storage::manifest::Table;
use henge_core::storage::store::Scan;
use henge_core::storage::table::block::{self, BlockKind, Place};
use henge_core::storage::table::directory::Index;
use henge_core::storage::{Facts, FileId, FileKind, StoreSettings, StoredKey};
use henge_tests::storage::engine::{Got, key, small};
use henge_tests::storage::{Disk, Engine, Model};
use std::ops::Bound;

const KEYS: u64 = 9_000;

/// A store of tables with several directories, at rest.
fn engine() -> (Engine, Model) {
    let settings = StoreSettings {
        memory_bytes_max: 8 << 20,
        block_bytes: 32,
        ..small()
    };
    let mut engine = Engine::open(settings, Disk::default());
    let mut model = Model::default();
    for number in 0..2 * KEYS {
        // Twice each, in an order in which every table has keys of the whole range.
        let key = key(number * 7_919 % KEYS);
        let state = number.to_le_bytes().repeat(4);
        while engine.store.can_write().is_err() {
            engine.drive();
        }
        let batch = engine.put(&key, &state, Facts::default()).unwrap();
        model.wrote(&key, batch, &state);
        if number % 2_500 == 0 {
            engine.store.rotate();
            engine.store.note(b"note");
            engine.drive();
        }
    }
    engine.store.rotate();
    engine.store.note(b"note");
    engine.drive();
    (engine, model)
}

fn directories(disk: &mut Disk, incarnation: u64, table: &Table) -> usize {
    let file = FileId {
        kind: FileKind::Table,
        number: table.number,
    };
    let place = Place {
        incarnation,
        table: table.number,
        offset: table.top_offset,
    };
    let top = &disk.files()[&file][usize::try_from(table.top_offset).unwrap()..];
    let raw = block::decode(place, BlockKind::Top, top).unwrap();
    Index::new(&raw).unwrap().len()
}

#[test]
fn reads_and_scans_from_any_key_cross_the_edges_of_directories() {
    let (mut engine, model) = engine();
    let manifest = engine.store.manifest().clone();
    let counts: Vec<_> = manifest
        .levels
        .tables()
        .map(|table| directories(&mut engine.disk, manifest.incarnation, table))
        .collect();
    assert!(counts.iter().any(|count| *count > 2), "{counts:?}");
    let keys: Vec<&StoredKey> = model.written.keys().collect();
    for (at, key) in keys.iter().enumerate() {
        let newest = model.written[*key].last().unwrap().1.clone();
        assert_eq!(engine.get(key), Got::State(Some(newest)));
        for is_reverse in [false, true] {
            let bound = Bound::Excluded(key.as_bytes());
            let scan = Scan {
                from: if is_reverse { Bound::Unbounded } else { bound },
                to: if is_reverse { bound } else { Bound::Unbounded },
                is_reverse,
                live_at_ms: None,
                shows_pending: false,
                entries_max: 2,
                bytes_max: usize::MAX,
            };
            let page = engine.scan(&scan).unwrap();
            // A page ends early where a block is not in memory, but never without a pair.
            let found: Vec<_> = page.entries.iter().map(|entry| &entry.key).collect();
            let expected: Vec<_> = if is_reverse {
                keys[..at].iter().rev().take(2).copied().collect()
            } else {
                keys[at + 1..].iter().take(2).copied().collect()
            };
            let is_right = expected.starts_with(&found) && found.is_empty() == expected.is_empty();
            assert!(is_right, "from {key:?}, in reverse: {is_reverse}");
        }
    }
    model.check_scan(&mut engine, 500, false);
    model.check_scan(&mut engine, 500, true);
}
