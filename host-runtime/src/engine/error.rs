//! Why a module is refused, and what a trap says.

use std::fmt;
use thiserror::Error;

/// Why a guest cannot run.
#[derive(Debug, Error)]
pub enum EngineError {
    /// wasmtime cannot be set up or does not take the module.
    #[error("the guest module is not usable: {0}")]
    Module(String),
    /// The module speaks another version of the ABI.
    #[error(
        "the guest module exports no {wanted}, the ABI of this server; it has {}; build guest and \
         server from the same sources",
        if found.is_empty() { "no henge_abi_* at all".to_owned() } else { found.join(", ") }
    )]
    Abi {
        /// The export that was looked for.
        wanted: &'static str,
        /// The versions that it has.
        found: Vec<String>,
    },
    /// The module wants something from its host.
    #[error("the guest module imports {0}; a guest must import nothing")]
    Imports(String),
    /// The node refused its configuration.
    #[error("{0}")]
    Config(String),
    /// The instance trapped while it was being made.
    #[error("the guest did not start: {0}")]
    Start(#[from] Trap),
}

/// The end of an instance: it must not be called again.
#[derive(Debug)]
pub struct Trap {
    /// wasmtime's reason.
    pub reason: String,
    /// What the guest's panic said, if it panicked.
    pub panic: Option<String>,
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.panic {
            Some(panic) => f.write_str(panic),
            None => f.write_str(&self.reason),
        }
    }
}

impl std::error::Error for Trap {}
