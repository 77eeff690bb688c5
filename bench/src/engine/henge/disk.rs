//! The storage requests of Henge's engine on real files: those of the log on one thread, those of
//! tables and manifest on another. What the only caller waits for is done on its own thread, as by
//! the engines beside this one: reads, and the log if nothing of it is under way.

use henge_core::storage::{FileId, FileKind, OperationId, StorageFault, StorageRequest};
use henge_host::disk::{DiskAnswer, DiskError, Files};
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// How a request has ended.
pub(super) type Ended = (OperationId, Result<DiskAnswer, StorageFault>);

/// Two threads, and files to read.
pub(super) struct Disk {
    folder: PathBuf,
    reading: BTreeMap<FileId, File>,
    log: Lane,
    tables: Lane,
    ended: Receiver<(FileKind, Ended)>,
    under_way: usize,
    /// Those of them that are for the log.
    log_under_way: usize,
}

impl Disk {
    /// Works in `folder`, which is empty.
    pub(super) fn new(folder: &Path) -> Self {
        let (done, ended) = channel();
        Self {
            folder: folder.to_owned(),
            reading: BTreeMap::new(),
            log: Lane::start("log", folder, done.clone()),
            tables: Lane::start("tables", folder, done),
            ended,
            under_way: 0,
            log_under_way: 0,
        }
    }

    /// Puts a request at the end of its lane.
    pub(super) fn push(&mut self, operation: OperationId, request: StorageRequest) {
        let file = request.file();
        if matches!(request, StorageRequest::Delete { .. }) {
            self.reading.remove(&file);
        }
        let lane = match file.kind {
            FileKind::Log => &self.log,
            FileKind::Table | FileKind::Manifest => &self.tables,
        };
        let requests = lane.requests.as_ref().expect("it is closed by drop only");
        requests
            .send((operation, request))
            .expect("its thread lives as long as it");
        self.under_way += 1;
        self.log_under_way += usize::from(file.kind == FileKind::Log);
    }

    /// Carries out a request for the log here, if that keeps their order; puts any other into its
    /// lane.
    pub(super) fn commit(
        &mut self,
        operation: OperationId,
        request: StorageRequest,
    ) -> Option<Ended> {
        if request.file().kind != FileKind::Log || self.log_under_way > 0 {
            self.push(operation, request);
            return None;
        }
        Some(execute(&self.log.files, operation, &request))
    }

    /// Reads at once from a table, which never changes.
    pub(super) fn read(&mut self, file: FileId, offset: u64, length: u32) -> Vec<u8> {
        let folder = &self.folder;
        let open = || File::open(folder.join(file.to_string())).expect("the table is there");
        let mut bytes = vec![0; length as usize];
        self.reading
            .entry(file)
            .or_insert_with(open)
            .read_exact_at(&mut bytes, offset)
            .expect("the table is as long as the engine says");
        bytes
    }

    /// Whether requests are under way.
    pub(super) const fn is_busy(&self) -> bool {
        self.under_way > 0
    }

    /// A request that has ended, if there is one.
    pub(super) fn try_ended(&mut self) -> Option<Ended> {
        let ended = self.ended.try_recv().ok()?;
        Some(self.count(ended))
    }

    /// Waits until a request has ended.
    pub(super) fn ended(&mut self) -> Ended {
        assert!(self.is_busy(), "a wait that nothing would end");
        let ended = self.ended.recv();
        self.count(ended.expect("the threads live as long as this"))
    }

    fn count(&mut self, (kind, ended): (FileKind, Ended)) -> Ended {
        self.under_way -= 1;
        self.log_under_way -= usize::from(kind == FileKind::Log);
        ended
    }
}

fn execute(files: &Mutex<Files>, operation: OperationId, request: &StorageRequest) -> Ended {
    let mut files = files.lock().expect("a panic ends the bench");
    match files.execute(request) {
        Ok(answer) => (operation, Ok(answer)),
        Err(DiskError::Fault(fault)) => (operation, Err(fault)),
        Err(fatal) => panic!("{fatal}"),
    }
}

/// A thread that carries out requests in their order.
struct Lane {
    files: Arc<Mutex<Files>>,
    requests: Option<Sender<(OperationId, StorageRequest)>>,
    thread: Option<JoinHandle<()>>,
}

impl Lane {
    fn start(name: &str, folder: &Path, done: Sender<(FileKind, Ended)>) -> Self {
        let (requests, queued) = channel::<(OperationId, StorageRequest)>();
        let files = Files::open(folder).expect("the folder is there");
        let files = Arc::new(Mutex::new(files));
        let shared = Arc::clone(&files);
        let work = move || {
            for (operation, request) in queued {
                let ended = execute(&shared, operation, &request);
                // Nobody waits for it any more once the engine is closed.
                let _ = done.send((request.file().kind, ended));
            }
        };
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(work);
        Self {
            files,
            requests: Some(requests),
            thread: Some(thread.expect("the system has threads")),
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            // A panic has been shown already.
            let _ = thread.join();
        }
    }
}
