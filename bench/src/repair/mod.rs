//! `henge-bench repair`: what it takes to make replicas the same that differ in a few of many keys.
//!
//! Real nodes with the default settings, in the simulator's calm network: 0.2 to 0.55 ms from member
//! to member, 0.3 ms for a disk request, on a virtual clock. All members own all keys. One of them
//! misses writes, in one of two ways, and is then connected again:
//!
//! * *told*: the others know that it cannot be reached, and that it is back. Then they and it compare
//!   everything at once, each with each.
//! * *untold*: what is sent to it is lost, and nobody notices. Then nothing but the regular rounds
//!   finds what it lacks.
//!
//! Bytes are those of frames, without what sockets add; seconds are virtual, so they contain what is
//! waited for, but no work of processors. Repair ends with the last frame that has to do with a
//! difference. Then it is checked that for two rounds of each with each nothing differed, and that
//! the member has all it had missed.
//!
//! * `load`: many requests at a time.

mod load;

use clap::Args;
use henge_core::replication::Level;
use henge_core::rng::Rng;
use henge_core::time::{Duration, Instant};
use henge_sim::Cluster;
use henge_sim::world::traffic::Amount;
use load::Load;
use std::collections::BTreeSet;

/// Bytes, messages and seconds to repair a few keys of many
#[derive(Args)]
pub(crate) struct Repair {
    /// Keys in all
    #[arg(long, default_value_t = 1_000_000)]
    keys: u64,
    /// Keys that differ; one line of the table for each number
    #[arg(long, value_delimiter = ',', default_values_t = [0, 10, 100, 1_000, 10_000])]
    differ: Vec<u64>,
    /// Members, all of which own all keys
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(2..=5))]
    members: u8,
    /// Length of each value
    #[arg(long, default_value_t = 100)]
    value_bytes: usize,
    /// Everything follows from it
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// How a member misses writes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outage {
    Told,
    Untold,
}

/// One line of the table.
struct Row {
    outage: Outage,
    differ: u64,
    /// Comparisons that found a difference.
    differing: u64,
    compared: Amount,
    moved: Amount,
    /// Comparisons that found none, until the repair was done.
    idle: u64,
    idle_said: Amount,
    took: Duration,
}

/// Runs the bench and prints its figures.
pub(crate) fn run(args: &Repair) {
    let members = usize::from(args.members);
    let mut cluster = Cluster::with(members, args.seed, |config| config.replicas = args.members);
    let mut load = Load::new(args.value_bytes);
    cluster.count_traffic();
    let began = std::time::Instant::now();
    let all: Vec<u64> = (0..args.keys).collect();
    let entrances: Vec<usize> = (0..members).collect();
    load.put(&mut cluster, &entrances, None, &all);
    let loaded = cluster.count_traffic().expect("counting");
    let round = Duration::from_millis(u64::from(henge_core::limits::SYNC_ROUND_DEFAULT_MS));
    rest(&mut cluster, round, members);
    cluster.count_traffic();
    cluster.run_for(round);
    let quiet = cluster.count_traffic().expect("counting");
    assert_eq!(
        quiet.differing().count,
        0,
        "replicas agree before anything is missed"
    );
    let idle = quiet.idle(cluster.now);
    println!(
        "{} keys with values of {} B, {members} members that own them all, loaded in {:.0} s (real)",
        args.keys,
        args.value_bytes,
        began.elapsed().as_secs_f64()
    );
    println!(
        "all states, sent to one replica as they were at first: {} frames, {} B",
        loaded.replicated.frames / (members as u64 - 1),
        loaded.replicated.bytes / (members as u64 - 1)
    );
    println!(
        "one round of {} s, nothing differs: {} comparisons, {} frames, {} B in the whole cluster",
        round.as_millis() / 1_000,
        idle.count,
        idle.said.frames,
        idle.said.bytes
    );
    println!(
        "\n| outage | keys that differ | comparisons that found it | frames to compare | bytes | states moved | bytes | bytes in all | bytes a key | seconds | comparisons that found nothing | bytes |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    let mut rng = Rng::new(args.seed);
    for outage in [Outage::Told, Outage::Untold] {
        for differ in &args.differ {
            let missed = choose(&mut rng, args.keys, *differ);
            println!(
                "{}",
                measure(&mut cluster, &mut load, outage, &missed, round)
            );
        }
    }
}

/// Lets the last member miss `missed`, connects it again and waits until all are the same.
fn measure(
    cluster: &mut Cluster,
    load: &mut Load,
    outage: Outage,
    missed: &[u64],
    round: Duration,
) -> Row {
    let absent = cluster.seats.len() - 1;
    let present: Vec<usize> = (0..absent).collect();
    separate(cluster, outage, true);
    cluster.run_for(Duration::from_millis(50));
    // Of two members one is left, and is no quorum.
    load.put(cluster, &present, OWN, missed);
    // What waits for the absent member is given up meanwhile.
    cluster.run_for(Duration::from_millis(3_000));
    cluster.count_traffic();
    let began = cluster.now;
    separate(cluster, outage, false);
    rest(cluster, round, cluster.seats.len());
    let traffic = cluster.count_traffic().expect("counting");
    let ended = traffic.last_repair_at().unwrap_or(began);
    for index in missed {
        let is_there = load.is_newest(cluster, absent, *index);
        assert!(is_there, "key {index} is not repaired");
    }
    let (differing, idle) = (traffic.differing(), traffic.idle(ended));
    Row {
        outage,
        differ: missed.len() as u64,
        differing: differing.count,
        compared: differing.said,
        moved: traffic.moved,
        idle: idle.count,
        idle_said: idle.said,
        took: ended.since(began),
    }
}

/// Ends, or begins, the connections of the last member with all others.
fn separate(cluster: &mut Cluster, outage: Outage, is_apart: bool) {
    let absent = cluster.seats.len() - 1;
    for present in 0..absent {
        match outage {
            Outage::Told => cluster.cut(present, absent, is_apart),
            Outage::Untold => {
                cluster.lose(present, absent, is_apart);
                cluster.lose(absent, present, is_apart);
            }
        }
    }
}

/// Runs until nothing has differed for as long as it takes to compare each with each twice.
fn rest(cluster: &mut Cluster, round: Duration, members: usize) {
    let each_with_each = round.as_micros() * (members as u64 - 1);
    let began = cluster.now;
    let last = |cluster: &Cluster| -> Instant {
        let repaired = cluster
            .traffic()
            .and_then(henge_sim::world::Traffic::last_repair_at);
        repaired.unwrap_or(began).max(began)
    };
    while cluster.now.since(last(cluster)).as_micros() < 2 * each_with_each {
        cluster.run_for(Duration::from_millis(500));
    }
}

/// `count` of the numbers below `keys`.
fn choose(rng: &mut Rng, keys: u64, count: u64) -> Vec<u64> {
    assert!(count <= keys, "no more keys can differ than there are");
    let mut chosen = BTreeSet::new();
    while (chosen.len() as u64) < count {
        chosen.insert(rng.below(keys));
    }
    chosen.into_iter().collect()
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = self.compared.bytes + self.moved.bytes;
        write!(
            f,
            "| {} | {} | {} | {} | {} | {} | {} | {bytes} | {} | {:.2} | {} | {} |",
            match self.outage {
                Outage::Told => "told",
                Outage::Untold => "untold",
            },
            self.differ,
            self.differing,
            self.compared.frames,
            self.compared.bytes,
            self.moved.frames,
            self.moved.bytes,
            bytes
                .checked_div(self.differ)
                .map_or("-".to_owned(), |each| each.to_string()),
            self.took.as_micros() as f64 / 1e6,
            self.idle,
            self.idle_said.bytes,
        )
    }
}

/// One replica is enough: its own state is what counts.
const OWN: Option<Level> = Some(Level::One);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_missed_is_repaired_and_costs_more_the_more_it_is() {
        let mut cluster = Cluster::with(3, 1, |_| {});
        let mut load = Load::new(20);
        load.put(
            &mut cluster,
            &[0, 1, 2],
            None,
            &(0..500).collect::<Vec<_>>(),
        );
        let round = Duration::from_millis(30_000);
        for outage in [Outage::Told, Outage::Untold] {
            let rows = [0, 5, 50].map(|differ| {
                let missed = choose(&mut Rng::new(differ), 500, differ);
                measure(&mut cluster, &mut load, outage, &missed, round)
            });
            let bytes = rows.map(|row| row.compared.bytes + row.moved.bytes);
            assert!(bytes[0] == 0 && bytes[1] > 0, "{bytes:?}");
            assert!(bytes[2] > 4 * bytes[1], "{bytes:?}");
        }
    }
}
