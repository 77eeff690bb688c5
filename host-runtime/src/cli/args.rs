//! What can be written behind `henge`.

use crate::config::ServeArgs;
use clap::{Parser, Subcommand};

/// A key-value store whose one core runs everywhere
#[derive(Debug, Parser)]
#[command(name = "henge", version, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a stone
    Serve(Box<ServeArgs>),
}
