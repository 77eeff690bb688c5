//! The JavaScript that wasm-bindgen writes, without its comments: they stand in the declarations too.

use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

/// Takes the doc comments out of `file`.
pub(crate) fn shorten(file: &Path) -> Result<()> {
    let text =
        fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    fs::write(file, without_docs(&text)).with_context(|| format!("cannot write {}", file.display()))
}

/// `text` without the comments that begin a line with `/**`.
fn without_docs(text: &str) -> String {
    let mut is_comment = false;
    let mut kept = String::with_capacity(text.len());
    for line in text.lines() {
        is_comment |= line.trim_start().starts_with("/**");
        if !is_comment {
            kept.push_str(line);
            kept.push('\n');
        }
        is_comment &= !line.trim_end().ends_with("*/");
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::without_docs;

    #[test]
    fn only_doc_comments_go() {
        let text = "/* @ts-self-types */\n/** One. */\nlet a = 1; /* kept */\n    /**\n     * Two.\n     */\n    f('/**');\n// kept\n";
        let kept = "/* @ts-self-types */\nlet a = 1; /* kept */\n    f('/**');\n// kept\n";
        assert_eq!(without_docs(text), kept);
    }
}
