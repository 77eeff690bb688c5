//! The long form on the command line: `cargo xtask hosts --help`.

use clap::Parser;
use henge_hosts::figures::table;
use henge_hosts::net;
use henge_hosts::scenarios::{ALL, Scenario};
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

/// Breaks clusters of real stones, each on a host of its own, and looks whether all that was
/// acknowledged is still there.
#[derive(Parser)]
#[command(name = "henge-hosts", bin_name = "cargo xtask hosts")]
struct Args {
    /// Faults of each scenario [default: 300 kills, 3 to 7 of the others]
    #[arg(long, value_name = "N")]
    cycles: Option<u64>,
    /// How long something stays broken; in kills nothing does [default: 10, short: 4]
    #[arg(long, value_name = "S")]
    seconds: Option<u64>,
    /// Play only this scenario: partition, one-way, kills, zone, replace or moves
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// What is left to chance follows from it; a random one otherwise
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,
    /// The short form, which the tests play
    #[arg(long)]
    short: bool,
    /// Only say whether this machine allows it
    #[arg(long)]
    check: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if let Err(why) = net::allowed() {
        eprintln!("there can be no hosts here: {why}");
        return ExitCode::FAILURE;
    }
    if args.check {
        return ExitCode::SUCCESS;
    }
    net::remove_leftovers();
    let wanted = |scenario: &&Scenario| {
        args.only
            .as_deref()
            .is_none_or(|name| name == scenario.name)
    };
    let scenarios: Vec<&Scenario> = ALL.iter().filter(wanted).collect();
    if scenarios.is_empty() {
        let names: Vec<&str> = ALL.iter().map(|scenario| scenario.name).collect();
        eprintln!("no scenario is called that; there are {}", names.join(", "));
        return ExitCode::FAILURE;
    }
    if play(&scenarios, &args) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn play(scenarios: &[&Scenario], args: &Args) -> bool {
    let seed = args.seed.unwrap_or_else(random_seed);
    let (mut rows, mut is_good) = (Vec::new(), true);
    for scenario in scenarios {
        let mut plan = if args.short {
            scenario.short(seed)
        } else {
            scenario.long(seed)
        };
        plan.faults = args.cycles.unwrap_or(plan.faults);
        plan.fault_time = args.seconds.map_or(plan.fault_time, Duration::from_secs);
        println!(
            "{}: {} ({} times)",
            scenario.name, scenario.about, plan.faults
        );
        // The panic has said why; the others are played all the same.
        let Ok(figures) = catch_unwind(|| scenario.play(&plan)) else {
            println!(
                "FAIL {} (seed {seed:#x}) did not come to its end",
                scenario.name
            );
            is_good = false;
            continue;
        };
        println!("{figures}");
        for late in figures.found.late.iter().take(FAILURES_SHOWN) {
            println!("late {late}");
        }
        for failure in figures.failures.iter().take(FAILURES_SHOWN) {
            println!("FAIL {failure}");
        }
        is_good &= figures.failures.is_empty();
        rows.push(figures);
    }
    println!("\n{}", table(&rows));
    is_good
}

fn random_seed() -> u64 {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    now.as_secs() ^ u64::from(now.subsec_nanos())
}

/// Of each scenario; they are many if they are any.
const FAILURES_SHOWN: usize = 20;
