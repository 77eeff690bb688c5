//! Reading finished tables, by several threads at a time.

use super::error::{DiskError, failed};
use henge_core::storage::FileId;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Tables kept open by one shard. Opening one again costs microseconds, and a system's usual limit
/// of 1,024 files is shared by all shards and sockets.
const OPEN_MAX: usize = 128;

/// The tables of one folder. A table never changes once it is synced, and is not deleted while
/// someone reads it, so readers need no order among each other or with writers.
pub struct Tables {
    folder: PathBuf,
    open: Mutex<OpenTables>,
}

#[derive(Default)]
struct OpenTables {
    handles: BTreeMap<FileId, Handle>,
    /// Counts uses, to find what was not used for longest.
    uses: u64,
}

struct Handle {
    file: Arc<File>,
    used: u64,
}

impl Tables {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            open: Mutex::default(),
        }
    }

    /// Reads all of `length` bytes at `offset`: whoever asks knows how long the table is.
    ///
    /// # Errors
    /// A fault that names table, offset and length, also if the table ends before.
    pub fn read(&self, file: FileId, offset: u64, length: u32) -> Result<Vec<u8>, DiskError> {
        self.read_exact(file, offset, length).map_err(|error| {
            let path = self.folder.join(file.to_string());
            let what = format_args!("has no {length} bytes at offset {offset} to read: {error}");
            failed(&path, what)
        })
    }

    /// Closes the handle of `file`, which is about to go: its number may come again, and its room
    /// is free only when nobody holds it.
    pub(super) fn forget(&self, file: FileId) {
        self.lock().handles.remove(&file);
    }

    fn read_exact(&self, file: FileId, offset: u64, length: u32) -> io::Result<Vec<u8>> {
        let handle = self.handle(file)?;
        // Looked at first, so that no length that is not there takes memory.
        let there = handle.metadata()?.len();
        if offset.saturating_add(u64::from(length)) > there {
            let short = format!("it is {there} bytes long");
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, short));
        }
        let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        handle.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    fn handle(&self, file: FileId) -> io::Result<Arc<File>> {
        if let Some(open) = self.lock().used(file) {
            return Ok(open);
        }
        // Without the lock: a slow folder must not hold up those whose table is open.
        let opened = Arc::new(File::open(self.folder.join(file.to_string()))?);
        self.lock().keep(file, Arc::clone(&opened));
        Ok(opened)
    }

    fn lock(&self) -> MutexGuard<'_, OpenTables> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many tables are open.
    #[cfg(test)]
    pub(super) fn open_count(&self) -> usize {
        self.lock().handles.len()
    }
}

impl OpenTables {
    fn used(&mut self, file: FileId) -> Option<Arc<File>> {
        self.uses += 1;
        let handle = self.handles.get_mut(&file)?;
        handle.used = self.uses;
        Some(Arc::clone(&handle.file))
    }

    fn keep(&mut self, table: FileId, file: Arc<File>) {
        if self.handles.len() >= OPEN_MAX
            && let Some(&oldest) = self
                .handles
                .iter()
                .min_by_key(|(_, handle)| handle.used)
                .map(|(table, _)| table)
        {
            self.handles.remove(&oldest);
        }
        let used = self.uses;
        self.handles.insert(table, Handle { file, used });
    }
}
