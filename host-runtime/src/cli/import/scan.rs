//! Where one record of an array ends.
//!
//! This is not a JSON parser: it follows strings and brackets just far enough to find the end of a
//! record, and to notice soon when it cannot. What it lets through is parsed afterwards.

/// What was found at the start of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Scan {
    /// A value of this length.
    Value(usize),
    /// The value does not end in these bytes.
    NeedMore,
    /// Not a value; `at` is where that shows.
    Bad { at: usize, why: &'static str },
}

/// Looks for the end of the value that begins at the first byte.
pub(super) fn scan(bytes: &[u8], is_last: bool) -> Scan {
    let mut open: Vec<u8> = Vec::new();
    let mut before = b',';
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        match byte {
            b'"' => match string_end(&bytes[at..]) {
                StringEnd::At(length) => at += length - 1,
                StringEnd::Missing if is_last => {
                    return Scan::Bad {
                        at,
                        why: "this text has no closing quote",
                    };
                }
                StringEnd::Missing => return Scan::NeedMore,
                StringEnd::Broken => {
                    return Scan::Bad {
                        at,
                        why: "this text has no closing quote in its line",
                    };
                }
            },
            b'{' | b'[' => {
                let fits = match open.last() {
                    Some(b'{') => before == b':',
                    Some(_) => matches!(before, b'[' | b','),
                    None => at == 0,
                };
                if !fits {
                    return Scan::Bad {
                        at,
                        why: "a bracket opens where none can; the record before it may not be closed",
                    };
                }
                open.push(byte);
            }
            b'}' | b']' => {
                // `}` and `]` lie two behind their opening brackets.
                if open.last() != Some(&(byte - 2)) {
                    return match open.is_empty() {
                        true => Scan::Value(at),
                        false => Scan::Bad {
                            at,
                            why: "this bracket closes one that is not open",
                        },
                    };
                }
                open.pop();
                if open.is_empty() {
                    return Scan::Value(at + 1);
                }
            }
            b',' | b' ' | b'\t' | b'\r' | b'\n' if open.is_empty() => return Scan::Value(at),
            b',' | b':' | b' ' | b'\t' | b'\r' | b'\n' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' | b'E' | b'a'..=b'z' => {}
            _ => {
                return Scan::Bad {
                    at,
                    why: "this character cannot stand outside of a text",
                };
            }
        }
        if !byte.is_ascii_whitespace() {
            before = byte;
        }
        at += 1;
    }
    match (is_last, open.is_empty()) {
        (false, _) => Scan::NeedMore,
        (true, true) => Scan::Value(at),
        (true, false) => Scan::Bad {
            at: 0,
            why: "this record is not closed before the file ends",
        },
    }
}

enum StringEnd {
    /// Behind the closing quote.
    At(usize),
    Missing,
    /// A line ends in it, which JSON does not allow.
    Broken,
}

fn string_end(bytes: &[u8]) -> StringEnd {
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return StringEnd::At(at + 1),
            b'\\' => at += 2,
            b'\n' => return StringEnd::Broken,
            _ => at += 1,
        }
    }
    StringEnd::Missing
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bad_at(text: &str) -> usize {
        match scan(text.as_bytes(), true) {
            Scan::Bad { at, .. } => at,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_value_ends_where_it_ends() {
        for (text, length) in [
            (r#"{"a":[1,{"b":"}]"}]},{"c":1}"#, 20),
            (r#"{"a\"b}":1}]"#, 11),
            ("17,18", 2),
            ("true]", 4),
            ("\"a,b\" ", 5),
            ("{}", 2),
        ] {
            assert_eq!(scan(text.as_bytes(), true), Scan::Value(length), "{text}");
        }
    }

    #[test]
    fn a_value_that_is_cut_wants_more() {
        for text in ["{", "{\"a", "{\"a\\", "[1,2", "12", "{\"a\":\"\\\""] {
            assert_eq!(scan(text.as_bytes(), false), Scan::NeedMore, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_shows_where_it_is() {
        assert_eq!(bad_at("{\"a\":\"b\n}"), 5);
        assert_eq!(bad_at("{\"a\":1]"), 6);
        assert_eq!(bad_at("{\"a\":1,\n{\"b\":2}}"), 8);
        assert_eq!(bad_at("{\"a\": X}"), 6);
        assert_eq!(bad_at("{\"a\":1"), 0);
    }
}
