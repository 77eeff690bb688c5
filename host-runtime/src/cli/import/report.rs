//! What people see of an import.

use super::split::{Place, Start};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::{Duration, Instant};

/// Without a terminal there is a line this often.
const LINE_EVERY: Duration = Duration::from_secs(2);
const DRAWS_A_SECOND: u8 = 10;
/// Broken records that are told one by one.
const TOLD_MAX: u64 = 100;

/// Shows how an import goes on.
pub struct Report {
    bar: ProgressBar,
    began: Instant,
    told_at: Instant,
    file_bytes: u64,
    loaded: u64,
    broken: u64,
    broken_before: u64,
    has_terminal: bool,
}

impl Report {
    /// A report on a file of `file_bytes` bytes that goes on at `from`.
    #[must_use]
    pub fn new(file_bytes: u64, from: &Start) -> Self {
        let bar = ProgressBar::with_draw_target(
            Some(file_bytes),
            ProgressDrawTarget::stderr_with_hz(DRAWS_A_SECOND),
        );
        let template = "{wide_bar} {percent:>3} %  {msg}  eta {eta}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_position(from.place.offset);
        bar.reset_eta();
        if from.records > 0 {
            eprintln!(
                "going on after {} records, at line {}",
                from.records, from.place.line
            );
        }
        let has_terminal = !bar.is_hidden();
        let now = Instant::now();
        Self {
            bar,
            began: now,
            told_at: now,
            file_bytes,
            loaded: 0,
            broken: 0,
            broken_before: from.broken,
            has_terminal,
        }
    }

    /// One more record is durable.
    pub fn loaded(&mut self) {
        self.loaded += 1;
    }

    /// One more record is broken.
    pub fn broken(&mut self, place: Place, why: &str) {
        self.broken += 1;
        if self.broken <= TOLD_MAX {
            self.tell(&format!(
                "line {}, column {}: {why}",
                place.line, place.column
            ));
        } else if self.broken == TOLD_MAX + 1 {
            self.tell("more broken records follow; they are only counted");
        }
    }

    /// All before `offset` is done.
    pub fn reached(&mut self, offset: u64) {
        let message = format!("{} records, {:.0} rec/s", self.loaded, self.rate());
        if self.has_terminal {
            self.bar.set_position(offset);
            self.bar.set_message(message);
        } else if self.told_at.elapsed() >= LINE_EVERY {
            self.told_at = Instant::now();
            let percent = offset * 100 / self.file_bytes.max(1);
            eprintln!("{percent} %: {message}");
        }
    }

    /// Broken records, those of the import that this one goes on with among them.
    #[must_use]
    pub const fn count_broken(&self) -> u64 {
        self.broken_before + self.broken
    }

    /// Ends the report: what is to be said of the whole.
    #[must_use]
    pub fn finish(&self) -> String {
        self.bar.finish_and_clear();
        format!(
            "imported {} records in {:.1} s ({:.0} records/s), {} broken",
            self.loaded,
            self.began.elapsed().as_secs_f64(),
            self.rate(),
            self.count_broken()
        )
    }

    fn tell(&self, line: &str) {
        if self.has_terminal {
            self.bar.suspend(|| eprintln!("{line}"));
        } else {
            eprintln!("{line}");
        }
    }

    fn rate(&self) -> f64 {
        self.loaded as f64 / self.began.elapsed().as_secs_f64().max(0.001)
    }
}
