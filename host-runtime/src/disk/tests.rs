use super::*;
use henge_core::storage::{FileId, FileKind, StorageFault, StorageRequest, StoredFile};
use std::path::Path;
use tempfile::TempDir;

mod lanes;
mod tables;

fn log(number: u64) -> FileId {
    FileId {
        kind: FileKind::Log,
        number,
    }
}

fn table(number: u64) -> FileId {
    FileId {
        kind: FileKind::Table,
        number,
    }
}

fn append(file: FileId, offset: u64, bytes: &[u8]) -> StorageRequest {
    StorageRequest::Append {
        file,
        offset,
        bytes: bytes.to_vec(),
    }
}

fn read(file: FileId, offset: u64, length: u32) -> StorageRequest {
    StorageRequest::Read {
        file,
        offset,
        length,
    }
}

fn files(folder: &TempDir) -> Files {
    Files::open(&folder.path().join("shard-0")).unwrap()
}

fn done(files: &mut Files, request: &StorageRequest) {
    assert_eq!(
        files.execute(request).unwrap(),
        DiskAnswer::Done,
        "{request:?}"
    );
}

fn content(files: &mut Files, file: FileId) -> Vec<u8> {
    match files.execute(&read(file, 0, 1_000)).unwrap() {
        DiskAnswer::Bytes(bytes) => bytes,
        DiskAnswer::Done => panic!("a read gives bytes"),
    }
}

fn fault(files: &mut Files, request: &StorageRequest) -> String {
    match files.execute(request).unwrap_err() {
        DiskError::Fault(StorageFault::Failed(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_appended_is_read_and_listed_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = files(&folder);
    done(&mut first, &append(log(1), 0, b"one"));
    done(&mut first, &append(log(1), 3, b"two"));
    first.sync_all().unwrap();
    drop(first);
    let mut second = files(&folder);
    assert_eq!(
        second.list().unwrap(),
        [StoredFile {
            file: log(1),
            length: 6
        }]
    );
    assert_eq!(content(&mut second, log(1)), b"onetwo");
    let part = second.execute(&read(log(1), 4, 100)).unwrap();
    assert_eq!(part, DiskAnswer::Bytes(b"wo".to_vec()));
    assert_eq!(
        second.execute(&read(log(1), 60, 1)).unwrap(),
        DiskAnswer::Bytes(vec![])
    );
}

#[test]
fn the_last_segment_has_room_and_those_before_it_end_with_their_batches() {
    let folder = tempfile::tempdir().unwrap();
    let length = |number: u64| {
        let path = folder.path().join("shard-0").join(log(number).to_string());
        std::fs::metadata(path).unwrap().len()
    };
    let mut first = files(&folder);
    done(&mut first, &append(log(1), 0, b"one"));
    let room = length(1);
    assert!(room > 100_000, "{room}");
    done(&mut first, &append(log(1), 3, b"two"));
    assert_eq!(length(1), room, "what fits does not make the file longer");
    done(&mut first, &append(log(2), 0, b"three"));
    assert_eq!((length(1), length(2)), (6, room + 2));
    // Killed here: the zeros are there, and the node cuts them off.
    drop(first);
    let mut second = files(&folder);
    assert_eq!(second.list().unwrap()[1].length, room + 2);
    let file = log(2);
    done(&mut second, &StorageRequest::Truncate { file, length: 5 });
    done(&mut second, &append(file, 5, b"four"));
    assert_eq!(content(&mut second, file), b"threefour");
    // Listed again by the same process, for a guest that begins anew: as long as what is in it.
    assert_eq!(second.list().unwrap()[1].length, 9);
}

#[test]
fn an_append_behind_or_before_the_end_is_a_fault_that_names_both_lengths() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = files(&folder);
    done(&mut files, &append(log(1), 0, b"abc"));
    for offset in [0, 2, 4] {
        let why = fault(&mut files, &append(log(1), offset, b"x"));
        assert!(
            why.contains("3 bytes") && why.contains(&offset.to_string()),
            "{why}"
        );
    }
    assert_eq!(content(&mut files, log(1)), b"abc");
}

#[test]
fn replace_puts_the_whole_new_content_in_place_of_the_old() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = files(&folder);
    let file = FileId {
        kind: FileKind::Manifest,
        number: 0,
    };
    for bytes in [&b"a long first content"[..], b"short", b""] {
        done(
            &mut files,
            &StorageRequest::Replace {
                file,
                bytes: bytes.to_vec(),
            },
        );
        assert_eq!(content(&mut files, file), bytes);
    }
    assert_eq!(files.list().unwrap().len(), 1, "nothing unfinished is left");
}

#[test]
fn an_unfinished_replacement_is_removed_and_foreign_files_stay() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = files(&folder);
    let inside = folder.path().join("shard-0");
    std::fs::write(inside.join("manifest-0000000000.new"), b"half").unwrap();
    std::fs::write(inside.join("notes.txt"), b"mine").unwrap();
    std::fs::write(inside.join("log-1"), b"not how we write it").unwrap();
    assert_eq!(files.list().unwrap(), []);
    assert!(!inside.join("manifest-0000000000.new").exists());
    assert!(inside.join("notes.txt").exists() && inside.join("log-1").exists());
}

#[test]
fn truncate_cuts_makes_an_empty_file_and_never_lengthens() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = files(&folder);
    done(&mut files, &append(log(1), 0, b"abcdef"));
    done(
        &mut files,
        &StorageRequest::Truncate {
            file: log(1),
            length: 2,
        },
    );
    assert_eq!(content(&mut files, log(1)), b"ab");
    done(&mut files, &append(log(1), 2, b"!"));
    assert_eq!(content(&mut files, log(1)), b"ab!");
    assert!(
        fault(
            &mut files,
            &StorageRequest::Truncate {
                file: log(1),
                length: 9
            }
        )
        .contains("9")
    );
    done(
        &mut files,
        &StorageRequest::Truncate {
            file: log(2),
            length: 0,
        },
    );
    assert_eq!(content(&mut files, log(2)), b"");
}

#[test]
fn delete_removes_and_reading_what_is_not_there_is_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = files(&folder);
    done(&mut files, &append(log(1), 0, b"abc"));
    done(&mut files, &StorageRequest::Delete { file: log(1) });
    done(&mut files, &StorageRequest::Delete { file: log(1) });
    assert!(fault(&mut files, &read(log(1), 0, 1)).contains("log-0000000001"));
    done(&mut files, &append(log(1), 0, b"new"));
    assert_eq!(content(&mut files, log(1)), b"new");
}

#[test]
fn a_file_that_cannot_be_synced_ends_all_trust() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = files(&folder);
    let path = folder.path().join("shard-0").join(log(1).to_string());
    std::os::unix::fs::symlink("/dev/null", path).unwrap();
    done(&mut files, &append(log(1), 0, b"abc"));
    let error = files
        .execute(&StorageRequest::Sync { file: log(1) })
        .unwrap_err();
    assert!(matches!(error, DiskError::NotDurable { .. }), "{error}");
}

#[test]
fn a_full_device_is_full_and_the_file_is_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = files(&folder);
    let path = folder.path().join("shard-0").join(log(1).to_string());
    std::os::unix::fs::symlink("/dev/full", path).unwrap();
    let error = files.execute(&append(log(1), 0, b"abc")).unwrap_err();
    assert!(
        matches!(error, DiskError::Fault(StorageFault::Full)),
        "{error}"
    );
}

#[test]
fn many_files_are_used_with_few_handles() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = files(&folder);
    for number in 0..300 {
        done(&mut files, &append(log(number), 0, b"x"));
        done(&mut files, &StorageRequest::Sync { file: log(number) });
    }
    for number in 0..300 {
        done(&mut files, &append(log(number), 1, b"y"));
        assert_eq!(content(&mut files, log(number)), b"xy");
    }
}

fn identity(member: &str, shards: u16) -> Identity {
    Identity::new("henge".into(), member.into(), 256, shards)
}

#[test]
fn a_folder_in_use_is_refused_with_the_pid_and_free_once_it_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let first = DataFolder::open(folder.path()).unwrap();
    let why = DataFolder::open(folder.path()).unwrap_err().to_string();
    assert!(
        why.contains(&std::process::id().to_string()) && why.contains("--data"),
        "{why}"
    );
    drop(first);
    assert!(DataFolder::open(folder.path()).is_ok());
}

#[test]
fn a_folder_stays_with_the_stone_that_made_it() {
    let folder = tempfile::tempdir().unwrap();
    let open = |path: &Path| DataFolder::open(path).unwrap();
    open(folder.path()).claim(&identity("stone-1", 2)).unwrap();
    let mut again = open(folder.path());
    assert_eq!(again.identity().unwrap().shards, 2);
    again.claim(&identity("stone-1", 2)).unwrap();
    for (other, words) in [
        (identity("stone-2", 2), ["name stone-1", "stone-2"]),
        (identity("stone-1", 4), ["shards 2", "4"]),
    ] {
        let why = again.claim(&other).unwrap_err().to_string();
        assert!(words.iter().all(|word| why.contains(word)), "{why}");
    }
    drop(again);
    std::fs::write(folder.path().join("stone.toml"), "shards = ").unwrap();
    let why = DataFolder::open(folder.path()).unwrap_err().to_string();
    assert!(
        why.contains("stone.toml") && why.contains("damaged"),
        "{why}"
    );
}
