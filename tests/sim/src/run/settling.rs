//! The end of a round: all is healed, all runs, all is quiet; then the last checks.

use super::Runner;
use super::calls::OWN;
use crate::checkers::{Reading, alive, loss, settled};
use crate::failure::{Checker, Failure};
use crate::model::KeyModel;
use crate::plan::key_text;
use crate::world::Seat;
use henge_core::replication::Level;
use henge_core::time::{Duration, Instant};
use henge_core::wire::{ClientId, Entry, Operation, Reply, Request};

/// Who asks the last questions.
const JUDGE: ClientId = ClientId(1_000);

/// After its first try a write has had its last within this time.
const PATIENCE: Duration = Duration::from_millis(30_000);

/// What [`Runner::chance`] is asked with about deaths, beside the number of the round.
const DEATH: u64 = 1_000;

/// One of the last questions.
#[derive(Clone, Copy)]
struct Question {
    seat: Seat,
    key: u16,
    level: Level,
}

impl Runner<'_> {
    pub(super) fn settle(&mut self) -> Result<(), Failure> {
        self.world.say(|| "everything is healed".to_owned());
        self.heal();
        self.start_all();
        let limit = self.world.now() + Duration::from_millis(60_000);
        while !self.calls.are_over() && self.world.now() < limit {
            self.run_for(Duration::from_millis(100))?;
        }
        self.cut_power();
        self.settle_owners()?;
        self.settle_members()?;
        self.run_until(self.quiet_until())?;
        settled::check_idle(&self.world, &self.begun())?;
        self.check_keys()?;
        if self.plan.rounds[self.round].forgets {
            self.check_forgotten()?;
        }
        self.run_for(Duration::from_millis(1_000))?;
        settled::check_idle(&self.world, &self.begun())?;
        self.model.round += 1;
        self.model.wiped = None;
        self.calls.begin_round();
        self.refresh_links();
        Ok(())
    }

    /// Waits until no owners change any more and all go by the same state, with all buckets in it.
    fn settle_owners(&mut self) -> Result<(), Failure> {
        // What a clock that is far ahead has given out is taken over when its time has come.
        let limit = self.quiet_until() + Duration::from_millis(120_000);
        while let Err(message) = settled::check_owners(&self.world, &self.begun())
            .and_then(|()| settled::check_bucket(&self.world, &self.plan.setup))
        {
            if self.world.now() >= limit {
                return Err(Failure::new(Checker::Placement, message));
            }
            self.want_bucket(0);
            self.run_for(Duration::from_millis(200))?;
        }
        Ok(())
    }

    /// Waits until all hold for alive who runs. Now and then one is killed, and they have to find that
    /// out, and that it is back.
    fn settle_members(&mut self) -> Result<(), Failure> {
        self.wait_for_members()?;
        let (begun, chance) = (self.begun(), self.chance(DEATH + self.round as u64));
        if chance.is_multiple_of(4) {
            let killed = usize::try_from(chance / 4 % begun.len() as u64).unwrap_or(0);
            self.crash(begun[killed]);
            self.wait_for_members()?;
            self.start(begun[killed]);
            self.settle_owners()?;
            self.wait_for_members()?;
        }
        Ok(())
    }

    fn wait_for_members(&mut self) -> Result<(), Failure> {
        let limit = self.world.now() + Duration::from_millis(60_000);
        while let Err(message) = alive::check(&self.world, &self.begun()) {
            if self.world.now() >= limit {
                return Err(Failure::new(Checker::Membership, message));
            }
            self.run_for(Duration::from_millis(200))?;
        }
        Ok(())
    }

    fn start_all(&mut self) {
        for seat in self.begun() {
            if !self.is_clock_close(seat) {
                self.world.set_offset(seat, 0);
                self.crash(seat);
            }
            self.start(seat);
        }
    }

    fn is_clock_close(&self, seat: Seat) -> bool {
        let (now, there) = (self.world.now(), self.world.now_at(seat));
        let apart = now.since(there).as_millis() + there.since(now).as_millis();
        apart <= 20_000
    }

    /// Now and then the power of all goes at once: nothing that was acknowledged is in memory only.
    fn cut_power(&mut self) {
        if self.chance(self.round as u64).is_multiple_of(2) {
            for seat in self.begun() {
                self.crash(seat);
            }
            for seat in self.begun() {
                self.start(seat);
            }
        }
    }

    /// When everyone has heard of everyone, every value with an end has come to it, and no clock
    /// has given out what lies ahead.
    fn quiet_until(&self) -> Instant {
        let now = self.world.now();
        // Every partition is compared with every other owner several times over.
        let mut until = now + Duration::from_millis(15_000);
        for key in self.model.keys.values() {
            for write in &key.writes {
                if let Some(ttl) = write.ttl {
                    let apart = self.model.apart();
                    let last_try = write.first_sent_at + PATIENCE;
                    until = until.max(last_try + ttl + apart);
                }
            }
        }
        // What a clock that was far ahead has given out is taken when its time has come.
        let offsets = self.plan.setup.offsets_micros.iter();
        match offsets
            .filter_map(|micros| u64::try_from(*micros).ok())
            .max()
        {
            Some(ahead) if self.round == 0 => until.max(now + Duration::from_micros(ahead)),
            _ => until,
        }
    }

    fn check_keys(&mut self) -> Result<(), Failure> {
        let keys: Vec<(u16, Vec<Seat>)> = self
            .model
            .keys
            .iter()
            .map(|(number, key)| (*number, self.owners_now(*number, key)))
            .collect();
        if self.scope.expects_repair {
            // Before anything is read at a level that repairs.
            self.check_agreement(&keys)?;
        } else {
            let repair = |(key, owners): &(u16, Vec<Seat>)| Question {
                seat: owners[usize::from(*key) % owners.len()],
                key: *key,
                level: Level::All,
            };
            // A replica that does not keep up refuses a repair, and nobody hears of it: not all of
            // them at once, and each a second time.
            for _ in 0..2 {
                for some in keys.chunks(16) {
                    self.ask(&some.iter().map(repair).collect::<Vec<_>>())?;
                    self.run_for(Duration::from_millis(100))?;
                }
                self.run_for(Duration::from_millis(1_000))?;
            }
        }
        let mut everywhere = Vec::new();
        // Who has left serves nobody.
        let is_member = |seat: &Seat| {
            let id = self.plan.setup.member(*seat).id;
            self.world.cluster().member(id).is_some()
        };
        for seat in self.begun().into_iter().filter(is_member) {
            everywhere.extend(keys.iter().map(|(key, _)| Question {
                seat,
                key: *key,
                level: Level::All,
            }));
        }
        let answers = self.ask(&everywhere)?;
        for (question, (invoked_at, entry)) in everywhere.iter().zip(&answers) {
            self.check_last(*question, *invoked_at, entry.as_ref())?;
        }
        self.check_agreement(&keys)
    }

    fn owners_now(&self, number: u16, key: &KeyModel) -> Vec<Seat> {
        if self.plan.setup.moves {
            let bucket = self.plan.setup.buckets.id(number);
            self.world.owners(bucket, key_text(number).as_bytes())
        } else {
            key.owners.clone()
        }
    }

    /// Every owner is asked for its own state.
    fn check_agreement(&mut self, keys: &[(u16, Vec<Seat>)]) -> Result<(), Failure> {
        let mut questions = Vec::new();
        for (key, owners) in keys {
            questions.extend(owners.iter().map(|seat| Question {
                seat: *seat,
                key: *key,
                level: Level::One,
            }));
        }
        let mut answers = questions
            .iter()
            .map(|question| question.seat)
            .zip(self.ask(&questions)?.into_iter().map(|(_, entry)| entry));
        for (key, owners) in keys {
            let states: Vec<_> = answers.by_ref().take(owners.len()).collect();
            settled::check_agreement(&key_text(*key), &states)?;
        }
        Ok(())
    }

    /// What is absent is not remembered as deleted any more, by any owner.
    fn check_forgotten(&mut self) -> Result<(), Failure> {
        let mut questions = Vec::new();
        for (number, key) in &self.model.keys {
            let owners = self.owners_now(*number, key).into_iter();
            questions.extend(owners.map(|seat| Question {
                seat,
                key: *number,
                level: Level::One,
            }));
        }
        for (question, (_, reply)) in questions.iter().zip(self.ask_all(&questions)?) {
            if let Reply::Missing { context } = reply {
                settled::check_forgotten(question.seat, &key_text(question.key), &context)?;
            }
        }
        Ok(())
    }

    fn check_last(
        &mut self,
        question: Question,
        invoked_at: Instant,
        entry: Option<&Entry>,
    ) -> Result<(), Failure> {
        let owners = self.model.keys[&question.key].owners.clone();
        let level = Some(question.level);
        let family = self.family(&owners, question.seat, question.key, level, false);
        let family = family.expect("every level but numbers fits");
        let places = self.check_reading(question.key, invoked_at, family, entry, None)?;
        let reading = Reading {
            key: question.key,
            invoked_at,
            answered_at: self.world.now(),
            family,
            entry,
            places,
        };
        let key = &self.model.keys[&question.key];
        self.outcome.crowded += u64::from(question.seat == 0 && key.is_crowded());
        loss::check(&self.model, key, &reading)
    }

    /// What each question finds.
    fn ask(&mut self, questions: &[Question]) -> Result<Vec<(Instant, Option<Entry>)>, Failure> {
        let entry = |reply| match reply {
            Reply::Found(entry) => Some(entry),
            Reply::Missing { .. }
            | Reply::Written { .. }
            | Reply::Listed { .. }
            | Reply::Edge(_) => None,
        };
        let replies = self.ask_all(questions)?.into_iter();
        Ok(replies.map(|(at, reply)| (at, entry(reply))).collect())
    }

    /// Asks everything, a part at a time, and waits for the answers: there must be one to each.
    fn ask_all(&mut self, questions: &[Question]) -> Result<Vec<(Instant, Reply)>, Failure> {
        let mut found = Vec::with_capacity(questions.len());
        for part in questions.chunks(256) {
            let invoked_at = self.world.now();
            for (index, question) in part.iter().enumerate() {
                let request = Request {
                    id: OWN | index as u64,
                    timeout_ms: 5_000,
                    bucket: self.plan.setup.buckets.id(question.key),
                    key: key_text(question.key).into_bytes(),
                    operation: Operation::Get {
                        level: Some(question.level),
                        seen: Vec::new(),
                    },
                };
                self.world.request(question.seat, JUDGE, &request);
            }
            let limit = invoked_at + Duration::from_millis(6_000);
            while self.calls.answers.len() < part.len()
                && self.world.next_at().is_some_and(|at| at < limit)
            {
                self.turn()?;
            }
            let mut answers = std::mem::take(&mut self.calls.answers);
            for (index, question) in part.iter().enumerate() {
                let answer = answers.remove(&(OWN | index as u64));
                let reply = match answer.map(|response| response.result) {
                    Some(Ok(reply)) => reply,
                    other => return Err(unanswered(*question, &format!("{other:?}"))),
                };
                self.outcome.reads += 1;
                found.push((invoked_at, reply));
            }
        }
        Ok(found)
    }
}

fn unanswered(question: Question, answer: &str) -> Failure {
    let Question { seat, key, level } = question;
    let key = key_text(key);
    let message =
        format!("nothing fails, but a get of {key} at {level} through seat {seat} gives {answer}");
    Failure::new(Checker::Liveness, message)
}
