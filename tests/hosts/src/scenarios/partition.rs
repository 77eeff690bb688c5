//! The stones of one zone after another are parted from the others. Each key has one owner in each
//! zone: those of one zone hold a quorum of no key, the others of every key.

use super::Stage;
use super::stage::WRITERS;
use crate::load::{Ack, Phase, Side, Story};
use crate::places::wait_agreed;
use std::ops::Range;
use std::time::Duration;

pub(super) fn run(stage: &mut Stage) {
    let mut seen = Refusals::default();
    let mut any = stage.any_stone();
    for _ in 0..stage.plan.faults {
        let few = stage.cluster.members_in(stage.cluster.zone(any));
        let mut many = stage.cluster.members();
        many.retain(|stone| !few.contains(stone));
        let (at_few, at_many) = (stage.addresses(&few), stage.addresses(&many));
        let load = stage.load().with(Side::Majority, WRITERS, &at_many);
        let load = load.with(Side::Minority, 2, &at_few);
        stage.calm();
        stage.cluster.part(&few);
        load.enter(Phase::During);
        let parted = load.now();
        stage.suffer();
        let cut = parted..load.now();
        stage.cluster.heal();
        stage.cluster.wait_linked();
        stage.figures.faults += 1;
        let known = stage.stories.len();
        stage.end(load);
        seen.add(&stage.stories[known..], &cut);
        // A stone of another zone: the next minority is never the last one.
        any = stage.any_of(&many);
    }
    judge(stage, &seen);
    let took = wait_agreed(&stage.stories, &stage.cluster, SAMPLE);
    stage.note(format!(
        "owners agreed {} ms after the load",
        took.as_millis()
    ));
}

/// What became of the writes of the minorities.
#[derive(Default)]
struct Refusals {
    /// Acknowledged, although they were begun and ended within a cut.
    impossible: usize,
    refused: u64,
    unknown: u64,
}

impl Refusals {
    /// Adds what was told of the load of one cut.
    fn add(&mut self, stories: &[Story], cut: &Range<Duration>) {
        let is_minority = |story: &&Story| story.side == Side::Minority;
        for story in stories.iter().filter(is_minority) {
            let is_within = |ack: &&Ack| cut.start + ack.took < ack.at && ack.at < cut.end;
            self.impossible += story.acks.iter().filter(is_within).count();
            self.refused += story.refused;
            self.unknown += story.unknown;
        }
    }
}

fn judge(stage: &mut Stage, seen: &Refusals) {
    let Refusals {
        impossible,
        refused,
        unknown,
    } = seen;
    stage.note(format!(
        "the minorities had {impossible} acknowledged in the cuts, {refused} refused and {unknown} \
         unknown in all"
    ));
    if *impossible > 0 {
        stage.fail(format!(
            "{impossible} writes were acknowledged without a quorum"
        ));
    }
    if refused + unknown == 0 {
        stage.fail("the minorities were never refused");
    }
}

/// Keys of each writer on which the owners must agree.
const SAMPLE: usize = 100;
