//! All stones of a zone are killed, or cut off from everybody, and come back.

use super::Stage;
use crate::load::Phase;

pub(super) fn run(stage: &mut Stage) {
    let load = stage.load_everywhere();
    let first = stage.below(2);
    for number in 0..stage.plan.faults {
        let any = stage.any_stone();
        let lost = stage.cluster.members_in(stage.cluster.zone(any));
        load.enter(Phase::During);
        if (first + number).is_multiple_of(2) {
            stage.cluster.isolate(&lost);
            stage.suffer();
            stage.cluster.heal();
        } else {
            lost.iter().for_each(|&stone| stage.cluster.kill9(stone));
            stage.suffer();
            lost.iter().for_each(|&stone| stage.cluster.restart(stone));
        }
        stage.cluster.wait_linked();
        stage.figures.faults += 1;
        stage.pause(500, 1_500);
    }
    stage.end(load);
}
