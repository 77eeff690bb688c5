//! Tables are read by their own handles.

use super::*;

fn with_table(folder: &TempDir, number: u64, bytes: &[u8]) -> Files {
    let mut files = files(folder);
    done(&mut files, &append(table(number), 0, bytes));
    let file = table(number);
    done(&mut files, &StorageRequest::Sync { file });
    files
}

#[test]
fn a_table_is_read_at_any_place() {
    let folder = tempfile::tempdir().unwrap();
    let tables = with_table(&folder, 1, b"abcdef").tables();
    for (offset, length, bytes) in [(0, 6, &b"abcdef"[..]), (4, 2, b"ef"), (6, 0, b"")] {
        assert_eq!(tables.read(table(1), offset, length).unwrap(), bytes);
    }
}

#[test]
fn a_missing_or_short_table_is_a_fault_that_names_table_offset_and_length() {
    let folder = tempfile::tempdir().unwrap();
    let tables = with_table(&folder, 1, b"abcdef").tables();
    for (number, offset, length) in [
        (1, 4, 300),
        (1, 70, 1),
        (2, 41, 25),
        (1, u64::MAX, u32::MAX),
    ] {
        let error = tables.read(table(number), offset, length).unwrap_err();
        let DiskError::Fault(StorageFault::Failed(why)) = error else {
            panic!("{error:?}");
        };
        for named in [
            table(number).to_string(),
            format!("offset {offset}"),
            format!("{length} bytes"),
        ] {
            assert!(why.contains(&named), "{why}");
        }
    }
}

#[test]
fn many_tables_are_read_with_few_handles() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = files(&folder);
    for number in 0..300_u16 {
        let file = table(u64::from(number));
        done(&mut files, &append(file, 0, &number.to_le_bytes()));
        done(&mut files, &StorageRequest::Sync { file });
    }
    let tables = files.tables();
    for number in (0..300_u16).chain((0..300).rev()) {
        let bytes = tables.read(table(u64::from(number)), 0, 2).unwrap();
        assert_eq!(bytes, number.to_le_bytes());
    }
    assert!((100..200).contains(&tables.open_count()));
}

#[test]
fn a_number_that_comes_again_is_the_new_table() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = with_table(&folder, 1, b"old");
    let tables = files.tables();
    assert_eq!(tables.read(table(1), 0, 3).unwrap(), b"old");
    let mut lane = files.twin().unwrap();
    done(&mut lane, &StorageRequest::Delete { file: table(1) });
    assert_eq!(tables.open_count(), 0, "its room is free");
    files.list().unwrap();
    done(&mut lane, &append(table(1), 0, b"new"));
    assert_eq!(tables.read(table(1), 0, 3).unwrap(), b"new");
}

#[test]
fn tables_and_manifest_are_listed_beside_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = with_table(&folder, 7, b"abc");
    let manifest = FileId {
        kind: FileKind::Manifest,
        number: 0,
    };
    let bytes = b"which".to_vec();
    let file = manifest;
    done(&mut files, &StorageRequest::Replace { file, bytes });
    done(&mut files, &append(log(1), 0, b"x"));
    let listed = files.list().unwrap();
    let found: Vec<_> = listed.iter().map(|f| (f.file, f.length)).collect();
    assert_eq!(found, [(log(1), 1), (table(7), 3), (manifest, 5)]);
}

#[test]
fn a_table_is_synced_while_it_grows_and_the_log_only_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = files(&folder);
    for file in [log(1), table(1)] {
        // Takes writes and cannot be synced.
        let path = folder.path().join("shard-0").join(file.to_string());
        std::os::unix::fs::symlink("/dev/null", path).unwrap();
    }
    let bytes = vec![7; 5 << 20];
    for file in [log(1), table(1)] {
        done(&mut files, &append(file, 0, &bytes));
    }
    let second = |file| append(file, 5 << 20, &bytes);
    done(&mut files, &second(log(1)));
    let error = files.execute(&second(table(1))).unwrap_err();
    assert!(matches!(error, DiskError::NotDurable { .. }), "{error}");
}
