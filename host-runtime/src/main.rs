//! The command `henge`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    henge_host::cli::main()
}
