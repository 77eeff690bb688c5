//! Builds the engine as a wasm module, in the way in which `host-runtime` builds its guest.

use std::env;
use std::error::Error;
use std::path::PathBuf;
use std::process::Command;

const TARGET: &str = "wasm32-unknown-unknown";

fn main() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let root = here.parent().ok_or("the package lies in a workspace")?;
    for watched in [
        "core/src",
        "core/Cargo.toml",
        "bench/engine-guest",
        "host-runtime/guest/src",
        "Cargo.toml",
        "Cargo.lock",
    ] {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }
    let out = PathBuf::from(env::var("OUT_DIR")?);
    // `OUT_DIR` is `TARGET/PROFILE/build/henge-bench-HASH/out`.
    let target = out
        .ancestors()
        .nth(4)
        .ok_or("OUT_DIR is not in a target directory")?;
    // Where the host's guest is built: what both need is built once.
    let folder = target.join("guest");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        // What the outer build was told is about another target.
        let text = name.to_string_lossy();
        let is_outer = ["CARGO_ENCODED", "CARGO_CFG", "CARGO_FEATURE"]
            .iter()
            .any(|prefix| text.starts_with(prefix));
        if is_outer || text == "RUSTFLAGS" || text == "RUSTC_WORKSPACE_WRAPPER" {
            cargo.env_remove(name);
        }
    }
    let status = cargo
        .current_dir(here.join("engine-guest"))
        .args(["rustc", "--quiet", "--release", "--crate-type", "cdylib"])
        .args(["--target", TARGET, "--target-dir"])
        .arg(&folder)
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
        .status()?;
    if !status.success() {
        return Err(format!("the guest did not build for {TARGET}: see above").into());
    }
    let name = "henge_engine_guest.wasm";
    std::fs::copy(
        folder.join(TARGET).join("release").join(name),
        out.join(name),
    )?;
    Ok(())
}
