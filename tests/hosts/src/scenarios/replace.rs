//! A stone loses its disk and is started again without anything. When the load has ended it is asked
//! alone until it is filled, and then another owner is killed.

use super::Stage;
use crate::check::read_back;
use crate::load::Phase;
use crate::places::wait_filled;
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
        stage.cluster.restart(victim);
        stage.cluster.wait_linked();
        stage.suffer();
        stage.end(load);
        let began = Instant::now();
        let filled = wait_filled(&stage.stories, &mut stage.cluster, victim, began);
        if let Err(why) = filled {
            stage.fail(why);
        }
        slowest = slowest.max(began.elapsed());
        without_another(stage, victim);
        stage.figures.faults += 1;
    }
    stage.note(format!(
        "filled at most {} ms after the load",
        slowest.as_millis()
    ));
}

/// Kills a stone of another zone and reads everything back through the rest.
fn without_another(stage: &mut Stage, victim: usize) {
    let zone = stage.cluster.zone(victim);
    let mut rest = stage.cluster.members();
    let mut others = rest.clone();
    others.retain(|&stone| stage.cluster.zone(stone) != zone);
    let other = stage.any_of(&others);
    stage.cluster.kill9(other);
    rest.retain(|&stone| stone != other);
    let found = read_back(&stage.stories, &stage.cluster, &rest);
    stage.figures.add(found);
    stage.cluster.restart(other);
    stage.cluster.wait_linked();
}
