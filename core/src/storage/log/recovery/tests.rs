use super::*;
use crate::storage::store::BatchNumber;
use alloc::format;
use alloc::string::String;

const INCARNATION: u64 = 77;

/// A log of `batches` records, one a batch: its segment, and where each batch begins.
fn log_of(batches: usize) -> (Vec<u8>, Vec<u64>) {
    let mut writer = LogWriter::new(INCARNATION, 1, 0, VecDeque::new());
    let (mut file, mut starts) = (Vec::new(), Vec::new());
    for number in 0..batches {
        let key = format!("......key-{number}");
        writer.push(&Record::State {
            key: key.as_bytes(),
            set: &[7; 50],
            is_new: true,
        });
        let [StorageRequest::Append { offset, bytes, .. }, _] = writer.start().unwrap() else {
            panic!("a batch is appended")
        };
        assert_eq!(offset, file.len() as u64);
        starts.push(if number == 0 {
            SEGMENT_HEADER_BYTES as u64
        } else {
            offset
        });
        file.extend_from_slice(&bytes);
        assert_eq!(writer.finish(), BatchNumber(number as u64 + 1));
    }
    (file, starts)
}

/// Bytes from `from` on up to the last before `to` that is not 0.
fn written(file: &[u8], from: u64, to: u64) -> u64 {
    let place = |at: u64| usize::try_from(at).unwrap();
    let tail = &file[place(from)..place(to)];
    tail.iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last as u64 + 1)
}

/// Reads `files` (segments 1, 2, ...) back in reads of `chunk` bytes: the keys and the ending.
fn read_back(
    files: &[&[u8]],
    chunk: usize,
) -> Result<(Vec<String>, Option<Tail>, LogWriter), Corruption> {
    let stored = |(index, bytes): (usize, &&[u8])| StoredFile {
        file: FileId {
            kind: FileKind::Log,
            number: index as u64 + 1,
        },
        length: bytes.len() as u64,
    };
    let stored: Vec<_> = files.iter().enumerate().map(stored).collect();
    let mut recovery = Recovery::new(&stored, 1, None)?;
    let mut keys = Vec::new();
    loop {
        let outcome = recovery.advance(INCARNATION, &mut |_, record| {
            let Record::State { key, .. } = record else {
                return false;
            };
            keys.push(String::from_utf8(key.to_vec()).unwrap());
            true
        });
        match outcome? {
            Recovered::Done {
                writer,
                tail,
                records,
            } => {
                assert_eq!(records, keys.len() as u64);
                return Ok((keys, tail, writer));
            }
            Recovered::Read(StorageRequest::Read { file, offset, .. }) => {
                let bytes = files[usize::try_from(file.number).unwrap() - 1];
                let from = usize::try_from(offset).unwrap();
                recovery.feed(&bytes[from..bytes.len().min(from + chunk)])?;
            }
            Recovered::Read(other) => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_log_reads_back_whole_in_reads_of_any_size() {
    let (file, _) = log_of(20);
    for chunk in [1, 7, 100, 4_096] {
        let (keys, tail, writer) = read_back(&[&file], chunk).unwrap();
        assert_eq!(keys.len(), 20);
        assert_eq!(keys[19], "......key-19");
        assert_eq!(tail, None);
        assert_eq!(
            (writer.incarnation(), writer.segment_bytes()),
            (INCARNATION, file.len() as u64)
        );
    }
}

#[test]
fn a_log_cut_at_any_byte_keeps_every_whole_batch_and_cuts_the_rest() {
    let (file, mut starts) = log_of(5);
    starts.push(file.len() as u64);
    for cut in 0..=file.len() {
        let (keys, tail, writer) = read_back(&[&file[..cut]], 64).unwrap();
        let whole = starts
            .iter()
            .skip(1)
            .filter(|end| **end <= cut as u64)
            .count();
        assert_eq!(keys.len(), whole, "cut at {cut}");
        let end = if cut < SEGMENT_HEADER_BYTES {
            0
        } else {
            starts[whole]
        };
        assert_eq!(writer.segment_bytes(), end, "cut at {cut}");
        assert_eq!(
            tail.map_or(0, |tail| tail.bytes),
            written(&file, end, cut as u64),
            "cut at {cut}"
        );
    }
}

#[test]
fn a_flipped_bit_under_a_durable_batch_is_damage_and_in_the_last_batch_a_tail() {
    let (file, starts) = log_of(4);
    for at in 0..file.len() {
        let mut bytes = file.clone();
        bytes[at] ^= 0x10;
        let result = read_back(&[&bytes], 4_096);
        if (at as u64) < starts[3] {
            let corruption = result.unwrap_err();
            let place = starts
                .iter()
                .rev()
                .find(|start| **start <= at as u64)
                .copied()
                .unwrap_or(0);
            assert_eq!(corruption.offset, place, "bit flipped at {at}");
            assert_eq!(corruption.why, Damage::Checksum, "bit flipped at {at}");
        } else {
            let (keys, tail, _) = result.unwrap();
            assert_eq!(keys.len(), 3, "bit flipped at {at}");
            assert_eq!(tail.unwrap().offset, starts[3], "bit flipped at {at}");
        }
    }
}

#[test]
fn bytes_that_were_never_durable_are_a_tail_even_with_a_good_batch_behind_them() {
    // Two batches written over each other's unsynced bytes cannot come from this writer; a later
    // batch that was written before the bad place was durable can, on a disk that reorders.
    let (mut file, starts) = log_of(2);
    let end = file.len();
    super::super::format::put_batch(&mut file, starts[1], b"");
    file[usize::try_from(starts[1]).unwrap() + 30] ^= 1;
    let (keys, tail, _) = read_back(&[&file], 4_096).unwrap();
    assert_eq!(keys.len(), 1);
    assert_eq!(
        tail.unwrap(),
        Tail {
            segment: 1,
            offset: starts[1],
            bytes: (file.len() as u64) - starts[1]
        }
    );
    assert!(file.len() > end);
}

#[test]
fn room_behind_the_end_is_cut_off_and_is_no_loss() {
    let (file, mut starts) = log_of(4);
    starts.push(file.len() as u64);
    for chunk in [3, 64, 4_096] {
        for room in [1, 3, 4, 23, 24, 25, 5_000] {
            for cut in [starts[3], starts[3] + 1, starts[4] - 1, starts[4]] {
                let whole = if cut == starts[4] { 4 } else { 3 };
                let mut roomy = file[..usize::try_from(cut).unwrap()].to_vec();
                roomy.resize(roomy.len() + room, 0);
                let (keys, tail, writer) = read_back(&[&roomy], chunk).unwrap();
                assert_eq!(keys.len(), whole);
                assert_eq!(writer.segment_bytes(), starts[whole]);
                let lost = tail.unwrap();
                let bytes = written(&file, starts[whole], cut);
                assert_eq!((lost.offset, lost.bytes), (starts[whole], bytes));
            }
        }
    }
    // A segment that was given room and nothing else; and one that was gone on from.
    let (keys, tail, writer) = read_back(&[&[0; 300]], 64).unwrap();
    assert_eq!(
        (keys.len(), tail.unwrap().bytes, writer.segment_bytes()),
        (0, 0, 0)
    );
    let second = SegmentHeader {
        incarnation: INCARNATION,
        segment: 2,
    };
    let mut roomy = file;
    roomy.push(0);
    let corruption = read_back(&[&roomy, &second.encode()], 64).unwrap_err();
    assert_eq!(
        (corruption.offset, corruption.why),
        (starts[4], Damage::Checksum)
    );
}

#[test]
fn anything_bad_before_the_last_segment_is_damage() {
    let (file, starts) = log_of(3);
    let second = SegmentHeader {
        incarnation: INCARNATION,
        segment: 2,
    }
    .encode();
    let cut = &file[..usize::try_from(starts[2]).unwrap() + 3];
    let corruption = read_back(&[cut, &second], 4_096).unwrap_err();
    assert_eq!(
        (corruption.offset, corruption.why),
        (starts[2], Damage::Checksum)
    );
    assert!(
        format!("{corruption}").contains("log-0000000001"),
        "{corruption}"
    );
}

#[test]
fn segments_that_are_missing_swapped_foreign_or_of_another_format_are_named() {
    let header = |incarnation, segment| {
        SegmentHeader {
            incarnation,
            segment,
        }
        .encode()
        .to_vec()
    };
    let swapped = read_back(&[&header(1, 2), &header(1, 1)], 99).unwrap_err();
    assert_eq!(swapped.why, Damage::Misplaced);
    let foreign = read_back(&[&header(1, 1), &header(2, 2)], 99).unwrap_err();
    assert_eq!((foreign.why, foreign.file.number), (Damage::Misplaced, 2));
    let mut newer = header(1, 1);
    newer[8] = 9;
    let sum = crate::hash::hash64(&newer[..32]);
    newer[32..].copy_from_slice(&sum.to_le_bytes());
    assert_eq!(
        read_back(&[&newer], 99).unwrap_err().why,
        Damage::Version(9)
    );
    let only_second = StoredFile {
        file: FileId {
            kind: FileKind::Log,
            number: 2,
        },
        length: 0,
    };
    assert_eq!(
        Recovery::new(&[only_second], 1, None).unwrap_err().why,
        Damage::Missing
    );
}

#[test]
fn what_is_pushed_after_a_roll_goes_to_a_new_segment() {
    let mut writer = LogWriter::new(1, 1, 1_000, VecDeque::new());
    let record = Record::State {
        key: b"......k",
        set: &[1; 10],
        is_new: true,
    };
    assert_eq!(writer.push(&record), BatchNumber(1));
    writer.roll();
    assert_eq!((writer.open_segment(), writer.open_bytes()), (2, 0));
    assert_eq!(writer.push(&record), BatchNumber(2));
    let mut appended = |segment: u64, from: u64| {
        let Some(
            [
                StorageRequest::Append {
                    file,
                    offset,
                    bytes,
                },
                _,
            ],
        ) = writer.start()
        else {
            panic!("a batch is appended")
        };
        assert_eq!((file.number, offset), (segment, from));
        assert!(writer.start().is_none(), "one batch at a time");
        writer.finish();
        bytes
    };
    let old = appended(1, 1_000);
    let new = appended(2, 0);
    assert_eq!(new[..8], super::super::format::SEGMENT_MAGIC);
    assert_eq!(writer.durable(), BatchNumber(2));
    assert_eq!(writer.bytes(), 1_000 + (old.len() + new.len()) as u64);
    writer.forget_before(2);
    assert_eq!(writer.bytes(), new.len() as u64);
}
