//! One row of the table for each scenario.

use crate::check::Found;
use crate::load::{Ack, Phase, Side, Story};
use std::fmt;
use std::time::Duration;

/// What a scenario has measured and found.
#[derive(Clone, Debug)]
pub struct Figures {
    /// The scenario.
    pub name: &'static str,
    /// The seed of what was chosen by chance.
    pub seed: u64,
    /// Faults, each with its end.
    pub faults: u64,
    /// Writes acknowledged, to all writers.
    pub acknowledged: u64,
    /// Writes refused in so many words.
    pub refused: u64,
    /// Writes whose outcome is not known.
    pub unknown: u64,
    /// What was read back.
    pub found: Found,
    /// Longest time in which one writer of the majority had nothing acknowledged.
    pub gap_writer: Duration,
    /// Longest time in which no writer of the majority had anything acknowledged.
    pub gap_all: Duration,
    /// Median and 99th percentile of acknowledged writes of the majority: before, during and after.
    pub took: [(Duration, Duration); 3],
    /// What else was seen.
    pub notes: Vec<String>,
    /// What is not as it must be; empty if all is well.
    pub failures: Vec<String>,
}

impl Figures {
    /// Nothing yet.
    #[must_use]
    pub fn new(name: &'static str, seed: u64) -> Self {
        Self {
            name,
            seed,
            faults: 0,
            acknowledged: 0,
            refused: 0,
            unknown: 0,
            found: Found::default(),
            gap_writer: Duration::ZERO,
            gap_all: Duration::ZERO,
            took: [(Duration::ZERO, Duration::ZERO); 3],
            notes: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Counts what writers of one load have told.
    pub fn count(&mut self, stories: &[Story]) {
        let sum = |of: fn(&Story) -> u64| stories.iter().map(of).sum::<u64>();
        self.acknowledged += sum(|story| story.acks.len() as u64);
        self.refused += sum(|story| story.refused);
        self.unknown += sum(|story| story.unknown);
        let majority = || stories.iter().filter(|story| story.side == Side::Majority);
        let gap = majority().map(|story| story.gap).max();
        self.gap_writer = self.gap_writer.max(gap.unwrap_or_default());
        let mut at: Vec<Duration> = majority()
            .flat_map(|story| &story.acks)
            .map(|ack| ack.at)
            .collect();
        at.sort_unstable();
        let gap = at.windows(2).map(|two| two[1].saturating_sub(two[0])).max();
        self.gap_all = self.gap_all.max(gap.unwrap_or_default());
        let strange = stories.iter().flat_map(|story| &story.strange);
        self.notes
            .extend(strange.map(|answer| format!("strange answer: {answer}")));
    }

    /// Sorts how long the writes of the majority took in each phase.
    pub fn percentiles(&mut self, stories: &[Story]) {
        let phases = [Phase::Before, Phase::During, Phase::After];
        self.took = phases.map(|phase| {
            let majority = stories.iter().filter(|story| story.side == Side::Majority);
            percentiles(majority.flat_map(|story| story.acks_in(phase)))
        });
    }

    /// Adds what was read back.
    pub fn add(&mut self, found: Found) {
        for key in &found.lost {
            self.failures.push(format!("lost: {key}"));
        }
        for key in &found.refused {
            self.failures
                .push(format!("a refused write was applied: {key}"));
        }
        self.found.keys += found.keys;
        self.found.late.extend(found.late);
        self.found.lost.extend(found.lost);
        self.found.refused.extend(found.refused);
    }

    fn cells(&self) -> [String; 13] {
        let of = |(median, most): (Duration, Duration)| format!("{}/{}", ms(median), ms(most));
        [
            self.name.to_owned(),
            self.faults.to_string(),
            self.acknowledged.to_string(),
            self.refused.to_string(),
            self.unknown.to_string(),
            self.found.keys.to_string(),
            self.found.lost.len().to_string(),
            ms(self.gap_writer),
            ms(self.gap_all),
            of(self.took[0]),
            of(self.took[1]),
            of(self.took[2]),
            format!("{:#x}", self.seed),
        ]
    }
}

/// The line that other measurements have, too.
impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [
            name,
            faults,
            acknowledged,
            refused,
            unknown,
            keys,
            lost,
            one,
            all,
            before,
            during,
            after,
            seed,
        ] = self.cells();
        write!(
            f,
            "MEASURE hosts: {name}: {faults} faults (seed {seed}), {acknowledged} writes \
             acknowledged, {refused} refused, {unknown} unknown, {keys} keys read back, {lost} \
             lost, {} overtaken by an unknown one; longest without an acknowledgement: one writer \
             {one} ms, all {all} ms; p50/p99 in ms: before {before}, during {during}, after {after}",
            self.found.late.len()
        )?;
        self.notes.iter().try_for_each(|note| write!(f, "; {note}"))
    }
}

/// All rows under each other.
#[must_use]
pub fn table(rows: &[Figures]) -> String {
    let mut lines: Vec<[String; 13]> = vec![HEAD.map(str::to_owned)];
    lines.extend(rows.iter().map(Figures::cells));
    let width = |column: usize| {
        lines
            .iter()
            .map(|line| line[column].len())
            .max()
            .unwrap_or(0)
    };
    let widths: [usize; 13] = std::array::from_fn(width);
    let mut text = String::new();
    for line in &lines {
        for (column, cell) in line.iter().enumerate() {
            let width = widths[column];
            let padded = if column == 0 {
                format!("{cell:<width$}")
            } else {
                format!("  {cell:>width$}")
            };
            text.push_str(&padded);
        }
        text.push('\n');
    }
    text.push_str(LEGEND);
    text
}

/// Median and 99th percentile.
fn percentiles<'a>(acks: impl Iterator<Item = &'a Ack>) -> (Duration, Duration) {
    let mut took: Vec<Duration> = acks.map(|ack| ack.took).collect();
    took.sort_unstable();
    let at = |percent: usize| {
        let index = took.len().saturating_sub(1) * percent / 100;
        took.get(index).copied().unwrap_or_default()
    };
    (at(50), at(99))
}

fn ms(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1_000.0;
    if ms < 100.0 {
        format!("{ms:.1}")
    } else {
        format!("{ms:.0}")
    }
}

const HEAD: [&str; 13] = [
    "scenario", "faults", "acked", "refused", "unknown", "keys", "lost", "gap one", "gap all",
    "before", "during", "after", "seed",
];

const LEGEND: &str = "\
gap: longest time without an acknowledgement, in ms, of one writer and of all, where a quorum could be reached
before, during, after: p50/p99 of acknowledged writes in ms, likewise
";

#[cfg(test)]
mod tests {
    use super::{Figures, percentiles, table};
    use crate::load::{Ack, Phase};
    use std::time::Duration;

    #[test]
    fn percentiles_are_those_of_the_sorted_times() {
        let ack = |ms| Ack {
            at: Duration::ZERO,
            took: Duration::from_millis(ms),
            phase: Phase::Before,
        };
        let acks: Vec<Ack> = (1..=101).rev().map(ack).collect();
        let expect = (Duration::from_millis(51), Duration::from_millis(100));
        assert_eq!(percentiles(acks.iter()), expect);
        assert_eq!(percentiles([].iter()), (Duration::ZERO, Duration::ZERO));
    }

    #[test]
    fn columns_stand_under_their_heads() {
        let text = table(&[Figures::new("a-long-name-of-a-scenario", 7)]);
        let lines: Vec<&str> = text.lines().take(2).collect();
        assert_eq!(lines[0].len(), lines[1].len(), "{text}");
        assert!(lines[1].ends_with("0x7"), "{text}");
    }
}
