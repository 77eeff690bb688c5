//! A line of a dump: what it is, and fields; as `kind name=value ...` or as a JSON object.

use crate::cli::error::CliError;
use serde_json::Value;
use std::io::{self, BufWriter, ErrorKind, Stdout, Write};

/// A line.
pub(super) struct Line {
    kind: &'static str,
    fields: Vec<(&'static str, Value)>,
}

impl Line {
    /// A line without fields.
    pub(super) const fn new(kind: &'static str) -> Self {
        let fields = Vec::new();
        Self { kind, fields }
    }

    /// With one more field.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// With bytes: as `name` if they are text, else in hexadecimal as `hex_name`.
    pub(super) fn with_bytes(
        self,
        name: &'static str,
        hex_name: &'static str,
        bytes: &[u8],
    ) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.with(name, text),
            Err(_) => self.with(hex_name, hex(bytes)),
        }
    }

    fn text(&self) -> String {
        self.fields
            .iter()
            .fold(self.kind.to_owned(), |line, (name, value)| {
                format!("{line} {name}={value}")
            })
    }

    fn json(&self) -> String {
        let kind = Value::from(self.kind);
        let fields = self.fields.iter();
        let inside = fields.fold(format!("\"kind\":{kind}"), |line, (name, value)| {
            format!("{line},\"{name}\":{value}")
        });
        format!("{{{inside}}}")
    }
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Standard output.
pub(super) struct Lines {
    out: BufWriter<Stdout>,
    is_json: bool,
}

impl Lines {
    /// Lines as JSON objects or as text.
    pub(super) fn new(is_json: bool) -> Self {
        let out = BufWriter::new(io::stdout());
        Self { out, is_json }
    }

    /// Prints a line.
    pub(super) fn put(&mut self, line: &Line) -> Result<(), CliError> {
        let line = if self.is_json {
            line.json()
        } else {
            line.text()
        };
        writeln!(self.out, "{line}").map_err(|error| failed(&error))
    }

    /// Everything is printed.
    pub(super) fn end(&mut self) -> Result<(), CliError> {
        self.out.flush().map_err(|error| failed(&error))
    }
}

/// Who reads the lines may have enough of them, like `head`.
fn failed(error: &io::Error) -> CliError {
    if error.kind() == ErrorKind::BrokenPipe {
        std::process::exit(0);
    }
    CliError::new(format!("cannot print: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_text_or_json_and_bytes_that_are_no_text_are_hexadecimal() {
        let line = Line::new("pair")
            .with("partition", 3)
            .with_bytes("key", "key_hex", "a \"b\"\n".as_bytes())
            .with_bytes("value", "value_hex", &[0, 0xff]);
        assert_eq!(
            line.text(),
            r#"pair partition=3 key="a \"b\"\n" value_hex="00ff""#
        );
        assert_eq!(
            line.json(),
            r#"{"kind":"pair","partition":3,"key":"a \"b\"\n","value_hex":"00ff"}"#
        );
    }
}
