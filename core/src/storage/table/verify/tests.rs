use super::*;
use crate::storage::facts::Facts;
use crate::storage::table::TableBuilder;
use crate::storage::table::block::encode;
use crate::storage::table::builder::TableSettings;
use crate::storage::table::entries::EntriesBuilder;
use alloc::format;

const SETTINGS: TableSettings = TableSettings {
    block_bytes: 200,
    filter_bits_per_key: 10,
};

/// A table of 300 pairs in blocks of a few, with keys so long that there are several directories.
fn sample() -> (Vec<u8>, Table) {
    let mut builder = TableBuilder::new(SETTINGS, 5, 7);
    for number in 0..300_u64 {
        let key = format!("prefix{}{number:04}", "-".repeat(900));
        let facts = Facts {
            written_at_ms: 1_000 + number,
            is_tombstone: number % 10 == 3,
            expires_at_ms: (number % 10 == 4).then_some(5_000 + number),
        };
        let value = if facts.is_tombstone { "" } else { "value" };
        builder.push(key.as_bytes(), value.as_bytes(), facts);
    }
    let table = builder.finish(None);
    let (_, bytes) = builder.take(1).unwrap();
    (bytes, table)
}

/// Goes through `bytes` in reads of `step` bytes.
fn check(bytes: &[u8], step: usize) -> Checked {
    let mut check = TableCheck::new(7, bytes.len() as u64, Some(5));
    let sense = |_: &[u8], found: Found<'_>| found.is_tombstone == found.value.is_empty();
    while let Some((offset, length)) = check.advance(&mut { sense }) {
        let from = usize::try_from(offset).unwrap();
        let length = usize::try_from(length).unwrap().min(step);
        check.feed(&bytes[from..from + length]);
    }
    check.finish()
}

/// The blocks of a table: where each begins, and what it is.
fn blocks(bytes: &[u8]) -> Vec<(usize, BlockKind)> {
    let mut found = Vec::new();
    let mut at = TABLE_HEADER_BYTES;
    while at < bytes.len() - FOOTER_BYTES {
        let place = place(at);
        let header = BlockHeader::read(place, &bytes[at..]).unwrap();
        found.push((at, header.kind));
        at += header.length();
    }
    found
}

const fn place(at: usize) -> Place {
    Place {
        incarnation: 5,
        table: 7,
        offset: at as u64,
    }
}

#[test]
fn a_good_table_is_found_good_in_reads_of_any_length() {
    let (bytes, table) = sample();
    let kinds = blocks(&bytes);
    let directories = kinds
        .iter()
        .filter(|(_, kind)| *kind == BlockKind::Directory);
    assert!(directories.count() > 2);
    for step in [1, 19, 1_000, bytes.len()] {
        let checked = check(&bytes, step);
        assert_eq!(checked.flaws, []);
        assert_eq!((checked.pairs, checked.table), (300, Some(table.clone())));
    }
}

#[test]
fn any_flipped_byte_is_found_where_it_is() {
    let (bytes, _) = sample();
    let kinds = blocks(&bytes);
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x40;
        let checked = check(&damaged, 4_096);
        let block = kinds.iter().rfind(|(begin, _)| *begin <= at);
        let begin = match block {
            None => 0,
            Some(_) if at >= bytes.len() - FOOTER_BYTES => bytes.len() - FOOTER_BYTES,
            Some((begin, _)) => *begin,
        };
        assert!(checked.table.is_none());
        assert_eq!(checked.flaws[0].offset, begin as u64, "byte {at}");
    }
}

#[test]
fn any_cut_is_found_out() {
    let (bytes, _) = sample();
    for length in (0..bytes.len()).step_by(7) {
        assert!(!check(&bytes[..length], 4_096).flaws.is_empty(), "{length}");
    }
}

#[test]
fn behind_a_damaged_block_the_rest_is_looked_at_and_only_damage_is_told() {
    let (mut bytes, _) = sample();
    let data: Vec<_> = { blocks(&bytes).into_iter() }
        .filter(|(_, kind)| *kind == BlockKind::Data)
        .collect();
    let (one, other) = (data[3].0, data[100].0);
    for at in [one, other] {
        bytes[at + BLOCK_HEADER_BYTES + 2] ^= 1;
    }
    let flaw = |at: usize| Flaw {
        offset: at as u64,
        kind: FlawKind::Block(BlockError::Checksum),
    };
    let checked = check(&bytes, 4_096);
    assert_eq!(checked.flaws, [flaw(one), flaw(other)]);
    assert!(checked.pairs > 290, "{}", checked.pairs);
}

#[test]
fn a_table_under_another_name_or_of_another_storage_is_found_out() {
    let (bytes, _) = sample();
    for (number, incarnation) in [(8, None), (7, Some(6))] {
        let mut check = TableCheck::new(number, bytes.len() as u64, incarnation);
        while check.advance(&mut |_, _| true).is_some() {
            check.feed(&bytes);
        }
        assert_eq!(check.finish().flaws[0].kind, FlawKind::Misplaced);
    }
}

/// What is wrong with the first `kind` block when its content is what `change` makes of it.
fn flaw_of(kind: BlockKind, change: impl FnOnce(&mut Vec<u8>)) -> FlawKind {
    let (bytes, _) = sample();
    let kinds = blocks(&bytes);
    let (at, _) = kinds.into_iter().find(|block| block.1 == kind).unwrap();
    let header = BlockHeader::read(place(at), &bytes[at..]).unwrap();
    let mut raw = header.decode(&bytes[at + BLOCK_HEADER_BYTES..]).unwrap();
    change(&mut raw);
    let mut out = bytes[..at].to_vec();
    encode(place(at), kind, &raw, &mut out);
    // Longer than what is fed: only what stands up to here is looked at.
    let mut check = TableCheck::new(7, 1 << 20, Some(5));
    check.feed(&out);
    assert!(check.advance(&mut |_, _| true).is_some());
    assert_eq!(check.flaws[0].offset, at as u64);
    check.flaws[0].kind
}

#[test]
fn blocks_that_are_whole_but_wrong_are_found_out() {
    let without_a_key = flaw_of(BlockKind::Directory, |raw| {
        let end = raw.len() - 4;
        raw[end - 8..end].fill(0);
    });
    assert_eq!(without_a_key, FlawKind::Filter);
    let without_a_block = flaw_of(BlockKind::Top, |raw| {
        *raw = 0_u32.to_le_bytes().to_vec();
    });
    assert_eq!(without_a_block, FlawKind::Index);
    let with_one_pair_more = flaw_of(BlockKind::Properties, |raw| {
        let mut properties: Properties = postcard::from_bytes(raw).unwrap();
        properties.entries += 1;
        *raw = postcard::to_allocvec(&properties).unwrap();
    });
    assert_eq!(with_one_pair_more, FlawKind::Properties);
    let with_the_same_pair_twice = flaw_of(BlockKind::Data, |raw| {
        let mut builder = EntriesBuilder::new(1);
        builder.push(b"prefix-", b"value", false, None);
        builder.push(b"prefix-", b"value", false, None);
        raw.clear();
        builder.finish(raw);
    });
    assert_eq!(with_the_same_pair_twice, FlawKind::Order);
    let without_a_bucket = flaw_of(BlockKind::Data, |raw| {
        let mut builder = EntriesBuilder::new(1);
        builder.push(b"short", b"value", false, None);
        raw.clear();
        builder.finish(raw);
    });
    assert_eq!(without_a_bucket, FlawKind::Pair);
}
