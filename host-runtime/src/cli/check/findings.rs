//! What a check has found.

use crate::cli::progress::Progress;
use std::fmt::Display;
use std::path::Path;

/// Damages that are told one by one.
const TOLD_MAX: u64 = 1_000;

/// Counts what is gone through, and tells what is wrong as soon as it is found.
pub(super) struct Findings {
    progress: Progress,
    damages: u64,
    pub(super) tables: u64,
    pub(super) pairs: u64,
    pub(super) segments: u64,
    pub(super) records: u64,
    bytes: u64,
}

impl Findings {
    /// Nothing of `bytes` bytes is gone through.
    pub(super) fn new(bytes: u64) -> Self {
        Self {
            progress: Progress::new(bytes),
            damages: 0,
            tables: 0,
            pairs: 0,
            segments: 0,
            records: 0,
            bytes: 0,
        }
    }

    /// So many bytes more were read.
    pub(super) fn read(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        self.progress.add(bytes as u64);
    }

    /// Something is wrong with `file` at byte `offset`.
    pub(super) fn damage(&mut self, file: &Path, offset: u64, what: impl Display) {
        self.damages += 1;
        if self.damages <= TOLD_MAX {
            let file = file.display();
            self.progress
                .say(&format!("damaged: {file}, byte {offset}: {what}"));
        } else if self.damages == TOLD_MAX + 1 {
            self.progress
                .say("more damages follow; they are only counted");
        }
    }

    /// Something about `file` that is worth a line and no harm.
    pub(super) fn note(&self, file: &Path, what: impl Display) {
        self.progress
            .say(&format!("note: {}: {what}", file.display()));
    }

    /// Tells what was gone through, and gives how many damages there are.
    pub(super) fn conclude(self, shards: u16) -> u64 {
        self.progress.finish();
        println!(
            "checked {}: {} with {}, {} with {}, {:.1} MiB in all",
            counted(shards.into(), "shard"),
            counted(self.tables, "table"),
            counted(self.pairs, "pair"),
            counted(self.segments, "log segment"),
            counted(self.records, "record"),
            self.bytes as f64 / 1_048_576.0
        );
        self.damages
    }
}

fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
