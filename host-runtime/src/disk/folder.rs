//! A stone's data folder: whose it is, and that nobody else uses it.

use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The layout of the folder, raised by a change that an older server would misread.
const FORMAT: u32 = 1;
const IDENTITY_FILE: &str = "stone.toml";
const LOCK_FILE: &str = "lock";
const CLUSTER_FILE: &str = "cluster";

/// What never changes in the life of a data folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The layout of the folder.
    pub format: u32,
    /// The cluster's name.
    pub cluster: String,
    /// The member's name.
    pub member: String,
    /// Partitions of the ring.
    pub partitions: u16,
    /// Shards of the member, each with a folder of its own.
    pub shards: u16,
}

impl Identity {
    /// The identity of a folder that this server would make.
    #[must_use]
    pub const fn new(cluster: String, member: String, partitions: u16, shards: u16) -> Self {
        Self {
            format: FORMAT,
            cluster,
            member,
            partitions,
            shards,
        }
    }
}

/// Why a data folder cannot be used.
#[derive(Debug, Error)]
pub enum FolderError {
    /// The system says no.
    #[error("data folder {path}: {error}")]
    Io {
        /// Folder or file.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
    /// It is no data folder.
    #[error(
        "{path} is no data folder: it has no {IDENTITY_FILE}; name the folder that `henge serve` \
         has as --data"
    )]
    Missing {
        /// What was named.
        path: PathBuf,
    },
    /// Another stone uses it.
    #[error(
        "data folder {path} is in use by the stone with pid {pid}; stop that one first, or choose \
         another folder with --data"
    )]
    InUse {
        /// The folder.
        path: PathBuf,
        /// Of the process, as it noted it.
        pid: String,
    },
    /// It belongs to another stone.
    #[error(
        "data folder {path} was made with {what} {stored}, but this start says {given}; start with \
         {what} {stored}, or choose another folder with --data"
    )]
    Other {
        /// The folder.
        path: PathBuf,
        /// Which setting.
        what: &'static str,
        /// What the folder says.
        stored: String,
        /// What the start says.
        given: String,
    },
    /// The identity cannot be read.
    #[error(
        "{path} is damaged: {why}; restore the file, or move the data folder away and let the \
             other replicas fill a new one"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// A data folder that this process alone uses, until it is dropped.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    stored: Option<Identity>,
    _lock: File,
}

impl DataFolder {
    /// Opens the folder at `path`, makes it if it is not there, and locks it.
    ///
    /// # Errors
    /// If another process has it, or the system says no.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let failed = |error| FolderError::Io {
            path: path.to_owned(),
            error,
        };
        make_folder(path).map_err(failed)?;
        let lock = lock(path)?;
        let stored = read_identity(path)?;
        Ok(Self {
            path: path.to_owned(),
            stored,
            _lock: lock,
        })
    }

    /// Opens the folder at `path`, which must be a stone's already, and locks it.
    ///
    /// # Errors
    /// If it is none or of a format that this build does not know, if another process has it, or
    /// the system says no.
    pub fn existing(path: &Path) -> Result<Self, FolderError> {
        if !path.join(IDENTITY_FILE).is_file() {
            let path = path.to_owned();
            return Err(FolderError::Missing { path });
        }
        let folder = Self::open(path)?;
        match &folder.stored {
            Some(stored) if stored.format != FORMAT => Err(FolderError::Other {
                path: path.to_owned(),
                what: "format",
                stored: stored.format.to_string(),
                given: FORMAT.to_string(),
            }),
            _ => Ok(folder),
        }
    }

    /// Who the folder belongs to; none yet if it is new.
    #[must_use]
    pub const fn identity(&self) -> Option<&Identity> {
        self.stored.as_ref()
    }

    /// Makes the folder that of `identity`, if it is new, or checks that it is.
    ///
    /// # Errors
    /// If it is another's, naming the first setting that differs.
    pub fn claim(&mut self, identity: &Identity) -> Result<(), FolderError> {
        match &self.stored {
            Some(stored) => self.compare(stored, identity),
            None => {
                let failed = |error| FolderError::Io {
                    path: self.path.clone(),
                    error,
                };
                write_identity(&self.path, identity).map_err(failed)?;
                self.stored = Some(identity.clone());
                Ok(())
            }
        }
    }

    /// Notes the cluster's state, for a stone that has joined and is started again.
    ///
    /// # Errors
    /// If the system says no.
    pub fn keep_cluster(&self, bytes: &[u8]) -> io::Result<()> {
        let unfinished = self.path.join(format!("{CLUSTER_FILE}.new"));
        std::fs::write(&unfinished, bytes)?;
        std::fs::rename(&unfinished, self.path.join(CLUSTER_FILE))
    }

    /// What was noted, if anything.
    #[must_use]
    pub fn cluster(&self) -> Option<Vec<u8>> {
        std::fs::read(self.path.join(CLUSTER_FILE)).ok()
    }

    /// Where the files of `shard` are.
    #[must_use]
    pub fn shard(&self, shard: u16) -> PathBuf {
        self.path.join(format!("shard-{shard}"))
    }

    fn compare(&self, stored: &Identity, given: &Identity) -> Result<(), FolderError> {
        let pairs = [
            (
                "format",
                stored.format.to_string(),
                given.format.to_string(),
            ),
            ("cluster", stored.cluster.clone(), given.cluster.clone()),
            ("name", stored.member.clone(), given.member.clone()),
            (
                "partitions",
                stored.partitions.to_string(),
                given.partitions.to_string(),
            ),
            (
                "shards",
                stored.shards.to_string(),
                given.shards.to_string(),
            ),
        ];
        match pairs.into_iter().find(|(_, stored, given)| stored != given) {
            None => Ok(()),
            Some((what, stored, given)) => Err(FolderError::Other {
                path: self.path.clone(),
                what,
                stored,
                given,
            }),
        }
    }
}

/// Makes the folder if it is not there; that it exists is durable before anything in it is.
fn make_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(path)?;
    match path.canonicalize()?.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

fn lock(folder: &Path) -> Result<File, FolderError> {
    let path = folder.join(LOCK_FILE);
    let failed = |error| FolderError::Io {
        path: path.clone(),
        error,
    };
    let mut options = OpenOptions::new();
    let mut file = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {
            file.set_len(0).map_err(failed)?;
            write!(file, "{}", std::process::id()).map_err(failed)?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            // It may just be about to note its pid.
            let read = file.read_to_string(&mut pid);
            let known = read.is_ok() && !pid.is_empty();
            let pid = if known { pid } else { "(not noted yet)".into() };
            Err(FolderError::InUse {
                path: folder.to_owned(),
                pid,
            })
        }
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn read_identity(folder: &Path) -> Result<Option<Identity>, FolderError> {
    let path = folder.join(IDENTITY_FILE);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(FolderError::Io { path, error }),
    };
    match toml::from_str(&text) {
        Ok(identity) => Ok(Some(identity)),
        Err(error) => Err(FolderError::Damaged {
            path,
            why: error.to_string(),
        }),
    }
}

fn write_identity(folder: &Path, identity: &Identity) -> io::Result<()> {
    let text = toml::to_string(identity).map_err(io::Error::other)?;
    let unfinished = folder.join(format!("{IDENTITY_FILE}.new"));
    let mut file = File::create(&unfinished)?;
    writeln!(
        file,
        "# Whose folder this is. Written once; a start with other settings is refused."
    )?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&unfinished, folder.join(IDENTITY_FILE))?;
    File::open(folder)?.sync_all()
}
