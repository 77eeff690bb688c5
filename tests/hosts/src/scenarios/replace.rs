//! A stone loses its disk and is started again without anything. When it is filled it is asked
//! alone, and then another owner is killed.

use super::Stage;
use crate::check::{missing_at, read_back};
use crate::cluster::ZONES;
use crate::load::Phase;
use std::time::{Duration, Instant};

pub(super) fn run(stage: &mut Stage) {
    let mut slowest = Duration::ZERO;
    for _ in 0..stage.plan.faults {
        let victim = stage.any_stone();
        let load = stage.load_everywhere();
        load.enter(Phase::During);
        stage.cluster.kill9(victim);
        stage.pause(500, 1_000);
        stage.cluster.wipe(victim);
        let began = Instant::now();
        stage.cluster.restart(victim);
        stage.cluster.wait_linked();
        stage.pause(500, 1_000);
        stage.end(load);
        stage.must_go_on();
        fill(stage, victim, began);
        slowest = slowest.max(began.elapsed());
        without_another(stage, victim);
        stage.figures.faults += 1;
    }
    stage.note(format!(
        "filled at most {} ms after the start",
        slowest.as_millis()
    ));
}

/// Waits until the stone has all that it owns. It is cut off while it is asked: whoever can ask
/// others would hide what it lacks, and repair it.
fn fill(stage: &mut Stage, victim: usize, began: Instant) {
    let owners = stage.cluster.owners(victim);
    loop {
        stage.cluster.part(&[victim]);
        let http = stage.cluster.http(victim);
        let missing = missing_at(&stage.stories, &owners, &http, victim);
        stage.cluster.heal();
        stage.cluster.wait_linked();
        let Some(first) = missing.first() else { return };
        if began.elapsed() > FILL_TIME {
            let count = missing.len();
            stage.fail(format!(
                "after {FILL_TIME:?} {count} keys are not there again: {first}"
            ));
            return;
        }
        std::thread::sleep(Duration::from_secs(3));
    }
}

/// Kills a stone of another zone and reads everything back through the rest.
fn without_another(stage: &mut Stage, victim: usize) {
    let others: Vec<usize> = (0..ZONES.len())
        .filter(|&stone| ZONES[stone] != ZONES[victim])
        .collect();
    let chosen = usize::try_from(stage.below(others.len() as u64)).expect("there are few stones");
    let other = others[chosen];
    stage.cluster.kill9(other);
    let rest: Vec<usize> = (0..ZONES.len()).filter(|&stone| stone != other).collect();
    let found = read_back(&stage.stories, &stage.cluster, &rest);
    stage.figures.add(found);
    stage.cluster.restart(other);
    stage.cluster.wait_linked();
}

/// How long it may take to fill a stone again.
const FILL_TIME: Duration = Duration::from_secs(120);
