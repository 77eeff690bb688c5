//! What one stone says to another is dropped; the other direction goes on.

use super::Stage;
use crate::check::wait_agreed;
use crate::cluster::ZONES;
use crate::load::Phase;

pub(super) fn run(stage: &mut Stage) {
    let load = stage.load_everywhere();
    for _ in 0..stage.plan.faults {
        let from = stage.any_stone();
        let step = 1 + stage.below(ZONES.len() as u64 - 1);
        let step = usize::try_from(step).expect("there are few stones");
        stage.cluster.cut(from, (from + step) % ZONES.len());
        load.enter(Phase::During);
        stage.suffer();
        stage.cluster.heal();
        stage.cluster.wait_linked();
        stage.figures.faults += 1;
        stage.pause(200, 1_000);
    }
    stage.end(load);
    stage.must_go_on();
    let took = wait_agreed(&stage.stories, &stage.cluster, SAMPLE);
    stage.note(format!(
        "owners agreed {} ms after the load",
        took.as_millis()
    ));
}

/// Keys of each writer on which the owners must agree.
const SAMPLE: usize = 100;
