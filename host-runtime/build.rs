//! Builds the guest for wasm and notes where it is; notes which files the binary embeds.
//!
//! The guest is built twice: as it is shipped, embedded into the binary, and with `test-hooks`,
//! for tests to run with `henge serve --guest-module`. Both are put into `guest/` of the target
//! directory.

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-unknown-unknown";

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let root = here.parent().ok_or("the package lies in a workspace")?;
    for watched in [
        "core/src",
        "core/Cargo.toml",
        "host-runtime/guest",
        "Cargo.toml",
        "Cargo.lock",
    ] {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }
    watch_embedded(root)?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let folder = guest_folder(&out)?;
    if let Some(ready) = ready_guest()? {
        std::fs::copy(&ready, out.join("henge_guest.wasm"))?;
        return Ok(());
    }
    let plain = build(&here, &folder, &[])?;
    std::fs::copy(&plain, folder.join("henge_guest.wasm"))?;
    std::fs::copy(&plain, out.join("henge_guest.wasm"))?;
    let hooks = build(&here, &folder, &["--features", "test-hooks"])?;
    std::fs::copy(&hooks, folder.join("henge_guest_hooks.wasm"))?;
    Ok(())
}

/// A guest that someone else has built, where this toolchain cannot.
fn ready_guest() -> Result<Option<PathBuf>> {
    println!("cargo::rerun-if-env-changed=HENGE_GUEST_WASM");
    let Some(path) = env::var_os("HENGE_GUEST_WASM").map(PathBuf::from) else {
        return Ok(None);
    };
    println!("cargo::rerun-if-changed={}", path.display());
    if !path.is_file() {
        return Err(format!(
            "HENGE_GUEST_WASM names {}, which is no file",
            path.display()
        )
        .into());
    }
    Ok(Some(path))
}

/// `guest` in the target directory: `OUT_DIR` is `TARGET/PROFILE/build/henge-host-HASH/out`.
fn guest_folder(out: &Path) -> Result<PathBuf> {
    let target = out
        .ancestors()
        .nth(4)
        .ok_or("OUT_DIR is not inside of a target directory")?;
    let folder = target.join("guest");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn build(here: &Path, folder: &Path, extra: &[&str]) -> Result<PathBuf> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        // What the outer build was told is about another target.
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_ENCODED")
            || text == "RUSTFLAGS"
            || text.starts_with("CARGO_CFG")
            || text.starts_with("CARGO_FEATURE")
            || text == "RUSTC_WORKSPACE_WRAPPER"
        {
            cargo.env_remove(name);
        }
    }
    let status = cargo
        .current_dir(here.join("guest"))
        .args([
            "build",
            "--quiet",
            "--release",
            "--target",
            TARGET,
            "--target-dir",
        ])
        .arg(folder)
        .args(extra)
        // Debug information would triple the module, and without threads one unit optimises best.
        .env("CARGO_PROFILE_RELEASE_DEBUG", "false")
        .env("CARGO_PROFILE_RELEASE_STRIP", "debuginfo")
        .env("CARGO_PROFILE_RELEASE_LTO", "fat")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1")
        .env("CARGO_PROFILE_RELEASE_PANIC", "abort")
        // Checksums and copies by 16 bytes. Every engine that runs the guest has it.
        .env(
            "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS",
            "-Ctarget-feature=+simd128",
        )
        .status()
        .map_err(|error| format!("cannot run cargo for the guest: {error}"))?;
    if !status.success() {
        return Err(advice().into());
    }
    Ok(folder.join(TARGET).join("release/henge_guest.wasm"))
}

fn advice() -> String {
    format!(
        "the guest did not build for {TARGET} (see above). If the target is missing: \
         `rustup target add {TARGET}`, or `cargo xtask up`, which does that and more"
    )
}

/// Has the files of the console and of the SDK watched. The SDK need not be built yet: a folder that
/// is there can be watched, one that is not would have this script run every time.
fn watch_embedded(root: &Path) -> Result<()> {
    for folder in [root.join("www"), root.join("wasm-sdk/dist")] {
        std::fs::create_dir_all(&folder)?;
        println!("cargo::rerun-if-changed={}", folder.display());
    }
    Ok(())
}
