//! What a page has to download.

use anyhow::{Context, Result, bail};
use std::path::Path;

use crate::cmd::Cmd;

/// Bytes of a module.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    raw: u64,
    gzip: u64,
    brotli: u64,
}

/// Measures `module` as it is and as servers compress it.
pub(crate) fn measure(module: &Path) -> Result<Size> {
    let answer = Cmd::new("node").args(["-e", MEASURE]).arg(module).answer();
    let answer = answer.with_context(|| format!("node could not measure {}", module.display()))?;
    parse(&answer).with_context(|| format!("node answered `{answer}` instead of three sizes"))
}

impl Size {
    /// The sizes in words, or an error when a page would have to download too much.
    pub(crate) fn within_budget(self) -> Result<String> {
        let Self { raw, gzip, brotli } = self;
        let sizes = format!("{raw} bytes, gzip {gzip}, brotli {brotli}");
        if brotli > BROTLI_BYTES_MAX {
            bail!(
                "{sizes}; at most {BROTLI_BYTES_MAX} with brotli are allowed: find what grew with `cargo bloat` or `twiggy`"
            );
        }
        Ok(sizes)
    }
}

fn parse(answer: &str) -> Option<Size> {
    let mut sizes = answer.split_whitespace().map(|word| word.parse().ok());
    Some(Size {
        raw: sizes.next()??,
        gzip: sizes.next()??,
        brotli: sizes.next()??,
    })
}

/// The budget of the whole module; people leave libraries of 800 kB.
const BROTLI_BYTES_MAX: u64 = 150_000;

/// Node.js has both compressors built in.
const MEASURE: &str = "
const { readFileSync } = require('node:fs');
const { gzipSync, brotliCompressSync } = require('node:zlib');
const bytes = readFileSync(process.argv[1]);
console.log(bytes.length, gzipSync(bytes, { level: 9 }).length, brotliCompressSync(bytes).length);
";

#[cfg(test)]
mod tests {
    use super::{BROTLI_BYTES_MAX, Size, parse};

    #[test]
    fn a_module_over_budget_is_refused() {
        let size = |brotli| Size {
            raw: 900_000,
            gzip: 300_000,
            brotli,
        };
        assert!(size(BROTLI_BYTES_MAX).within_budget().is_ok());
        assert!(size(BROTLI_BYTES_MAX + 1).within_budget().is_err());
    }

    #[test]
    fn three_sizes_are_expected() {
        assert_eq!(
            parse("3 2 1").map(|size| (size.raw, size.gzip, size.brotli)),
            Some((3, 2, 1))
        );
        assert!(parse("3 2").is_none());
        assert!(parse("3 2 x").is_none());
    }
}
