//! `henge dump`: a table, a log segment or a manifest as lines. Nothing is changed, and no lock is
//! taken: what a running stone has finished writing never changes.
//!
//! * `line`: a line in either form.
//! * `state`: a key's state.

mod line;
mod state;

use super::args::DumpArgs;
use super::error::CliError;
use super::progress::Progress;
use super::stored::{Source, is_pair, is_state, what_is_wrong};
use henge_core::storage::log::format::{HeaderError, SEGMENT_MAGIC, SegmentHeader};
use henge_core::storage::log::{Record, Recovered, Recovery};
use henge_core::storage::manifest::Manifest;
use henge_core::storage::manifest::format::MANIFEST_MAGIC;
use henge_core::storage::table::footer::{TABLE_MAGIC, decode_header};
use henge_core::storage::table::verify::TableCheck;
use henge_core::storage::{FileId, FileKind, StoredFile};
use line::{Line, Lines};
use std::io::{self, IsTerminal};
use std::path::Path;

/// Length of the header that tables and segments begin with.
const HEADER_BYTES: usize = 40;

pub(super) fn run(args: &DumpArgs) -> Result<(), CliError> {
    let file = &args.file;
    let failed = |error| unreadable(file, &error);
    let source = Source::open(file).map_err(failed)?;
    let length = source.length.min(HEADER_BYTES as u64);
    let head = source.piece((0, length)).map_err(failed)?;
    let mut dump = Dump {
        file,
        lines: Lines::new(args.json),
        // On a terminal the lines themselves show how it goes on.
        progress: (!io::stdout().is_terminal()).then(|| Progress::new(source.length)),
        source,
    };
    let magic = head.first_chunk::<8>().copied().unwrap_or_default();
    let dumped = match (magic, head.first_chunk::<HEADER_BYTES>()) {
        (MANIFEST_MAGIC, _) => dump.manifest(),
        (TABLE_MAGIC, Some(head)) => dump.table(head),
        (SEGMENT_MAGIC, Some(head)) => dump.segment(head),
        _ => Err(CliError::new(format!(
            "{} is no table, log segment or manifest",
            file.display()
        ))
        .hint("those are the files in the folders shard-0, shard-1, ... of a data folder")),
    };
    if let Some(progress) = &dump.progress {
        progress.finish();
    }
    dumped.and(dump.lines.end())
}

struct Dump<'a> {
    file: &'a Path,
    source: Source,
    lines: Lines,
    progress: Option<Progress>,
}

impl Dump<'_> {
    fn table(&mut self, head: &[u8; HEADER_BYTES]) -> Result<(), CliError> {
        let (incarnation, number) = decode_header(head).map_err(|error| self.header(error))?;
        self.lines.put(
            &Line::new("table")
                .with("number", number)
                .with("incarnation", format!("{incarnation:016x}")),
        )?;
        let mut check = TableCheck::new(number, self.source.length, Some(incarnation));
        let mut written = Ok(());
        let lines = &mut self.lines;
        while let Some(read) = check.advance(&mut |key, found| {
            if written.is_ok() {
                written = lines.put(&state::pair(key, found));
            }
            is_pair(key, found)
        }) {
            std::mem::replace(&mut written, Ok(()))?;
            let bytes =
                { self.source.piece(read) }.map_err(|error| unreadable(self.file, &error))?;
            if let Some(progress) = &mut self.progress {
                progress.add(bytes.len() as u64);
            }
            check.feed(&bytes);
        }
        written?;
        match check.finish().flaws.first() {
            None => Ok(()),
            Some(flaw) => Err(self.damaged(flaw.offset, flaw.kind)),
        }
    }

    fn segment(&mut self, head: &[u8; HEADER_BYTES]) -> Result<(), CliError> {
        let header = SegmentHeader::decode(head).map_err(|error| self.header(error))?;
        let number = header.segment;
        let incarnation = format!("{:016x}", header.incarnation);
        let line = Line::new("log").with("number", number);
        self.lines.put(&line.with("incarnation", incarnation))?;
        let stored = StoredFile {
            file: FileId {
                kind: FileKind::Log,
                number,
            },
            length: self.source.length,
        };
        let mut written = Ok(());
        let lines = &mut self.lines;
        let mut replay = |_, record: Record<'_>| {
            if written.is_ok() {
                written = lines.put(&state::record(&record));
            }
            match record {
                Record::State { key, set, .. } => is_state(key, set),
                Record::Note { .. } | Record::Drop { .. } => true,
            }
        };
        let damaged = |error: henge_core::storage::log::Corruption| {
            damaged(self.file, error.offset, what_is_wrong(error.why))
        };
        let mut recovery = Recovery::new(&[stored], number, None).map_err(damaged)?;
        let tail = loop {
            match recovery.advance(0, &mut replay).map_err(damaged)? {
                Recovered::Done { tail, .. } => break tail,
                Recovered::Read(request) => {
                    let bytes = { self.source.answer(&request) }
                        .map_err(|error| unreadable(self.file, &error))?;
                    if let Some(progress) = &mut self.progress {
                        progress.add(bytes.len() as u64);
                    }
                    recovery.feed(&bytes).map_err(damaged)?;
                }
            }
        };
        written?;
        match tail.filter(|tail| tail.bytes > 0) {
            None => Ok(()),
            Some(tail) => self.lines.put(
                &Line::new("tail")
                    .with("offset", tail.offset)
                    .with("bytes", tail.bytes),
            ),
        }
    }

    fn manifest(&mut self) -> Result<(), CliError> {
        let whole = self.source.manifest();
        let bytes = whole.map_err(|error| unreadable(self.file, &error))?;
        let manifest = Manifest::decode(&bytes).map_err(|error| self.damaged(0, error))?;
        let head = Line::new("manifest")
            .with("incarnation", format!("{:016x}", manifest.incarnation))
            .with("next_table", manifest.next_table)
            .with("log_start", manifest.log_start);
        self.lines.put(&head)?;
        for (partition, keys) in manifest.keys.iter() {
            let line = Line::new("keys").with("partition", partition.0);
            self.lines.put(&line.with("keys", *keys))?;
        }
        for (partition, before_table) in manifest.drops.iter() {
            let line = Line::new("drop").with("partition", partition.0);
            self.lines.put(&line.with("before_table", *before_table))?;
        }
        for (level, tables) in manifest.levels.iter() {
            for table in tables {
                self.lines.put(&state::table(level, table))?;
            }
        }
        Ok(())
    }

    fn header(&self, error: HeaderError) -> CliError {
        match error {
            HeaderError::Damaged => self.damaged(0, "the header does not match its checksum"),
            HeaderError::Version(version) => CliError::new(format!(
                "{} has format version {version}, which this build does not read",
                self.file.display()
            ))
            .hint("use the `henge` that wrote it, or a newer one"),
        }
    }

    fn damaged(&self, offset: u64, what: impl std::fmt::Display) -> CliError {
        damaged(self.file, offset, what)
    }
}

fn damaged(file: &Path, offset: u64, what: impl std::fmt::Display) -> CliError {
    CliError::new(format!(
        "{} is damaged at byte {offset}: {what}",
        file.display()
    ))
    .hint("what could be read is printed; `henge check FOLDER` looks at the whole data folder")
}

fn unreadable(file: &Path, error: &io::Error) -> CliError {
    CliError::new(format!("cannot read {}: {error}", file.display()))
}
