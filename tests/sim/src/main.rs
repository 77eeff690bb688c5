//! The simulator on the command line: `cargo xtask sim --help`.

mod hunt;
mod replay;

use clap::Parser;
use henge_sim::swarm::Scope;
use std::process::ExitCode;

/// Runs seeds: each is a cluster with its load and its faults, and the same everywhere.
#[derive(Parser)]
#[command(name = "henge-sim", bin_name = "cargo xtask sim")]
struct Args {
    /// Run this seed and print its digest and verdict
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Tell all that happens in it
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Run so many seeds
    #[arg(long, value_name = "N", conflicts_with_all = ["seed", "minutes"])]
    seeds: Option<u64>,
    /// From this one on; a random one otherwise
    #[arg(long, value_name = "S")]
    from: Option<u64>,
    /// Hunt for so long, on two threads
    #[arg(long, value_name = "M", conflicts_with = "seed")]
    minutes: Option<f64>,
    /// Plant each bug of the core in turn and hunt until it is caught
    #[cfg(feature = "planted-bugs")]
    #[arg(long, conflicts_with_all = ["seed", "minutes"])]
    bugs: bool,
    /// Plant this bug first
    #[cfg(feature = "planted-bugs")]
    #[arg(long, value_name = "BUG")]
    plant: Option<String>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    // A panic of a node is a verdict, not an end.
    std::panic::set_hook(Box::new(|_| {}));
    let scope = Scope::default();
    #[cfg(feature = "planted-bugs")]
    {
        if let Some(name) = &args.plant
            && let Err(names) = hunt::plant(name)
        {
            eprintln!("no bug is called {name:?}; there are {names}");
            return ExitCode::FAILURE;
        }
        if args.bugs {
            let seeds = args.seeds.unwrap_or(5_000);
            return verdict(hunt::bugs(args.from.unwrap_or(1), seeds, scope));
        }
    }
    if let Some(seed) = args.seed {
        return verdict(replay::one(seed, scope, args.trace));
    }
    let from = args.from.unwrap_or_else(hunt::random_seed);
    let bound = match (args.seeds, args.minutes) {
        (Some(seeds), _) => hunt::Bound::Seeds(seeds),
        (None, minutes) => hunt::Bound::Minutes(minutes.unwrap_or(1.0)),
    };
    verdict(hunt::hunt(from, bound, scope))
}

fn verdict(is_good: bool) -> ExitCode {
    if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
