//! Rust's own pieces: targets, components, and cargo-nextest.

use anyhow::{Context, Result, bail};
use std::fmt;
use std::path::{Path, PathBuf};

use crate::cmd::Cmd;
use crate::paths;
use crate::setup::debian;
use crate::steps::{Outcome, Ticker};

/// Targets without std, for the core.
pub(crate) const NO_STD_TARGETS: [&str; 2] = ["wasm32v1-none", "thumbv7em-none-eabi"];

/// The target of both wasm builds.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// Adds the target `triple` to the toolchain if it is missing.
pub(crate) fn target(triple: &str, ticker: &Ticker) -> Result<String> {
    if has_target(triple) {
        return Ok("present".to_owned());
    }
    Cmd::new("rustup").args(["target", "add", triple]).run(ticker).with_context(|| {
        format!("the Rust toolchain has no target {triple}; add it (rustup target add {triple}), then run this again")
    })?;
    Ok("added".to_owned())
}

fn has_target(triple: &str) -> bool {
    rustlib().is_some_and(|dir| dir.join(triple).join("lib").is_dir())
}

/// Where the toolchain keeps its targets.
fn rustlib() -> Option<PathBuf> {
    let sysroot = Cmd::new("rustc").args(["--print", "sysroot"]).answer()?;
    Some(Path::new(&sysroot).join("lib/rustlib"))
}

/// Adds the toolchain component `name` (`rustfmt`, `clippy`) if it is missing.
pub(crate) fn component(name: &str, ticker: &Ticker) -> Result<()> {
    let command = if name == "rustfmt" { "fmt" } else { name };
    if Cmd::cargo([command, "--version"]).answer().is_some() {
        return Ok(());
    }
    Cmd::new("rustup")
        .args(["component", "add", name])
        .run(ticker)
        .with_context(|| format!("`cargo {command}` is missing; install it, then run this again"))
        .map(drop)
}

/// Installs cargo-nextest if it is missing.
pub(crate) fn nextest(ticker: &Ticker) -> Result<String> {
    if let Some(version) = Cmd::cargo(["nextest", "--version"]).answer() {
        return Ok(version.lines().next().unwrap_or_default().to_owned());
    }
    Cmd::cargo(["install", "cargo-nextest", "--locked"]).run(ticker)?;
    Ok("installed".to_owned())
}

/// A Rust that can build for wasm.
pub(crate) enum WasmRust {
    /// The toolchain in use has the target.
    InUse,
    /// Debian's packages, which build the standard library themselves.
    Debian {
        /// A linker that knows wasm.
        linker: PathBuf,
    },
}

impl WasmRust {
    /// The toolchain in use, with the target added if need be; where that cannot be done (a mirror
    /// without the target, a distribution's Rust) the one that Debian packages.
    pub(crate) fn find(ticker: &Ticker) -> Result<Self> {
        let Err(refused) = target(WASM, ticker) else {
            return Ok(Self::InUse);
        };
        ticker.say("rustup has no wasm target; looking for Debian's rustc-web");
        match Self::debian(ticker) {
            Ok(found) => Ok(found),
            Err(also_refused) => bail!(
                "{refused:#}\n\nDebian's rustc-web could not stand in for it either: {also_refused:#}\n\n\
                 do one of these, then run this again:\n  \
                 rustup target add {WASM}\n  apt-get install {}",
                DEBIAN_PACKAGES.join(" ")
            ),
        }
    }

    fn debian(ticker: &Ticker) -> Result<Self> {
        let is_there = || DEBIAN_FILES.iter().all(|file| Path::new(file).exists());
        if !is_there() {
            debian::install(&DEBIAN_PACKAGES, ticker)?;
        }
        if !is_there() {
            bail!("its packages did not bring {}", DEBIAN_FILES.join(", "));
        }
        let linker =
            wasm_linker().context("no linker for wasm: neither rust-lld nor wasm-ld is there")?;
        Ok(Self::Debian { linker })
    }

    /// `cargo build --target wasm32-unknown-unknown` with `args` added.
    pub(crate) fn cargo_build(&self, args: &[&str]) -> Cmd {
        let build = ["build", "--target", WASM];
        match self {
            Self::InUse => Cmd::cargo(build).args(args),
            Self::Debian { linker } => Cmd::new("/usr/bin/cargo")
                .args(build)
                .args(["-Zbuild-std=std,panic_abort"])
                .args(args)
                .env("RUSTC", "/usr/bin/rustc")
                // Lets a stable compiler build its own standard library.
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
                .env_remove("RUSTUP_TOOLCHAIN"),
        }
    }
}

impl Outcome for WasmRust {
    fn note(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for WasmRust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InUse => "the toolchain in use",
            Self::Debian { .. } => "Debian's rustc-web, with its own std",
        })
    }
}

fn wasm_linker() -> Option<PathBuf> {
    let host = Cmd::new("rustc").args(["--print", "host-tuple"]).answer()?;
    let rust_lld = rustlib()?.join(host).join("bin/rust-lld");
    if rust_lld.is_file() {
        Some(rust_lld)
    } else {
        paths::find_program("wasm-ld")
    }
}

/// Debian's Rust that is new enough for web browsers, and so for us.
const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld"];

/// What these packages bring.
const DEBIAN_FILES: [&str; 3] = ["/usr/bin/cargo", "/usr/bin/rustc", "/usr/lib/rustlib/src"];
