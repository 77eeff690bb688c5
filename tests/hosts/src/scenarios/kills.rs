//! One stone after another is killed and started again, and the next once it is connected.

use super::Stage;
use crate::load::Phase;
use std::time::{Duration, Instant};

pub(super) fn run(stage: &mut Stage) {
    let load = stage.load_everywhere();
    load.enter(Phase::During);
    let mut slowest = Duration::ZERO;
    for _ in 0..stage.plan.faults {
        let victim = stage.any_stone();
        stage.cluster.kill9(victim);
        stage.pause(50, 300);
        let began = Instant::now();
        stage.cluster.restart(victim);
        stage.cluster.wait_linked();
        slowest = slowest.max(began.elapsed());
        stage.figures.faults += 1;
        stage.pause(20, 150);
    }
    stage.end(load);
    stage.note(format!("slowest return {} ms", slowest.as_millis()));
}
