//! Two stones, all of one zone, are parted from the three others. Each key has one owner in each
//! zone: the three hold a quorum of every key, the two of none.

use super::Stage;
use super::stage::WRITERS;
use crate::check::wait_agreed;
use crate::load::{Phase, Side, Story};
use std::time::Duration;

pub(super) fn run(stage: &mut Stage) {
    let (few, many) = (stage.addresses(0..2), stage.addresses(2..5));
    let load = stage.load();
    let load = load.with(Side::Majority, WRITERS, &many);
    let load = load.with(Side::Minority, 2, &few);
    let mut cuts = Vec::new();
    stage.calm();
    for _ in 0..stage.plan.faults {
        stage.cluster.part(&MINORITY);
        load.enter(Phase::During);
        let parted = load.now();
        stage.suffer();
        cuts.push((parted, load.now()));
        stage.cluster.heal();
        stage.cluster.wait_linked();
        stage.figures.faults += 1;
        stage.pause(500, 1_500);
    }
    stage.end(load);
    stage.must_go_on();
    refuses(stage, &cuts);
    let took = wait_agreed(&stage.stories, &stage.cluster, SAMPLE);
    stage.note(format!(
        "owners agreed {} ms after the load",
        took.as_millis()
    ));
}

/// What was begun and ended within a cut must not have been acknowledged to the minority.
fn refuses(stage: &mut Stage, cuts: &[(Duration, Duration)]) {
    let minority = || {
        stage
            .stories
            .iter()
            .filter(|story| story.side == Side::Minority)
    };
    let sum = |of: fn(&Story) -> u64| minority().map(of).sum::<u64>();
    let acks = minority().flat_map(|story| &story.acks);
    let is_within = |began: Duration, ended: Duration| {
        cuts.iter().any(|&(from, to)| from < began && ended < to)
    };
    let impossible = acks.filter(|ack| is_within(ack.at.saturating_sub(ack.took), ack.at));
    let impossible = impossible.count();
    let (refused, unknown) = (sum(|story| story.refused), sum(|story| story.unknown));
    stage.note(format!(
        "the minority had {impossible} acknowledged in the cuts, {refused} refused and {unknown} \
         unknown in all"
    ));
    if impossible > 0 {
        stage.fail(format!(
            "{impossible} writes were acknowledged without a quorum"
        ));
    }
    if refused + unknown == 0 {
        stage.fail("the minority was never refused");
    }
}

/// The stones of the first zone.
const MINORITY: [usize; 2] = [0, 1];
/// Keys of each writer on which the owners must agree.
const SAMPLE: usize = 100;
