//! npm's lock files are made on many machines and must not remember where each got its packages.

use crate::tidy::{Complaint, Source};

/// Complains about the first package of a lock file that names a host.
pub(crate) fn lock_names_no_host(source: &Source<'_>) -> Vec<Complaint> {
    if !source.has_suffix(&["package-lock.json", "npm-shrinkwrap.json"]) {
        return Vec::new();
    }
    let names_host = |line: &str| line.trim_start().starts_with("\"resolved\": \"http");
    let first = source.lines().find(|(_, line)| names_host(line));
    let say = "the lock file names a registry: put `omit-lockfile-registry-resolved=true` into .npmrc beside it, \
               delete it, and run `npm install`";
    first
        .map(|(number, _)| source.complain(number, say))
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::lock_names_no_host;
    use crate::tidy::Source;

    #[test]
    fn a_registry_in_a_lock_file_is_found() {
        let text = "{\n  \"resolved\": \"https://registry.example/a.tgz\",\n  \"integrity\": \"sha512-a\"\n}\n";
        let lines = |path| {
            lock_names_no_host(&Source { path, text })
                .iter()
                .map(|c| c.line)
                .collect::<Vec<_>>()
        };
        assert_eq!(lines("wasm-sdk/package-lock.json"), [2]);
        assert!(lines("wasm-sdk/package.json").is_empty());
        let clean = Source {
            path: "package-lock.json",
            text: "{\n  \"integrity\": \"sha512-a\"\n}\n",
        };
        assert_eq!(lock_names_no_host(&clean), []);
    }
}
