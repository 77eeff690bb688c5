//! How far an import of a file has come, beside the file.

use super::split::{Place, Shape, Start};
use crate::cli::args::ImportArgs;
use crate::cli::error::CliError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const FORMAT: u32 = 1;

/// What an import does. Only the same can go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    format: u32,
    file_bytes: u64,
    key: Vec<String>,
    prefix: String,
    separator: String,
}

impl Job {
    /// The job that `args` tell.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn new(args: &ImportArgs) -> Result<Self, CliError> {
        let file = std::fs::metadata(&args.file).map_err(|error| {
            CliError::new(format!("cannot read {}: {error}", args.file.display()))
        })?;
        if !file.is_file() {
            return Err(
                CliError::usage(format!("{} is no file", args.file.display()))
                    .hint("name a file with a JSON array or one JSON object a line"),
            );
        }
        Ok(Self {
            format: FORMAT,
            file_bytes: file.len(),
            key: args.key.clone(),
            prefix: args.prefix.clone(),
            separator: args.separator.clone(),
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Saved {
    job: Job,
    start: Start,
}

/// How far an import has come: every record before `start` is done.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    job: Job,
    start: Start,
    /// Records that are done after one that is not.
    ahead: BTreeMap<u64, Done>,
}

/// What is known of a record that is done.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    /// Where an import goes on after it.
    pub end: Place,
    /// How records lie in the file.
    pub shape: Shape,
    /// Whether it was broken.
    pub broken: bool,
}

impl Checkpoint {
    /// The checkpoint of `file`: that of an earlier import if `resume` says so, else a new one.
    ///
    /// # Errors
    /// If an earlier one did another job, or cannot be read.
    pub fn open(file: &Path, job: Job, resume: bool) -> Result<Self, CliError> {
        let path = Self::path(file);
        let mut start = Start::new();
        if resume {
            match std::fs::read_to_string(&path) {
                Ok(text) => start = read(&path, &text, &job)?,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    eprintln!("nothing to resume; starting at the first record");
                }
                Err(error) => {
                    return Err(CliError::new(format!(
                        "cannot read {}: {error}",
                        path.display()
                    )));
                }
            }
        } else if path.exists() {
            eprintln!(
                "an earlier import of this file did not finish (--resume would go on with it); starting anew"
            );
        }
        Ok(Self {
            path,
            job,
            start,
            ahead: BTreeMap::new(),
        })
    }

    /// Where the checkpoint of `file` is.
    #[must_use]
    pub fn path(file: &Path) -> PathBuf {
        let mut name = file.as_os_str().to_owned();
        name.push(".henge-progress");
        name.into()
    }

    /// Where to go on.
    #[must_use]
    pub const fn start(&self) -> Start {
        self.start
    }

    /// Length of the file, in bytes.
    #[must_use]
    pub const fn file_bytes(&self) -> u64 {
        self.job.file_bytes
    }

    /// Record `index` is done.
    pub fn done(&mut self, index: u64, done: Done) {
        self.ahead.insert(index, done);
        while let Some(next) = self.ahead.remove(&self.start.records) {
            self.start.records += 1;
            self.start.broken += u64::from(next.broken);
            self.start.place = next.end;
            self.start.shape = Some(next.shape);
        }
    }

    /// Writes it beside the file, atomically.
    ///
    /// # Errors
    /// If that cannot be done.
    pub fn save(&self) -> Result<(), CliError> {
        let failed = |error: std::io::Error| {
            CliError::new(format!(
                "cannot note the progress in {}: {error}",
                self.path.display()
            ))
        };
        let saved = Saved {
            job: self.job.clone(),
            start: self.start,
        };
        let text = serde_json::to_string_pretty(&saved).map_err(|e| failed(e.into()))?;
        let unfinished = self.path.with_extension("henge-progress-new");
        std::fs::write(&unfinished, text).map_err(failed)?;
        std::fs::rename(&unfinished, &self.path).map_err(failed)
    }

    /// Removes it: the import is complete.
    pub fn remove(&self) {
        // It is mostly not there, and a stale one is harmless.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn read(path: &Path, text: &str, job: &Job) -> Result<Start, CliError> {
    let hint = "leave --resume out to start at the first record";
    let saved: Saved = serde_json::from_str(text).map_err(|error| {
        CliError::new(format!("{} is damaged: {error}", path.display())).hint(hint)
    })?;
    if saved.job != *job {
        let what = if saved.job.file_bytes == job.file_bytes {
            "another --key, --prefix or --separator"
        } else {
            "a file of another length"
        };
        return Err(CliError::new(format!("{} is about {what}", path.display())).hint(hint));
    }
    Ok(saved.start)
}
