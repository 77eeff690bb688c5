//! What one stone says to another is dropped; the other direction goes on.

use super::Stage;
use crate::load::Phase;
use crate::places::wait_agreed;

pub(super) fn run(stage: &mut Stage) {
    let load = stage.load_everywhere();
    for _ in 0..stage.plan.faults {
        let from = stage.any_stone();
        let mut others = stage.cluster.members();
        others.retain(|&stone| stone != from);
        let to = stage.any_of(&others);
        stage.cluster.cut(from, to);
        load.enter(Phase::During);
        stage.suffer();
        stage.cluster.heal();
        stage.cluster.wait_linked();
        stage.figures.faults += 1;
        stage.pause(200, 1_000);
    }
    stage.end(load);
    let took = wait_agreed(&stage.stories, &stage.cluster, SAMPLE);
    stage.note(format!(
        "owners agreed {} ms after the load",
        took.as_millis()
    ));
}

/// Keys of each writer on which the owners must agree.
const SAMPLE: usize = 100;
