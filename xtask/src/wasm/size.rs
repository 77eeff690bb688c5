//! What a page has to download.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::{fmt, fs};

use crate::cmd::Cmd;
use crate::wasm::{edge, guest, inline};

/// The shipped files with their sizes.
pub(crate) struct Sizes(Vec<(String, Size)>);

/// Bytes of one file or of several.
#[derive(Clone, Copy, Default)]
struct Size {
    raw: u64,
    gzip: u64,
    brotli: u64,
}

/// What a page downloads in one of the ways to load the package, and the most that it may be with brotli.
struct Total {
    what: &'static str,
    size: Size,
    max: u64,
}

/// Measures every script and module below `dist`, as it is and as servers compress it.
pub(crate) fn measure(dist: &Path) -> Result<Sizes> {
    let mut files = Vec::new();
    collect(dist, &mut files)?;
    files.sort();
    let answer = Cmd::new("node")
        .args(["-e", MEASURE])
        .args(&files)
        .answer()
        .with_context(|| format!("node could not measure the files of {}", dist.display()))?;
    let sizes: Option<Vec<Size>> = answer.lines().map(parse).collect();
    let sizes = sizes
        .filter(|sizes| sizes.len() == files.len())
        .with_context(|| format!("node answered `{answer}` instead of three sizes a file"))?;
    let name = |file: &PathBuf| {
        let name = file.strip_prefix(dist).unwrap_or(file);
        name.to_string_lossy().into_owned()
    };
    Ok(Sizes(files.iter().map(name).zip(sizes).collect()))
}

impl Sizes {
    /// Both downloads in words, or an error when one is too large.
    pub(crate) fn within_budget(&self) -> Result<String> {
        for Total { what, size, max } in self.totals() {
            if size.brotli > max {
                let brotli = size.brotli;
                bail!(
                    "{self}{what}: {brotli} bytes with brotli, at most {max} are allowed; find what grew \
                     with `cargo xtask sizes`"
                );
            }
        }
        let words = self.totals().map(|Total { what, size, max }| {
            let (brotli, percent) = (size.brotli, size.brotli * 100 / max);
            format!("{what}: {brotli} bytes with brotli, {percent} % of the budget")
        });
        Ok(words.join("; "))
    }

    /// A page takes the module as it is, or inside the JavaScript, and nothing for tests or edge nodes.
    fn totals(&self) -> [Total; 2] {
        let all_but = |absent: fn(&str) -> bool| {
            let files = self.0.iter();
            let is_of_page = |name: &str| {
                let path = Path::new(name);
                !path.starts_with(guest::FOLDER) && !path.starts_with(edge::FOLDER)
            };
            let downloads = files.filter(|(name, _)| is_of_page(name));
            let present = downloads.filter(|(name, _)| !absent(name));
            present.fold(Size::default(), |sum, (_, size)| sum.plus(*size))
        };
        [
            Total {
                what: "all JavaScript and the wasm",
                size: all_but(|name| name == inline::FILE),
                max: BROTLI_BYTES_MAX,
            },
            Total {
                what: "all JavaScript, the wasm inline",
                size: all_but(|name| name.ends_with(".wasm")),
                max: INLINE_BROTLI_BYTES_MAX,
            },
        ]
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

/// Every file and both downloads, largest first.
impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut files: Vec<_> = self.0.iter().collect();
        files.sort_by_key(|(_, size)| std::cmp::Reverse(size.brotli));
        writeln!(
            f,
            "{:>9} {:>9} {:>9}  shipped file",
            "raw", "gzip", "brotli"
        )?;
        let mut line = |size: &Size, what: &str| {
            let Size { raw, gzip, brotli } = size;
            writeln!(f, "{raw:>9} {gzip:>9} {brotli:>9}  {what}")
        };
        for (name, size) in files {
            line(size, name)?;
        }
        for Total { what, size, max } in self.totals() {
            let budget = format!("= {what}; the budget is {max} with brotli");
            line(&size, &budget)?;
        }
        Ok(())
    }
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path
            .extension()
            .is_some_and(|end| end == "js" || end == "wasm")
        {
            files.push(path);
        }
    }
    Ok(())
}

fn parse(line: &str) -> Option<Size> {
    let mut sizes = line.split_whitespace().map(|word| word.parse().ok());
    Some(Size {
        raw: sizes.next()??,
        gzip: sizes.next()??,
        brotli: sizes.next()??,
    })
}

/// The budget of a whole download; people leave libraries of 800 kB.
const BROTLI_BYTES_MAX: u64 = 150_000;

/// The same where the module is text: base64 has four characters for three bytes.
const INLINE_BROTLI_BYTES_MAX: u64 = BROTLI_BYTES_MAX / 3 * 4;

/// Node.js has both compressors built in.
const MEASURE: &str = "
const { readFileSync } = require('node:fs');
const { gzipSync, brotliCompressSync } = require('node:zlib');
for (const file of process.argv.slice(1)) {
  const bytes = readFileSync(file);
  console.log(bytes.length, gzipSync(bytes, { level: 9 }).length, brotliCompressSync(bytes).length);
}
";

#[cfg(test)]
mod tests {
    use super::{BROTLI_BYTES_MAX, INLINE_BROTLI_BYTES_MAX, Size, Sizes, parse};
    use crate::wasm::inline;

    fn sizes(wasm: u64, inline: u64) -> Sizes {
        let file = |name: &str, brotli| {
            (
                name.to_owned(),
                Size {
                    brotli,
                    ..Size::default()
                },
            )
        };
        Sizes(vec![
            file("henge_wasm_bg.wasm", wasm),
            file(inline::FILE, inline),
            file("index.js", 1_000),
        ])
    }

    #[test]
    fn a_download_over_budget_is_refused() {
        let most = BROTLI_BYTES_MAX - 1_000;
        let most_inline = INLINE_BROTLI_BYTES_MAX - 1_000;
        assert!(sizes(most, most_inline).within_budget().is_ok());
        let error = |sizes: Sizes| sizes.within_budget().unwrap_err().to_string();
        assert!(error(sizes(most + 1, 1)).contains("and the wasm"));
        assert!(error(sizes(1, most_inline + 1)).contains("inline"));
    }

    #[test]
    fn what_is_for_tests_is_no_download() {
        let mut sizes = sizes(1, 1);
        let guest = Size {
            brotli: INLINE_BROTLI_BYTES_MAX,
            ..Size::default()
        };
        sizes.0.push(("testing/henge_guest.wasm".to_owned(), guest));
        assert!(sizes.within_budget().is_ok());
        sizes.0.push(("other/henge_guest.wasm".to_owned(), guest));
        assert!(sizes.within_budget().is_err());
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
