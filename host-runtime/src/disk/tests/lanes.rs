//! What waits for what.
//!
//! A slow disk is played by named pipes: to open one waits until someone opens its other end.

use super::*;
use crate::shutdown::Stop;
use henge_core::storage::OperationId;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

const MANIFEST: FileId = FileId {
    kind: FileKind::Manifest,
    number: 0,
};

struct Disk {
    queue: DiskQueue,
    completions: UnboundedReceiver<Vec<Completion>>,
    folder: TempDir,
    stop: Stop,
    pushed: u64,
}

fn disk() -> Disk {
    let folder = tempfile::tempdir().unwrap();
    let (stop, (done, completions)) = (Stop::default(), unbounded_channel());
    Disk {
        queue: DiskQueue::start("test", files(&folder), &done, &stop).unwrap(),
        completions,
        folder,
        stop,
        pushed: 0,
    }
}

impl Disk {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("shard-0").join(name)
    }

    fn make_pipe(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        let made = Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        path
    }

    fn push(&mut self, request: StorageRequest) -> OperationId {
        self.pushed += 1;
        self.queue.push(OperationId(self.pushed), request);
        OperationId(self.pushed)
    }

    async fn next(&mut self) -> Vec<OperationId> {
        let ended = self.completions.recv().await.unwrap();
        ended.iter().map(|ended| ended.operation).collect()
    }

    /// A write to the log, and the answer to its sync.
    async fn write_log(&mut self, number: u64) {
        let appended = self.push(append(log(number), 0, b"x"));
        let synced = self.push(StorageRequest::Sync { file: log(number) });
        let mut ended = self.next().await;
        if ended == [appended] {
            ended.extend(self.next().await);
        }
        assert_eq!(ended, [appended, synced]);
    }

    /// What has ended by now.
    fn ended(&mut self) -> BTreeMap<OperationId, Result<DiskAnswer, StorageFault>> {
        let batches = std::iter::from_fn(|| self.completions.try_recv().ok());
        batches
            .flatten()
            .map(|ended| (ended.operation, ended.result))
            .collect()
    }
}

#[tokio::test]
async fn a_file_s_requests_are_carried_out_and_answered_once_in_their_order() {
    let mut disk = disk();
    for number in 0..200 {
        for file in [log(1), table(1), log(2)] {
            disk.push(append(file, number, b"x"));
            disk.push(StorageRequest::Sync { file });
        }
    }
    let listed = disk.queue.drain_and_list().unwrap();
    let found: Vec<_> = listed.iter().map(|f| (f.file, f.length)).collect();
    assert_eq!(found, [(log(1), 200), (log(2), 200), (table(1), 200)]);
    let batches = std::iter::from_fn(|| disk.completions.try_recv().ok());
    let mut of_files = [vec![], vec![], vec![]];
    for ended in batches.flatten() {
        assert_eq!(ended.result, Ok(DiskAnswer::Done));
        let operation = usize::try_from(ended.operation.0).unwrap() - 1;
        of_files[operation / 2 % 3].push(operation);
    }
    assert!(of_files.iter().all(|answered| answered.len() == 400));
    assert!(of_files.iter().all(|answered| answered.is_sorted()));
    disk.queue.close();
}

#[tokio::test]
async fn slow_reads_and_a_slow_table_write_do_not_delay_a_log_sync() {
    let mut disk = disk();
    let pipes: Vec<_> = (0..8)
        .map(|number| disk.make_pipe(&table(number).to_string()))
        .collect();
    let unfinished = disk.make_pipe("manifest-0000000000.new");
    for number in 0..8 {
        disk.push(read(table(number), 0, 1));
    }
    let bytes = b"slow".to_vec();
    let file = MANIFEST;
    disk.push(StorageRequest::Replace { file, bytes });
    for number in 1..4 {
        disk.write_log(number).await;
    }
    assert!(disk.ended().is_empty(), "the others still wait");
    // Both ends, so that to open them does not wait; the readers find nothing in them.
    let open = |path| std::fs::File::options().read(true).write(true).open(path);
    let ends: Vec<_> = pipes.iter().chain([&unfinished]).map(open).collect();
    assert!(ends.iter().all(Result::is_ok));
    disk.queue.drain_and_list().unwrap();
    assert_eq!(disk.ended().len(), 9);
    disk.queue.close();
}

#[tokio::test]
async fn a_table_is_read_while_another_is_written() {
    let mut disk = disk();
    disk.push(append(table(1), 0, b"abc"));
    disk.push(StorageRequest::Sync { file: table(1) });
    disk.queue.drain_and_list().unwrap();
    disk.ended();
    let unfinished = disk.make_pipe("manifest-0000000000.new");
    let bytes = b"slow".to_vec();
    let file = MANIFEST;
    disk.push(StorageRequest::Replace { file, bytes });
    let reading = disk.push(read(table(1), 1, 2));
    let ended = disk.completions.recv().await.unwrap();
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].operation, reading);
    assert_eq!(ended[0].result, Ok(DiskAnswer::Bytes(b"bc".to_vec())));
    let reader = std::fs::File::open(unfinished).unwrap();
    disk.queue.close();
    drop(reader);
}

#[tokio::test]
async fn a_listing_waits_for_every_lane_and_no_answer_comes_after_it() {
    let mut disk = disk();
    let pipe = disk.make_pipe(&table(1).to_string());
    let reading = disk.push(read(table(1), 0, 1));
    let writing = disk.push(append(table(2), 0, b"abc"));
    let logging = disk.push(append(log(1), 0, b"x"));
    let release = std::thread::spawn(move || {
        sleep(Duration::from_millis(100));
        std::fs::File::options().write(true).open(pipe).unwrap()
    });
    let listed = disk.queue.drain_and_list().unwrap();
    let files: Vec<_> = listed.iter().map(|stored| stored.file).collect();
    assert_eq!(files, [log(1), table(1), table(2)]);
    let ended = disk.ended();
    assert!(ended[&reading].is_err(), "a pipe has no bytes to read");
    assert!(ended[&writing].is_ok() && ended[&logging].is_ok());
    drop(release.join().unwrap());
    disk.queue.close();
    assert!(disk.completions.recv().await.is_none());
}

#[tokio::test]
async fn more_requests_than_a_lane_holds_are_all_answered() {
    let mut disk = disk();
    let count = 10_000;
    for offset in 0..count {
        disk.push(append(log(1), offset, b"x"));
        disk.push(append(table(1), offset, b"x"));
    }
    disk.queue.drain_and_list().unwrap();
    let (from, length) = (count - 1, 1);
    for _ in 0..4 * count {
        disk.push(read(table(1), from, length));
    }
    disk.queue.drain_and_list().unwrap();
    let ended = disk.ended();
    assert_eq!(ended.len() as u64, 6 * count);
    assert!(ended.values().all(Result::is_ok));
    disk.queue.close();
}

#[tokio::test]
async fn a_failed_sync_in_any_lane_stops_the_stone_and_answers_nothing() {
    for file in [log(1), table(1)] {
        let mut disk = disk();
        std::os::unix::fs::symlink("/dev/null", disk.path(&file.to_string())).unwrap();
        let appended = disk.push(append(file, 0, b"x"));
        disk.push(StorageRequest::Sync { file });
        disk.push(append(file, 1, b"x"));
        let why = disk.stop.failed().await;
        assert!(why.contains(&file.to_string()), "{why}");
        assert!(disk.queue.drain_and_list().is_err());
        disk.push(append(log(2), 0, b"x"));
        let ended = disk.ended();
        assert!(ended.keys().all(|&operation| operation == appended));
        disk.queue.close();
    }
}

#[tokio::test]
async fn what_waits_when_a_queue_is_closed_is_still_done() {
    let mut disk = disk();
    for offset in 0..100 {
        disk.push(append(log(1), offset, b"x"));
        disk.push(append(table(1), offset, b"x"));
    }
    disk.queue.close();
    let listed = files(&disk.folder).list().unwrap();
    assert!(listed.len() == 2 && listed.iter().all(|stored| stored.length == 100));
}
