//! What all scenarios share.

use super::Plan;
use crate::check::read_back;
use crate::cluster::{Cluster, ZONES};
use crate::figures::Figures;
use crate::load::{Load, Phase, Side, Story};
use henge_core::rng::Rng;
use std::ops::Range;
use std::time::Duration;

/// A cluster on which a scenario is played.
#[derive(Debug)]
pub struct Stage {
    /// The stones.
    pub cluster: Cluster,
    /// How much is played.
    pub plan: Plan,
    /// What was measured.
    pub figures: Figures,
    /// What all writers have told so far.
    pub stories: Vec<Story>,
    rng: Rng,
    loads: u64,
}

impl Stage {
    pub(super) fn new(name: &'static str, plan: Plan, cluster: Cluster) -> Self {
        Self {
            cluster,
            plan,
            figures: Figures::new(name, plan.seed),
            stories: Vec::new(),
            rng: Rng::new(plan.seed),
            loads: 0,
        }
    }

    /// A load without writers, whose keys no other load has.
    pub(super) fn load(&mut self) -> Load {
        self.loads += 1;
        Load::new(
            &format!("{}/{}", self.figures.name, self.loads),
            self.plan.keys,
        )
    }

    /// A load with four writers that ask all stones, after a time without faults.
    pub(super) fn load_everywhere(&mut self) -> Load {
        let addresses = self.addresses(0..ZONES.len());
        let load = self.load().with(Side::Majority, WRITERS, &addresses);
        self.calm();
        load
    }

    /// Addresses of stones.
    pub(super) fn addresses(&self, stones: Range<usize>) -> Vec<String> {
        stones.map(|number| self.cluster.address(number)).collect()
    }

    /// Nothing happens for a while.
    pub(super) fn calm(&self) {
        std::thread::sleep(self.plan.calm_time);
    }

    /// What is broken stays so for a while.
    pub(super) fn suffer(&self) {
        std::thread::sleep(self.plan.fault_time);
    }

    /// All is whole again: measures a while of that, and ends the load.
    pub(super) fn end(&mut self, load: Load) {
        load.enter(Phase::After);
        self.calm();
        let stories = load.finish();
        self.figures.count(&stories);
        self.stories.extend(stories);
    }

    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.rng.below(bound)
    }

    /// One of the stones.
    pub(super) fn any_stone(&mut self) -> usize {
        let number = self.below(ZONES.len() as u64);
        usize::try_from(number).expect("there are few stones")
    }

    /// A time between two, in milliseconds.
    pub(super) fn pause(&mut self, from_ms: u64, to_ms: u64) {
        let ms = from_ms + self.below(to_ms - from_ms);
        std::thread::sleep(Duration::from_millis(ms));
    }

    /// Says that something is not as it must be.
    pub(super) fn fail(&mut self, why: impl Into<String>) {
        self.figures.failures.push(why.into());
    }

    /// Says what else was seen.
    pub(super) fn note(&mut self, what: impl Into<String>) {
        self.figures.notes.push(what.into());
    }

    /// Complains if nothing was acknowledged while something was broken.
    pub(super) fn must_go_on(&mut self) {
        let majority = self
            .stories
            .iter()
            .filter(|story| story.side == Side::Majority);
        let during: usize = majority
            .map(|story| story.acks_in(Phase::During).count())
            .sum();
        if during == 0 {
            self.fail("a quorum could be reached, and nothing was acknowledged");
        }
    }

    /// Reads everything back through all stones.
    pub(super) fn close(mut self) -> Figures {
        let all: Vec<usize> = (0..ZONES.len()).collect();
        let found = read_back(&self.stories, &self.cluster, &all);
        self.figures.add(found);
        self.figures.percentiles(&self.stories);
        for complaint in self.cluster.complaints() {
            self.fail(complaint);
        }
        self.figures
    }
}

/// Writers that can reach a quorum.
pub(super) const WRITERS: usize = 4;
