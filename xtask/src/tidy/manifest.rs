//! Cargo manifests: every dependency of the core has a reason, every crate has the lints.

use crate::tidy::{Complaint, Source};

/// Complains about manifests and the lock file.
pub(crate) fn manifest_keeps_the_rules(source: &Source<'_>) -> Vec<Complaint> {
    match source.path {
        "Cargo.toml" => dependencies_have_reasons(source, "[workspace.dependencies]"),
        "Cargo.lock" => sources_are_crates_io(source),
        "core/Cargo.toml" => [
            dependencies_have_reasons(source, "dependencies]"),
            has_lints(source),
        ]
        .concat(),
        path if path.ends_with("/Cargo.toml") => has_lints(source),
        _ => Vec::new(),
    }
}

/// A dependency must have a comment above it; one taken from the workspace has it there, and one
/// that is a folder of this workspace speaks for itself.
fn dependencies_have_reasons(source: &Source<'_>, section_end: &str) -> Vec<Complaint> {
    let mut in_section = false;
    let mut above = "";
    let mut complaints = Vec::new();
    for (number, line) in source.lines() {
        if line.starts_with('[') {
            in_section = line.ends_with(section_end);
        }
        let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
        let is_dependency = in_section
            && line.contains('=')
            && line.starts_with(|c: char| c.is_ascii_alphanumeric());
        let is_elsewhere = line.contains("workspace = true") || line.contains("path = ");
        if is_dependency && !is_elsewhere && !above.starts_with('#') {
            let say = format!("the dependency {name} has no reason: write a comment above it");
            complaints.push(source.complain(number, say));
        }
        above = line;
    }
    complaints
}

fn has_lints(source: &Source<'_>) -> Vec<Complaint> {
    if source.text.contains("[lints]\nworkspace = true") {
        return Vec::new();
    }
    vec![source.complain(
        1,
        "the lints of the workspace are off: add `[lints]` and `workspace = true`",
    )]
}

fn sources_are_crates_io(source: &Source<'_>) -> Vec<Complaint> {
    let is_foreign = |line: &str| line.starts_with("source = ") && !line.contains(CRATES_IO);
    let lines = source.lines().filter(|(_, line)| is_foreign(line));
    let say = "a crate from elsewhere: take it from crates.io, and name no mirror in the lock file";
    lines
        .map(|(number, _)| source.complain(number, say))
        .collect()
}

const CRATES_IO: &str = "\"registry+https://github.com/rust-lang/crates.io-index\"";

#[cfg(test)]
mod tests {
    use super::manifest_keeps_the_rules;
    use crate::tidy::Source;

    fn check(path: &str, text: &str, expect: &[usize]) {
        let found = manifest_keeps_the_rules(&Source { path, text });
        assert_eq!(
            found.iter().map(|c| c.line).collect::<Vec<_>>(),
            expect,
            "{text}"
        );
    }

    #[test]
    fn a_dependency_of_the_core_needs_a_reason() {
        let lints = "\n[lints]\nworkspace = true\n";
        let text =
            "[dependencies]\nserde.workspace = true\n# Maps.\nhashbrown = \"1\"\nfoo = \"1\"\n";
        check("core/Cargo.toml", &format!("{text}{lints}"), &[5]);
        check(
            "core/Cargo.toml",
            &format!("[dev-dependencies]\nfoo = {{ version = \"1\" }}\n{lints}"),
            &[2],
        );
        check("bench/Cargo.toml", &format!("{text}{lints}"), &[]);
    }

    #[test]
    fn a_crate_without_lints_is_found() {
        check("bench/Cargo.toml", "[package]\nname = \"b\"\n", &[1]);
    }

    #[test]
    fn a_lock_file_names_crates_io_only() {
        let index = "registry+https://github.com/rust-lang/crates.io-index";
        check("Cargo.lock", &format!("source = \"{index}\"\n"), &[]);
        check(
            "Cargo.lock",
            "a\nsource = \"registry+https://mirror.example/index\"\n",
            &[2],
        );
    }
}
