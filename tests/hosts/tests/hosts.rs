//! The short form of every scenario. Where namespaces are not allowed all are ignored, and the
//! reason is printed.

use henge_hosts::net;
use henge_hosts::scenarios::{ALL, Scenario};
use libtest_mimic::{Arguments, Failed, Trial};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let allowed = net::allowed();
    match &allowed {
        Ok(()) => net::remove_leftovers(),
        Err(why) => eprintln!("IGNORED: there can be no hosts here: {why}"),
    }
    let trial = |scenario: &'static Scenario| {
        let name = format!("nothing_acknowledged_is_lost_after::{}", scenario.name);
        Trial::test(name, || play(scenario)).with_ignored_flag(allowed.is_err())
    };
    libtest_mimic::run(&arguments, ALL.iter().map(trial).collect()).exit_code()
}

fn play(scenario: &Scenario) -> Result<(), Failed> {
    let figures = scenario.play(&scenario.short(SEED));
    println!("{figures}");
    if figures.failures.is_empty() {
        return Ok(());
    }
    Err(figures.failures.join("\n").into())
}

/// Of the tests; `cargo xtask hosts` takes others.
const SEED: u64 = 0x5eed_0005;
