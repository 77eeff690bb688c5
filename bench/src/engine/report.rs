//! The results: medians, their spread, and Henge's ratio to each peer.

use super::round::{Figures, MEASURES};
use serde_json::{Value, json};
use std::fmt;

/// The figures of all rounds with values of one length.
pub(crate) struct Report {
    value_bytes: usize,
    names: Vec<&'static str>,
    rounds: Vec<Vec<Figures>>,
}

impl Report {
    pub(crate) fn new(value_bytes: usize, names: Vec<&'static str>) -> Self {
        let rounds = vec![Vec::new(); names.len()];
        Self {
            value_bytes,
            names,
            rounds,
        }
    }

    pub(crate) fn add(&mut self, contender: usize, figures: Figures) {
        self.rounds[contender].push(figures);
    }

    pub(crate) fn to_json(&self) -> Value {
        let engines = self.names.iter().zip(&self.rounds).map(|(name, rounds)| {
            let figures = MEASURES.iter().enumerate().map(|(measure, about)| {
                let rounds: Vec<f64> = rounds.iter().map(|round| round[measure]).collect();
                let figure = json!({ "unit": about.unit, "rounds": rounds });
                (about.name.to_owned(), figure)
            });
            ((*name).to_owned(), Value::Object(figures.collect()))
        });
        json!({ "value_bytes": self.value_bytes, "engines": Value::Object(engines.collect()) })
    }

    fn sorted(&self, contender: usize, measure: usize) -> Vec<f64> {
        let mut figures: Vec<_> = self.rounds[contender].iter().map(|f| f[measure]).collect();
        figures.sort_by(f64::total_cmp);
        figures
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nvalues of {} bytes", self.value_bytes)?;
        for (measure, about) in MEASURES.iter().enumerate() {
            let what = match about.less_is_better {
                false => format!("{}, {}", about.name, about.unit),
                true => format!("{}, {} (less is better)", about.name, about.unit),
            };
            writeln!(
                f,
                "\n{what:<32} {:>11} {:>23} {:>7}",
                "median", "min - max", "ratio"
            )?;
            let first = median(&self.sorted(0, measure));
            for (index, name) in self.names.iter().enumerate() {
                let all = self.sorted(index, measure);
                let spread = format!("{} - {}", number(all[0]), number(all[all.len() - 1]));
                let ratio = first / median(&all);
                writeln!(
                    f,
                    "  {name:<30} {:>11} {spread:>23} {ratio:>6.2}x",
                    number(median(&all))
                )?;
            }
        }
        Ok(())
    }
}

/// The middle one of figures in order.
fn median(figures: &[f64]) -> f64 {
    figures[figures.len() / 2]
}

/// As many digits as say something.
fn number(figure: f64) -> String {
    if figure < 1_000.0 {
        format!("{figure:.1}")
    } else {
        format!("{figure:.0}")
    }
}
