//! Pairs that expire, and tombstones.

use henge_core::id::PartitionId;
use henge_core::storage::store::Scan;
use henge_core::storage::{Facts, Reading, StoreSettings};
use henge_tests::storage::engine::{Got, key, small};
use henge_tests::storage::{Disk, Engine};
use std::ops::Bound;

/// States that are text, of which `-` is a tombstone.
fn settings() -> StoreSettings {
    StoreSettings {
        reading: Reading {
            facts: |state| Some(facts(state)),
            expire: |_, _| b"-1".to_vec(),
        },
        ..small()
    }
}

/// A tombstone is `-` and when it was written.
fn facts(state: &[u8]) -> Facts {
    let text = std::str::from_utf8(state).unwrap();
    Facts {
        written_at_ms: text.trim_start_matches('-').parse().unwrap_or(1),
        is_tombstone: text.starts_with('-'),
        expires_at_ms: None,
    }
}

fn fill(engine: &mut Engine, range: std::ops::Range<u64>, expires_at_ms: Option<u64>) {
    for number in range {
        let facts = Facts {
            written_at_ms: 1,
            is_tombstone: false,
            expires_at_ms,
        };
        let state = "x".repeat(500);
        let mut tries = 0;
        while engine.put(&key(number), state.as_bytes(), facts).is_err() {
            engine.drive();
            tries += 1;
            assert!(
                tries < 10,
                "writes are refused for ever: {:?}",
                engine.store.report()
            );
        }
    }
    engine.drive();
}

fn live(engine: &mut Engine) -> usize {
    let (mut count, mut from) = (0, None);
    loop {
        let now = engine.now.as_millis();
        let scan = Scan {
            from: from
                .as_ref()
                .map_or(Bound::Unbounded, |key: &henge_core::storage::StoredKey| {
                    Bound::Excluded(key.as_bytes())
                }),
            to: Bound::Unbounded,
            is_reverse: false,
            live_at_ms: Some(now),
            shows_pending: false,
            entries_max: 1_000,
            bytes_max: usize::MAX,
        };
        let page = engine.scan(&scan).unwrap();
        count += page.entries.len();
        from = page.next;
        if from.is_none() {
            return count;
        }
    }
}

#[test]
fn expired_pairs_are_not_scanned_and_their_room_is_freed_without_further_writes() {
    let mut engine = Engine::open(settings(), Disk::default());
    fill(&mut engine, 0..4_000, Some(60_000));
    fill(&mut engine, 4_000..5_000, None);
    let before = engine.disk.bytes();
    assert_eq!(live(&mut engine), 5_000);
    engine.pass_ms(59_000);
    assert_eq!(live(&mut engine), 1_000, "the engine began at 1 s");
    engine.pass_ms(5_000);
    engine.drive();
    assert_eq!(live(&mut engine), 1_000);
    assert!(
        engine.disk.bytes() < before * 2 / 3,
        "{} of {before} bytes",
        engine.disk.bytes()
    );
    // What has expired is a tombstone now, and still there for those who must hear of it.
    assert_eq!(engine.get(&key(0)), Got::State(Some(b"-1".to_vec())));
    assert_eq!(engine.store.keys(), 5_000);
}

#[test]
fn tombstones_stay_until_they_may_be_forgotten() {
    let mut engine = Engine::open(settings(), Disk::default());
    fill(&mut engine, 0..3_000, None);
    for number in 0..3_000 {
        let state = b"-500";
        while engine.store.can_write().is_err() {
            engine.drive();
        }
        if engine.store.wants_rotation() {
            engine.store.rotate();
            engine.store.note(b"note");
        }
        engine.store.write(key(number), state, facts(state), false);
    }
    fill(&mut engine, 3_000..9_000, None);
    assert_eq!(engine.store.keys(), 9_000);
    assert_eq!(engine.get(&key(7)), Got::State(Some(b"-500".to_vec())));
    for partition in 0..4 {
        engine.store.forget_until(PartitionId(partition), 1_000);
    }
    fill(&mut engine, 9_000..20_000, None);
    assert_eq!(engine.get(&key(7)), Got::State(None));
    assert_eq!(engine.store.keys(), 17_000);
    let mut engine = Engine::open(settings(), engine.disk);
    assert_eq!(engine.get(&key(7)), Got::State(None));
    assert_eq!(live(&mut engine), 17_000);
}
