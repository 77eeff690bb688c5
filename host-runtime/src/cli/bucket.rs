//! `henge bucket`: buckets that are made, and those that there are.

use super::args::{BucketCommand, CreateArgs, ListArgs, Ttl};
use super::error::CliError;
use super::table::write_table;
use crate::config::span::TimeSpan;
use crate::http::ask::{AskError, ask, tell};
use bytes::Bytes;
use hyper::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Map, Value};

/// A bucket as a stone shows it.
#[derive(Debug, Deserialize)]
struct Shown {
    name: String,
    policy: String,
    r: String,
    w: String,
    ttl_ms: Option<u64>,
}

pub(super) async fn run(command: BucketCommand) -> Result<(), CliError> {
    match command {
        BucketCommand::Create(args) => create(args).await,
        BucketCommand::List(args) => list(args).await,
    }
}

async fn create(args: CreateArgs) -> Result<(), CliError> {
    let name = utf8_percent_encode(&args.name, NON_ALPHANUMERIC);
    let path = format!("/v1/buckets/{name}");
    let body = Bytes::from(Value::Object(wanted(&args)).to_string());
    let mut said = Vec::new();
    for server in &args.server.servers {
        match tell(server, Method::PUT, &path, body.clone()).await {
            Ok(answer) => return show(server, &answer, |shown| vec![shown]),
            // Nothing was asked of that one; any other may have begun it.
            Err(why @ AskError::Broken(_)) => said.push(format!("{server}: {why}")),
            Err(why) => return Err(explain(server, &why)),
        }
    }
    Err(unreachable(&said))
}

/// The settings that were said, as the body of a request.
fn wanted(args: &CreateArgs) -> Map<String, Value> {
    let mut wanted = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            wanted.insert(name.into(), value);
        }
    };
    let policy = args.policy.map(henge_core::causality::Policy::from);
    put("policy", policy.map(|policy| policy.to_string().into()));
    put("r", args.r.map(|level| level.to_string().into()));
    put("w", args.w.map(|level| level.to_string().into()));
    put("ttl_ms", args.ttl.map(|Ttl(ttl_ms)| ttl_ms.into()));
    wanted
}

async fn list(args: ListArgs) -> Result<(), CliError> {
    let mut said = Vec::new();
    for server in &args.server.servers {
        match ask(server, Method::GET, "/v1/buckets").await {
            Ok(answer) => return show(server, &answer, |shown: Vec<Shown>| shown),
            Err(why) => said.push(explain_text(server, &why)),
        }
    }
    Err(unreachable(&said))
}

/// Prints the buckets of an answer.
fn show<T: for<'de> Deserialize<'de>>(
    server: &str,
    answer: &[u8],
    buckets: impl FnOnce(T) -> Vec<Shown>,
) -> Result<(), CliError> {
    let shown = serde_json::from_slice(answer).map_err(|error| {
        CliError::new(format!(
            "{server}: no stone, or one of another version: {error}"
        ))
    })?;
    print!("{}", page(&buckets(shown)));
    Ok(())
}

fn page(buckets: &[Shown]) -> String {
    let head = ["NAME", "POLICY", "R", "W", "TTL"].map(ToOwned::to_owned);
    let mut rows = vec![head.to_vec()];
    rows.extend(buckets.iter().map(|it| {
        let ttl = it
            .ttl_ms
            .map_or("none".into(), |ms| TimeSpan(ms).to_string());
        let cells = [&it.name, &it.policy, &it.r, &it.w, &ttl];
        cells.map(Clone::clone).to_vec()
    }));
    let mut page = String::new();
    write_table(&mut page, &rows);
    page
}

fn unreachable(said: &[String]) -> CliError {
    let why = format!("no stone answers: {}", said.join("; "));
    CliError::new(why).hint("name one that runs with --server HOST:PORT")
}

fn explain(server: &str, why: &AskError) -> CliError {
    CliError::new(explain_text(server, why))
}

/// What a stone says, without the JSON around it.
fn explain_text(server: &str, why: &AskError) -> String {
    #[derive(Deserialize)]
    struct Said {
        message: String,
    }
    match why {
        AskError::Refused { said, .. } => serde_json::from_str(said)
            .map_or_else(|_| format!("{server}: {why}"), |said: Said| said.message),
        _ => format!("{server}: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_shown_in_columns() {
        let bucket = |name: &str, ttl_ms| Shown {
            name: name.into(),
            policy: "lww".into(),
            r: "one".into(),
            w: "quorum".into(),
            ttl_ms,
        };
        let page = page(&[bucket("default", None), bucket("carts", Some(90_000))]);
        let lines: Vec<Vec<&str>> = page
            .lines()
            .map(|it| it.split_whitespace().collect())
            .collect();
        assert_eq!(lines[1], ["default", "lww", "one", "quorum", "none"]);
        assert_eq!(lines[2], ["carts", "lww", "one", "quorum", "90s"]);
    }
}
