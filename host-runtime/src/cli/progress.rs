//! How far a command has come through files of known length.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::{Duration, Instant};

/// Without a terminal there is a line this often.
const LINE_EVERY: Duration = Duration::from_secs(2);
const DRAWS_A_SECOND: u8 = 10;

/// Shows how much of some bytes is done, on standard error.
pub(super) struct Progress {
    bar: ProgressBar,
    told_at: Instant,
    total: u64,
    done: u64,
}

impl Progress {
    /// Nothing of `total` bytes is done.
    pub(super) fn new(total: u64) -> Self {
        let bar = ProgressBar::with_draw_target(
            Some(total),
            ProgressDrawTarget::stderr_with_hz(DRAWS_A_SECOND),
        );
        let template = "{wide_bar} {percent:>3} %  {binary_bytes_per_sec}  eta {eta}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self {
            bar,
            told_at: Instant::now(),
            total,
            done: 0,
        }
    }

    /// So many bytes more are done.
    pub(super) fn add(&mut self, bytes: u64) {
        self.done += bytes;
        if !self.bar.is_hidden() {
            self.bar.set_position(self.done);
        } else if self.told_at.elapsed() >= LINE_EVERY {
            self.told_at = Instant::now();
            eprintln!("{} %", self.done * 100 / self.total.max(1));
        }
    }

    /// Prints a line on standard output without tearing the bar.
    pub(super) fn say(&self, line: &str) {
        self.bar.suspend(|| println!("{line}"));
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
