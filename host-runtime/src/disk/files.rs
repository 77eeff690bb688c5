//! One shard's files, and each storage request carried out on them.

use super::error::{DiskAnswer, DiskError, failed, fault};
use super::handles::Handles;
use super::tables::Tables;
use henge_core::storage::{FileId, FileKind, StorageRequest, StoredFile};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a file is called while `Replace` writes it.
const UNFINISHED: &str = ".new";
/// A table is synced each time it has grown by this much. Written back all at once, its bytes fill
/// the device's queue and the file system's journal, and the log's syncs wait behind them.
const TABLE_SYNC_BYTES: u64 = 8 * 1_024 * 1_024;
/// Zeros that are written behind a small append to the log, for those that follow. The sync of a file
/// that neither grows nor gets blocks writes no inode: it takes about two thirds of the time.
const LOG_ROOM: &[u8] = &[0; 256 * 1_024];

/// The files in one folder. Each lane that writes has one of its own, for files of its own.
pub struct Files {
    folder: PathBuf,
    directory: File,
    handles: Handles,
    /// Those who read tables; they let go of what is removed here.
    tables: Arc<Tables>,
}

impl Files {
    /// Opens `folder`, which is made if it is not there.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(folder: &Path) -> io::Result<Self> {
        if !folder.is_dir() {
            std::fs::create_dir_all(folder)?;
            if let Some(parent) = folder.parent() {
                File::open(parent)?.sync_all()?;
            }
        }
        let tables = Arc::new(Tables::new(folder.to_owned()));
        Self::with_tables(folder.to_owned(), tables)
    }

    /// The same folder for another lane: it must write none of the files that this one does.
    ///
    /// # Errors
    /// What the system says.
    pub fn twin(&self) -> io::Result<Self> {
        Self::with_tables(self.folder.clone(), self.tables())
    }

    /// The folder's tables, to be read.
    #[must_use]
    pub fn tables(&self) -> Arc<Tables> {
        Arc::clone(&self.tables)
    }

    fn with_tables(folder: PathBuf, tables: Arc<Tables>) -> io::Result<Self> {
        Ok(Self {
            directory: File::open(&folder)?,
            handles: Handles::new(folder.clone()),
            folder,
            tables,
        })
    }

    /// The files that are there, by name, and durable: what an earlier process or instance has
    /// written but not synced must not be lost after someone has read it. What a crash has left
    /// unfinished is removed.
    ///
    /// # Errors
    /// What the system says.
    pub fn list(&mut self) -> Result<Vec<StoredFile>, DiskError> {
        self.handles.cut_room()?;
        let found = self.scan().map_err(|error| fault(&self.folder, &error))?;
        for stored in found
            .iter()
            .filter(|stored| stored.file.kind == FileKind::Log)
        {
            self.sync(stored.file)?;
        }
        self.sync_directory()?;
        Ok(found)
    }

    fn scan(&self) -> io::Result<Vec<StoredFile>> {
        let mut found = Vec::new();
        for named in list(&self.folder)? {
            match named {
                Named::Stored(stored) => found.push(stored),
                Named::Unfinished(name) => std::fs::remove_file(self.folder.join(name))?,
                Named::Other(name) => tracing::warn!(
                    "{} is no file of Henge's; it is left alone",
                    self.folder.join(name).display()
                ),
            }
        }
        Ok(found)
    }

    /// Carries out `request`.
    ///
    /// # Errors
    /// A fault for the node, or the end of all trust in this disk.
    pub fn execute(&mut self, request: &StorageRequest) -> Result<DiskAnswer, DiskError> {
        match request {
            StorageRequest::Append {
                file,
                offset,
                bytes,
            } => self.append(*file, *offset, bytes),
            StorageRequest::Sync { file } => self.sync(*file),
            StorageRequest::Read {
                file,
                offset,
                length,
            } => {
                return self.read(*file, *offset, *length).map(DiskAnswer::Bytes);
            }
            StorageRequest::Replace { file, bytes } => self.replace(*file, bytes),
            StorageRequest::Truncate { file, length } => self.truncate(*file, *length),
            StorageRequest::Delete { file } => self.delete(*file),
        }?;
        Ok(DiskAnswer::Done)
    }

    /// Makes everything durable that is not yet, and the files as long as what is in them.
    ///
    /// # Errors
    /// If that cannot be done.
    pub fn sync_all(&mut self) -> Result<(), DiskError> {
        let unsynced = self.handles.unsynced();
        unsynced.into_iter().try_for_each(|file| self.sync(file))?;
        self.handles.cut_room()
    }

    fn append(&mut self, file: FileId, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        let path = self.path(file);
        if file.kind == FileKind::Log && !self.handles.has(file) {
            // Room is for the last segment only: one with another behind it ends with its batches.
            self.handles.cut_room()?;
        }
        let open = self.handles.get(file, true)?;
        if open.length != offset {
            return Err(failed(
                &path,
                format_args!("is {} bytes long, not {offset}", open.length),
            ));
        }
        // Whatever comes of it, the file's content is not what was synced.
        open.dirty = true;
        match open.file.write_all_at(bytes, offset) {
            Ok(()) => {
                open.length += bytes.len() as u64;
                if open.room < open.length {
                    open.room = open.length;
                    if file.kind == FileKind::Log && bytes.len() < LOG_ROOM.len() / 4 {
                        open.give_room(LOG_ROOM);
                    }
                }
            }
            Err(error) => {
                // So that the file is as it was. If this fails as well, the length no longer
                // agrees and the next append says so.
                open.length = match open.file.set_len(offset) {
                    Ok(()) => offset,
                    Err(_) => u64::MAX,
                };
                open.room = open.length;
                return Err(fault(&path, &error));
            }
        }
        let steps = open.length / TABLE_SYNC_BYTES - offset / TABLE_SYNC_BYTES;
        if file.kind == FileKind::Table && steps > 0 {
            return self.sync(file);
        }
        Ok(())
    }

    fn sync(&mut self, file: FileId) -> Result<(), DiskError> {
        let path = self.path(file);
        let open = self.handles.get(file, false)?;
        open.file
            .sync_data()
            .map_err(|error| DiskError::NotDurable { path, error })?;
        open.dirty = false;
        if std::mem::take(&mut open.created) {
            self.sync_directory()
        } else {
            Ok(())
        }
    }

    fn read(&mut self, file: FileId, offset: u64, length: u32) -> Result<Vec<u8>, DiskError> {
        let path = self.path(file);
        let open = self.handles.get(file, false)?;
        let there = open.length.saturating_sub(offset).min(u64::from(length));
        let mut bytes = vec![0; usize::try_from(there).unwrap_or(0)];
        open.file
            .read_exact_at(&mut bytes, offset)
            .map_err(|error| fault(&path, &error))?;
        Ok(bytes)
    }

    fn replace(&mut self, file: FileId, bytes: &[u8]) -> Result<(), DiskError> {
        let path = self.path(file);
        let unfinished = self.folder.join(format!("{file}{UNFINISHED}"));
        let written = File::create(&unfinished).and_then(|new| {
            new.write_all_at(bytes, 0)?;
            Ok(new)
        });
        let new = written.map_err(|error| {
            // A leftover takes room; the next listing removes it if this does not.
            let _ = std::fs::remove_file(&unfinished);
            fault(&path, &error)
        })?;
        new.sync_all().map_err(|error| DiskError::NotDurable {
            path: unfinished.clone(),
            error,
        })?;
        self.handles.close(file);
        self.tables.forget(file);
        std::fs::rename(&unfinished, &path).map_err(|error| fault(&path, &error))?;
        self.sync_directory()
    }

    fn truncate(&mut self, file: FileId, length: u64) -> Result<(), DiskError> {
        let path = self.path(file);
        // A segment may be cut to nothing before anything is in it.
        let open = self.handles.get(file, length == 0)?;
        if length > open.length {
            return Err(failed(
                &path,
                format_args!(
                    "is {} bytes long and cannot be cut to {length}",
                    open.length
                ),
            ));
        }
        open.file
            .set_len(length)
            .map_err(|error| fault(&path, &error))?;
        open.length = length;
        open.room = length;
        open.file
            .sync_all()
            .map_err(|error| DiskError::NotDurable { path, error })?;
        open.dirty = false;
        if std::mem::take(&mut open.created) {
            self.sync_directory()
        } else {
            Ok(())
        }
    }

    fn delete(&mut self, file: FileId) -> Result<(), DiskError> {
        self.handles.close(file);
        self.tables.forget(file);
        let path = self.path(file);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(fault(&path, &error)),
            Ok(()) => self.sync_directory(),
        }
    }

    fn sync_directory(&self) -> Result<(), DiskError> {
        let not_durable = |error| DiskError::NotDurable {
            path: self.folder.clone(),
            error,
        };
        self.directory.sync_all().map_err(not_durable)
    }

    fn path(&self, file: FileId) -> PathBuf {
        self.folder.join(file.to_string())
    }
}

/// Something in a shard's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// A file of the storage.
    Stored(StoredFile),
    /// What a crash has left of a replacement.
    Unfinished(String),
    /// No file of Henge's.
    Other(String),
}

/// What is in `folder`; files of the storage sorted by kind and number. Nothing is changed.
///
/// # Errors
/// What the system says.
pub fn list(folder: &Path) -> io::Result<Vec<Named>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        found.push(match parse_name(&name) {
            _ if name.ends_with(UNFINISHED) => Named::Unfinished(name),
            Some(file) => Named::Stored(StoredFile {
                file,
                length: entry.metadata()?.len(),
            }),
            None => Named::Other(name),
        });
    }
    found.sort_unstable_by_key(|named| match named {
        Named::Stored(stored) => Some(stored.file),
        Named::Unfinished(_) | Named::Other(_) => None,
    });
    Ok(found)
}

fn parse_name(name: &str) -> Option<FileId> {
    let (kind, number) = name.split_once('-')?;
    let kind = match kind {
        "log" => FileKind::Log,
        "table" => FileKind::Table,
        "manifest" => FileKind::Manifest,
        _ => return None,
    };
    let file = FileId {
        kind,
        number: number.parse().ok()?,
    };
    (file.to_string() == name).then_some(file)
}
