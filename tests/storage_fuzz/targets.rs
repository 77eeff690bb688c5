//! What is fuzzed: each target makes bytes, broken outside or inside of their checksums, and reads
//! them as the store does.

use crate::mutate::{below, mutate, noise};
use henge_core::hash::hash64;
use henge_core::id::PartitionId;
use henge_core::limits::{BLOCK_ENTRIES_MAX, BLOCK_RAW_BYTES_MAX, STORED_KEY_BYTES_MAX};
use henge_core::rng::Rng;
use henge_core::storage::log::format::{Parsed, SegmentHeader, parse_batch, put_batch};
use henge_core::storage::log::{Record, Recovered, Recovery};
use henge_core::storage::manifest::{Manifest, Table};
use henge_core::storage::store::partition::snapshot;
use henge_core::storage::table::block::{self, BLOCK_HEADER_BYTES, BlockKind, Place};
use henge_core::storage::table::directory::{Directory, Index};
use henge_core::storage::table::entries::{Decoded, Entries, EntriesBuilder};
use henge_core::storage::table::footer::{self, Footer};
use henge_core::storage::table::stream::{Streamed, TableStream};
use henge_core::storage::table::{BlockId, Properties};
use henge_core::storage::{FileId, FileKind, StorageRequest, StoredFile};

/// Keys and slots of the largest block that is taken, with the room that growing vectors need.
const DECODED_MAX: usize = 3 * BLOCK_ENTRIES_MAX * (STORED_KEY_BYTES_MAX + 48);
/// What small things may take beside.
const SMALL: usize = 64 << 10;

/// One kind of bytes.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    /// Makes bytes and reads them; gives how many there were.
    pub(crate) run: fn(&mut Rng) -> usize,
    /// Bytes that may be live beside four times the input.
    pub(crate) live_max: usize,
}

pub(crate) const TARGETS: [Target; 9] = [
    Target {
        name: "log batch",
        run: log_batch,
        live_max: SMALL,
    },
    Target {
        name: "recovery",
        run: recovery,
        live_max: SMALL,
    },
    Target {
        name: "block",
        run: block_decode,
        live_max: BLOCK_RAW_BYTES_MAX + SMALL,
    },
    Target {
        name: "entries",
        run: entries,
        live_max: DECODED_MAX,
    },
    Target {
        name: "directory",
        run: directory,
        live_max: SMALL,
    },
    Target {
        name: "header and footer",
        run: fixed,
        live_max: SMALL,
    },
    Target {
        name: "table stream",
        run: stream,
        live_max: BLOCK_RAW_BYTES_MAX + DECODED_MAX,
    },
    Target {
        name: "manifest",
        run: manifest,
        live_max: SMALL,
    },
    Target {
        name: "snapshot",
        run: snapshot_chunk,
        live_max: BLOCK_RAW_BYTES_MAX + 2 * DECODED_MAX,
    },
];

fn key(rng: &mut Rng, number: u64) -> Vec<u8> {
    let mut key = vec![0, 1, 0, 0, 0, 0];
    key.extend_from_slice(format!("key/{number:04}").as_bytes());
    key.resize(key.len() + below(rng, 4), b'-');
    key
}

fn records(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in 0..1 + rng.below(5) {
        let (key, set) = (key(rng, number), noise(rng, 60));
        match rng.below(8) {
            0 => Record::Note { bytes: &set }.put(&mut bytes),
            1 => Record::Drop {
                partition: PartitionId(1),
                before_table: number,
            }
            .put(&mut bytes),
            _ => Record::State {
                key: &key,
                set: &set,
                is_new: true,
            }
            .put(&mut bytes),
        }
    }
    if rng.below(2) == 0 {
        mutate(rng, &mut bytes);
    }
    bytes
}

fn log_batch(rng: &mut Rng) -> usize {
    let mut bytes = Vec::new();
    put_batch(&mut bytes, rng.next_u64(), &records(rng));
    match rng.below(4) {
        0 => mutate(rng, &mut bytes),
        1 => bytes = noise(rng, 80),
        _ => {}
    }
    if let Parsed::Batch(batch) = parse_batch(&bytes) {
        let mut rest = batch.records;
        while Record::take(&mut rest).is_some() {}
    }
    bytes.len()
}

fn segment(rng: &mut Rng, number: u64) -> Vec<u8> {
    let incarnation = if rng.below(20) == 0 { 8 } else { 7 };
    let mut bytes = SegmentHeader {
        incarnation,
        segment: number,
    }
    .encode()
    .to_vec();
    for _ in 0..rng.below(6) {
        let durable = match rng.below(6) {
            0 => rng.next_u64(),
            _ => bytes.len() as u64,
        };
        let records = records(rng);
        put_batch(&mut bytes, durable, &records);
    }
    if rng.below(2) == 0 {
        mutate(rng, &mut bytes);
    }
    bytes
}

fn recovery(rng: &mut Rng) -> usize {
    let start = 1 + rng.below(2);
    let segments: Vec<_> = (0..1 + rng.below(3))
        .map(|number| segment(rng, start + number))
        .collect();
    let stored = |(number, bytes): (u64, &Vec<u8>)| StoredFile {
        file: FileId {
            kind: FileKind::Log,
            number,
        },
        length: bytes.len() as u64,
    };
    let files: Vec<_> = (start..).zip(&segments).map(stored).collect();
    let total = segments.iter().map(Vec::len).sum();
    let chunk = 1 + below(rng, 300);
    let Ok(mut recovery) = Recovery::new(&files, start, Some(7)) else {
        return total;
    };
    // Every read brings a byte, and what is doubted is read once more for each of them.
    for _ in 0..total * total + 10 {
        match recovery.advance(7, &mut |_, _| true) {
            Ok(Recovered::Read(StorageRequest::Read { file, offset, .. })) => {
                let bytes = &segments[usize::try_from(file.number - start).expect("small")];
                let from = usize::try_from(offset).expect("inside");
                if recovery
                    .feed(&bytes[from..bytes.len().min(from + chunk)])
                    .is_err()
                {
                    return total;
                }
            }
            Ok(Recovered::Read(other)) => panic!("{other:?}"),
            Ok(Recovered::Done { .. }) | Err(_) => return total,
        }
    }
    panic!("recovery does not end");
}

const PLACE: Place = Place {
    incarnation: 7,
    table: 3,
    offset: 40,
};

/// The block's checksum, whatever its lengths say.
fn reseal(place: Place, block: &mut [u8]) {
    if block.len() < BLOCK_HEADER_BYTES {
        return;
    }
    let mut seed = Vec::new();
    for number in [place.incarnation, place.table, place.offset] {
        seed.extend_from_slice(&number.to_le_bytes());
    }
    seed.extend_from_slice(&block[..12]);
    let stored = u32::from_le_bytes([block[4], block[5], block[6], block[7]]) as usize;
    let end = block.len().min(BLOCK_HEADER_BYTES + stored);
    let body = &block[BLOCK_HEADER_BYTES..end];
    let sum = xxhash_rust::xxh3::xxh3_64_with_seed(body, hash64(&seed));
    block[12..BLOCK_HEADER_BYTES].copy_from_slice(&sum.to_le_bytes());
}

fn kind(rng: &mut Rng) -> BlockKind {
    match rng.below(8) {
        0 => BlockKind::Directory,
        1 => BlockKind::Top,
        2 => BlockKind::Properties,
        _ => BlockKind::Data,
    }
}

fn block_decode(rng: &mut Rng) -> usize {
    let raw = if rng.below(2) == 0 {
        raw_entries(rng)
    } else {
        b"ab".repeat(below(rng, 900))
    };
    let mut bytes = Vec::new();
    let kind = kind(rng);
    block::encode(PLACE, kind, &raw, &mut bytes);
    mutate(rng, &mut bytes);
    if rng.below(4) > 0 {
        reseal(PLACE, &mut bytes);
    }
    let _ = block::decode(PLACE, kind, &bytes);
    bytes.len()
}

fn raw_entries(rng: &mut Rng) -> Vec<u8> {
    let interval = if rng.below(2) == 0 { 1 } else { 16 };
    let mut builder = EntriesBuilder::new(interval);
    for number in 0..rng.below(40) {
        let (key, value) = (key(rng, number), noise(rng, 30));
        let expires = (rng.below(4) == 0).then_some(number);
        builder.push(&key, &value, rng.below(5) == 0, expires);
    }
    let mut raw = Vec::new();
    builder.finish(&mut raw);
    if rng.below(8) > 0 {
        mutate(rng, &mut raw);
    }
    raw
}

fn entries(rng: &mut Rng) -> usize {
    let mut raw = if rng.below(10) == 0 {
        noise(rng, 200)
    } else {
        raw_entries(rng)
    };
    if rng.below(500) == 0 {
        // One long key, and as many that repeat it as a block may have and more.
        raw = vec![0, 0x80, 0x08, 0];
        raw.extend_from_slice(&[b'x'; 1_024]);
        let count = BLOCK_ENTRIES_MAX + below(rng, 3) - 1;
        raw.extend_from_slice(&[0x80, 0x08, 0, 0].repeat(count));
        raw.extend_from_slice(&[0, 0, 0, 0, 1, 0, 0, 0]);
    }
    let number = rng.below(45);
    let wanted = key(rng, number);
    if let Ok(entries) = Entries::new(&raw) {
        let _ = (
            entries.get(&wanted),
            entries.get(b""),
            entries.search(&wanted),
        );
        for index in 0..entries.restarts().min(50) {
            let _ = entries.at_restart(index);
        }
    }
    let mut decoded = Decoded::default();
    if decoded.load(&raw).is_ok() {
        for index in 0..decoded.len() {
            let _ = (decoded.key(index), decoded.found(index, &raw));
        }
        let _ = decoded.search(&wanted);
    }
    raw.len()
}

fn directory(rng: &mut Rng) -> usize {
    let mut raw = raw_entries(rng);
    let filter = noise(rng, 60);
    raw.extend_from_slice(&filter);
    raw.extend_from_slice(&u32::try_from(filter.len()).expect("short").to_le_bytes());
    if rng.below(2) == 0 {
        mutate(rng, &mut raw);
    }
    if let Ok(directory) = Directory::new(&raw) {
        let _ = directory.may_hold(rng.next_u64());
        walk(&directory.index, rng);
    }
    if let Ok(index) = Index::new(&raw) {
        walk(&index, rng);
    }
    raw.len()
}

fn walk(index: &Index<'_>, rng: &mut Rng) {
    let number = rng.below(45);
    let _ = index.search(&key(rng, number));
    for position in 0..index.len().min(50) {
        let _ = index.block(3, position);
    }
}

fn fixed(rng: &mut Rng) -> usize {
    let id = |offset| BlockId {
        table: 3,
        offset,
        length: 100,
    };
    let footer = Footer {
        incarnation: 7,
        top: id(5),
        properties: id(105),
    };
    let (mut header, mut footer) = (
        footer::encode_header(7, 3).to_vec(),
        footer.encode().to_vec(),
    );
    for (bytes, summed) in [(&mut header, 32), (&mut footer, 40)] {
        let length = bytes.len();
        mutate(rng, bytes);
        bytes.resize(length, 0);
        if rng.below(2) == 0 {
            let sum = hash64(&bytes[..summed]).to_le_bytes();
            bytes[summed..summed + 8].copy_from_slice(&sum);
        }
    }
    let _ = footer::decode_header(header[..].try_into().expect("the same length"));
    let _ = SegmentHeader::decode(header[..].try_into().expect("the same length"));
    let _ = Footer::decode(footer[..].try_into().expect("the same length"));
    header.len() + footer.len()
}

fn stream(rng: &mut Rng) -> usize {
    let mut bytes = footer::encode_header(7, 3).to_vec();
    for _ in 0..rng.below(5) {
        let place = Place {
            offset: bytes.len() as u64,
            ..PLACE
        };
        let begin = bytes.len();
        let (kind, raw) = (kind(rng), raw_entries(rng));
        block::encode(place, kind, &raw, &mut bytes);
        if rng.below(4) == 0 {
            let mut block = bytes.split_off(begin);
            mutate(rng, &mut block);
            reseal(place, &mut block);
            bytes.append(&mut block);
        }
    }
    let mut end = bytes.len() as u64;
    if rng.below(4) == 0 {
        end = rng.below(2 * end);
    }
    let table = Table {
        number: 3,
        length: bytes.len() as u64,
        top_offset: end,
        top_length: 0,
        properties: Properties::default(),
    };
    let mut stream = TableStream::new(7, &table);
    let chunk = 1 + below(rng, 2_000);
    loop {
        match stream.advance() {
            Ok(Streamed::Pair) => drop((stream.key().len(), stream.found().value.len())),
            Ok(Streamed::NeedsMore) => {
                let Some((offset, rest)) = stream.next_read() else {
                    break;
                };
                let from = usize::try_from(offset).expect("small").min(bytes.len());
                let rest = usize::try_from(rest).expect("small").min(chunk);
                let to = bytes.len().min(from + rest);
                // A merge takes an empty read for damage.
                if from == to {
                    break;
                }
                stream.feed(&bytes[from..to]);
            }
            Ok(Streamed::End) | Err(_) => break,
        }
    }
    bytes.len()
}

/// A manifest with tables in several levels, perhaps changed inside of its checksum.
pub(crate) fn manifest_bytes(rng: &mut Rng, manifest: &Manifest) -> Vec<u8> {
    let bytes = manifest.encode();
    let (head, body) = (bytes[..16].to_vec(), &bytes[24..]);
    let mut body = body.to_vec();
    mutate(rng, &mut body);
    sealed(head, &body)
}

fn sealed(mut head: Vec<u8>, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("short");
    head[12..16].copy_from_slice(&length.to_le_bytes());
    let sum = hash64(&[&head, body].concat());
    head.extend_from_slice(&sum.to_le_bytes());
    head.extend_from_slice(body);
    head
}

fn manifest(rng: &mut Rng) -> usize {
    let mut manifest = Manifest::new(7);
    manifest.next_table = 50;
    for level in 0..3 {
        let tables = (0..rng.below(5)).map(|number| Table {
            number: number + 10 * level + 1,
            length: 1_000,
            top_offset: 800,
            top_length: 100,
            properties: Properties {
                first: format!("{level}000000{number}a").into_bytes(),
                last: format!("{level}000000{number}b").into_bytes(),
                entries: 5,
                ..Properties::default()
            },
        });
        let add = tables.collect();
        let level = usize::try_from(level).expect("small");
        manifest
            .levels
            .apply(henge_core::storage::manifest::Change {
                add,
                level,
                ..Default::default()
            });
    }
    let mut bytes = match rng.below(4) {
        0 => manifest.encode(),
        1 => noise(rng, 200),
        _ => manifest_bytes(rng, &manifest),
    };
    if rng.below(4) == 0 {
        mutate(rng, &mut bytes);
    }
    // A `Vec` of tables that a length promises is made in pieces of at most a mebibyte.
    if let Ok(manifest) = Manifest::decode(&bytes) {
        assert!(manifest.levels.is_sound());
    }
    bytes.len()
}

fn snapshot_chunk(rng: &mut Rng) -> usize {
    let place = Place {
        incarnation: 0,
        table: 1,
        offset: 2,
    };
    let mut chunk = Vec::new();
    block::encode(place, BlockKind::Data, &raw_entries(rng), &mut chunk);
    if rng.below(3) == 0 {
        mutate(rng, &mut chunk);
        reseal(place, &mut chunk);
    }
    let _ = snapshot::decode(PartitionId(1), 2, &chunk);
    chunk.len()
}
