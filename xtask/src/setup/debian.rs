//! Programs that Debian packages.

use anyhow::{Context, Result, bail};
use std::env;
use std::path::{Path, PathBuf};

use crate::cmd::Cmd;
use crate::paths;
use crate::steps::Ticker;

/// A Chromium for the browser tests: `HENGE_CHROMIUM`, else one on `PATH`, else Debian's.
pub(crate) fn chromium(ticker: &Ticker) -> Result<PathBuf> {
    let names = [
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
    ];
    named("HENGE_CHROMIUM", &names, "chromium", ticker)
}

/// A Firefox for the browser tests: `HENGE_FIREFOX`, else one on `PATH`, else Debian's.
pub(crate) fn firefox(ticker: &Ticker) -> Result<PathBuf> {
    named(
        "HENGE_FIREFOX",
        &["firefox-esr", "firefox"],
        "firefox-esr",
        ticker,
    )
}

/// The Redis server that the benches run beside Henge.
pub(crate) fn redis_server(ticker: &Ticker) -> Result<PathBuf> {
    program(&["redis-server"], "redis-server", ticker)
}

/// The `ip` that makes hosts of network namespaces; of Linux only.
pub(crate) fn iproute2(ticker: &Ticker) -> Result<PathBuf> {
    program(&["ip"], "iproute2", ticker)
}

/// What `variable` names, else as [`program`].
fn named(variable: &str, names: &[&str], package: &str, ticker: &Ticker) -> Result<PathBuf> {
    let Some(path) = env::var_os(variable).map(PathBuf::from) else {
        return program(names, package, ticker);
    };
    if !path.is_file() {
        bail!(
            "{variable} names {}, which is no file; correct or unset it",
            path.display()
        );
    }
    Ok(path)
}

/// The first of `names` on `PATH`, after installing `package` if there is none.
fn program(names: &[&str], package: &str, ticker: &Ticker) -> Result<PathBuf> {
    let find = || names.iter().find_map(|name| paths::find_program(name));
    if let Some(found) = find() {
        return Ok(found);
    }
    install(&[package], ticker)?;
    find().with_context(|| {
        format!(
            "the package {package} has brought none of: {}",
            names.join(", ")
        )
    })
}

/// Installs Debian packages, as root or through a sudo that asks nothing.
pub(crate) fn install(packages: &[&str], ticker: &Ticker) -> Result<()> {
    let wanted = packages.join(" ");
    let Some(apt) = Apt::find() else {
        bail!(
            "{wanted} is missing and cannot be installed from here; install it (as root: apt-get install {wanted}), then run this again"
        );
    };
    apt.run(&["update"], ticker)?;
    let install = ["install", "-y", "--no-install-recommends"];
    apt.run(&[&install, packages].concat(), ticker)
}

/// A way to call apt-get with the rights it needs.
struct Apt {
    through_sudo: bool,
}

impl Apt {
    fn find() -> Option<Self> {
        paths::find_program("apt-get")?;
        if rustix::process::geteuid().is_root() {
            return Some(Self {
                through_sudo: false,
            });
        }
        Cmd::new("sudo")
            .args(["-n", "true"])
            .answer()
            .map(|_| Self { through_sudo: true })
    }

    fn run(&self, args: &[&str], ticker: &Ticker) -> Result<()> {
        let program = if self.through_sudo {
            Path::new("sudo")
        } else {
            Path::new("apt-get")
        };
        let words: &[&str] = if self.through_sudo {
            &["-n", "apt-get"]
        } else {
            &[]
        };
        Cmd::new(program)
            .args(words)
            .args(args)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .run(ticker)
            .map(drop)
    }
}
