//! Words that must not be written, or not in some places.

use crate::tidy::{Complaint, Source};

/// Words that are banned in some files.
struct Ban {
    /// Only files whose path starts with this.
    below: &'static str,
    /// Only files that end with this.
    suffix: &'static str,
    /// Any of these; each is cut in two, so that this table does not break its own rule.
    words: &'static [[&'static str; 2]],
    /// What to write instead.
    instead: &'static str,
}

/// Complains about every line with a banned word.
pub(crate) fn no_banned_phrase(source: &Source<'_>) -> Vec<Complaint> {
    let applies =
        |ban: &&Ban| source.path.starts_with(ban.below) && source.path.ends_with(ban.suffix);
    BANS.iter()
        .filter(applies)
        .flat_map(|ban| broken(ban, source))
        .collect()
}

fn broken(ban: &Ban, source: &Source<'_>) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (number, line) in source.lines() {
        let word = ban
            .words
            .iter()
            .map(|halves| halves.concat())
            .find(|word| contains_word(line, word));
        complaints
            .extend(word.map(|word| source.complain(number, format!("`{word}`: {}", ban.instead))));
    }
    complaints
}

/// Whether `line` has `word`, not as a part of a longer name.
fn contains_word(line: &str, word: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let starts_a_name = word.starts_with(is_name);
    let ends_a_name = word.ends_with(is_name);
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back().is_some_and(is_name);
        let after = line[at + word.len()..].chars().next().is_some_and(is_name);
        !(starts_a_name && before || ends_a_name && after)
    })
}

/// Complains about spaces and tabs at the end of a line.
pub(crate) fn no_trailing_whitespace(source: &Source<'_>) -> Vec<Complaint> {
    let ends_in_space = |line: &str| line.ends_with([' ', '\t']);
    let lines = source.lines().filter(|(_, line)| ends_in_space(line));
    lines
        .map(|(number, _)| source.complain(number, "whitespace at the end of the line: remove it"))
        .collect()
}

const BANS: [Ban; 7] = [
    Ban {
        below: "",
        suffix: "",
        words: &[["/wo", "rk/"], ["/ho", "me/"], ["/ro", "ot/"]],
        instead: "a path of one machine; write it relative to the clone, or take it from the environment",
    },
    Ban {
        below: "",
        suffix: "",
        words: &[["to", "do!"], ["FIX", "ME"], ["X", "XX"], ["TO", "DO"]],
        instead: "unfinished work; finish it, or open an issue and leave the code whole",
    },
    Ban {
        below: "core/",
        suffix: ".rs",
        words: &[
            ["std::collections::Hash", "Map"],
            ["std::collections::Hash", "Set"],
            ["std::collections::", "*"],
        ],
        instead: "its order differs from run to run; use BTreeMap, or hashbrown with the fixed-seed hasher where nothing iterates",
    },
    Ban {
        below: "core/src/",
        suffix: ".rs",
        words: &[["Instant::", "now"], ["System", "Time"]],
        instead: "the core has no clock; take `now: Instant` from the caller",
    },
    Ban {
        below: "core/src/",
        suffix: ".rs",
        words: &[
            ["std::", "fs"],
            ["std::", "net"],
            ["std::", "thread"],
            ["std::", "env"],
        ],
        instead: "the core does no I/O; return an Output and let the driver do it",
    },
    Ban {
        below: "core/src/",
        suffix: ".rs",
        words: &[["allow(un", "safe_code)"], ["expect(un", "safe_code)"]],
        instead: "the core is safe Rust; put it behind the driver's interface",
    },
    Ban {
        below: "",
        suffix: ".rs",
        words: &[["#[ig", "nore"]],
        instead: "a test that does not run proves nothing; make it fast, or delete it",
    },
];

#[cfg(test)]
mod tests {
    use super::{BANS, contains_word, no_banned_phrase, no_trailing_whitespace};
    use crate::tidy::Source;

    #[test]
    fn every_banned_word_is_found_in_its_place() {
        for ban in &BANS {
            for word in ban.words.iter().map(|halves| halves.concat()) {
                let path = format!("{}x{}", ban.below, ban.suffix);
                let text = format!("fine\n({word})\n");
                let found = no_banned_phrase(&Source {
                    path: &path,
                    text: &text,
                });
                assert!(
                    found
                        .iter()
                        .any(|c| c.line == 2 && c.say.starts_with(&format!("`{word}`"))),
                    "{word}"
                );
            }
        }
    }

    #[test]
    fn the_clock_is_banned_only_in_the_core() {
        let text = ["let t = Instant::", "now();"].concat();
        assert_eq!(
            no_banned_phrase(&Source {
                path: "core/src/time.rs",
                text: &text
            })
            .len(),
            1
        );
        assert_eq!(
            no_banned_phrase(&Source {
                path: "bench/src/main.rs",
                text: &text
            })
            .len(),
            0
        );
    }

    #[test]
    fn a_part_of_a_longer_name_is_not_the_word() {
        assert!(contains_word("a Set b", "Set"));
        assert!(contains_word("(Set)", "Set"));
        assert!(!contains_word("SetX", "Set"));
        assert!(!contains_word("a_Set", "Set"));
    }

    #[test]
    fn trailing_whitespace_is_found() {
        let found = no_trailing_whitespace(&Source {
            path: "a.md",
            text: "a\nb \nc\t\r\nd\n",
        });
        assert_eq!(found.iter().map(|c| c.line).collect::<Vec<_>>(), [2, 3]);
    }
}
