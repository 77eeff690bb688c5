//! The result as a table: medians, their spread, and ratios to the first contender.

use super::work::Figures;
use std::fmt;

/// One of a round's figures.
type Pick = fn(&Figures) -> f64;

/// The figures of all rounds.
pub(crate) struct Results {
    names: Vec<String>,
    rounds: Vec<Vec<Figures>>,
}

impl Results {
    pub(crate) fn new(names: Vec<String>) -> Self {
        let rounds = vec![Vec::new(); names.len()];
        Self { names, rounds }
    }

    pub(crate) fn add(&mut self, contender: usize, figures: Figures) {
        self.rounds[contender].push(figures);
    }

    fn sorted(&self, contender: usize, pick: Pick) -> Vec<f64> {
        let mut figures: Vec<_> = self.rounds[contender].iter().map(pick).collect();
        figures.sort_by(f64::total_cmp);
        figures
    }
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let picks: [(&str, Pick); 2] = [("put", |f| f.put), ("get", |f| f.get)];
        for (what, pick) in picks {
            writeln!(
                f,
                "\n{:<28} {:>10} {:>21} {:>7}",
                what, "median/s", "min - max", "ratio"
            )?;
            let median = |figures: &[f64]| figures[figures.len() / 2];
            let first = median(&self.sorted(0, pick));
            for (index, name) in self.names.iter().enumerate() {
                let all = self.sorted(index, pick);
                let spread = format!("{:.0} - {:.0}", all[0], all[all.len() - 1]);
                let ratio = first / median(&all);
                writeln!(
                    f,
                    "{name:<28} {:>10.0} {spread:>21} {ratio:>6.2}x",
                    median(&all)
                )?;
            }
        }
        writeln!(
            f,
            "\nratio: {} divided by the line's contender",
            self.names[0]
        )
    }
}
