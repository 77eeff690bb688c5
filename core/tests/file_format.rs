//! The files of format 1, byte for byte: what a released version has written is read for ever.
//!
//! A fixture stays when there is a newer one. The bytes that are written may change without a new
//! format in one case: an lz4 encoder that finds other matches. Then the fixture is kept, to be
//! read back, and the comparison goes on with a new one.

use henge_core::id::{BucketId, PartitionId};
use henge_core::storage::log::{LogWriter, Record, Recovered, Recovery};
use henge_core::storage::manifest::{Change, Manifest, Table};
use henge_core::storage::table::TableBuilder;
use henge_core::storage::table::builder::TableSettings;
use henge_core::storage::table::stream::{Streamed, TableStream};
use henge_core::storage::table::verify::TableCheck;
use henge_core::storage::{Facts, FileId, FileKind, StorageRequest, StoredFile, StoredKey};
use std::collections::VecDeque;
use std::fmt::Write;
use std::path::Path;

const INCARNATION: u64 = 0x1122_3344_5566_7788;

/// A pair as it goes in and must come out.
type Pair = (Vec<u8>, Vec<u8>, Facts);

const ALIVE: Facts = Facts {
    written_at_ms: 1_700_000_000_000,
    is_tombstone: false,
    expires_at_ms: None,
};

/// Pairs of two partitions and two buckets: values that shrink and that do not, a tombstone, one
/// that expires, and keys so long that there are two directories.
fn pairs() -> Vec<Pair> {
    let stored = |partition, bucket, key: &[u8]| {
        let key = StoredKey::new(PartitionId(partition), BucketId(bucket), key);
        key.as_bytes().to_vec()
    };
    let mut rng = henge_core::rng::Rng::new(42);
    let noise: Vec<u8> = (0..25).flat_map(|_| rng.next_u64().to_le_bytes()).collect();
    let expiring = Facts {
        expires_at_ms: Some(1_800_000_000_000),
        ..ALIVE
    };
    let gone = Facts {
        is_tombstone: true,
        written_at_ms: 1_600_000_000_000,
        ..ALIVE
    };
    let mut pairs = vec![
        (stored(3, 0, b"again"), b"and again ".repeat(30), ALIVE),
        (stored(3, 0, b"again/expires"), b"soon".to_vec(), expiring),
        (stored(3, 0, b"gone"), vec![], gone),
        (stored(3, 0, &[0, 0xff]), noise, ALIVE),
        (stored(3, 9, b"other bucket"), b"v".to_vec(), ALIVE),
    ];
    for number in 0..20 {
        let key = format!("{}{number:02}", "long ".repeat(200));
        pairs.push((stored(4, 0, key.as_bytes()), vec![number; 3], ALIVE));
    }
    pairs.sort_by(|one, other| one.0.cmp(&other.0));
    pairs
}

fn table() -> (Table, Vec<u8>) {
    let settings = TableSettings {
        block_bytes: 64,
        filter_bits_per_key: 10,
    };
    let mut builder = TableBuilder::new(settings, INCARNATION, 7);
    for (key, value, facts) in pairs() {
        builder.push(&key, &value, facts);
    }
    let table = builder.finish(None);
    let (_, bytes) = builder.take(1).expect("something was written");
    (table, bytes)
}

const RECORDS: [Record<'static>; 4] = [
    Record::Note { bytes: b"note" },
    Record::State {
        key: b"\0\x03\0\0\0\0key",
        set: b"state",
        is_new: true,
    },
    Record::Drop {
        partition: PartitionId(300),
        before_table: 8,
    },
    Record::State {
        key: b"\0\x03\0\0\0\0key",
        set: b"",
        is_new: false,
    },
];

/// Segment 2, of two batches.
fn segment() -> Vec<u8> {
    let mut writer = LogWriter::new(INCARNATION, 2, 0, VecDeque::new());
    let mut file = Vec::new();
    for batch in RECORDS.chunks(2) {
        for record in batch {
            writer.push(record);
        }
        let [StorageRequest::Append { bytes, .. }, _] = writer.start().expect("a batch waits")
        else {
            panic!("a batch is appended")
        };
        file.extend_from_slice(&bytes);
        writer.finish();
    }
    file
}

fn manifest() -> Manifest {
    let mut manifest = Manifest::new(INCARNATION);
    manifest.next_table = 8;
    manifest.log_start = 2;
    manifest.keys = [(PartitionId(3), 5), (PartitionId(4), 20)]
        .into_iter()
        .collect();
    manifest.drops = [(PartitionId(300), 6)].into_iter().collect();
    manifest.levels.apply(Change {
        add: vec![table().0],
        level: 1,
        ..Change::default()
    });
    manifest
}

/// Lines of 64 digits.
fn hex(bytes: &[u8]) -> String {
    bytes.chunks(32).fold(String::new(), |mut text, line| {
        for byte in line {
            write!(text, "{byte:02x}").expect("a text takes all");
        }
        text + "\n"
    })
}

/// A fixture's text.
fn fixture(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    std::fs::read_to_string(folder.join(name)).expect("fixtures stay for ever")
}

/// A fixture's bytes.
fn golden(name: &str) -> Vec<u8> {
    let text = fixture(name);
    let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    let byte = |pair: &[char]| u8::from_str_radix(&String::from_iter(pair), 16);
    digits
        .chunks(2)
        .map(|pair| byte(pair).expect("hexadecimal digits"))
        .collect()
}

/// Compares with a fixture; what was made instead is put aside.
fn compare(name: &str, made: &[u8]) {
    let aside = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if hex(made) != fixture(name) {
        std::fs::write(&aside, hex(made)).expect("the target folder takes files");
        panic!("{name} is not what is written now: {}", aside.display());
    }
}

const TABLE: &str = "table-v1.hex";
const SEGMENT: &str = "log-v1.hex";
const MANIFEST: &str = "manifest-v1.hex";

#[test]
fn the_table_is_written_as_in_format_1() {
    compare(TABLE, &table().1);
}

#[test]
fn the_log_segment_is_written_as_in_format_1() {
    compare(SEGMENT, &segment());
}

#[test]
fn the_manifest_is_written_as_in_format_1() {
    compare(MANIFEST, &manifest().encode());
}

#[test]
fn the_table_of_format_1_is_read() {
    let bytes = golden(TABLE);
    let mut check = TableCheck::new(7, bytes.len() as u64, None);
    while check.advance(&mut |_, _| true).is_some() {
        check.feed(&bytes);
    }
    let checked = check.finish();
    assert_eq!(checked.flaws, []);
    let table = checked.table.expect("it is whole");
    let properties = &table.properties;
    assert_eq!((properties.entries, properties.tombstones), (25, 1));
    assert_eq!(
        (properties.oldest_ms, properties.newest_ms),
        (1_600_000_000_000, 1_700_000_000_000)
    );

    let mut stream = TableStream::new(INCARNATION, &table);
    let mut read = Vec::new();
    loop {
        match stream.advance().expect("good blocks") {
            Streamed::Pair => {
                let found = stream.found();
                read.push((stream.key().to_vec(), found.value.to_vec(), found.facts()));
            }
            Streamed::NeedsMore => stream.feed(&bytes[40..]),
            Streamed::End => break,
        }
    }
    // When a pair was written is not in the table.
    let expected: Vec<Pair> = { pairs().into_iter() }
        .map(|(key, value, facts)| {
            (
                key,
                value,
                Facts {
                    written_at_ms: 0,
                    ..facts
                },
            )
        })
        .collect();
    assert_eq!(read, expected);
}

#[test]
fn the_log_segment_of_format_1_is_read() {
    let bytes = golden(SEGMENT);
    let stored = StoredFile {
        file: FileId {
            kind: FileKind::Log,
            number: 2,
        },
        length: bytes.len() as u64,
    };
    let mut recovery = Recovery::new(&[stored], 2, Some(INCARNATION)).expect("a log");
    let mut expected = RECORDS.iter();
    let mut replay = |segment, record: Record<'_>| segment == 2 && expected.next() == Some(&record);
    let ended = loop {
        match recovery.advance(0, &mut replay).expect("a good log") {
            Recovered::Read(_) => recovery.feed(&bytes).unwrap(),
            Recovered::Done { tail, records, .. } => break (tail, records),
        }
    };
    assert_eq!(ended, (None, 4));
}

#[test]
fn the_manifest_of_format_1_is_read() {
    let read = Manifest::decode(&golden(MANIFEST)).expect("a manifest");
    assert_eq!(read, manifest());
}
