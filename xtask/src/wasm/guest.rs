//! The core as servers run it, for `henge/testing`.

use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

use crate::paths;
use crate::setup::{WASM, WasmRust};
use crate::steps::Ticker;

/// The folder of `henge/testing` in the SDK's `dist`: no page downloads anything of it.
const FOLDER: &str = "testing";

/// The guest as it is shipped in the SDK.
pub(crate) fn shipped() -> PathBuf {
    paths::sdk().join("dist").join(FOLDER).join(FILE)
}

/// Builds the guest just as the host's build script does and where it does, so that it is the same
/// one and is compiled once, and puts it at `place`.
pub(super) fn build(place: &Path, ticker: &Ticker) -> Result<String> {
    let folder = paths::target().join("guest");
    let build = WasmRust::find(ticker)?
        .cargo_build(&["-p", "henge-guest", "--release", "--target-dir"])
        .arg(&folder);
    let build = SETTINGS
        .iter()
        .fold(build, |build, (name, value)| build.env(name, value));
    build.run(ticker)?;
    let built = folder.join(WASM).join("release").join(FILE);
    let bytes = fs::copy(&built, place)
        .with_context(|| format!("cannot copy {} to {}", built.display(), place.display()))?;
    Ok(format!("{bytes} bytes"))
}

const FILE: &str = "henge_guest.wasm";

/// See `host-runtime/build.rs`.
const SETTINGS: [(&str, &str); 6] = [
    ("CARGO_PROFILE_RELEASE_DEBUG", "false"),
    ("CARGO_PROFILE_RELEASE_STRIP", "debuginfo"),
    ("CARGO_PROFILE_RELEASE_LTO", "fat"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
    ("CARGO_PROFILE_RELEASE_PANIC", "abort"),
    (
        "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS",
        "-Ctarget-feature=+simd128",
    ),
];
