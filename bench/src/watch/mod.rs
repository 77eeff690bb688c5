//! `henge-bench watch`: what clients that watch cost the stone that serves them.
//!
//! Real nodes and real clients in the simulator's calm network, all in this process. Memory is the growth
//! of the process while the clients begin to watch: the clients' own and the ends of their connections are
//! in it. Work is processor time of the serving node's code from a change to all that is told of it.
//!
//! **What it cannot show:** sockets, and the guest's wasm; `watchers` does.

use crate::process::resident_bytes;
use clap::Args;
use henge_core::replication::Level;
use henge_core::selector::Span;
use henge_core::time::Duration;
use henge_sim::Cluster;
use henge_sim::watcher::{Watcher, run as go_on};
use std::sync::OnceLock;
use std::time::Instant;

/// Memory and work of a stone by those who watch through it
#[derive(Args)]
pub(crate) struct Watch {
    /// Clients, each with one watch
    #[arg(long, default_value_t = 10_000)]
    watchers: u64,
    /// Changes to time
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    changes: u64,
}

/// Runs the bench and prints its figures.
pub(crate) fn run(args: &Watch) {
    println!(
        "| all watch | watches | selectors | KiB of the process | B each | told a change | work a change, us: p50 | p99 |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|");
    // The second measures no memory: it uses again what the first has left.
    println!("{}", measure(args, "one prefix", true));
    println!("{}", measure(args, "a key each", false));
}

fn measure(args: &Watch, name: &str, is_shared: bool) -> String {
    let mut cluster = Cluster::new(3, 200);
    cluster.time_nodes(nanos);
    let before = resident_kib();
    let watcher = |number: u64| {
        let mut watcher = Watcher::new(&cluster, number, Some(0));
        let span = match is_shared {
            true => Span::Prefix(b"k".to_vec()),
            false => Span::Key(format!("k{number}").into_bytes()),
        };
        watcher.watch(&cluster, span);
        watcher
    };
    let mut watchers: Vec<Watcher> = (0..args.watchers).map(watcher).collect();
    go_on(&mut cluster, &mut watchers, Duration::from_millis(200));
    for watcher in &mut watchers {
        assert_eq!(watcher.take().len(), 1, "all watch");
    }
    let grown = resident_kib().saturating_sub(before);
    let mut worked = Vec::new();
    for number in 0..args.changes {
        let began = cluster.worked_nanos(0);
        let written = cluster.put(1, &format!("k{number}"), "value", Some(Level::All));
        written.result.expect("a write");
        go_on(&mut cluster, &mut watchers, Duration::from_millis(1));
        worked.push(cluster.worked_nanos(0) - began);
    }
    let told: u64 = watchers.iter().map(|it| it.changes).sum();
    let expected = args.changes * if is_shared { args.watchers } else { 1 };
    assert_eq!(told, expected, "each change is told to all who watch it");
    worked.sort_unstable();
    let at = |percent: usize| worked[(worked.len() - 1) * percent / 100] / 1_000;
    let report = cluster.report(0).watch;
    let memory = match is_shared {
        true => format!("{grown} | {}", grown * 1_024 / args.watchers.max(1)),
        false => "| ".to_owned(),
    };
    format!(
        "| {name} | {} | {} | {memory} | {} | {} | {} |",
        report.watches,
        report.selectors,
        told / args.changes,
        at(50),
        at(99),
    )
}

fn nanos() -> u64 {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    let nanos = BEGAN.get_or_init(Instant::now).elapsed().as_nanos();
    u64::try_from(nanos).unwrap_or(u64::MAX)
}

/// Memory of this process, in KiB; 0 where the system does not say.
fn resident_kib() -> u64 {
    resident_bytes(std::process::id()).unwrap_or(0) >> 10
}
