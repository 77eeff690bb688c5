//! What a node asks of its medium. One contract for files, OPFS, IndexedDB and Durable Objects.
//!
//! * Every request carries an [`OperationId`] and is answered once, with an answer or a fault.
//! * Requests for one file take effect in the order in which they were given out. Those for
//!   different files may take effect in any order, and answers come in any order: a node that
//!   needs an order waits for the answer first.
//! * A table is read only after its `Sync` was answered, and is not deleted while it is read: so
//!   reads of tables may run beside everything else, and one that takes long holds up nothing.
//! * What was appended is durable when a later `Sync` of the same file has been answered: before
//!   that a crash may leave any part of it, or none.
//! * `Replace` is atomic and durable when it is answered.
//! * A medium without files stores a file as chunks under its [`FileId`].

use crate::sorted::{Key, Words};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Serialize};

/// A request's number; a node never gives one out twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OperationId(pub u64);

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FileKind {
    /// A segment of the commit log: only appended to.
    Log,
    /// A sorted table: appended to, synced, and never changed after.
    Table,
    /// Which tables and segments count: only replaced.
    Manifest,
}

/// A file's name: `log-1`, `table-7`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileId {
    /// What it is for.
    pub kind: FileKind,
    /// Which of its kind.
    pub number: u64,
}

impl Key for FileId {
    fn to_words(self) -> Words {
        [self.kind as u64, self.number]
    }

    fn from_words([kind, number]: Words) -> Self {
        let kind = match kind {
            0 => FileKind::Log,
            1 => FileKind::Table,
            _ => FileKind::Manifest,
        };
        Self { kind, number }
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            FileKind::Log => "log",
            FileKind::Table => "table",
            FileKind::Manifest => "manifest",
        };
        write!(f, "{kind}-{:010}", self.number)
    }
}

/// A name that is not one of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileNameError;

impl FromStr for FileId {
    type Err = FileNameError;

    /// What `Display` has written.
    fn from_str(name: &str) -> Result<Self, FileNameError> {
        let (kind, number) = name.split_once('-').ok_or(FileNameError)?;
        let kind = match kind {
            "log" => FileKind::Log,
            "table" => FileKind::Table,
            "manifest" => FileKind::Manifest,
            _ => return Err(FileNameError),
        };
        let number = number.parse().map_err(|_| FileNameError)?;
        Ok(Self { kind, number })
    }
}

/// A file that was there when the storage was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFile {
    /// Its name.
    pub file: FileId,
    /// Its length in bytes. The last segment of the log may end in zeros that nobody appended.
    pub length: u64,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StorageRequest {
    /// Write at the end of a file, which is made if it is not there.
    Append {
        /// The file.
        file: FileId,
        /// Its length before, in bytes: a medium that finds another one answers with a fault.
        offset: u64,
        /// What to write.
        #[serde(with = "serde_bytes")]
        bytes: Vec<u8>,
    },
    /// Make everything appended to the file durable, and that it exists.
    Sync {
        /// The file.
        file: FileId,
    },
    /// Read; fewer bytes come back only at the end of the file.
    Read {
        /// The file.
        file: FileId,
        /// From where, in bytes.
        offset: u64,
        /// How much, in bytes.
        length: u32,
    },
    /// Put these bytes in the place of the whole file, atomically and durably.
    Replace {
        /// The file.
        file: FileId,
        /// What it holds from now on.
        #[serde(with = "serde_bytes")]
        bytes: Vec<u8>,
    },
    /// Cut the file to this length, durably.
    Truncate {
        /// The file.
        file: FileId,
        /// Its length from now on, in bytes.
        length: u64,
    },
    /// Remove the file. Not being there is no fault.
    Delete {
        /// The file.
        file: FileId,
    },
}

impl StorageRequest {
    /// The file that it is about.
    #[must_use]
    pub const fn file(&self) -> FileId {
        match self {
            Self::Append { file, .. }
            | Self::Sync { file }
            | Self::Read { file, .. }
            | Self::Replace { file, .. }
            | Self::Truncate { file, .. }
            | Self::Delete { file } => *file,
        }
    }
}

/// A request that was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StorageAnswer<'a> {
    /// Done.
    Done,
    /// What was read.
    Bytes(#[serde(borrow, with = "serde_bytes")] &'a [u8]),
}

/// A request that was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StorageFault {
    /// No room is left; the file is as it was. What a `Sync` was for is still there, and not durable.
    Full,
    /// Anything else, in the medium's words. The file may hold a part of what was written.
    Failed(String),
}

impl fmt::Display for StorageFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("no room is left"),
            Self::Failed(why) => f.write_str(why),
        }
    }
}

impl core::error::Error for StorageFault {}
