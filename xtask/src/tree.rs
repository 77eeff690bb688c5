//! The files of the clone: walked in name order, without what is generated.

use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// Directories that are generated or not ours, wherever they are.
const SKIPPED: [&str; 5] = ["target", "node_modules", "dist", "pkg", "__pycache__"];

/// Hidden directories that are ours.
const KEPT_HIDDEN: [&str; 2] = [".cargo", ".ci"];

/// Every file at or below `path`, sorted; none if there is no such path.
pub(crate) fn files(path: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if path.exists() {
        walk(path, &mut found)?;
    }
    found.sort();
    Ok(found)
}

fn walk(path: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    if path.is_file() {
        found.push(path.to_path_buf());
        return Ok(());
    }
    for entry in fs::read_dir(path).with_context(|| format!("cannot list {}", path.display()))? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let is_kept_dir = kind.is_dir() && is_ours(&entry.file_name().to_string_lossy());
        if kind.is_file() || is_kept_dir {
            walk(&entry.path(), found)?;
        }
    }
    Ok(())
}

fn is_ours(dir: &str) -> bool {
    if dir.starts_with('.') {
        KEPT_HIDDEN.contains(&dir)
    } else {
        !SKIPPED.contains(&dir)
    }
}

#[cfg(test)]
mod tests {
    use super::is_ours;

    #[test]
    fn generated_and_hidden_directories_are_skipped() {
        for dir in ["target", "node_modules", "dist", ".git", ".henge"] {
            assert!(!is_ours(dir), "{dir}");
        }
        for dir in ["src", "wire", ".ci", ".cargo"] {
            assert!(is_ours(dir), "{dir}");
        }
    }
}
