//! Where things are.

use std::env;
use std::path::{Path, PathBuf};

/// The root of the clone this binary was built from.
///
/// Cargo says where the manifest is when it runs the binary; the path at compile time would be
/// that of another clone when two share one target directory.
pub(crate) fn root() -> PathBuf {
    let manifest = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let manifest = manifest.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    manifest
        .parent()
        .map_or_else(|| manifest.clone(), Path::to_path_buf)
}

/// Cargo's target directory, as `CARGO_TARGET_DIR` has it.
pub(crate) fn target() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// Stamps and logs of these commands.
pub(crate) fn state() -> PathBuf {
    target().join("xtask")
}

/// The native server.
pub(crate) fn henge() -> PathBuf {
    target().join("release/henge")
}

/// The npm package of the SDK.
pub(crate) fn sdk() -> PathBuf {
    root().join("wasm-sdk")
}

/// The first executable called `name` on `PATH`.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
}
