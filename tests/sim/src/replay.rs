//! One seed, and what to say of one that fails.

use henge_sim::plan::Plan;
use henge_sim::run::{Outcome, run};
use henge_sim::shrink::shrink;
use henge_sim::swarm::{self, Scope};

/// Runs of the shrinker, at most.
const SHRINKING_RUNS: u32 = 600;

/// Runs `seed`; says whether every law held.
pub(crate) fn one(seed: u64, scope: Scope, tells_story: bool) -> bool {
    let plan = swarm::plan(seed, scope);
    let outcome = run(&plan, scope, tells_story);
    println!("seed {seed}: {}", plan.setup);
    for line in &outcome.story {
        println!("{line}");
    }
    println!("digest {:016x}", outcome.digest);
    let Some(failure) = &outcome.failure else {
        println!(
            "every law held: {} tries, {} acknowledged writes, {} reads in {:.1} s",
            outcome.tries,
            outcome.acknowledged,
            outcome.reads,
            outcome.virtual_micros as f64 / 1e6
        );
        return true;
    };
    println!("BROKEN {failure}");
    if !tells_story {
        explain(&plan, scope, &outcome);
    }
    false
}

/// Cuts a plan that fails down and tells what is left of it.
pub(crate) fn explain(plan: &Plan, scope: Scope, outcome: &Outcome) {
    let Some(failure) = &outcome.failure else {
        return;
    };
    let seed = plan.seed;
    println!("\nseed {seed} breaks a law: {failure}");
    println!("replay it with: cargo xtask sim --seed {seed} --trace");
    let (small, outcome) = shrink(plan, scope, failure.checker, SHRINKING_RUNS);
    println!(
        "\ncut down from {} to {} actions: {}",
        plan.actions(),
        small.actions(),
        small.setup
    );
    for (number, round) in small.rounds.iter().enumerate() {
        for timed in &round.actions {
            let seconds = timed.at_micros as f64 / 1e6;
            println!("  round {number}, {seconds:.6} s: {}", timed.action);
        }
    }
    println!();
    let shown = outcome.story.len().min(400);
    for line in &outcome.story[outcome.story.len() - shown..] {
        println!("{line}");
    }
    if let Some(failure) = outcome.failure {
        println!("BROKEN {failure}\n");
    }
}
