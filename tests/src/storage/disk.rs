//! Files in memory that record every change, so that any crash can be made out of the record.

use henge_core::storage::{FileId, StorageFault, StorageRequest, StoredFile};
use std::collections::BTreeMap;

/// One change of the files, as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// Bytes at the end of a file.
    Append(FileId, Vec<u8>),
    /// All before, of this file, is durable.
    Sync(FileId),
    /// Another content, at once durable.
    Replace(FileId, Vec<u8>),
    /// A shorter content, at once durable.
    Truncate(FileId, usize),
    /// No such file any more.
    Delete(FileId),
}

/// Files, and everything that was done to them.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    files: BTreeMap<FileId, Vec<u8>>,
    /// All changes, if they are recorded.
    pub record: Option<Vec<Mutation>>,
    /// Bytes that fit; beyond it appends and replacements find the disk full.
    pub room: Option<usize>,
}

impl Disk {
    /// A disk that holds `files` and records nothing.
    #[must_use]
    pub const fn with(files: BTreeMap<FileId, Vec<u8>>) -> Self {
        Self {
            files,
            record: None,
            room: None,
        }
    }

    /// The files and their lengths.
    #[must_use]
    pub fn list(&self) -> Vec<StoredFile> {
        let stored = |(file, bytes): (&FileId, &Vec<u8>)| StoredFile {
            file: *file,
            length: bytes.len() as u64,
        };
        self.files.iter().map(stored).collect()
    }

    /// The files with what they hold.
    pub const fn files(&mut self) -> &mut BTreeMap<FileId, Vec<u8>> {
        &mut self.files
    }

    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.files.values().map(Vec::len).sum()
    }

    /// Carries out `request`; a read gives bytes.
    ///
    /// # Errors
    /// That the disk is full, or the request makes no sense.
    pub fn carry_out(&mut self, request: StorageRequest) -> Result<Option<Vec<u8>>, StorageFault> {
        let change = match request {
            StorageRequest::Read {
                file,
                offset,
                length,
            } => {
                let Some(bytes) = self.files.get(&file) else {
                    return Err(StorageFault::Failed(format!("{file} is not there")));
                };
                let from = usize::try_from(offset).expect("an offset").min(bytes.len());
                let to = bytes.len().min(from + length as usize);
                return Ok(Some(bytes[from..to].to_vec()));
            }
            StorageRequest::Append {
                file,
                offset,
                bytes,
            } => {
                let length = self.files.get(&file).map_or(0, Vec::len);
                if length as u64 != offset {
                    let why = format!("append at {offset} to {file} of {length} bytes");
                    return Err(StorageFault::Failed(why));
                }
                self.check_room(bytes.len())?;
                Mutation::Append(file, bytes)
            }
            StorageRequest::Sync { file } => Mutation::Sync(file),
            StorageRequest::Replace { file, bytes } => {
                self.check_room(bytes.len())?;
                Mutation::Replace(file, bytes)
            }
            StorageRequest::Truncate { file, length } => {
                Mutation::Truncate(file, usize::try_from(length).expect("a length"))
            }
            StorageRequest::Delete { file } => Mutation::Delete(file),
        };
        apply(&mut self.files, &change);
        self.record
            .iter_mut()
            .for_each(|record| record.push(change.clone()));
        Ok(None)
    }

    fn check_room(&self, more: usize) -> Result<(), StorageFault> {
        match self.room {
            Some(room) if self.bytes() + more > room => Err(StorageFault::Full),
            _ => Ok(()),
        }
    }
}

/// Changes `files`.
pub fn apply(files: &mut BTreeMap<FileId, Vec<u8>>, change: &Mutation) {
    match change {
        Mutation::Append(file, bytes) => files.entry(*file).or_default().extend_from_slice(bytes),
        Mutation::Sync(file) => drop(files.entry(*file).or_default()),
        Mutation::Replace(file, bytes) => drop(files.insert(*file, bytes.clone())),
        Mutation::Truncate(file, length) => files.entry(*file).or_default().truncate(*length),
        Mutation::Delete(file) => drop(files.remove(file)),
    }
}
