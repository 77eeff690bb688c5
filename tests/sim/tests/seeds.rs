//! A fixed set of seeds keeps every law, and a seed is the same every time.

use henge_sim::run::run;
use henge_sim::swarm::{Scope, plan};

#[test]
fn every_law_holds_in_the_first_three_hundred_seeds() {
    let scope = Scope::default();
    for seed in 1..=300 {
        let outcome = run(&plan(seed, scope), scope, false);
        assert_eq!(outcome.failure, None, "seed {seed}");
        assert!(outcome.reads > 0, "seed {seed} has read nothing");
    }
}

#[test]
fn the_same_seed_gives_the_same_digest_and_another_gives_another() {
    let scope = Scope::default();
    for seed in 1..=40 {
        let first = run(&plan(seed, scope), scope, false);
        assert_eq!(first, run(&plan(seed, scope), scope, false), "seed {seed}");
        let told = run(&plan(seed, scope), scope, true);
        assert_eq!(first.digest, told.digest, "telling changes seed {seed}");
        let other = run(&plan(seed + 1, scope), scope, false);
        assert_ne!(first.digest, other.digest, "seed {seed}");
    }
}
