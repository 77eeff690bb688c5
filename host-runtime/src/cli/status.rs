//! `henge status`.

use super::args::StatusArgs;
use super::error::CliError;
use super::table::write_table;
use crate::http;
use henge_core::membership::Condition;
use hyper::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::time::sleep;

const WATCH_EVERY: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
struct Ring {
    cluster: String,
    partitions: u16,
    replicas: u8,
    members: Vec<Member>,
}

#[derive(Deserialize)]
struct Member {
    name: String,
    zone: String,
    address: String,
    share: f64,
}

#[derive(Deserialize)]
struct Status {
    uptime_ms: u64,
    connections: u64,
    shards: Vec<Shard>,
    peers: Vec<Peer>,
}

#[derive(Deserialize)]
struct Shard {
    state: String,
    restarts: u64,
    reads: u64,
    writes: u64,
    failures: u64,
    repairs: u64,
    storage: Storage,
    sync: Compared,
    hints: Hints,
}

#[derive(Deserialize)]
struct Storage {
    keys: u64,
    memory_bytes: u64,
    log_bytes: u64,
    table_bytes: u64,
}

#[derive(Deserialize)]
struct Compared {
    pushed: u64,
    fetched: u64,
}

#[derive(Deserialize)]
struct Hints {
    held: u64,
}

#[derive(Deserialize)]
struct Peer {
    name: String,
    up: bool,
    condition: Option<Condition>,
}

pub(super) async fn run(args: StatusArgs) -> Result<(), CliError> {
    loop {
        let ring = ring(&args.server.servers).await?;
        let asked = ring
            .members
            .iter()
            .map(|member| ask::<Status>(&member.address, "/v1/status"));
        let statuses = futures_util::future::join_all(asked).await;
        let page = page(&ring, &statuses);
        if !args.watch {
            print!("{page}");
            let down = statuses.iter().filter(|status| status.is_err()).count();
            return match down {
                0 => Ok(()),
                _ => Err(CliError::new(format!(
                    "{down} of {} stones do not answer",
                    statuses.len()
                ))),
            };
        }
        // Home and clear, so that the page stays in its place.
        print!("\x1b[H\x1b[2J{page}");
        sleep(WATCH_EVERY).await;
    }
}

async fn ring(servers: &[String]) -> Result<Ring, CliError> {
    let mut said = Vec::new();
    for server in servers {
        match ask(server, "/v1/ring").await {
            Ok(ring) => return Ok(ring),
            Err(why) => said.push(format!("{server}: {why}")),
        }
    }
    Err(
        CliError::new(format!("no stone answers: {}", said.join("; ")))
            .hint("start stones with `cargo xtask up`, or name one with --server HOST:PORT"),
    )
}

async fn ask<T: DeserializeOwned>(server: &str, path: &str) -> Result<T, String> {
    let bytes = http::ask::ask(server, Method::GET, path).await;
    let bytes = bytes.map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|error| format!("it is no stone: {error}"))
}

fn page(ring: &Ring, statuses: &[Result<Status, String>]) -> String {
    let mut page = format!(
        "cluster {}: {} members, {} partitions, {} replicas\n\n",
        ring.cluster,
        ring.members.len(),
        ring.partitions,
        ring.replicas
    );
    let heads = [
        "stone", "zone", "address", "share", "state", "up", "keys", "memory", "disk",
    ];
    let more = [
        "reads",
        "writes",
        "failed",
        "repaired",
        "held",
        "restarts",
        "clients",
        "cannot reach",
    ];
    let mut rows = vec![heads.iter().chain(&more).map(ToString::to_string).collect()];
    for (member, status) in ring.members.iter().zip(statuses) {
        rows.push(row(member, status, &opinion(&member.name, statuses)));
    }
    rows[1..].sort_unstable();
    write_table(&mut page, &rows);
    page
}

/// What the others think of `name`, as far as they answer; empty if nobody has an opinion.
fn opinion(name: &str, statuses: &[Result<Status, String>]) -> String {
    let peers = statuses.iter().flatten().flat_map(|status| &status.peers);
    let said = peers.filter(|peer| peer.name == name);
    let said: Vec<Condition> = said.filter_map(|peer| peer.condition).collect();
    let kinds = [
        (Condition::Dead, "dead"),
        (Condition::Suspect, "suspect"),
        (Condition::Alive, "alive"),
    ];
    let count = |kind: Condition| said.iter().filter(|it| **it == kind).count();
    let counts = kinds.map(|(kind, word)| (count(kind), word));
    let some: Vec<_> = counts.iter().filter(|(count, _)| *count > 0).collect();
    match some[..] {
        [(_, word)] => (*word).to_owned(),
        _ => {
            let parts: Vec<_> = some.iter().map(|(n, word)| format!("{word} {n}")).collect();
            parts.join(", ")
        }
    }
}

fn for_others(opinion: &str) -> String {
    match opinion {
        "" => String::new(),
        said => format!(", {said} for others"),
    }
}

/// A member that cannot be reached: whether it is dead, or only the way to it.
fn lost(peer: &Peer) -> String {
    match peer.condition {
        Some(Condition::Alive) => format!("{} (alive)", peer.name),
        Some(Condition::Suspect) => format!("{} (suspect)", peer.name),
        Some(Condition::Dead) => format!("{} (dead)", peer.name),
        None => peer.name.clone(),
    }
}

fn row(member: &Member, status: &Result<Status, String>, opinion: &str) -> Vec<String> {
    let share = format!("{:.1} %", member.share * 100.0);
    let mut row = vec![
        member.name.clone(),
        member.zone.clone(),
        member.address.clone(),
        share,
    ];
    let status = match status {
        Ok(status) => status,
        Err(why) => {
            row.push(format!("down{} ({why})", for_others(opinion)));
            return row;
        }
    };
    let sum = |number: fn(&Shard) -> u64| status.shards.iter().map(number).sum::<u64>();
    let worst = status
        .shards
        .iter()
        .map(|shard| shard.state.as_str())
        .find(|s| *s != "ready");
    let lost: Vec<String> = status
        .peers
        .iter()
        .filter(|peer| !peer.up)
        .map(lost)
        .collect();
    let state = worst.unwrap_or("ready");
    row.push(match opinion {
        "alive" => state.to_owned(),
        _ => format!("{state}{}", for_others(opinion)),
    });
    row.push(span(status.uptime_ms));
    row.push(sum(|shard| shard.storage.keys).to_string());
    row.push(size(sum(|shard| shard.storage.memory_bytes)));
    row.push(size(sum(|shard| {
        shard.storage.log_bytes + shard.storage.table_bytes
    })));
    let numbers: [fn(&Shard) -> u64; 6] = [
        |s| s.reads,
        |s| s.writes,
        |s| s.failures,
        // By reads, and by comparisons in either direction.
        |s| s.repairs + s.sync.pushed + s.sync.fetched,
        |s| s.hints.held,
        |s| s.restarts,
    ];
    for number in numbers {
        row.push(sum(number).to_string());
    }
    row.push(status.connections.to_string());
    row.push(if lost.is_empty() {
        "-".into()
    } else {
        lost.join(", ")
    });
    row
}

fn span(ms: u64) -> String {
    match ms / 1_000 {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds @ 3_600..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{} KiB", bytes >> 10),
        1_048_576..10_737_418_240 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use henge_core::node::{HintReport, Report, SyncReport};
    use std::collections::BTreeMap;

    #[test]
    fn a_stone_that_is_down_says_why_and_does_not_widen_the_table() {
        let member = |name: &str| Member {
            name: name.into(),
            zone: "z".into(),
            address: "h:1".into(),
            share: 0.5,
        };
        let ring = Ring {
            cluster: "c".into(),
            partitions: 256,
            replicas: 3,
            members: vec![member("b"), member("a")],
        };
        let up = Status {
            uptime_ms: 61_000,
            connections: 1,
            shards: vec![],
            peers: vec![],
        };
        let page = page(
            &ring,
            &[Err("a very long story of a socket".into()), Ok(up)],
        );
        let lines: Vec<&str> = page.lines().collect();
        assert!(lines[0].contains("2 members"));
        assert!(lines[3].starts_with('a') && lines[3].contains("1 min"));
        assert!(lines[4].ends_with("down (a very long story of a socket)"));
        assert!(lines[2].len() < 150, "{}", lines[2]);
    }

    #[test]
    fn a_dead_stone_and_one_that_is_cut_off_are_told_apart() {
        let peer = |name: &str, up, condition| Peer {
            name: name.into(),
            up,
            condition: Some(condition),
        };
        let status = |peers| {
            Ok(Status {
                uptime_ms: 1,
                connections: 0,
                shards: vec![],
                peers,
            })
        };
        let (alive, dead) = (Condition::Alive, Condition::Dead);
        let statuses = [
            status(vec![peer("b", false, alive), peer("c", false, dead)]),
            status(vec![peer("a", true, alive), peer("c", false, dead)]),
            Err("refused".into()),
        ];
        let member = |name: &str| Member {
            name: name.into(),
            zone: "z".into(),
            address: "h:1".into(),
            share: 0.3,
        };
        let ring = Ring {
            cluster: "c".into(),
            partitions: 256,
            replicas: 3,
            members: vec![member("a"), member("b"), member("c")],
        };
        let page = page(&ring, &statuses);
        let lines: Vec<&str> = page.lines().collect();
        assert!(lines[3].ends_with("b (alive), c (dead)"), "{page}");
        assert!(
            lines[5].ends_with("down, dead for others (refused)"),
            "{page}"
        );
        let unsure = [
            status(vec![peer("a", true, dead)]),
            status(vec![peer("a", true, alive)]),
        ];
        assert_eq!(opinion("a", &unsure), "dead 1, alive 1");
        let text = row(&member("a"), &unsure[0], &opinion("a", &unsure)).join(" ");
        assert!(text.contains("ready, dead 1, alive 1 for others"), "{text}");
        assert_eq!(opinion("b", &unsure), "");
    }

    #[test]
    fn what_a_stone_says_of_its_shards_is_summed_up() {
        let shard = Report {
            repairs: 1,
            sync: SyncReport {
                pushed: 20,
                fetched: 300,
                ..SyncReport::default()
            },
            hints: HintReport {
                held: 7,
                ..HintReport::default()
            },
            ..Report::default()
        };
        let mut shard = serde_json::to_value(shard).unwrap();
        shard["state"] = "ready".into();
        shard["restarts"] = 0.into();
        let status: Status = serde_json::from_value(serde_json::json!({
            "uptime_ms": 1, "connections": 0, "shards": [shard, shard], "peers": []
        }))
        .unwrap();
        let member = Member {
            name: "a".into(),
            zone: "z".into(),
            address: "h:1".into(),
            share: 1.0,
        };
        let ring = Ring {
            cluster: "c".into(),
            partitions: 1,
            replicas: 1,
            members: vec![member],
        };
        let page = page(&ring, &[Ok(status)]);
        let lines: Vec<Vec<&str>> = page.lines().map(|l| l.split("  ").collect()).collect();
        let cells = |line: usize| {
            lines[line]
                .iter()
                .filter(|c| !c.is_empty())
                .map(|c| c.trim())
        };
        let row: BTreeMap<_, _> = cells(2).zip(cells(3)).collect();
        assert_eq!((row["repaired"], row["held"]), ("642", "14"), "{page}");
    }

    #[test]
    fn sizes_and_spans_are_short() {
        assert_eq!(
            [size(5), size(2_048), size(20 << 30)],
            ["5 B", "2 KiB", "20 GiB"]
        );
        assert_eq!([span(999), span(3_600_000)], ["0 s", "1 h"]);
    }
}
