//! Skipping a step whose inputs have not changed since it last succeeded.

use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3;

use crate::{paths, tree};

/// The remembered inputs and outputs of one step.
pub(crate) struct Stamp {
    file: PathBuf,
    inputs: String,
    outputs: Vec<PathBuf>,
}

impl Stamp {
    /// A step called `name` that reads the files at or below `inputs` and the text `facts` (tool
    /// versions and the like) and writes the files at or below `outputs`.
    pub(crate) fn new(
        name: &str,
        inputs: &[PathBuf],
        facts: &str,
        outputs: &[PathBuf],
    ) -> Result<Self> {
        // Clones may share a target directory, so the clone is part of the name.
        let mut clone = Xxh3::new();
        clone.update(paths::root().as_os_str().as_encoded_bytes());
        let file = paths::state().join(format!("{name}-{:016x}.stamp", clone.digest()));
        Ok(Self {
            file,
            inputs: digest(inputs, facts)?,
            outputs: outputs.to_vec(),
        })
    }

    /// Whether the step has succeeded with these inputs and its outputs are still as it left them.
    pub(crate) fn is_fresh(&self) -> Result<bool> {
        let Ok(recorded) = fs::read_to_string(&self.file) else {
            return Ok(false);
        };
        Ok(self.outputs.iter().all(|path| path.exists()) && recorded == self.line()?)
    }

    /// Remembers that the step has succeeded.
    pub(crate) fn record(&self) -> Result<()> {
        fs::create_dir_all(paths::state())?;
        fs::write(&self.file, self.line()?)
            .with_context(|| format!("cannot write {}", self.file.display()))
    }

    fn line(&self) -> Result<String> {
        Ok(format!("{} {}\n", self.inputs, digest(&self.outputs, "")?))
    }
}

/// A hash of the names and bytes of all files at or below `paths`, and of `facts`.
fn digest(paths: &[PathBuf], facts: &str) -> Result<String> {
    let mut hash = Xxh3::new();
    absorb(&mut hash, facts.as_bytes());
    for path in paths {
        for file in tree::files(path)? {
            absorb(&mut hash, file.as_os_str().as_encoded_bytes());
            absorb(&mut hash, &read(&file)?);
        }
    }
    Ok(format!("{:032x}", hash.digest128()))
}

/// Adds one field; the length keeps two neighbours from being read as one.
fn absorb(hash: &mut Xxh3, field: &[u8]) {
    hash.update(&field.len().to_le_bytes());
    hash.update(field);
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::digest;
    use std::{env, fs, process};

    #[test]
    fn a_digest_changes_with_names_bytes_and_facts() {
        let dir = env::temp_dir().join(format!("xtask-stamp-{}", process::id()));
        fs::create_dir_all(&dir).unwrap();
        let all = [dir.clone()];
        fs::write(dir.join("a"), "1").unwrap();
        let before = digest(&all, "").unwrap();
        assert_eq!(before, digest(&all, "").unwrap());
        assert_ne!(before, digest(&all, "rustc 2").unwrap());
        fs::write(dir.join("a"), "2").unwrap();
        let changed = digest(&all, "").unwrap();
        fs::rename(dir.join("a"), dir.join("b")).unwrap();
        let renamed = digest(&all, "").unwrap();
        fs::remove_dir_all(&dir).unwrap();
        assert_ne!(before, changed);
        assert_ne!(changed, renamed);
    }
}
