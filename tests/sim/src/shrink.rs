//! A plan that fails is cut down to what it takes: delta debugging (Zeller, Hildebrandt,
//! "Simplifying and Isolating Failure-Inducing Input", IEEE TSE 2002).

use crate::failure::Checker;
use crate::plan::{Action, Plan, Round, Timed};
use crate::run::{Outcome, run};
use crate::setup::Setup;
use crate::swarm::Scope;

/// The least plan that was found to break the same law, and its outcome; at most `runs` runs.
#[must_use]
pub fn shrink(plan: &Plan, scope: Scope, checker: Checker, runs: u32) -> (Plan, Outcome) {
    let mut shrinker = Shrinker {
        scope,
        checker,
        best: plan.clone(),
        runs,
    };
    shrinker.drop_rounds();
    shrinker.drop_actions();
    shrinker.drop_members();
    shrinker.calm_down();
    shrinker.drop_actions();
    let outcome = run(&shrinker.best, scope, true);
    (shrinker.best, outcome)
}

struct Shrinker {
    scope: Scope,
    checker: Checker,
    best: Plan,
    runs: u32,
}

impl Shrinker {
    /// Takes `plan` if it still breaks the law.
    fn take(&mut self, plan: Plan) -> bool {
        if self.runs == 0 {
            return false;
        }
        self.runs -= 1;
        let failure = run(&plan, self.scope, false).failure;
        let is_same = failure.is_some_and(|failure| failure.checker == self.checker);
        if is_same {
            self.best = plan;
        }
        is_same
    }

    fn drop_rounds(&mut self) {
        while self.best.rounds.len() > 1 {
            let mut shorter = self.best.clone();
            shorter.rounds.pop();
            if !self.take(shorter) {
                break;
            }
        }
        for round in (0..self.best.rounds.len()).rev() {
            let mut emptier = self.best.clone();
            emptier.rounds[round] = Round::default();
            self.take(emptier);
        }
    }

    /// Drops chunks of actions, ever smaller ones.
    fn drop_actions(&mut self) {
        let mut chunk = self.best.actions().div_ceil(2).max(1);
        loop {
            let mut begin = 0;
            let mut has_dropped = false;
            while begin < self.best.actions() && self.runs > 0 {
                let shorter = without(&self.best, begin, begin + chunk);
                if self.take(shorter) {
                    has_dropped = true;
                } else {
                    begin += chunk;
                }
            }
            if chunk == 1 && !has_dropped || self.runs == 0 {
                return;
            }
            chunk = (chunk / 2).max(1);
        }
    }

    fn drop_members(&mut self) {
        while self.best.setup.seats() > 1 {
            let mut smaller = self.best.clone();
            if smaller.setup.joiners.pop().is_none() {
                smaller.setup.members.pop();
            }
            let count = smaller.setup.seats();
            for round in &mut smaller.rounds {
                round.actions.retain(|timed| fits(timed, count));
                for timed in &mut round.actions {
                    if let Action::Call(call) = &mut timed.action {
                        call.retries.retain(|seat| *seat < count);
                    }
                }
            }
            if !self.take(smaller) {
                return;
            }
        }
    }

    /// Takes away what is wrong all the time, one thing after the other.
    fn calm_down(&mut self) {
        let calmers: [fn(&mut Setup); 7] = [
            |setup| setup.buckets.second = None,
            |setup| setup.answers_lost_permille = 0,
            |setup| setup.links.loss_permille = 0,
            |setup| setup.links.duplicate_permille = 0,
            |setup| setup.links.slow_permille = 0,
            |setup| setup.disks.slow_permille = 0,
            |setup| {
                setup.offsets_micros.fill(0);
                setup.drifts_ppm.fill(0);
            },
        ];
        for calm in calmers {
            let mut calmer = self.best.clone();
            calm(&mut calmer.setup);
            self.take(calmer);
        }
    }
}

/// `plan` without the actions from number `from` to before `to`, all rounds counted as one.
fn without(plan: &Plan, from: usize, to: usize) -> Plan {
    let mut number = 0;
    let mut shorter = plan.clone();
    for round in &mut shorter.rounds {
        round.actions.retain(|_| {
            number += 1;
            !(from..to).contains(&(number - 1))
        });
    }
    shorter
}

fn fits(timed: &Timed, count: usize) -> bool {
    match &timed.action {
        Action::Fault(fault) => fault.last_seat() < count,
        Action::Call(call) => call.seat < count,
    }
}
