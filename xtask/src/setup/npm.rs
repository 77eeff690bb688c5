//! npm packages, as the lock files say.

use anyhow::{Result, bail};
use std::path::{Path, PathBuf};

use crate::cmd::Cmd;
use crate::stamp::Stamp;
use crate::steps::Ticker;

/// The oldest major version of Node.js that the SDK supports and its build needs.
const NODE_MAJOR_MIN: u32 = 20;

/// Makes sure that there is a Node.js that is new enough.
pub(crate) fn node() -> Result<String> {
    let Some(version) = Cmd::new("node").args(["--version"]).answer() else {
        bail!(
            "Node.js is missing; install version {NODE_MAJOR_MIN} or newer with npm, then run this again"
        );
    };
    match major(&version) {
        Some(major) if major >= NODE_MAJOR_MIN => Ok(version),
        _ => bail!(
            "Node.js is {version}; install version {NODE_MAJOR_MIN} or newer, then run this again"
        ),
    }
}

/// Installs the packages of `dir` unless they are as the lock file says.
pub(crate) fn packages(dir: &Path, ticker: &Ticker) -> Result<String> {
    let node = node()?;
    let manifests = ["package.json", "package-lock.json"].map(|name| dir.join(name));
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    // Only npm's own list is looked at: the packages are thousands of files.
    let installed = dir.join("node_modules/.package-lock.json");
    let stamp =
        |outputs: &[PathBuf]| Stamp::new(&format!("npm-{name}"), &manifests, &node, outputs);
    if stamp(std::slice::from_ref(&installed))?.is_fresh()? {
        return Ok("unchanged".to_owned());
    }
    let has_lock = manifests[1].is_file();
    let command = if has_lock { "ci" } else { "install" };
    Cmd::new("npm")
        .args([command, "--no-audit", "--no-fund"])
        .dir(dir)
        .run(ticker)?;
    // `npm install` writes the lock file, so the inputs are read again.
    stamp(&[installed])?.record()?;
    Ok(format!("npm {command}"))
}

/// Where the programs of the packages of `dir` are.
pub(crate) fn binaries(dir: &Path) -> PathBuf {
    dir.join("node_modules/.bin")
}

fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn the_major_version_is_read() {
        assert_eq!(major("v20.20.2"), Some(20));
        assert_eq!(major("v9"), Some(9));
        assert_eq!(major("20"), None);
    }
}
