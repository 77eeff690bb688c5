//! The TOML file.

use super::args::PolicySetting;
use super::edge::EdgeAddress;
use super::member::MemberSetting;
use super::settings::SettingsError;
use super::size::ByteSize;
use super::span::TimeSpan;
use henge_core::replication::Level;
use henge_core::ring::Zone;
use serde::{Deserialize, Deserializer};
use std::path::{Path, PathBuf};

/// What a file may set, by the names of the flags.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct FileSettings {
    pub(super) name: Option<String>,
    pub(super) listen: Option<String>,
    pub(super) advertise: Option<String>,
    #[serde(default)]
    pub(super) seeds: Vec<String>,
    #[serde(default)]
    pub(super) edges: Vec<EdgeAddress>,
    pub(super) zone: Option<Zone>,
    pub(super) capacity: Option<u32>,
    pub(super) data: Option<PathBuf>,
    pub(super) member: Vec<MemberSetting>,
    pub(super) cluster: Option<String>,
    pub(super) partitions: Option<u16>,
    pub(super) replicas: Option<u8>,
    pub(super) shards: Option<u16>,
    pub(super) policy: Option<PolicySetting>,
    #[serde(deserialize_with = "level")]
    pub(super) read_level: Option<Level>,
    #[serde(deserialize_with = "level")]
    pub(super) write_level: Option<Level>,
    pub(super) sloppy_quorum: Option<bool>,
    pub(super) sync_round: Option<TimeSpan>,
    pub(super) horizon: Option<TimeSpan>,
    pub(super) pair_bytes_max: Option<ByteSize>,
    pub(super) memory_max: Option<ByteSize>,
    pub(super) shard_memory_max: Option<ByteSize>,
    pub(super) connections_max: Option<usize>,
    pub(super) www: Option<PathBuf>,
}

impl FileSettings {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// Names the file, the line, and what is allowed there.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            SettingsError::new(
                format!("cannot read the settings in {}: {error}", path.display()),
                "check the path given with --config",
            )
        })?;
        Self::parse(&text).map_err(|why| {
            SettingsError::new(
                format!("{}: {}", path.display(), why.trim_end()),
                "the names are those of the flags of `henge serve --help`",
            )
        })
    }

    /// Reads `text`; the error says line and column.
    ///
    /// # Errors
    /// If something is not allowed there.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }
}

/// A level is a text, or a number as it is.
fn level<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Level>, D::Error> {
    #[derive(Deserialize)]
    #[serde(
        untagged,
        expecting = "a level: \"quorum\", \"all\", \"one\", ... or a number"
    )]
    enum Written {
        Text(String),
        Number(u8),
    }
    let text = match Written::deserialize(from)? {
        Written::Text(text) => text,
        Written::Number(number) => number.to_string(),
    };
    text.parse().map(Some).map_err(serde::de::Error::custom)
}
