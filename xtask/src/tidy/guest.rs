//! The guest can do nothing but compute: it must import nothing.

use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use wasmparser::{Parser, Payload};

/// Reads each guest that is built below `target`; says so if none is.
pub(crate) fn check(target: &Path) -> Result<String> {
    let built: Vec<PathBuf> = PLACES
        .map(|place| target.join(place))
        .into_iter()
        .filter(|path| path.is_file())
        .collect();
    for module in &built {
        let bytes =
            fs::read(module).with_context(|| format!("cannot read {}", module.display()))?;
        let imports =
            imports(&bytes).with_context(|| format!("{} is no wasm module", module.display()))?;
        if !imports.is_empty() {
            bail!(
                "{} imports {}; pass what it needs as an input instead (a dependency with a `js` or `std` feature is the usual culprit)",
                module.display(),
                imports.join(", ")
            );
        }
    }
    Ok(match built.len() {
        0 => "not built yet".to_owned(),
        count => format!("{count} checked"),
    })
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

/// Where the host's build script puts the guest as shipped and the guest of the tests, and where either
/// that script or `cargo xtask wasm` has built the last one.
const PLACES: [&str; 3] = [
    "guest/henge_guest.wasm",
    "guest/henge_guest_hooks.wasm",
    "guest/wasm32-unknown-unknown/release/henge_guest.wasm",
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
    fn every_built_guest_is_checked() {
        let target = env::temp_dir().join(format!("xtask-guest-{}", process::id()));
        fs::create_dir_all(target.join("guest")).unwrap();
        let before = check(&target).unwrap();
        fs::write(target.join("guest/henge_guest.wasm"), TYPES).unwrap();
        let clean = check(&target).unwrap();
        fs::write(
            target.join("guest/henge_guest_hooks.wasm"),
            [TYPES, IMPORT].concat(),
        )
        .unwrap();
        let error = check(&target).unwrap_err().to_string();
        fs::remove_dir_all(&target).unwrap();
        assert_eq!(before, "not built yet");
        assert_eq!(clean, "1 checked");
        assert!(error.contains("env.now"), "{error}");
    }
}
