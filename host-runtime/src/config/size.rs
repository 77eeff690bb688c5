//! Sizes like `512MiB`.

use serde::Deserialize;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "Written")]
pub struct ByteSize(pub u64);

/// As it may stand in a file: a number or a text.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "a size: a number of bytes, or a text like \"512MiB\""
)]
enum Written {
    Bytes(u64),
    Text(String),
}

const UNITS: [(&str, u32); 4] = [("GiB", 30), ("MiB", 20), ("KiB", 10), ("B", 0)];

/// Not a size.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is no size; write a number of bytes, or one with KiB, MiB or GiB, like 512MiB")]
pub struct SizeError(String);

impl FromStr for ByteSize {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let wrong = || SizeError(text.to_owned());
        let unit = UNITS
            .iter()
            .find_map(|&(unit, shift)| Some((text.strip_suffix(unit)?, shift)));
        let (number, shift) = unit.unwrap_or((text, 0));
        let number: u64 = number.trim_end().parse().map_err(|_| wrong())?;
        number.checked_mul(1 << shift).map(Self).ok_or_else(wrong)
    }
}

impl TryFrom<Written> for ByteSize {
    type Error = SizeError;

    fn try_from(written: Written) -> Result<Self, SizeError> {
        match written {
            Written::Bytes(bytes) => Ok(Self(bytes)),
            Written::Text(text) => text.parse(),
        }
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |&&(_, shift): &&(&str, u32)| self.0 != 0 && self.0.trailing_zeros() >= shift;
        let (unit, shift) = UNITS.iter().find(fits).unwrap_or(&("B", 0));
        write!(f, "{}{unit}", self.0 >> shift)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_reads_back_what_it_prints() {
        for (text, bytes) in [("10KiB", 10_240), ("1GiB", 1 << 30), ("7B", 7), ("0B", 0)] {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)));
            assert_eq!(ByteSize(bytes).to_string(), text);
        }
        assert_eq!("512".parse(), Ok(ByteSize(512)));
    }

    #[test]
    fn what_is_no_size_is_named() {
        for text in ["", "MiB", "1.5MiB", "-1", "10MB", "99999999999GiB"] {
            assert!(
                text.parse::<ByteSize>()
                    .unwrap_err()
                    .to_string()
                    .contains("512MiB"),
                "{text}"
            );
        }
    }
}
