//! The guest can do nothing but compute: it must import nothing.

use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use wasmparser::{Parser, Payload};

/// Reads the newest guest below `target`; says so if none is built.
pub(crate) fn check(target: &Path) -> Result<String> {
    let Some(module) = newest(target) else {
        return Ok("not built yet".to_owned());
    };
    let bytes = fs::read(&module).with_context(|| format!("cannot read {}", module.display()))?;
    let imports =
        imports(&bytes).with_context(|| format!("{} is no wasm module", module.display()))?;
    if !imports.is_empty() {
        bail!(
            "{} imports {}; pass what it needs as an input instead (a dependency with a `js` or `std` feature is the usual culprit)",
            module.display(),
            imports.join(", ")
        );
    }
    Ok(format!("{} bytes", bytes.len()))
}

/// Everything that a module wants from its host, as `module.name`.
fn imports(module: &[u8]) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::ImportSection(section) = payload? {
            for import in section.into_imports() {
                let import = import?;
                names.push(format!("{}.{}", import.module, import.name));
            }
        }
    }
    Ok(names)
}

/// The guest that was built last; the host's build script keeps it in a target directory of its own.
fn newest(target: &Path) -> Option<PathBuf> {
    let mut found = Vec::new();
    search(target, DEPTH_MAX, &mut found);
    found.into_iter().max().map(|(_, path)| path)
}

fn search(dir: &Path, depth: u32, found: &mut Vec<(SystemTime, PathBuf)>) {
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    for entry in entries.flatten() {
        let Ok(meta) = entry.metadata() else { continue };
        let name = entry.file_name();
        if meta.is_dir() && depth > 0 && !SKIPPED.iter().any(|skipped| name == *skipped) {
            search(&entry.path(), depth - 1, found);
        } else if name == "henge_guest.wasm" {
            found.extend(meta.modified().ok().map(|at| (at, entry.path())));
        }
    }
}

/// `target/release/build/henge-host-<hash>/out/wasm32-unknown-unknown/release/henge_guest.wasm`.
const DEPTH_MAX: u32 = 7;

/// Folders of thousands of files, none of them a guest.
const SKIPPED: [&str; 6] = [
    "deps",
    "incremental",
    ".fingerprint",
    "doc",
    "examples",
    "tmp",
];

#[cfg(test)]
mod tests {
    use super::{check, imports};
    use std::{env, fs, process};

    /// The header, and a type section with `() -> ()`.
    const TYPES: &[u8] = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0";

    /// An import section with the function `env.now` of that type.
    const IMPORT: &[u8] = b"\x02\x0b\x01\x03env\x03now\0\0";

    #[test]
    fn imports_are_named() {
        assert_eq!(imports(&[TYPES, IMPORT].concat()).unwrap(), ["env.now"]);
        assert!(imports(TYPES).unwrap().is_empty());
        assert!(imports(b"not wasm").is_err());
    }

    #[test]
    fn the_guest_is_found_deep_in_the_target_directory() {
        let target = env::temp_dir().join(format!("xtask-guest-{}", process::id()));
        let out = target.join("release/build/henge-host-0/out/wasm32-unknown-unknown/release");
        fs::create_dir_all(&out).unwrap();
        let before = check(&target).unwrap();
        fs::write(out.join("henge_guest.wasm"), TYPES).unwrap();
        let clean = check(&target).unwrap();
        fs::write(out.join("henge_guest.wasm"), [TYPES, IMPORT].concat()).unwrap();
        let error = check(&target).unwrap_err().to_string();
        fs::remove_dir_all(&target).unwrap();
        assert_eq!(before, "not built yet");
        assert_eq!(clean, "14 bytes");
        assert!(error.contains("env.now"), "{error}");
    }
}
