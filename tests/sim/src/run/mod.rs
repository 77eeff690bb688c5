//! A plan is carried out: faults and load, then all is healed, then the last checks; for each round.
//!
//! * `calls`: what clients ask and hear. `troubles`: what fails. `settling`: the end of a round.

mod calls;
mod settling;
mod troubles;

use crate::checkers::liveness::Wellness;
use crate::checkers::nodes;
use crate::failure::{Checker, Failure};
use crate::model::Model;
use crate::plan::{Action, Plan, key_text};
use crate::swarm::Scope;
use crate::world::{BEGIN, LinkSettings, Notice, Seat, World};
use calls::Calls;
use henge_core::node::Event;
use henge_core::time::{Duration, Instant};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What became of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// One number for everything that every node was given and gave.
    pub digest: u64,
    /// How long it took in the world's time, in microseconds.
    pub virtual_micros: u64,
    /// The same without the pauses in which all was quiet.
    pub busy_micros: u64,
    /// Tries of clients.
    pub tries: u64,
    /// Writes that were acknowledged.
    pub acknowledged: u64,
    /// Reads that were answered, those of the last checks included.
    pub reads: u64,
    /// Reads that were held against what their session had seen.
    pub session_reads: u64,
    /// Keys whose last check was passed over: more writes than a set holds were concurrent.
    pub crowded: u64,
    /// The law that was broken, if one was.
    pub failure: Option<Failure>,
    /// What happened, if it was to be told.
    pub story: Vec<String>,
}

/// Carries `plan` out. The same plan has the same outcome, on any machine.
#[must_use]
pub fn run(plan: &Plan, scope: Scope, tells_story: bool) -> Outcome {
    let mut runner = Runner::new(plan, scope);
    if tells_story {
        runner.world.tell_story();
    }
    let ended = catch_unwind(AssertUnwindSafe(|| runner.run()));
    let failure = match ended {
        Ok(result) => result.err(),
        Err(panic) => Some(Failure::new(Checker::Panic, panic_text(&*panic))),
    };
    runner.outcome.failure = failure;
    runner.outcome.digest = runner.world.digest();
    runner.outcome.virtual_micros = runner.world.now().since(BEGIN).as_micros();
    runner.outcome.story = runner.world.story();
    runner.outcome
}

/// A plan on its way.
struct Runner<'a> {
    plan: &'a Plan,
    scope: Scope,
    world: World,
    model: Model,
    wellness: Wellness,
    calls: Calls,
    seats: Vec<SeatState>,
    /// Links that are cut, clogged or harsh.
    bad_links: BTreeSet<(Seat, Seat, troubles::LinkTrouble)>,
    wiped: BTreeSet<Seat>,
    /// Frames may arrive twice.
    duplicates: bool,
    round: usize,
    /// When the round has begun.
    began: Instant,
    outcome: Outcome,
}

/// What is known of a seat.
#[derive(Clone, Copy, Debug, Default)]
struct SeatState {
    /// It was started once: before, it is no member yet.
    has_begun: bool,
    is_ready: bool,
    is_full: bool,
    is_slow: bool,
    is_broken: bool,
    is_damaged: bool,
}

/// What the world wakes the runner for; the rest of the number says which.
const WAKE_ACTION: u64 = 0;
const WAKE_DEADLINE: u64 = 1;
const WAKE_RETRY: u64 = 2;
const WAKE_REPAIR: u64 = 3;
const WAKE_SHIFT: u32 = 56;

impl<'a> Runner<'a> {
    fn new(plan: &'a Plan, scope: Scope) -> Self {
        let setup = &plan.setup;
        let count = setup.seats();
        let offset = |micros: &i64| micros.unsigned_abs();
        let apart = setup.offsets_micros.iter().map(offset).max().unwrap_or(0);
        // Later settings of a clock are within 10 s; drift adds little.
        let skew = Duration::from_micros(apart.max(10_000_000) + 200_000);
        Self {
            plan,
            scope,
            world: World::new(setup.world(plan.seed)),
            model: Model::new(setup.buckets, skew),
            wellness: Wellness::new(count),
            calls: Calls::default(),
            seats: vec![SeatState::default(); count],
            bad_links: BTreeSet::new(),
            wiped: BTreeSet::new(),
            duplicates: plan.duplicates(),
            round: 0,
            began: BEGIN,
            outcome: Outcome::default(),
        }
    }

    fn run(&mut self) -> Result<(), Failure> {
        for number in 0..200 {
            let key = key_text(number);
            nodes::check_place(&self.plan.setup, &self.world, key.as_bytes())?;
        }
        self.refresh_links();
        for seat in 0..self.plan.setup.members.len() {
            self.start(seat);
        }
        self.run_for(Duration::from_millis(20))?;
        for round in 0..self.plan.rounds.len() {
            self.round = round;
            self.run_round()?;
            self.outcome.busy_micros += self.world.now().since(self.began).as_micros();
            self.settle()?;
        }
        Ok(())
    }

    fn run_round(&mut self) -> Result<(), Failure> {
        self.began = self.world.now();
        let actions = &self.plan.rounds[self.round].actions;
        let mut last = self.began;
        for (index, timed) in actions.iter().enumerate() {
            last = self.began + Duration::from_micros(timed.at_micros);
            self.wake(last, WAKE_ACTION, index as u64);
        }
        self.run_until(last)
    }

    fn wake(&mut self, at: Instant, kind: u64, number: u64) {
        self.world.wake_at(at, kind << WAKE_SHIFT | number);
    }

    fn run_for(&mut self, span: Duration) -> Result<(), Failure> {
        self.run_until(self.world.now() + span)
    }

    fn run_until(&mut self, end: Instant) -> Result<(), Failure> {
        while self.world.next_at().is_some_and(|at| at <= end) {
            self.turn()?;
        }
        self.world.skip_to(end);
        Ok(())
    }

    fn turn(&mut self) -> Result<(), Failure> {
        self.world.turn();
        while let Some(notice) = self.world.take_notice() {
            self.heed(notice)?;
        }
        Ok(())
    }

    fn heed(&mut self, notice: Notice) -> Result<(), Failure> {
        match notice {
            Notice::Response(seat, response) => self.answered(seat, response),
            Notice::Refusal(seat, refusal) => {
                let message = format!("seat {seat} has refused a client: {}", refusal.message);
                Err(Failure::new(Checker::Frames, message))
            }
            Notice::Event(seat, event) => self.told(seat, event),
            // No client of a run watches.
            Notice::Events(..) => Ok(()),
            Notice::Wake(number) => {
                let rest = number & ((1 << WAKE_SHIFT) - 1);
                match number >> WAKE_SHIFT {
                    WAKE_ACTION => self.act(usize::try_from(rest).expect("an index")),
                    WAKE_DEADLINE => self.deadline(rest),
                    WAKE_RETRY => {
                        self.retry(u32::try_from(rest).expect("a call"));
                        Ok(())
                    }
                    WAKE_REPAIR => {
                        self.repair(usize::try_from(rest).expect("a seat"));
                        Ok(())
                    }
                    other => panic!("woken for {other}"),
                }
            }
        }
    }

    fn act(&mut self, index: usize) -> Result<(), Failure> {
        let plan = self.plan;
        let action = &plan.rounds[self.round].actions[index].action;
        self.world.say(|| format!("{action}"));
        match action {
            Action::Fault(fault) => self.trouble(fault),
            Action::Call(call) => self.call(call),
        }
        Ok(())
    }

    /// A node says something to people.
    fn told(&mut self, seat: Seat, event: Event) -> Result<(), Failure> {
        match event {
            Event::Ready { .. } => {
                self.seats[seat].is_ready = true;
                self.refresh_seat(seat);
            }
            Event::StorageFailed(why) => {
                if !self.seats[seat].is_broken {
                    let message = format!("seat {seat}: {why}");
                    return Err(Failure::new(Checker::Storage, message));
                }
                self.seats[seat].is_ready = false;
                self.refresh_seat(seat);
                let at = self.world.now() + Duration::from_millis(300);
                self.wake(at, WAKE_REPAIR, seat as u64);
            }
            Event::TableDamaged { .. } if !self.seats[seat].is_damaged => {
                let message = format!("seat {seat}: {event}");
                return Err(Failure::new(Checker::Storage, message));
            }
            Event::Refused(why) => {
                let message = format!("seat {seat}: {why}");
                return Err(Failure::new(Checker::Frames, message));
            }
            Event::LogTailCut { .. } | Event::StorageFull | Event::TableDamaged { .. } => {}
        }
        Ok(())
    }

    /// The links when nothing is wrong with them.
    fn clean_links(&self) -> LinkSettings {
        LinkSettings {
            loss_permille: 0,
            slow_permille: 0,
            duplicate_permille: 0,
            ..self.plan.setup.links
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a node has panicked".to_owned())
}
