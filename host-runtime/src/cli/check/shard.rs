//! One shard: the manifest, the tables that it names, the log behind them, and what is left over.

use super::findings::Findings;
use crate::cli::stored::{Source, is_pair, is_state, what_is_wrong};
use crate::disk::files::{Named, list};
use henge_core::storage::log::recovery::Tail;
use henge_core::storage::log::{Corruption, Record, Recovered, Recovery};
use henge_core::storage::manifest::format::{MANIFEST_HEADER_BYTES, ManifestError};
use henge_core::storage::manifest::{Manifest, Table};
use henge_core::storage::table::verify::{Checked, TableCheck};
use henge_core::storage::{FileId, FileKind, StorageRequest, StoredFile};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

const MANIFEST: FileId = FileId {
    kind: FileKind::Manifest,
    number: 0,
};

/// The files in a shard's folder.
pub(super) struct Shard {
    folder: PathBuf,
    files: Vec<StoredFile>,
    /// Names that no file of a storage has.
    others: Vec<String>,
}

impl Shard {
    /// What is in `folder`.
    pub(super) fn list(folder: &Path) -> io::Result<Self> {
        let (mut files, mut others) = (Vec::new(), Vec::new());
        for named in list(folder)? {
            match named {
                Named::Stored(stored) => files.push(stored),
                Named::Unfinished(name) | Named::Other(name) => others.push(name),
            }
        }
        Ok(Self {
            folder: folder.to_owned(),
            files,
            others,
        })
    }

    /// Length of all its files.
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|stored| stored.length).sum()
    }

    /// Goes through all of it.
    pub(super) fn check(&self, findings: &mut Findings) {
        let manifest = self.manifest(findings);
        match &manifest {
            Some(manifest) => self.tables(manifest, findings),
            // What should be there cannot be told; what is there can be looked at.
            None => self.numbers(FileKind::Table).for_each(|number| {
                self.table(number, None, findings);
            }),
        }
        let first = self.numbers(FileKind::Log).next().unwrap_or(1);
        let log_start = manifest.as_ref().map_or(first, |known| known.log_start);
        let incarnation = manifest.map(|known| known.incarnation);
        self.log(log_start, incarnation.filter(|known| *known != 0), findings);
        for name in &self.others {
            let what = "no file of a storage; nothing reads it";
            findings.note(&self.folder.join(name), what);
        }
    }

    /// The manifest; one of a storage that has nothing if there is none, `None` if it is damaged.
    fn manifest(&self, findings: &mut Findings) -> Option<Manifest> {
        if !self.files.iter().any(|stored| stored.file == MANIFEST) {
            return Some(Manifest::new(0));
        }
        let path = self.path(MANIFEST);
        let read = Source::open(&path).and_then(|source| source.manifest());
        let bytes = match read {
            Ok(bytes) => bytes,
            Err(error) => {
                findings.damage(&path, 0, unreadable(&error));
                return None;
            }
        };
        findings.read(bytes.len());
        match Manifest::decode(&bytes) {
            Ok(manifest) => Some(manifest),
            Err(error) => {
                let offset = match error {
                    ManifestError::Damaged => 0,
                    ManifestError::Version(_) => 8,
                    ManifestError::Malformed => MANIFEST_HEADER_BYTES as u64,
                };
                findings.damage(&path, offset, format_args!("the manifest {error}"));
                None
            }
        }
    }

    /// Each table that `manifest` names; the others are left over.
    fn tables(&self, manifest: &Manifest, findings: &mut Findings) {
        let lengths: BTreeMap<FileId, u64> = { self.files.iter() }
            .map(|stored| (stored.file, stored.length))
            .collect();
        for table in manifest.levels.tables() {
            let file = table_file(table.number);
            match lengths.get(&file) {
                None => findings.damage(
                    &self.path(file),
                    0,
                    "the file is missing although the manifest names it",
                ),
                Some(length) if *length != table.length => findings.damage(
                    &self.path(file),
                    table.length.min(*length),
                    format_args!(
                        "the table is {length} bytes long, but {} were written",
                        table.length
                    ),
                ),
                Some(_) => self.table(table.number, Some((manifest.incarnation, table)), findings),
            }
        }
        let named: BTreeSet<u64> = { manifest.levels.tables() }
            .map(|table| table.number)
            .collect();
        for number in self.numbers(FileKind::Table) {
            if !named.contains(&number) {
                let what = "left over, no manifest names it; the next start removes it";
                findings.note(&self.path(table_file(number)), what);
            }
        }
    }

    /// Goes through one table. `expected` is the storage's incarnation and what the manifest says
    /// of the table, if that is known.
    fn table(&self, number: u64, expected: Option<(u64, &Table)>, findings: &mut Findings) {
        let path = self.path(table_file(number));
        match check_table(&path, number, expected.map(|(known, _)| known), findings) {
            Ok(checked) => {
                findings.tables += 1;
                findings.pairs += checked.pairs;
                for flaw in &checked.flaws {
                    findings.damage(&path, flaw.offset, flaw.kind);
                }
                let differs = |table: &Table| expected.is_some_and(|(_, named)| named != table);
                if checked.table.as_ref().is_some_and(differs) {
                    let what = "the table is whole, but the manifest says other things of it";
                    findings.damage(&path, 0, what);
                }
            }
            Err((offset, error)) => findings.damage(&path, offset, unreadable(&error)),
        }
    }

    /// Reads the log as a start does.
    fn log(&self, log_start: u64, incarnation: Option<u64>, findings: &mut Findings) {
        for number in self.numbers(FileKind::Log) {
            if number < log_start {
                let what = "left over, its records are in tables; the next start removes it";
                findings.note(&self.path(log_file(number)), what);
            } else {
                findings.segments += 1;
            }
        }
        let ended = Recovery::new(&self.files, log_start, incarnation)
            .map_err(LogEnd::Corrupt)
            .and_then(|recovery| self.recover(recovery, findings));
        match ended {
            Ok(None) => {}
            Ok(Some(Tail { segment, bytes, .. })) => {
                let what = format_args!(
                    "the last {bytes} bytes were never durable; the next start cuts them off"
                );
                findings.note(&self.path(log_file(segment)), what);
            }
            Err(LogEnd::Corrupt(Corruption { file, offset, why })) => {
                findings.damage(&self.path(file), offset, what_is_wrong(why));
            }
            Err(LogEnd::Unreadable(file, offset, error)) => {
                findings.damage(&self.path(file), offset, unreadable(&error));
            }
        }
    }

    fn recover(
        &self,
        mut recovery: Recovery,
        findings: &mut Findings,
    ) -> Result<Option<Tail>, LogEnd> {
        let mut open: Option<(FileId, Source)> = None;
        loop {
            let mut replay = |_, record: Record<'_>| {
                findings.records += 1;
                match record {
                    Record::State { key, set, .. } => is_state(key, set),
                    Record::Note { .. } | Record::Drop { .. } => true,
                }
            };
            let request = match recovery.advance(0, &mut replay).map_err(LogEnd::Corrupt)? {
                Recovered::Read(request) => request,
                Recovered::Done { tail, .. } => return Ok(tail.filter(|tail| tail.bytes > 0)),
            };
            let StorageRequest::Read { file, offset, .. } = request else {
                continue;
            };
            let failed = |error| LogEnd::Unreadable(file, offset, error);
            let source = match open.take() {
                Some((opened, source)) if opened == file => source,
                _ => Source::open(&self.path(file)).map_err(failed)?,
            };
            let bytes = source.answer(&request).map_err(failed)?;
            open = Some((file, source));
            findings.read(bytes.len());
            recovery.feed(&bytes).map_err(LogEnd::Corrupt)?;
        }
    }

    fn numbers(&self, kind: FileKind) -> impl Iterator<Item = u64> {
        let of_kind = move |stored: &&StoredFile| stored.file.kind == kind;
        self.files
            .iter()
            .filter(of_kind)
            .map(|stored| stored.file.number)
    }

    fn path(&self, file: FileId) -> PathBuf {
        self.folder.join(file.to_string())
    }
}

/// Why the log cannot be read to its end.
enum LogEnd {
    Corrupt(Corruption),
    Unreadable(FileId, u64, io::Error),
}

fn check_table(
    path: &Path,
    number: u64,
    incarnation: Option<u64>,
    findings: &mut Findings,
) -> Result<Checked, (u64, io::Error)> {
    let source = Source::open(path).map_err(|error| (0, error))?;
    let mut check = TableCheck::new(number, source.length, incarnation);
    while let Some(read) = check.advance(&mut is_pair) {
        let bytes = source.piece(read).map_err(|error| (read.0, error))?;
        findings.read(bytes.len());
        check.feed(&bytes);
    }
    Ok(check.finish())
}

fn unreadable(error: &io::Error) -> String {
    format!("the file cannot be read: {error}")
}

const fn table_file(number: u64) -> FileId {
    FileId {
        kind: FileKind::Table,
        number,
    }
}

const fn log_file(number: u64) -> FileId {
    FileId {
        kind: FileKind::Log,
        number,
    }
}
