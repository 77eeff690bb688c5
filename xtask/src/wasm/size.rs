//! What a page has to download.

use anyhow::{Context, Result, bail};
use std::fmt;

use crate::cmd::Cmd;
use crate::paths;

/// The entries of the package and its module with their sizes.
pub(crate) struct Sizes(Vec<(String, Size)>);

/// Bytes of one file or of several.
#[derive(Clone, Copy, Default)]
struct Size {
    raw: u64,
    gzip: u64,
    brotli: u64,
}

/// One of the ways to load the package: what it takes, and the most that it may be with brotli.
struct Download {
    parts: &'static [&'static str],
    max: u64,
}

/// Measures each entry as a bundler makes it for a page, and the module: as they are and as servers compress them.
pub(crate) fn measure() -> Result<Sizes> {
    let script = paths::sdk().join("scripts/sizes.mjs");
    let answer = Cmd::new("node").arg(&script).answer();
    let answer = answer.context("node could not measure the package")?;
    let sizes: Option<Vec<(String, Size)>> = answer.lines().map(parse).collect();
    let sizes =
        sizes.with_context(|| format!("{} said no sizes but `{answer}`", script.display()))?;
    Ok(Sizes(sizes))
}

impl Sizes {
    /// The downloads in words, or an error when one is too large.
    pub(crate) fn within_budget(&self) -> Result<String> {
        let mut words = Vec::new();
        for download in DOWNLOADS {
            let Download { parts, max } = download;
            let Size { brotli, .. } = self.size(parts)?;
            let what = parts.join(" + ");
            if brotli > max {
                bail!(
                    "{self}{what}: {brotli} bytes with brotli, at most {max} are allowed; find what grew \
                     with `cargo xtask sizes`"
                );
            }
            let percent = brotli * 100 / max;
            words.push(format!(
                "{what}: {brotli} bytes with brotli, {percent} % of the budget"
            ));
        }
        Ok(words.join("; "))
    }

    fn size(&self, parts: &[&str]) -> Result<Size> {
        parts.iter().try_fold(Size::default(), |sum, part| {
            let found = self.0.iter().find(|(name, _)| name == part);
            let (_, size) = found.with_context(|| format!("{part} was not measured"))?;
            Ok(sum.plus(*size))
        })
    }
}

impl Size {
    fn plus(self, other: Self) -> Self {
        Self {
            raw: self.raw + other.raw,
            gzip: self.gzip + other.gzip,
            brotli: self.brotli + other.brotli,
        }
    }
}

/// Every entry and every download.
impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>9} {:>9} {:>9}  in a page", "raw", "gzip", "brotli")?;
        let mut line = |size: &Size, what: &str| {
            let Size { raw, gzip, brotli } = size;
            writeln!(f, "{raw:>9} {gzip:>9} {brotli:>9}  {what}")
        };
        for (name, size) in &self.0 {
            line(size, name)?;
        }
        for Download { parts, max } in DOWNLOADS {
            let what = format!("= {}; the budget is {max} with brotli", parts.join(" + "));
            if let Ok(size) = self.size(parts) {
                line(&size, &what)?;
            }
        }
        Ok(())
    }
}

/// `henge 3 2 1`: a name, bytes, with gzip, with brotli.
fn parse(line: &str) -> Option<(String, Size)> {
    let (name, sizes) = line.split_once(' ')?;
    let mut sizes = sizes.split_whitespace().map(|word| word.parse().ok());
    let size = Size {
        raw: sizes.next()??,
        gzip: sizes.next()??,
        brotli: sizes.next()??,
    };
    Some((name.to_owned(), size))
}

/// What pages download: the module beside the script, or inside it. People leave libraries of 800 kB; in base64
/// four characters stand for three bytes.
const DOWNLOADS: [Download; 2] = [
    Download {
        parts: &["henge", "wasm"],
        max: 150_000,
    },
    Download {
        parts: &["henge/inline"],
        max: 200_000,
    },
];

#[cfg(test)]
mod tests {
    use super::{Size, Sizes, parse};

    fn sizes(wasm: u64, inline: u64) -> Sizes {
        let entry = |name: &str, brotli| {
            let size = Size {
                brotli,
                ..Size::default()
            };
            (name.to_owned(), size)
        };
        Sizes(vec![
            entry("henge", 1_000),
            entry("henge/inline", inline),
            entry("henge/testing", 1_000_000),
            entry("wasm", wasm),
        ])
    }

    #[test]
    fn a_download_over_budget_is_refused() {
        assert!(sizes(149_000, 200_000).within_budget().is_ok());
        let error = |sizes: Sizes| sizes.within_budget().unwrap_err().to_string();
        assert!(error(sizes(149_001, 1)).contains("henge + wasm: 150001"));
        assert!(error(sizes(1, 200_001)).contains("henge/inline: 200001"));
    }

    #[test]
    fn what_was_not_measured_is_not_within_budget() {
        let mut sizes = sizes(1, 1);
        sizes.0.pop();
        let error = sizes.within_budget().unwrap_err().to_string();
        assert!(error.contains("wasm was not measured"), "{error}");
    }

    #[test]
    fn a_name_and_three_sizes_are_expected() {
        let read = |line| parse(line).map(|(name, size)| (name, size.raw, size.gzip, size.brotli));
        assert_eq!(
            read("henge/slim 3 2 1"),
            Some(("henge/slim".to_owned(), 3, 2, 1))
        );
        assert_eq!(read("henge 3 2"), None);
        assert_eq!(read("henge 3 2 x"), None);
    }
}
