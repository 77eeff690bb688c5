//! Errors with a hint and an exit code.

use std::fmt;
use std::process::ExitCode;

/// Why a command failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CliError {
    message: String,
    hint: Option<String>,
    code: u8,
}

/// The command did not do what it should.
const FAILED: u8 = 1;
/// The command was not understood.
const USAGE: u8 = 2;
/// There is no such key.
const NOT_FOUND: u8 = 3;

impl CliError {
    /// Exit code 1.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            code: FAILED,
        }
    }

    /// Exit code 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            code: USAGE,
        }
    }

    /// Exit code 3.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            code: NOT_FOUND,
        }
    }

    /// With what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What the process ends with.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}
