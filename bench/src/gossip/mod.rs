//! `henge-bench gossip`: what members say to each other when nobody asks them anything, and how soon
//! all have heard of a member that joins or dies.
//!
//! Real nodes in the simulator's calm network: 0.2 to 0.55 ms from member to member, 0.3 ms for a disk
//! request, on a virtual clock. Gossip is the membership protocol, agreement what members say about the
//! cluster's state. Messages and bytes are those of frames, headers included. A join is known when the
//! agreed state that a member goes by names the newcomer; with it begin moves of partitions, which are
//! counted until then only. A death is known when the membership protocol has told of it.
//!
//! **What it cannot show:** what a loaded network does to it. `docs/membership.md` has figures with
//! loss for the protocol alone, with up to 1,000 members.

use clap::Args;
use henge_core::membership::Condition;
use henge_core::time::{Duration, Instant};
use henge_sim::Cluster;
use henge_sim::world::traffic::Amount;

/// What members say to each other unasked, as the cluster grows
#[derive(Args)]
pub(crate) struct Gossip {
    /// Members; one line of the table for each number
    #[arg(long, value_delimiter = ',', default_values_t = [3, 9, 27, 100])]
    members: Vec<usize>,
    /// Virtual seconds that nothing happens in
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Partitions of the ring
    #[arg(long, default_value_t = henge_core::limits::PARTITIONS_DEFAULT)]
    partitions: u16,
    /// Everything follows from it
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs the bench and prints its figures.
pub(crate) fn run(args: &Gossip) {
    println!(
        "| members | gossip messages a second and member | bytes | agreement messages a second and member | bytes | all know of a join after, s | agreement messages a member until then | bytes | all know of a death after, s |"
    );
    println!("|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    for members in &args.members {
        println!("{}", measure(args, *members));
    }
}

fn measure(args: &Gossip, members: usize) -> String {
    let mut cluster = Cluster::with_others(members, 1, args.seed, |config| {
        config.partitions = args.partitions;
    });
    wait(&mut cluster, "the members agree on each other", |cluster| {
        (0..members).all(|seat| cluster.state().life(cluster.seats[seat].id).is_some())
    });
    cluster.run_for(Duration::from_millis(30_000));
    cluster.count_traffic();
    cluster.run_for(Duration::from_millis(args.seconds * 1_000));
    let idle = cluster.count_traffic().expect("counting");
    cluster.start(members);
    let joined = wait(&mut cluster, "all know of the join", |cluster| {
        let newcomer = cluster.seats[members].id;
        let knows = |seat| {
            let report = cluster.report(seat);
            report.members.iter().any(|member| member.id == newcomer)
        };
        (0..members).all(knows)
    });
    let join = cluster.count_traffic().expect("counting");
    cluster.run_for(Duration::from_millis(30_000));
    cluster.crash(members);
    let died = wait(&mut cluster, "all know of the death", |cluster| {
        let dead = cluster.seats[members].id;
        let knows = |seat| {
            let report = cluster.report(seat);
            let mut members = report.members.iter();
            members.any(|it| it.id == dead && it.condition == Condition::Dead)
        };
        (0..members).all(knows)
    });
    let each = |amount: Amount, count: f64| {
        let share = |number: u64| number as f64 / members as f64 / count;
        format!("{:.1} | {:.0}", share(amount.frames), share(amount.bytes))
    };
    format!(
        "| {members} | {} | {} | {:.2} | {} | {:.1} |",
        each(idle.gossip, args.seconds as f64),
        each(idle.agreement, args.seconds as f64),
        joined.as_micros() as f64 / 1e6,
        each(join.agreement, 1.0),
        died.as_micros() as f64 / 1e6,
    )
}

/// How long it takes until `is_done`.
fn wait(cluster: &mut Cluster, what: &str, is_done: impl Fn(&Cluster) -> bool) -> Duration {
    let began: Instant = cluster.now;
    while !is_done(cluster) {
        let waited = cluster.now.since(began);
        assert!(waited < Duration::from_millis(300_000), "{what}");
        cluster.run_for(Duration::from_millis(10));
    }
    cluster.now.since(began)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_cluster_has_a_line() {
        let args = Gossip {
            members: vec![4],
            seconds: 5,
            partitions: 16,
            seed: 1,
        };
        let line = measure(&args, 4);
        let cells: Vec<f64> = line
            .split('|')
            .filter_map(|it| it.trim().parse().ok())
            .collect();
        let [members, messages, _, _, _, joined, _, _, died] = cells[..] else {
            panic!("{line}");
        };
        assert!(
            members == 4.0 && messages > 1.0 && messages < 10.0,
            "{line}"
        );
        assert!(joined < 2.0 && died < 10.0, "{line}");
    }
}
