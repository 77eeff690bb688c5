//! Everything that must hold before a change is good: what people and CI both run.

use anyhow::{Context, Result};
use clap::Args as ClapArgs;
use std::fs;
use std::path::Path;

use crate::build::{self, Built};
use crate::cmd::Cmd;
use crate::setup::NO_STD_TARGETS;
use crate::steps::Steps;
use crate::{hosts, paths, setup, tidy};

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// Build, then run only the Rust tests whose names contain this
    filter: Option<String>,
    /// Leave out the docs and the tests in browsers and other JavaScript runtimes
    #[arg(long)]
    quick: bool,
}

/// Runs all checks, cheap ones first; the first that fails ends it.
pub(crate) fn run(args: &Args, steps: &mut Steps) -> Result<()> {
    if let Some(filter) = &args.filter {
        let built = build::run_with_tests(steps)?;
        rust_tests(&built, Some(filter), None, steps)?;
        println!(
            "\ngreen in {}: the Rust tests whose names contain \"{filter}\"",
            steps.elapsed()
        );
        return Ok(());
    }
    sources(steps)?;
    let built = build::run_with_tests(steps)?;
    check("lints", &built.cargo(CLIPPY), steps)?;
    no_std(steps)?;
    tidy::guest(steps)?;
    if args.quick {
        rust_tests(&built, None, None, steps)?;
    } else {
        check(
            "docs",
            &built.cargo(DOC).env("RUSTDOCFLAGS", "-D warnings"),
            steps,
        )?;
        let chromium = steps.run("chromium", setup::chromium)?;
        rust_tests(&built, None, Some(&chromium), steps)?;
        check("planted bugs are caught", &built.cargo(PLANTED), steps)?;
        check("examples in docs", &built.cargo(DOC_TESTS), steps)?;
        let firefox = steps.run("firefox", setup::firefox)?;
        js_suites(&chromium, &firefox, steps)?;
    }
    steps.print_table();
    println!("\ngreen in {}: {}", steps.elapsed(), steps.summary());
    Ok(())
}

fn check(name: &str, cmd: &Cmd, steps: &mut Steps) -> Result<()> {
    steps.run(name, |ticker| cmd.run(ticker).map(drop))
}

fn sources(steps: &mut Steps) -> Result<()> {
    setup::lint_tools(steps)?;
    let format = Cmd::cargo(["fmt", "--all", "--", "--check", "--files-with-diff"]);
    let advice = "these files are not as rustfmt writes them; `cargo fmt --all` corrects them";
    steps.run("format", |ticker| {
        format.run(ticker).map(drop).context(advice)
    })?;
    tidy::run(steps)
}

fn no_std(steps: &mut Steps) -> Result<()> {
    setup::no_std_targets(steps)?;
    for triple in NO_STD_TARGETS {
        let build = Cmd::cargo(["build", "--release", "-p", "henge-core", "--target", triple]);
        check(&format!("core for {triple}"), &build, steps)?;
    }
    Ok(())
}

fn rust_tests(
    built: &Built,
    filter: Option<&str>,
    chromium: Option<&Path>,
    steps: &mut Steps,
) -> Result<()> {
    // The real input that is imported, and the scripts that read it back, come from npm.
    setup::js_test_packages(steps)?;
    steps.run("cargo-nextest", setup::nextest)?;
    hosts::check(steps)?;
    let mut nextest = built
        .cargo(NEXTEST)
        .args(filter)
        .env("HENGE_BIN", paths::henge());
    if let Some(chromium) = chromium {
        nextest = nextest.env("HENGE_CHROMIUM", chromium);
    }
    steps.run("Rust tests", |ticker| {
        Ok(nextest_summary(&nextest.run(ticker)?))
    })?;
    Ok(())
}

/// The script `test` of every npm package here that has one.
fn js_suites(chromium: &Path, firefox: &Path, steps: &mut Steps) -> Result<()> {
    for (folder, name) in JS_SUITES {
        let dir = paths::root().join(folder);
        if !has_tests(&dir) {
            continue;
        }
        let npm_test = Cmd::new("npm")
            .arg("test")
            .dir(dir)
            .env("HENGE_BIN", paths::henge())
            .env("HENGE_CHROMIUM", chromium)
            .env("HENGE_FIREFOX", firefox);
        steps.run(name, |ticker| Ok(node_summary(&npm_test.run(ticker)?)))?;
    }
    Ok(())
}

fn has_tests(dir: &Path) -> bool {
    let package = fs::read_to_string(dir.join("package.json")).unwrap_or_default();
    package.contains("\"test\":")
}

/// `312 tests run: 312 passed`, from nextest's last words.
fn nextest_summary(output: &str) -> String {
    let line = output
        .lines()
        .rev()
        .find(|line| line.trim_start().starts_with("Summary"));
    line.and_then(|line| line.split_once(']'))
        .map_or("", |(_, counts)| counts)
        .trim()
        .to_owned()
}

/// `12 passed`, summed over the runs of Node's test runner.
fn node_summary(output: &str) -> String {
    let passed = |line: &str| {
        line.trim_start_matches(['#', '\u{2139}', ' '])
            .strip_prefix("pass ")?
            .parse::<u32>()
            .ok()
    };
    format!("{} passed", output.lines().filter_map(passed).sum::<u32>())
}

/// Folders with JavaScript tests, fast ones first.
const JS_SUITES: [(&str, &str); 3] = [
    ("wasm-sdk", "tests of the SDK"),
    ("www", "tests of the console"),
    ("tests", "tests in JavaScript runtimes"),
];

const CLIPPY: &[&str] = &[
    "clippy",
    "--release",
    "--workspace",
    "--all-targets",
    "--",
    "-D",
    "warnings",
];

const DOC: &[&str] = &[
    "doc",
    "--release",
    "--workspace",
    "--no-deps",
    "--document-private-items",
];

/// Not with the rest: nothing else is to be built with bugs in it.
const PLANTED: &[&str] = &[
    "test",
    "--release",
    "--package",
    "henge-sim",
    "--features",
    "planted-bugs",
    "--test",
    "planted",
    "--test",
    "planted_watching",
    "--test",
    "planted_listing",
    "--test",
    "planted_edges",
];

/// nextest does not run the examples in docs.
const DOC_TESTS: &[&str] = &["test", "--release", "--workspace", "--doc"];

/// All failures are wanted at once, and at the end, where people look.
const NEXTEST: &[&str] = &[
    "nextest",
    "run",
    "--release",
    "--workspace",
    "--no-fail-fast",
    "--failure-output",
    "final",
    "--status-level",
    "slow",
];

#[cfg(test)]
mod tests {
    use super::{nextest_summary, node_summary};

    #[test]
    fn the_summary_of_nextest_is_found() {
        let output =
            "  PASS [ 0.1s] a\n------\n     Summary [   1.234s] 2 tests run: 2 passed, 0 skipped\n";
        assert_eq!(nextest_summary(output), "2 tests run: 2 passed, 0 skipped");
        assert_eq!(nextest_summary("nothing"), "");
    }

    #[test]
    fn the_summaries_of_node_are_added() {
        assert_eq!(
            node_summary("# tests 4\n# pass 3\n# fail 1\n\u{2139} pass 2\npassed 7\n"),
            "5 passed"
        );
    }
}
