//! What can be written behind `henge`.

use super::error::CliError;
use crate::config::ServeArgs;
use crate::config::args::{PolicySetting, level};
use crate::config::member::{MemberSetting, check_address};
use crate::config::span::TimeSpan;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::{Args, Parser, Subcommand, ValueEnum};
use henge_core::cluster::DEFAULT_BUCKET;
use henge_core::limits::TIMEOUT_MAX_MS;
use henge_core::replication::Level;
use henge_core::ring::Member;
use std::path::PathBuf;

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
    /// Write a value under a key
    Put(PutArgs),
    /// Print the value of a key; exit code 3 if there is none
    Get(GetArgs),
    /// Remove a key
    Delete(DeleteArgs),
    /// Print the keys that begin so, with their values, in order
    List(ListKeysArgs),
    /// Print what changes under a key or a prefix, until it is interrupted
    Watch(WatchArgs),
    /// Load the records of a JSON or NDJSON file
    Import(ImportArgs),
    /// Show how the stones are
    Status(StatusArgs),
    /// Who holds what: plan changes, watch them, let a stone leave
    #[command(subcommand)]
    Ring(RingCommand),
    /// Sets of keys with a policy, levels and a time to live of their own
    #[command(subcommand)]
    Bucket(BucketCommand),
    /// Verify the data folder of a stopped stone; exit code 1 if anything is damaged
    Check(CheckArgs),
    /// Print a table, a log segment or a manifest
    Dump(DumpArgs),
}

/// Where the cluster is, and how long to wait for it.
#[derive(Args, Clone, Debug)]
pub struct ServerArgs {
    /// A stone of the cluster; several, separated by commas, are tried in turn
    #[arg(
        long = "server",
        env = "HENGE_SERVER",
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:7301",
        value_delimiter = ',',
        value_parser = server
    )]
    pub servers: Vec<String>,
    /// How long to wait, with all retries [default: 5000]
    #[arg(long, env = "HENGE_TIMEOUT_MS", value_name = "MS", value_parser = clap::value_parser!(u32).range(1..=i64::from(TIMEOUT_MAX_MS)))]
    pub timeout_ms: Option<u32>,
}

/// `henge put`.
#[derive(Args, Debug)]
pub struct PutArgs {
    /// The key
    pub key: String,
    /// The bucket that the key belongs to
    #[arg(long, value_name = "NAME", default_value = DEFAULT_BUCKET)]
    pub bucket: String,
    /// The value; `-` reads it from standard input
    #[arg(
        allow_hyphen_values = true,
        conflicts_with = "file",
        required_unless_present = "file"
    )]
    pub value: Option<String>,
    /// Read the value from this file
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// What the value is [default: text if it is UTF-8, else bytes]
    #[arg(long = "as", value_name = "TYPE")]
    pub kind: Option<ValueKind>,
    /// Replicas on which it must be durable: one, quorum, all, local_quorum, each_quorum or a number
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    pub w: Option<Level>,
    /// What was read before, as `henge get --meta` prints it; resolves siblings
    #[arg(long, value_parser = context)]
    pub context: Option<Context>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ValueKind {
    /// Bytes
    Bytes,
    /// UTF-8 text
    Text,
    /// JSON
    Json,
}

/// `henge get`.
#[derive(Args, Debug)]
pub struct GetArgs {
    /// The key
    pub key: String,
    /// The bucket that the key belongs to
    #[arg(long, value_name = "NAME", default_value = DEFAULT_BUCKET)]
    pub bucket: String,
    /// Replicas that must agree: one, quorum, all, local_quorum, each_quorum or a number
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    pub r: Option<Level>,
    /// Print version, context and number of siblings to standard error
    #[arg(long)]
    pub meta: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

/// `henge list`.
#[derive(Args, Debug)]
pub struct ListKeysArgs {
    /// What the keys begin with; empty for all
    #[arg(required_unless_present_any = ["from", "to"])]
    pub prefix: Option<String>,
    /// The bucket that the keys belong to
    #[arg(long, value_name = "NAME", default_value = DEFAULT_BUCKET)]
    pub bucket: String,
    /// List from this key on, instead of a prefix
    #[arg(long, value_name = "KEY", conflicts_with = "prefix")]
    pub from: Option<String>,
    /// List the keys before this one, instead of a prefix
    #[arg(long, value_name = "KEY", conflicts_with = "prefix")]
    pub to: Option<String>,
    /// Go on behind this key, where an earlier list has ended
    #[arg(long, value_name = "KEY")]
    pub after: Option<String>,
    /// End after so many keys
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Print no values
    #[arg(long)]
    pub keys_only: bool,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
    /// Replicas that must agree: one, quorum, all, local_quorum, each_quorum or a number
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    pub r: Option<Level>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

/// `henge watch`.
#[derive(Args, Debug)]
pub struct WatchArgs {
    /// What the keys begin with; empty for all
    pub prefix: String,
    /// The bucket that the keys belong to
    #[arg(long, value_name = "NAME", default_value = DEFAULT_BUCKET)]
    pub bucket: String,
    /// Watch this one key, not all that begin so
    #[arg(long)]
    pub key: bool,
    /// End after so many changes
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

/// `henge delete`.
#[derive(Args, Debug)]
pub struct DeleteArgs {
    /// The key
    pub key: String,
    /// The bucket that the key belongs to
    #[arg(long, value_name = "NAME", default_value = DEFAULT_BUCKET)]
    pub bucket: String,
    /// Replicas on which it must be durable: one, quorum, all, local_quorum, each_quorum or a number
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    pub w: Option<Level>,
    /// What was read before, as `henge get --meta` prints it
    #[arg(long, value_parser = context)]
    pub context: Option<Context>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

/// `henge import`.
#[derive(Args, Clone, Debug)]
pub struct ImportArgs {
    /// A JSON array of objects, or one object a line
    pub file: PathBuf,
    /// Fields whose values make the key, in this order
    #[arg(long, value_name = "FIELD", value_delimiter = ',', required = true)]
    pub key: Vec<String>,
    /// Put before every key
    #[arg(long, default_value = "")]
    pub prefix: String,
    /// Put between the fields of a key
    #[arg(long, default_value = ":")]
    pub separator: String,
    /// Replicas on which each record must be durable
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    pub w: Option<Level>,
    /// Records under way at a time
    #[arg(long, value_name = "COUNT", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=16_384))]
    pub parallel: u32,
    /// Go on where an import of this file stopped
    #[arg(long)]
    pub resume: bool,
    /// Stones of the cluster, separated by commas; the work is shared among them
    #[arg(
        long = "server",
        env = "HENGE_SERVER",
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:7301",
        value_delimiter = ',',
        value_parser = server
    )]
    pub servers: Vec<String>,
    /// How long to try each record, with all retries, before the import stops
    #[arg(long, value_name = "MS", default_value_t = TIMEOUT_MAX_MS, value_parser = clap::value_parser!(u32).range(1..=i64::from(TIMEOUT_MAX_MS)))]
    pub timeout_ms: u32,
}

/// `henge status`.
#[derive(Args, Debug)]
pub struct StatusArgs {
    /// Show it again each second
    #[arg(long)]
    pub watch: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

/// `henge check`.
#[derive(Args, Debug)]
pub struct CheckArgs {
    /// The data folder, as `henge serve --data` has it
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
}

/// `henge ring`.
#[derive(Debug, Subcommand)]
pub enum RingCommand {
    /// Print what would move if stones joined or left; nothing is changed
    Plan(PlanArgs),
    /// Show who holds what, and what is moving
    Status(RingStatusArgs),
    /// Let a stone leave: others take over what it holds first
    Leave(LeaveArgs),
}

/// `henge ring plan`.
#[derive(Args, Debug)]
pub struct PlanArgs {
    /// A stone that would join; repeat it for several
    #[arg(long, value_name = "NAME@ZONE[*CAPACITY]", value_parser = joiner)]
    pub join: Vec<Joiner>,
    /// A stone that would leave; repeat it for several
    #[arg(long, value_name = "NAME")]
    pub leave: Vec<String>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

/// `henge ring status`.
#[derive(Args, Debug)]
pub struct RingStatusArgs {
    /// Go on showing it until interrupted
    #[arg(long)]
    pub watch: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

/// `henge ring leave`.
#[derive(Args, Debug)]
pub struct LeaveArgs {
    /// The stone's name
    pub name: String,
    /// It is dead: what it held is taken from the other replicas
    #[arg(long)]
    pub dead: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

/// `henge bucket`.
#[derive(Debug, Subcommand)]
pub enum BucketCommand {
    /// Make a bucket, or give one other levels or another time to live
    Create(CreateArgs),
    /// Show which buckets there are
    List(ListArgs),
}

/// `henge bucket create`. What is left out stays as it is; in a new bucket it is as in `default`.
#[derive(Args, Debug)]
pub struct CreateArgs {
    /// The bucket's name
    pub name: String,
    /// What concurrent writes become; it cannot be changed later
    #[arg(long)]
    pub policy: Option<PolicySetting>,
    /// Level of reads that name none
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    pub r: Option<Level>,
    /// Level of writes that name none
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    pub w: Option<Level>,
    /// How long values can be read whose writes do not say it, like 30min; `none` is for ever
    #[arg(long, value_name = "TIME", value_parser = ttl)]
    pub ttl: Option<Ttl>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

/// `henge bucket list`.
#[derive(Args, Debug)]
pub struct ListArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

/// A time to live in milliseconds, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ttl(pub Option<u64>);

fn ttl(text: &str) -> Result<Ttl, String> {
    if text == "none" {
        return Ok(Ttl(None));
    }
    let span = text.parse::<TimeSpan>();
    span.map(|span| Ttl(Some(span.0)))
        .map_err(|error| format!("{error}, or none"))
}

/// A stone that would join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joiner(pub Member);

/// The stone that `NAME@ZONE[*CAPACITY]` means: a member without an address.
fn joiner(text: &str) -> Result<Joiner, String> {
    let (name, rest) = text
        .split_once('@')
        .ok_or("write NAME@ZONE, or NAME@ZONE*CAPACITY")?;
    let setting = format!("{name}=anywhere:1@{rest}").parse::<MemberSetting>();
    setting
        .map(|setting| Joiner(setting.member))
        .map_err(|error| error.to_string())
}

/// `henge dump`.
#[derive(Args, Debug)]
pub struct DumpArgs {
    /// A file of a shard's folder: table-…, log-… or manifest-…
    pub file: PathBuf,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// An encoded causal context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context(pub Vec<u8>);

fn context(text: &str) -> Result<Context, String> {
    let wrong = |_| "no context; copy it as `henge get --meta` prints it".to_owned();
    URL_SAFE_NO_PAD.decode(text).map(Context).map_err(wrong)
}

/// `HOST:PORT`, also as it stands in an address bar.
fn server(text: &str) -> Result<String, String> {
    let bare = text
        .strip_prefix("http://")
        .unwrap_or(text)
        .trim_end_matches('/');
    check_address(bare)
        .map(|()| bare.to_owned())
        .map_err(|error| error.to_string())
}

/// A context as text.
#[must_use]
pub fn context_text(context: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(context)
}

impl ValueKind {
    /// The encoding byte of a value of this kind.
    ///
    /// # Errors
    /// If `bytes` are not of this kind.
    pub fn check(self, bytes: &[u8]) -> Result<u8, CliError> {
        match self {
            Self::Bytes => Ok(0),
            Self::Text => match std::str::from_utf8(bytes) {
                Ok(_) => Ok(1),
                Err(error) => Err(
                    CliError::usage(format!("the value is no UTF-8 text: {error}"))
                        .hint("store it with --as bytes"),
                ),
            },
            Self::Json => match serde_json::from_slice::<serde::de::IgnoredAny>(bytes) {
                Ok(_) => Ok(2),
                Err(error) => Err(CliError::usage(format!("the value is no JSON: {error}"))
                    .hint("correct it, or store it with --as text")),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn servers_are_taken_as_people_write_them() {
        let cli = |server: &str| Cli::try_parse_from(["henge", "get", "k", "--server", server]);
        let Command::Get(args) = cli("a:1,http://b:2/").unwrap().command else {
            panic!("get")
        };
        assert_eq!(args.server.servers, ["a:1", "b:2"]);
        assert!(
            cli("localhost")
                .unwrap_err()
                .to_string()
                .contains("HOST:PORT")
        );
    }

    #[test]
    fn a_value_is_what_it_is_said_to_be() {
        assert_eq!(ValueKind::Json.check(b"{\"a\":1}").unwrap(), 2);
        assert!(ValueKind::Json.check(b"{").is_err());
        assert!(ValueKind::Text.check(&[0xff]).is_err());
        assert_eq!(ValueKind::Bytes.check(&[0xff]).unwrap(), 0);
    }
}
