//! Spans of time like `30s`.

use serde::Deserialize;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// A number of milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct TimeSpan(pub u64);

/// The longest name that fits comes first: `ms` ends in `s` too.
const UNITS: [(&str, u64); 4] = [("ms", 1), ("min", 60_000), ("h", 3_600_000), ("s", 1_000)];

/// Not a span of time.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is no span of time; write a whole number with ms, s, min or h, like 30s")]
pub struct SpanError(String);

impl FromStr for TimeSpan {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let wrong = || SpanError(text.to_owned());
        let (number, ms) = UNITS
            .iter()
            .find_map(|&(unit, ms)| Some((text.strip_suffix(unit)?, ms)))
            .ok_or_else(wrong)?;
        let number: u64 = number.trim_end().parse().map_err(|_| wrong())?;
        number.checked_mul(ms).map(Self).ok_or_else(wrong)
    }
}

impl TryFrom<String> for TimeSpan {
    type Error = SpanError;

    fn try_from(text: String) -> Result<Self, SpanError> {
        text.parse()
    }
}

impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |&&(_, ms): &&(&str, u64)| self.0 != 0 && self.0.is_multiple_of(ms);
        let largest = UNITS.iter().filter(whole).max_by_key(|(_, ms)| ms);
        let (unit, ms) = largest.unwrap_or(&("ms", 1));
        write!(f, "{}{unit}", self.0 / ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_reads_back_what_it_prints() {
        for (text, ms) in [
            ("30s", 30_000),
            ("1500ms", 1_500),
            ("2min", 120_000),
            ("1h", 3_600_000),
            ("0ms", 0),
        ] {
            assert_eq!(text.parse(), Ok(TimeSpan(ms)));
            assert_eq!(TimeSpan(ms).to_string(), text);
        }
        assert_eq!("60 s".parse(), Ok(TimeSpan(60_000)));
    }

    #[test]
    fn what_is_no_span_is_named() {
        for text in ["", "s", "30", "1.5s", "-1s", "30m", "99999999999999999h"] {
            let why = text.parse::<TimeSpan>().unwrap_err().to_string();
            assert!(why.contains("30s") && why.contains(text), "{text}: {why}");
        }
    }
}
