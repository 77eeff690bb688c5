//! A file that does not fit in a head is split by noun.

use crate::tidy::{Complaint, Source};

/// Complains about a source file that is too long.
pub(crate) fn file_is_short(source: &Source<'_>) -> Vec<Complaint> {
    let lines = source.lines().count();
    if !source.has_suffix(&SUFFIXES) || lines <= LINES_MAX {
        return Vec::new();
    }
    let say = format!(
        "{lines} lines, at most {LINES_MAX}: split it by noun (tests go to a sibling tests.rs)"
    );
    vec![source.complain(lines, say)]
}

const LINES_MAX: usize = 500;

const SUFFIXES: [&str; 6] = [".rs", ".ts", ".mts", ".tsx", ".js", ".mjs"];

#[cfg(test)]
mod tests {
    use super::{LINES_MAX, file_is_short};
    use crate::tidy::Source;

    fn complaints(path: &str, lines: usize) -> usize {
        file_is_short(&Source {
            path,
            text: &"x\n".repeat(lines),
        })
        .len()
    }

    #[test]
    fn only_code_has_a_length_limit() {
        assert_eq!(complaints("a.rs", LINES_MAX), 0);
        assert_eq!(complaints("a.rs", LINES_MAX + 1), 1);
        assert_eq!(complaints("a.ts", LINES_MAX + 1), 1);
        assert_eq!(complaints("a.md", LINES_MAX + 1), 0);
    }
}
