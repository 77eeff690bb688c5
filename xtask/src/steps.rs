//! What the person in front of the terminal sees: one line a step, with its time.

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The steps of one command, in the order in which they were run.
pub(crate) struct Steps {
    started: Instant,
    done: Vec<Done>,
}

struct Done {
    name: String,
    took: Duration,
    note: String,
}

impl Steps {
    /// No step yet; the clock runs.
    pub(crate) fn start() -> Self {
        Self {
            started: Instant::now(),
            done: Vec::new(),
        }
    }

    /// Runs one step and says how long it took and what came of it.
    pub(crate) fn run<T: Outcome>(
        &mut self,
        name: &str,
        work: impl FnOnce(&Ticker) -> Result<T>,
    ) -> Result<T> {
        let began = Instant::now();
        let ticker = Ticker::new(name);
        let result = work(&ticker);
        ticker.bar.finish_and_clear();
        let took = began.elapsed();
        let note = result.as_ref().map(Outcome::note).unwrap_or_default();
        let mark = if result.is_ok() { "ok  " } else { "FAIL" };
        println!(
            "{}",
            format!("{mark} {name:<36} {:>9}  {note}", seconds(took)).trim_end()
        );
        let outcome = result.with_context(|| format!("step \"{name}\" failed"))?;
        self.done.push(Done {
            name: name.to_owned(),
            took,
            note,
        });
        Ok(outcome)
    }

    /// Prints all steps with their times, slowest first.
    pub(crate) fn print_table(&self) {
        let mut rows: Vec<&Done> = self.done.iter().collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.took));
        println!("\nwhere the time went:");
        for row in rows {
            println!("  {:>8}  {}", seconds(row.took), row.name);
        }
    }

    /// The names of the steps so far, each with its note.
    pub(crate) fn summary(&self) -> String {
        let part = |done: &Done| match done.note.as_str() {
            "" => done.name.clone(),
            note => format!("{} ({note})", done.name),
        };
        self.done.iter().map(part).collect::<Vec<_>>().join(", ")
    }

    /// Time since the command began.
    pub(crate) fn elapsed(&self) -> String {
        seconds(self.started.elapsed())
    }
}

/// What a step hands on.
pub(crate) trait Outcome {
    /// What its line adds to the name and the time; empty if nothing.
    fn note(&self) -> String;
}

impl Outcome for () {
    fn note(&self) -> String {
        String::new()
    }
}

impl Outcome for String {
    fn note(&self) -> String {
        self.clone()
    }
}

impl Outcome for PathBuf {
    fn note(&self) -> String {
        self.display().to_string()
    }
}

/// The sign of life of a running step: a spinner on a terminal, else a line now and then.
pub(crate) struct Ticker {
    name: String,
    began: Instant,
    bar: ProgressBar,
}

impl Ticker {
    /// A ticker for the step `name`.
    pub(crate) fn new(name: &str) -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) =
            ProgressStyle::with_template("{spinner} {prefix} {elapsed} {wide_msg:.dim}")
        {
            bar.set_style(style);
        }
        bar.set_prefix(name.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        Self {
            name: name.to_owned(),
            began: Instant::now(),
            bar,
        }
    }

    /// The last thing that the step's program has said.
    pub(crate) fn say(&self, line: &str) {
        self.bar.set_message(line.trim().to_owned());
    }

    /// Called when the step has been quiet for a while; only a log needs to be told.
    pub(crate) fn still_running(&self, last_line: &str) {
        if self.bar.is_hidden() {
            println!(
                "     {} ... {} {}",
                self.name,
                seconds(self.began.elapsed()),
                last_line.trim()
            );
        }
    }
}

fn seconds(time: Duration) -> String {
    let whole = time.as_secs();
    if whole < 60 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{}:{:02} min", whole / 60, whole % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::{Steps, seconds};
    use anyhow::{Result, bail};
    use std::time::Duration;

    #[test]
    fn times_read_as_people_say_them() {
        assert_eq!(seconds(Duration::from_millis(1_250)), "1.2 s");
        assert_eq!(seconds(Duration::from_secs(61)), "1:01 min");
    }

    #[test]
    fn a_failed_step_is_named_and_not_counted() {
        let mut steps = Steps::start();
        steps.run("first", |_| Ok("3 files".to_owned())).unwrap();
        let error = steps
            .run("second", |_| -> Result<()> { bail!("no space") })
            .unwrap_err();
        assert_eq!(format!("{error:#}"), "step \"second\" failed: no space");
        assert_eq!(steps.summary(), "first (3 files)");
    }
}
