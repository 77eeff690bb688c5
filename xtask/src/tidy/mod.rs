//! The rules of the house as a test. Every complaint says what to write instead.

mod guest;
mod length;
mod manifest;
mod npm_lock;
mod phrase;
mod wire;

use anyhow::{Context, Result, bail};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::steps::Steps;
use crate::{paths, tree};

/// One file as the rules see it.
pub(crate) struct Source<'a> {
    /// Relative to the root of the clone, with `/` between the parts.
    path: &'a str,
    text: &'a str,
}

/// One place that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    path: String,
    /// Counted from 1.
    line: usize,
    /// What is wrong and what to write instead.
    say: String,
}

/// A rule over one file.
type Rule = fn(&Source<'_>) -> Vec<Complaint>;

/// All rules over sources.
const RULES: [Rule; 6] = [
    length::file_is_short,
    phrase::no_banned_phrase,
    phrase::no_trailing_whitespace,
    wire::no_usize_in_serialised_types,
    manifest::manifest_keeps_the_rules,
    npm_lock::lock_names_no_host,
];

/// Checks every text file of the clone, and the guest if it is built.
pub(crate) fn run(steps: &mut Steps) -> Result<()> {
    steps.run("rules of the house", |_| {
        let (files, complaints) = check_tree(&paths::root())?;
        report(&complaints)?;
        Ok(format!("{files} files"))
    })?;
    guest(steps)
}

/// Checks that the built guest asks its host for nothing.
pub(crate) fn guest(steps: &mut Steps) -> Result<()> {
    steps.run("the guest imports nothing", |_| {
        guest::check(&paths::target())
    })?;
    Ok(())
}

fn check_tree(root: &Path) -> Result<(usize, Vec<Complaint>)> {
    let files: Vec<PathBuf> = tree::files(root)?
        .into_iter()
        .filter(|file| is_text(file))
        .collect();
    let mut complaints = Vec::new();
    for file in &files {
        let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let text = String::from_utf8_lossy(&bytes);
        let path = file.strip_prefix(root).unwrap_or(file).to_string_lossy();
        complaints.extend(check(&Source {
            path: &path,
            text: &text,
        }));
    }
    Ok((files.len(), complaints))
}

fn check(source: &Source<'_>) -> Vec<Complaint> {
    RULES.iter().flat_map(|rule| rule(source)).collect()
}

fn report(complaints: &[Complaint]) -> Result<()> {
    if complaints.is_empty() {
        return Ok(());
    }
    let lines: String = complaints
        .iter()
        .map(|complaint| format!("{complaint}\n"))
        .collect();
    bail!(
        "{} rules of the house are broken:\n{lines}repeat it with:  cargo xtask tidy",
        complaints.len()
    );
}

fn is_text(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let suffix = file.extension().unwrap_or_default().to_string_lossy();
    let has_suffix = TEXT_SUFFIXES.contains(&&*suffix);
    has_suffix || TEXT_NAMES.contains(&&*name)
}

impl Source<'_> {
    /// The lines with their numbers, counted from 1.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .map(|(at, line)| (at + 1, line))
    }

    fn has_suffix(&self, suffixes: &[&str]) -> bool {
        suffixes.iter().any(|suffix| self.path.ends_with(suffix))
    }

    fn complain(&self, line: usize, say: impl Into<String>) -> Complaint {
        Complaint {
            path: self.path.to_owned(),
            line,
            say: say.into(),
        }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.say)
    }
}

const TEXT_SUFFIXES: [&str; 18] = [
    "rs", "toml", "lock", "md", "ts", "mts", "cts", "tsx", "js", "mjs", "cjs", "json", "html",
    "css", "svg", "yml", "yaml", "sh",
];

const TEXT_NAMES: [&str; 6] = [
    "run",
    "LICENSE",
    ".gitignore",
    ".npmrc",
    ".npmignore",
    "Dockerfile",
];

#[cfg(test)]
mod tests {
    use super::{Source, check, report};

    #[test]
    fn a_clean_file_passes_every_rule() {
        let source = Source {
            path: "core/src/ring/token.rs",
            text: "//! Tokens.\n\npub struct Token(u64);\n",
        };
        assert_eq!(check(&source), []);
        assert!(report(&[]).is_ok());
    }

    #[test]
    fn a_report_names_file_line_and_command() {
        let source = Source {
            path: "core/src/a.rs",
            text: "fn a() {}\nfn b() {} \n",
        };
        let error = report(&check(&source)).unwrap_err().to_string();
        assert!(error.contains("core/src/a.rs:2: "), "{error}");
        assert!(error.ends_with("cargo xtask tidy"), "{error}");
    }
}
