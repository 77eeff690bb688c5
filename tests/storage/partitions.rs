//! A partition as a whole.

use henge_core::id::{BucketId, PartitionId};
use henge_core::storage::store::partition::snapshot;
use henge_core::storage::store::{DigestOf, IngestError, Scanned};
use henge_core::storage::{Facts, StoredKey};
use henge_tests::storage::engine::{Got, small};
use henge_tests::storage::{Disk, Engine};

fn key(partition: u16, number: u32) -> StoredKey {
    StoredKey::new(
        PartitionId(partition),
        BucketId(3),
        format!("key/{number:06}").as_bytes(),
    )
}

fn state(number: u32) -> Vec<u8> {
    format!("state {number} ").repeat(8).into_bytes()
}

/// An engine with `count` keys in each of partitions 1, 2 and 3, some of them in tables.
fn engine(count: u32) -> Engine {
    let mut engine = Engine::open(small(), Disk::default());
    for number in 0..count {
        for partition in 1..4 {
            while engine
                .put(&key(partition, number), &state(number), Facts::default())
                .is_err()
            {
                engine.drive();
            }
        }
        if number % 50 == 0 {
            engine.drive();
        }
    }
    engine.drive();
    assert!(engine.store.report().tables > 0);
    engine
}

/// Goes through a partition: its digest, and its pages as chunks of a snapshot.
fn walk(engine: &mut Engine, partition: u16) -> (DigestOf, Vec<Vec<u8>>) {
    let (mut digest, mut chunks, mut after) = (DigestOf::default(), Vec::new(), None);
    loop {
        match engine
            .store
            .scan_partition(PartitionId(partition), after.as_ref())
        {
            Scanned::Page(page) => {
                digest.add(&page);
                chunks.push(snapshot::encode(
                    PartitionId(partition),
                    chunks.len() as u64,
                    &page,
                ));
                after = page.next;
                if after.is_none() {
                    return (digest, chunks);
                }
            }
            Scanned::Unloaded(wanted) => {
                engine.store.load(wanted);
                engine.drive();
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_partition_is_counted_and_its_digest_says_what_is_in_it() {
    let mut one = engine(2_000);
    assert_eq!(one.store.keys_of(PartitionId(2)), 2_000);
    assert_eq!(one.store.keys_of(PartitionId(4)), 0);
    let (two, _) = walk(&mut one, 2);
    assert_eq!(two.entries, 2_000);
    // The same pairs in other tables and pages.
    let mut other = engine(2_000);
    other
        .put(&key(2, 7), b"something else", Facts::default())
        .unwrap();
    other.drive();
    assert_ne!(walk(&mut other, 2).0, two);
    other.put(&key(2, 7), &state(7), Facts::default()).unwrap();
    other.drive();
    assert_eq!(walk(&mut other, 2).0, two);
    assert_ne!(walk(&mut other, 3).0, two);
}

#[test]
fn a_dropped_partition_is_gone_at_once_after_a_restart_and_after_merges() {
    let mut engine = engine(2_000);
    let before = engine.disk.bytes();
    engine.disk.record = Some(Vec::new());
    engine.store.drop_partition(PartitionId(2));
    engine.drive_requests(&mut Disk::carry_out);
    let record = engine.disk.record.take().unwrap();
    assert_eq!(
        record.len(),
        2,
        "one append and one sync, however much there was"
    );
    let check = |engine: &mut Engine| {
        assert_eq!(engine.get(&key(2, 5)), Got::State(None));
        assert_eq!(engine.get(&key(1, 5)), Got::State(Some(state(5))));
        assert_eq!(engine.store.keys_of(PartitionId(2)), 0);
        assert_eq!(engine.store.keys(), 4_000);
        assert_eq!(walk(engine, 2).0, DigestOf::default());
        assert_eq!(walk(engine, 3).0.entries, 2_000);
    };
    check(&mut engine);
    let mut engine = Engine::open(small(), engine.disk);
    check(&mut engine);
    // What is written behind the drop stays, however the tables are merged.
    for number in 0..6_000 {
        while engine
            .put(&key(1, number), &state(number), Facts::default())
            .is_err()
        {
            engine.drive();
        }
    }
    engine.put(&key(2, 9), b"new", Facts::default()).unwrap();
    engine.drive();
    assert_eq!(engine.get(&key(2, 9)), Got::State(Some(b"new".to_vec())));
    assert_eq!(engine.get(&key(2, 5)), Got::State(None));
    let mut engine = Engine::open(small(), engine.disk);
    assert_eq!(engine.get(&key(2, 9)), Got::State(Some(b"new".to_vec())));
    assert_eq!(engine.get(&key(2, 5)), Got::State(None));
    assert!(engine.disk.bytes() < 4 * before);
}

#[test]
fn a_snapshot_of_one_engine_becomes_the_same_partition_of_another() {
    let mut from = engine(3_000);
    let (digest, chunks) = walk(&mut from, 2);
    let mut to = Engine::open(small(), Disk::default());
    to.put(&key(1, 1), b"its own", Facts::default()).unwrap();
    to.store.begin_ingestion(PartitionId(2)).unwrap();
    for (number, chunk) in chunks.iter().enumerate() {
        for (key, set, facts) in snapshot::decode(PartitionId(2), number as u64, chunk).unwrap() {
            while to.store.ingest(key.clone(), &set, facts) == Err(IngestError::Busy) {
                to.drive_requests(&mut Disk::carry_out);
            }
        }
        // Nothing is there before the end.
        assert_eq!(to.get(&key(2, 0)), Got::State(None));
    }
    to.store.end_ingestion().unwrap();
    to.drive();
    let mut to = Engine::open(small(), to.disk);
    assert_eq!(walk(&mut to, 2).0, digest);
    assert_eq!(to.get(&key(1, 1)), Got::State(Some(b"its own".to_vec())));
    assert_eq!(to.store.keys(), 3_001);
}

#[test]
fn a_snapshot_that_is_damaged_misplaced_or_not_wanted_is_refused() {
    let mut from = engine(500);
    let (_, chunks) = walk(&mut from, 2);
    let mut bad = chunks[0].clone();
    bad[40] ^= 1;
    assert!(snapshot::decode(PartitionId(2), 0, &bad).is_err());
    assert!(snapshot::decode(PartitionId(3), 0, &chunks[0]).is_err());
    assert!(snapshot::decode(PartitionId(2), 1, &chunks[0]).is_err());
    let store = &mut from.store;
    assert_eq!(
        store.begin_ingestion(PartitionId(2)),
        Err(IngestError::NotEmpty)
    );
    assert_eq!(store.end_ingestion(), Err(IngestError::Order));
    store.begin_ingestion(PartitionId(9)).unwrap();
    assert_eq!(
        store.begin_ingestion(PartitionId(8)),
        Err(IngestError::Order)
    );
    store.ingest(key(9, 5), b"five", Facts::default()).unwrap();
    assert_eq!(
        store.ingest(key(9, 5), b"again", Facts::default()),
        Err(IngestError::Unsorted)
    );
    assert_eq!(
        store.ingest(key(8, 6), b"other", Facts::default()),
        Err(IngestError::Unsorted)
    );
    store.end_ingestion().unwrap();
    from.drive();
    assert_eq!(from.get(&key(9, 5)), Got::State(Some(b"five".to_vec())));
}

#[test]
fn what_is_written_into_a_dropped_partition_again_is_read_from_its_new_tables() {
    let mut engine = Engine::open(small(), Disk::default());
    let again = henge_tests::storage::engine::key(1);
    let gone = henge_tests::storage::engine::key(5);
    for key in [&again, &gone] {
        engine.put(key, b"before", Facts::default()).unwrap();
    }
    engine.store.rotate();
    engine.store.note(b"note");
    engine.drive();
    engine.store.drop_partition(again.partition());
    engine.put(&again, b"after", Facts::default()).unwrap();
    engine.store.rotate();
    engine.store.note(b"note");
    engine.drive();
    for _ in 0..2 {
        assert_eq!(
            engine.store.report().tables,
            2,
            "the drop waits for a merge"
        );
        assert_eq!(engine.get(&again), Got::State(Some(b"after".to_vec())));
        assert_eq!(engine.get(&gone), Got::State(None));
        assert_eq!(engine.store.keys(), 1);
        engine = Engine::open(small(), engine.disk);
    }
}
