//! What the module is made of, by the names that the compiler gave: before wasm-bindgen and wasm-opt,
//! which take them away.

use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use wasmparser::{KnownCustom, Name, Parser, Payload, TypeRef};

/// Prints the largest functions of `module`, and what the code of each crate comes to.
pub(crate) fn print(module: &Path) -> Result<()> {
    let bytes = fs::read(module).with_context(|| format!("cannot read {}", module.display()))?;
    let mut functions = functions(&bytes)?;
    let code: usize = functions.iter().map(|(_, bytes)| bytes).sum();
    let mut crates = BTreeMap::<&str, usize>::new();
    for (name, bytes) in &functions {
        *crates.entry(crate_of(name)).or_default() += bytes;
    }
    let mut crates: Vec<_> = crates.into_iter().collect();
    crates.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    println!(
        "\n{code} bytes of code before wasm-opt, in {} functions; by crate:",
        functions.len()
    );
    for (name, bytes) in crates.iter().take(CRATES_SHOWN) {
        println!("{bytes:>9} {:>3} %  {name}", bytes * 100 / code.max(1));
    }
    functions.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    println!("\nthe largest functions:");
    for (name, bytes) in functions.iter().take(FUNCTIONS_SHOWN) {
        println!("{bytes:>9}  {name}");
    }
    Ok(())
}

/// Every function with a body, with its name and its bytes.
fn functions(module: &[u8]) -> Result<Vec<(String, usize)>> {
    let mut imported = 0;
    let mut bodies = Vec::new();
    let mut names = BTreeMap::new();
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    imported += usize::from(matches!(import?.ty, TypeRef::Func(_)));
                }
            }
            Payload::CodeSectionEntry(body) => bodies.push(body.range().len()),
            Payload::CustomSection(section) => {
                let KnownCustom::Name(subsections) = section.as_known() else {
                    continue;
                };
                for subsection in subsections {
                    let Name::Function(map) = subsection? else {
                        continue;
                    };
                    for naming in map {
                        let naming = naming?;
                        names.insert(usize::try_from(naming.index)?, naming.name);
                    }
                }
            }
            _ => {}
        }
    }
    let named = |(index, bytes)| {
        let name = names.get(&(imported + index)).copied();
        let name = name.map_or_else(String::new, |name| {
            format!("{:#}", rustc_demangle::demangle(name))
        });
        (name, bytes)
    };
    Ok(bodies.into_iter().enumerate().map(named).collect())
}

/// `henge_core` of `<henge_core::id::Dot as serde::Serialize>::serialize`; of an instance for another
/// crate's type, whose type it is.
fn crate_of(name: &str) -> &str {
    let path = name.trim_start_matches(['<', '&', '(', '[', '*']);
    let path = path.strip_prefix("mut ").unwrap_or(path);
    let end = path.find(|c: char| !c.is_alphanumeric() && c != '_');
    match end {
        Some(end) if path[end..].starts_with("::") => &path[..end],
        _ => "others",
    }
}

const CRATES_SHOWN: usize = 12;
const FUNCTIONS_SHOWN: usize = 25;

#[cfg(test)]
mod tests {
    use super::{crate_of, functions};

    #[test]
    fn a_crate_is_read_from_a_name() {
        assert_eq!(crate_of("henge_core::client::Client::step"), "henge_core");
        assert_eq!(crate_of("<&mut serde::de::X as serde::Y>::f"), "serde");
        assert_eq!(crate_of("memcpy"), "others");
        assert_eq!(crate_of(""), "others");
    }

    #[test]
    fn an_empty_module_has_no_functions() {
        assert!(functions(b"\0asm\x01\0\0\0").unwrap().is_empty());
        assert!(functions(b"no module").is_err());
    }
}
