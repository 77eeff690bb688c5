//! A stone's settings: flags, then environment, then file, then defaults.
//!
//! * [`args`]: flags and environment, as clap reads them.
//! * [`mod@file`]: the TOML file.
//! * [`settings`]: the outcome, checked.
//! * [`member`]: one member of the static list, `NAME=HOST:PORT@ZONE*CAPACITY`.
//! * [`edge`]: where an edge node is.
//! * [`size`]: sizes like `512MiB`. [`span`]: spans of time like `30s`.

pub mod args;
pub mod edge;
pub mod file;
pub mod member;
pub mod settings;
pub mod size;
pub mod span;

pub use args::ServeArgs;
pub use edge::EdgeAddress;
pub use member::MemberSetting;
pub use settings::{Settings, SettingsError};
pub use size::ByteSize;
pub use span::TimeSpan;

#[cfg(test)]
mod tests;
