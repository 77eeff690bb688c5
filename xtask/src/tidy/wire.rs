//! A `usize` is 4 bytes in a browser and 8 in a server: it must not be in what they exchange.

use crate::tidy::{Complaint, Source};

/// Complains about `usize` and `isize` in types that derive serde's traits, in the folders whose
/// types cross the wire or reach a disk.
pub(crate) fn no_usize_in_serialised_types(source: &Source<'_>) -> Vec<Complaint> {
    let in_place = FOLDERS.iter().any(|folder| source.path.starts_with(folder));
    if !in_place || !source.path.ends_with(".rs") {
        return Vec::new();
    }
    let mut item = Item::None;
    let mut complaints = Vec::new();
    for (number, line) in source.lines() {
        let code = line.split("//").next().unwrap_or_default();
        item = item.after(code);
        if item.is_body() && has_word_sized_integer(code) {
            let say =
                "`usize` in a serialised type: its size differs between runtimes; use u32 or u64";
            complaints.push(source.complain(number, say));
        }
        if item.ends_with(code) {
            item = Item::None;
        }
    }
    complaints
}

/// Where a line stands, as seen from the serialised types of a file.
#[derive(Clone, Copy)]
enum Item {
    /// Outside of any.
    None,
    /// In the attributes, which have named serde's traits.
    Attributes,
    /// In the item itself, this many brackets deep after the line.
    Body { depth: i32 },
}

impl Item {
    fn after(self, code: &str) -> Self {
        let begins =
            ["struct ", "enum "].iter().any(|word| code.contains(word)) && !code.contains("#[");
        match self {
            Self::None if code.contains("derive(") && code.contains("erialize") => Self::Attributes,
            Self::Attributes if begins => Self::Body { depth: depth(code) },
            Self::Body { depth: before } => Self::Body {
                depth: before + depth(code),
            },
            other => other,
        }
    }

    fn is_body(self) -> bool {
        matches!(self, Self::Body { .. })
    }

    fn ends_with(self, code: &str) -> bool {
        matches!(self, Self::Body { depth } if depth <= 0) && code.contains([';', '}'])
    }
}

/// How much deeper in brackets the end of a line is than its start.
fn depth(code: &str) -> i32 {
    let step = |c| match c {
        '{' | '(' => 1,
        '}' | ')' => -1,
        _ => 0,
    };
    code.chars().map(step).sum()
}

fn has_word_sized_integer(code: &str) -> bool {
    code.split(|c: char| !c.is_alphanumeric() && c != '_')
        .any(|word| word == "usize" || word == "isize")
}

/// Where the types that leave the process are.
const FOLDERS: [&str; 2] = ["core/src/wire/", "core/src/causality/"];

#[cfg(test)]
mod tests {
    use super::no_usize_in_serialised_types;
    use crate::tidy::Source;

    fn check(text: &str, expect: &[usize]) {
        let found = no_usize_in_serialised_types(&Source {
            path: "core/src/wire/header.rs",
            text,
        });
        assert_eq!(
            found.iter().map(|c| c.line).collect::<Vec<_>>(),
            expect,
            "{text}"
        );
    }

    #[test]
    fn usize_is_found_in_serialised_structs_and_enums() {
        check(
            "#[derive(Serialize)]\nstruct A {\n    len: usize,\n}\nfn f(a: usize) {}\n",
            &[3],
        );
        check(
            "#[derive(Clone, Deserialize)]\n#[serde(transparent)]\npub struct A(usize);\nconst B: usize = 1;\n",
            &[3],
        );
        check(
            "#[derive(Serialize)]\nenum E {\n    A { b: Vec<u8> },\n    C(isize),\n}\nfn g() -> usize {}\n",
            &[4],
        );
    }

    #[test]
    fn usize_is_fine_everywhere_else() {
        check("struct A {\n    len: usize,\n}\n", &[]);
        check(
            "#[derive(Serialize)]\nstruct A {\n    // usize would be wrong\n    len: u32,\n}\n",
            &[],
        );
        check(
            "#[derive(Serialize)]\nstruct A;\nstruct B {\n    len: usize,\n}\n",
            &[],
        );
        let text = "#[derive(Serialize)]\nstruct A(usize);\n";
        assert_eq!(
            no_usize_in_serialised_types(&Source {
                path: "core/src/ring/mod.rs",
                text
            }),
            []
        );
    }
}
