//! `henge ring`: what would move, what moves, and members that are to leave.

use super::args::{Joiner, LeaveArgs, PlanArgs, RingCommand, RingStatusArgs};
use super::error::CliError;
use super::table::write_table;
use crate::cluster::{Snapshot, join};
use crate::http::ask::ask;
use henge_core::cluster::{Change, ClusterState, Life, Phase};
use henge_core::id::{MemberId, PartitionId};
use henge_core::ring::Member;
use hyper::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use std::fmt::Write;
use std::time::{Duration, Instant};
use tokio::time::sleep;

const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(super) async fn run(command: RingCommand) -> Result<(), CliError> {
    match command {
        RingCommand::Plan(args) => plan(args).await,
        RingCommand::Status(args) => status(args).await,
        RingCommand::Leave(args) => leave(args).await,
    }
}

async fn snapshot(servers: &[String]) -> Result<Snapshot, CliError> {
    let mut said = Vec::new();
    for server in servers {
        let bytes = match ask(server, Method::GET, join::PATH).await {
            Ok(bytes) => bytes,
            Err(why) => {
                said.push(format!("{server}: {why}"));
                continue;
            }
        };
        match Snapshot::decode(&bytes) {
            Some(snapshot) => return Ok(snapshot),
            None => said.push(format!("{server}: no stone, or one of another version")),
        }
    }
    let why = format!("no stone answers: {}", said.join("; "));
    Err(CliError::new(why).hint("name one that runs with --server HOST:PORT"))
}

async fn plan(args: PlanArgs) -> Result<(), CliError> {
    let state = snapshot(&args.server.servers).await?.state;
    let mut next = state.clone();
    for change in changes(&state, &args)? {
        next = next.apply(&[change]).unwrap_or(next);
    }
    let stored = stored_bytes(&state).await;
    print!("{}", plan_page(&state, &next, stored));
    Ok(())
}

fn changes(state: &ClusterState, args: &PlanArgs) -> Result<Vec<Change>, CliError> {
    let mut changes = Vec::new();
    for Joiner(member) in &args.join {
        let life = Life {
            incarnation: 0,
            address: String::new(),
        };
        let member = member.clone();
        changes.push(Change::Join { member, life });
    }
    for name in &args.leave {
        let id = MemberId::from_name(name);
        let planned = args.join.iter().any(|Joiner(member)| member.id == id);
        if state.member(id).is_none() && !planned {
            return Err(unknown(state, name));
        }
        changes.push(Change::Leave(id));
    }
    if changes.is_empty() {
        let error = CliError::usage("nothing is planned");
        return Err(error.hint("say --join NAME@ZONE[*CAPACITY] or --leave NAME"));
    }
    Ok(changes)
}

fn unknown(state: &ClusterState, name: &str) -> CliError {
    let names: Vec<&str> = (state.members().iter())
        .map(|(_, member)| member.name.as_str())
        .collect();
    CliError::usage(format!("no member is called {name}"))
        .hint(format!("there are {}", names.join(", ")))
}

/// Who is to hold `partition` at last.
fn wanted(state: &ClusterState, partition: PartitionId) -> Vec<MemberId> {
    let owners = state.target().owners(partition).iter();
    let members = state.members();
    owners
        .filter_map(|owner| members.at(*owner).map(|member| member.id))
        .collect()
}

fn plan_page(state: &ClusterState, next: &ClusterState, stored: Option<u64>) -> String {
    let all = next.ownerships().count();
    let moved = |partition: &PartitionId| {
        let (old, new) = (wanted(state, *partition), wanted(next, *partition));
        new.iter().filter(|id| !old.contains(id)).count()
    };
    let partitions: Vec<PartitionId> = next.ownerships().map(|(it, _)| it).collect();
    let copies: usize = partitions.iter().map(moved).sum();
    let of_all = partitions
        .iter()
        .map(|it| wanted(next, *it).len())
        .sum::<usize>();
    let share = copies as f64 / of_all.max(1) as f64;
    let mut page = format!(
        "{copies} of {of_all} copies of {all} partitions would move, {:.1} % of the data",
        share * 100.0
    );
    if let Some(stored) = stored {
        // Writing to a string does not fail.
        let _ = write!(page, ": about {}", size(stored as f64 * share));
    }
    page.push_str("\n\n");
    let heads = [
        "stone",
        "zone",
        "copies now",
        "then",
        "takes in",
        "gives away",
    ];
    let mut rows = vec![heads.iter().map(ToString::to_string).collect()];
    let mut members: Vec<&Member> = (state.members().iter().chain(next.members().iter()))
        .map(|(_, member)| member)
        .collect();
    members.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    members.dedup_by(|a, b| a.name == b.name);
    for member in members {
        let holds =
            |state: &ClusterState, it: &&PartitionId| wanted(state, **it).contains(&member.id);
        let now = partitions.iter().filter(|it| holds(state, it)).count();
        let then = partitions.iter().filter(|it| holds(next, it)).count();
        let both = partitions
            .iter()
            .filter(|it| holds(state, it) && holds(next, it))
            .count();
        let numbers = [now, then, then - both, now - both];
        let zone = member.zone.as_str().to_owned();
        let cells = [member.name.clone(), zone].into_iter();
        rows.push(cells.chain(numbers.map(|it| it.to_string())).collect());
    }
    write_table(&mut page, &rows);
    page
}

#[derive(Deserialize)]
struct Stored {
    shards: Vec<ShardStored>,
}

#[derive(Deserialize)]
struct ShardStored {
    storage: Storage,
}

#[derive(Deserialize)]
struct Storage {
    log_bytes: u64,
    table_bytes: u64,
}

/// Bytes on the disks of all members; none if one does not answer.
async fn stored_bytes(state: &ClusterState) -> Option<u64> {
    let mut sum = 0;
    for (_, member) in state.members().iter() {
        let address = &state.life(member.id)?.address;
        let bytes = ask(address, Method::GET, "/v1/status").await.ok()?;
        let status: Stored = serde_json::from_slice(&bytes).ok()?;
        let of_shard = |shard: &ShardStored| shard.storage.log_bytes + shard.storage.table_bytes;
        sum += status.shards.iter().map(of_shard).sum::<u64>();
    }
    Some(sum)
}

async fn status(args: RingStatusArgs) -> Result<(), CliError> {
    let mut pace = Pace::default();
    loop {
        let state = snapshot(&args.server.servers).await?.state;
        let page = status_page(&state, &mut pace);
        if !args.watch {
            print!("{page}");
            return Ok(());
        }
        // Home and clear, so that the page stays in its place.
        print!("\x1b[H\x1b[2J{page}");
        sleep(LOOK_EVERY).await;
    }
}

/// How fast changes come to their end.
#[derive(Default)]
struct Pace {
    began: Option<(Instant, usize)>,
}

impl Pace {
    /// How long it takes yet until `left` are done, once that can be guessed.
    fn left(&mut self, left: usize) -> Option<Duration> {
        let (began, first) = *self.began.get_or_insert((Instant::now(), left));
        let done = first.saturating_sub(left);
        (done > 0).then(|| began.elapsed().mul_f64(left as f64 / done as f64))
    }
}

fn status_page(state: &ClusterState, pace: &mut Pace) -> String {
    let (all, left) = (state.ownerships().count(), state.unsettled());
    let mut page = format!(
        "epoch {}: {} of {all} partitions are where they are to be\n",
        state.epoch,
        all - left
    );
    if let Some(time) = pace.left(left).filter(|_| left > 0) {
        // Writing to a string does not fail.
        let _ = writeln!(page, "about {} s left", time.as_secs() + 1);
    }
    page.push('\n');
    let heads = [
        "stone",
        "zone",
        "capacity",
        "read from",
        "takes in",
        "gives away",
        "address",
    ];
    let mut rows = vec![heads.iter().map(ToString::to_string).collect()];
    for (_, member) in state.members().iter() {
        let count = |wanted: &dyn Fn(&Phase) -> bool| {
            let found = state
                .ownerships()
                .filter(|(_, it)| wanted(&it.phase))
                .count();
            found.to_string()
        };
        let id = &member.id;
        let reads = state
            .ownerships()
            .filter(|(_, it)| it.readers().contains(id))
            .count();
        let takes = count(&|phase| match phase {
            Phase::Copying { from, to, .. } => to.contains(id) && !from.contains(id),
            Phase::Settled { .. } | Phase::Switched { .. } => false,
        });
        let gives = count(&|phase| match phase {
            Phase::Copying { from, to, .. } | Phase::Switched { from, to } => {
                from.contains(id) && !to.contains(id)
            }
            Phase::Settled { .. } => false,
        });
        let capacity = match member.capacity {
            0 => "leaves".to_owned(),
            capacity => capacity.to_string(),
        };
        let address = state.life(*id).map_or("", |life| life.address.as_str());
        rows.push(vec![
            member.name.clone(),
            member.zone.as_str().to_owned(),
            capacity,
            reads.to_string(),
            takes,
            gives,
            address.to_owned(),
        ]);
    }
    rows[1..].sort_unstable();
    write_table(&mut page, &rows);
    page
}

async fn leave(args: LeaveArgs) -> Result<(), CliError> {
    let name = utf8_percent_encode(&args.name, NON_ALPHANUMERIC);
    let path = format!("/v1/members/{name}?dead={}", args.dead);
    let id = MemberId::from_name(&args.name);
    let mut told = None;
    loop {
        let state = snapshot(&args.server.servers).await?.state;
        if state.member(id).is_none() {
            if told.is_none() {
                return Err(unknown(&state, &args.name));
            }
            println!("{} has left", args.name);
            return Ok(());
        }
        for server in &args.server.servers {
            match ask(server, Method::DELETE, &path).await {
                Ok(_) => break,
                Err(why) if Some(server) == args.server.servers.last() => {
                    return Err(CliError::new(format!("{server}: {why}")));
                }
                Err(_) => {}
            }
        }
        let left = state.ownerships().filter(|(_, it)| it.holds(id)).count();
        if told != Some(left) {
            eprintln!("{} holds {left} partitions", args.name);
            told = Some(left);
        }
        sleep(LOOK_EVERY).await;
    }
}

fn size(bytes: f64) -> String {
    let units = ["B", "KiB", "MiB", "GiB"];
    let unit = (0..3)
        .find(|unit| bytes < 1_024_f64.powi(unit + 1))
        .unwrap_or(3);
    let name = units[usize::try_from(unit).unwrap_or(0)];
    format!("{:.1} {name}", bytes / 1_024_f64.powi(unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use henge_core::ring::{Members, Placement};

    fn state(names: &[&str]) -> ClusterState {
        let member = |name: &&str| Member::new(name, format!("eu/{name}").parse().unwrap(), 1);
        let members = Members::new(names.iter().map(member).collect()).unwrap();
        ClusterState::new(Placement::new(members, 16, 3).unwrap())
    }

    #[test]
    fn a_plan_says_who_takes_in_what_another_gives_away() {
        let now = state(&["a", "b", "c"]);
        let life = Life {
            incarnation: 0,
            address: String::new(),
        };
        let member = Member::new("d", "eu/d".parse().unwrap(), 1);
        let next = now.apply(&[Change::Join { member, life }]).unwrap();
        let page = plan_page(&now, &next, Some(48 << 20));
        assert!(
            page.starts_with("12 of 48 copies of 16 partitions would move, 25.0 %"),
            "{page}"
        );
        assert!(page.contains("about 12.0 MiB"), "{page}");
        let joiner = page.lines().find(|line| line.starts_with("d ")).unwrap();
        let cells: Vec<&str> = joiner.split_whitespace().collect();
        assert_eq!(cells, ["d", "eu/d", "0", "12", "12", "0"]);
    }

    #[test]
    fn the_status_says_what_moves() {
        let now = state(&["a", "b", "c", "d"]);
        let gone = MemberId::from_name("b");
        let next = now.apply(&[Change::Leave(gone)]).unwrap();
        let page = status_page(&next, &mut Pace::default());
        let line = page.lines().find(|line| line.starts_with("b ")).unwrap();
        let cells: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(cells, ["b", "eu/b", "leaves", "12", "0", "12"]);
        assert!(page.contains("4 of 16 partitions"), "{page}");
    }
}
