//! What goes wrong. Each scenario has a cluster of its own, load all the while, and at the end every
//! acknowledged write is read back.
//!
//! A further one is a file with a function over a [`Stage`], and a line in [`ALL`].

mod kills;
mod moves;
mod one_way;
mod partition;
mod replace;
mod stage;
mod zone;

pub use stage::Stage;

use crate::cluster::Cluster;
use crate::figures::Figures;
use std::panic::resume_unwind;
use std::time::Duration;

/// One way in which things go wrong.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Its name, for `--only`.
    pub name: &'static str,
    /// What happens in it.
    pub about: &'static str,
    /// Faults of the short and of the long form.
    pub faults: [u64; 2],
    run: fn(&mut Stage),
}

/// All scenarios.
pub const ALL: [Scenario; 6] = [
    Scenario {
        name: "partition",
        about: "the stones of a zone are parted from the others",
        faults: [1, 6],
        run: partition::run,
    },
    Scenario {
        name: "one-way",
        about: "what one stone says to another is dropped, but not the answers",
        faults: [1, 7],
        run: one_way::run,
    },
    Scenario {
        name: "kills",
        about: "kill -9 of one stone after another",
        faults: [15, 300],
        run: kills::run,
    },
    Scenario {
        name: "zone",
        about: "a whole zone is killed, or cut off from everybody",
        faults: [2, 6],
        run: zone::run,
    },
    Scenario {
        name: "replace",
        about: "a stone loses its disk, is filled again, and then another owner is killed",
        faults: [1, 5],
        run: replace::run,
    },
    Scenario {
        name: "moves",
        about: "two stones join, one of them under kill -9; a member leaves; a dead one is given up",
        faults: [1, 3],
        run: moves::run,
    },
];

/// How much of it.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Decides what is left to chance.
    pub seed: u64,
    /// How often something breaks.
    pub faults: u64,
    /// How long it stays broken, where the scenario does not decide.
    pub fault_time: Duration,
    /// How long there is peace before, between and after the faults.
    pub calm_time: Duration,
    /// Keys of each writer.
    pub keys: u64,
}

impl Scenario {
    /// The short form: with all others in less than 90 s.
    #[must_use]
    pub fn short(&self, seed: u64) -> Plan {
        Plan {
            seed,
            faults: self.faults[0],
            fault_time: Duration::from_secs(4),
            calm_time: Duration::from_millis(800),
            keys: 100,
        }
    }

    /// The long form.
    #[must_use]
    pub fn long(&self, seed: u64) -> Plan {
        Plan {
            seed,
            faults: self.faults[1],
            fault_time: Duration::from_secs(10),
            calm_time: Duration::from_secs(2),
            keys: 2_000,
        }
    }

    /// Plays it. What is not as it must be is in [`Figures::failures`].
    ///
    /// # Panics
    /// If a stone does not serve, or what was written cannot be read.
    #[must_use]
    pub fn play(&self, plan: &Plan) -> Figures {
        let (scenario, plan) = (*self, *plan);
        // A thread of its own: it moves to the host of the clients and does not come back.
        let thread = std::thread::spawn(move || {
            let mut stage = Stage::new(scenario.name, plan, Cluster::start());
            (scenario.run)(&mut stage);
            stage.close()
        });
        thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}
