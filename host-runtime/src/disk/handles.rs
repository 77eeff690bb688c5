//! The handles that one lane writes with.

use super::error::{DiskError, fault};
use henge_core::storage::FileId;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Handles kept open, unless more are dirty. A lane writes a few files at a time, and opening one
/// again costs little beside the sync that follows.
const OPEN_MAX: usize = 32;

/// A file that is open for writing.
pub(super) struct Open {
    pub(super) file: File,
    /// Where the next bytes go.
    pub(super) length: u64,
    /// The file's length: more if it was given room to be appended to, and that holds zeros.
    pub(super) room: u64,
    /// Bytes were written since the last sync.
    pub(super) dirty: bool,
    /// Its name may not be in the directory yet.
    pub(super) created: bool,
}

/// The open files of one lane, which nobody else writes.
pub(super) struct Handles {
    folder: PathBuf,
    open: BTreeMap<FileId, Open>,
}

impl Handles {
    pub(super) const fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            open: BTreeMap::new(),
        }
    }

    /// The handle of `file`, which is made if it is not there and `create` says so.
    pub(super) fn get(&mut self, file: FileId, create: bool) -> Result<&mut Open, DiskError> {
        if !self.open.contains_key(&file) {
            self.make_room();
            let path = self.folder.join(file.to_string());
            let opened = Open::new(&path, create).map_err(|error| fault(&path, &error))?;
            self.open.insert(file, opened);
        }
        Ok(self.open.get_mut(&file).expect("just inserted"))
    }

    /// Closes the handle of `file`, if there is one.
    pub(super) fn close(&mut self, file: FileId) {
        self.open.remove(&file);
    }

    /// The files that a sync would change something for.
    pub(super) fn unsynced(&self) -> Vec<FileId> {
        let unsynced = |open: &Open| open.dirty || open.created;
        self.open
            .iter()
            .filter(|(_, open)| unsynced(open))
            .map(|(id, _)| *id)
            .collect()
    }

    /// Cuts off the room that files were given, durably.
    pub(super) fn cut_room(&mut self) -> Result<(), DiskError> {
        for (file, open) in &mut self.open {
            if open.room > open.length {
                let cut = open.file.set_len(open.length);
                cut.and_then(|()| open.file.sync_all())
                    .map_err(|error| DiskError::NotDurable {
                        path: self.folder.join(file.to_string()),
                        error,
                    })?;
                open.room = open.length;
            }
        }
        Ok(())
    }

    /// Whether `file` is open.
    pub(super) fn has(&self, file: FileId) -> bool {
        self.open.contains_key(&file)
    }

    fn make_room(&mut self) {
        if self.open.len() < OPEN_MAX {
            return;
        }
        let clean = self
            .open
            .iter()
            .find(|(_, open)| !open.dirty && !open.created && open.room == open.length);
        if let Some((&file, _)) = clean {
            self.open.remove(&file);
        }
    }
}

impl Open {
    fn new(path: &Path, create: bool) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        match options.open(path) {
            Ok(file) => {
                let length = file.metadata()?.len();
                Ok(Self {
                    file,
                    length,
                    room: length,
                    dirty: false,
                    created: false,
                })
            }
            Err(error) if create && error.kind() == io::ErrorKind::NotFound => {
                let file = options.create_new(true).open(path)?;
                Ok(Self {
                    file,
                    length: 0,
                    room: 0,
                    dirty: false,
                    created: true,
                })
            }
            Err(error) => Err(error),
        }
    }

    /// Writes `zeros` behind the end, for appends to come. Where the device has no room for them, the
    /// file stays as it was.
    pub(super) fn give_room(&mut self, zeros: &[u8]) {
        let given = self.file.write_all_at(zeros, self.length);
        self.room = match given.or_else(|_| self.file.set_len(self.length)) {
            Ok(()) => self.file.metadata().map_or(u64::MAX, |data| data.len()),
            // Some zeros may be there: they are cut off with the next segment.
            Err(_) => u64::MAX,
        };
    }
}
