//! What all scenarios share.

use super::Plan;
use crate::check::read_back;
use crate::cluster::Cluster;
use crate::figures::Figures;
use crate::load::{Load, Phase, Side, Story};
use henge_core::rng::Rng;
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
        let addresses = self.addresses(&self.cluster.members());
        let load = self.load().with(Side::Majority, WRITERS, &addresses);
        self.calm();
        load
    }

    /// Addresses of stones.
    pub(super) fn addresses(&self, stones: &[usize]) -> Vec<String> {
        let stones = stones.iter();
        stones.map(|&number| self.cluster.address(number)).collect()
    }

    /// Nothing happens for a while.
    pub(super) fn calm(&self) {
        std::thread::sleep(self.plan.calm_time);
    }

    /// What is broken stays so for a while.
    pub(super) fn suffer(&self) {
        std::thread::sleep(self.plan.fault_time);
    }

    /// All is whole again: measures a while of that, and ends the load. Complains if nothing was
    /// acknowledged while something was broken.
    pub(super) fn end(&mut self, load: Load) {
        load.enter(Phase::After);
        self.calm();
        let stories = load.finish();
        let went_on = |story: &Story| {
            story.side == Side::Majority && story.acks_in(Phase::During).next().is_some()
        };
        if !stories.iter().any(went_on) {
            self.fail("a quorum could be reached, and nothing was acknowledged");
        }
        self.figures.count(&stories);
        self.stories.extend(stories);
    }

    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.rng.below(bound)
    }

    /// One of some stones.
    pub(super) fn any_of(&mut self, stones: &[usize]) -> usize {
        let place = self.below(stones.len() as u64);
        stones[usize::try_from(place).expect("there are few stones")]
    }

    /// One of the members.
    pub(super) fn any_stone(&mut self) -> usize {
        let members = self.cluster.members();
        self.any_of(&members)
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

    /// Reads everything back through all members.
    pub(super) fn close(mut self) -> Figures {
        let members = self.cluster.members();
        let found = read_back(&self.stories, &self.cluster, &members);
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
