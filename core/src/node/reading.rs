//! Reads that this node coordinates.

use super::listing::page_limit;
use super::storage::Waiter;
use super::timer::TimerKind;
use super::{Node, Operation, Origin};
use crate::causality::{Token, VersionSet};
use crate::id::{MemberId, PartitionId};
use crate::limits::HEDGE_MS;
use crate::planted::{Bug, is_planted};
use crate::replication::{KeyRead, Owners, PageRead, ReadOperation, Subject};
use crate::storage::{Lookup, Newest, StoredKey};
use crate::time::{Duration, Instant};
use crate::wire::{self, ErrorCode, Failure, PageQuestion, PeerMessage, ReadAnswer, Request};
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

impl Node {
    pub(super) fn start_read(
        &mut self,
        now: Instant,
        partition: PartitionId,
        origin: Origin,
        request: Request,
    ) -> Result<(), Failure> {
        self.report.reads += 1;
        let settings = self.settings_of(request.bucket)?;
        let owners = self.readers(partition);
        let (bucket, timeout_ms, policy) = (request.bucket, request.timeout_ms, settings.policy);
        let (level, subject) = match request.operation {
            wire::Operation::Get { level, seen } => {
                let seen = self.recent(now, &seen);
                let key = KeyRead::new(request.key, seen, policy, owners.len());
                (level, Subject::Key(key))
            }
            wire::Operation::List {
                span,
                after,
                is_reverse,
                limit,
                r,
            } => {
                let limit = page_limit(limit);
                let question = PageQuestion {
                    bucket,
                    span,
                    after,
                    is_reverse,
                    limit,
                    have: None,
                };
                (r, Subject::Page(PageRead::new(question, policy)))
            }
            wire::Operation::Write { .. } | wire::Operation::Edge(_) => return Ok(()),
        };
        let level = level.unwrap_or(settings.read_level);
        let mut quorum = self
            .read_quorum(level, partition)
            .map_err(|error| Failure::new(ErrorCode::Level, error.to_string()))?;
        for (index, member) in owners.others() {
            if !self.is_up(member) {
                quorum.fail(index);
            }
        }
        if let Some(me) = owners.me()
            && !self.report.ready
        {
            quorum.fail(me);
        }
        if !quorum.is_possible() {
            return Err(self.unavailable(&owners, &quorum));
        }
        let deadline = now + Duration::from_millis(u64::from(timeout_ms));
        let asked = (origin, level, deadline);
        let read = ReadOperation::new(asked, (partition, bucket), subject, owners, quorum);
        let number = self.begin(now, timeout_ms, Operation::Read(read));
        self.timers.set(
            now + Duration::from_millis(HEDGE_MS),
            number,
            TimerKind::Hedge,
        );
        self.ask(now, number);
        Ok(())
    }

    /// What a reader has seen, unless it may have been deleted and forgotten since.
    fn recent(&self, now: Instant, seen: &[u8]) -> Token {
        let is_recent = |token: &Token| {
            let until_ms = token.newest.physical_ms() + self.config.horizon_ms / 2;
            until_ms > now.as_millis()
        };
        let seen = Token::decode(seen).ok().filter(is_recent);
        seen.unwrap_or_default()
    }

    /// Asks as many replicas as the level still needs.
    fn ask(&mut self, now: Instant, number: u64) {
        self.ask_with(now, number, |read, up| read.ask(up));
    }

    /// The replicas asked first take long: asks the others too.
    pub(super) fn hedge(&mut self, now: Instant, number: u64) {
        if let Some(Operation::Read(read)) = self.operations.get(&number)
            && read.origin.is_some()
        {
            self.ask_with(now, number, |read, up| read.ask_all(up));
        }
    }

    fn ask_with(
        &mut self,
        now: Instant,
        number: u64,
        choose: impl FnOnce(&mut ReadOperation<Origin>, &dyn Fn(usize) -> bool) -> Vec<usize>,
    ) {
        let Some(Operation::Read(read)) = self.operations.get_mut(&number) else {
            return;
        };
        let (me, is_ready, peers) = (self.config.me, self.report.ready, &self.peers_up);
        let owners = read.owners.clone();
        let up = |index: usize| {
            let member = owners.member(index);
            if member == me {
                is_ready
            } else {
                peers.contains(&member)
            }
        };
        let chosen = choose(read, &up);
        let has_asked = !chosen.is_empty();
        // One's own state first: its digest spares the others from sending the same.
        if chosen.iter().any(|index| Some(*index) == owners.me()) {
            self.answer_own(now, number);
        }
        for index in chosen
            .into_iter()
            .filter(|index| Some(*index) != owners.me())
        {
            self.send_read(number, owners.member(index));
        }
        if has_asked {
            // One's own state may be damaged.
            self.hedge_if_failing(now, number);
        }
        self.finish_read(now, number);
    }

    fn send_read(&mut self, number: u64, to: MemberId) {
        let Some(Operation::Read(read)) = self.operations.get(&number) else {
            return;
        };
        let (view, op) = (read.owners.view(), number);
        let message = match &read.subject {
            Subject::Key(key) => PeerMessage::Read {
                view,
                op,
                bucket: read.bucket,
                key: key.name.clone(),
                have: key.have,
            },
            Subject::Page(page) => PeerMessage::List {
                view,
                op,
                question: page.question.clone(),
            },
        };
        self.send(to, read.partition, &message);
    }

    /// Asks `peer` again, if it was asked and has not answered.
    pub(super) fn ask_one_again(&mut self, number: u64, peer: MemberId) {
        if let Some(Operation::Read(read)) = self.operations.get(&number)
            && let Some(index) = read.owners.index_of(peer)
            && read.is_silent(index)
        {
            self.send_read(number, peer);
        }
    }

    /// Adds the node's own state to a read, as soon as it is in memory and durable.
    pub(super) fn answer_own(&mut self, now: Instant, number: u64) {
        let Some(Operation::Read(read)) = self.operations.get_mut(&number) else {
            return;
        };
        let Some(me) = read.owners.me() else { return };
        let own = match &mut read.subject {
            Subject::Key(own) => own,
            Subject::Page(_) => return self.answer_own_page(number),
        };
        let key = StoredKey::new(read.partition, read.bucket, &own.name);
        match self.store.lookup(&key) {
            Lookup::Absent => {
                own.answer(me, None);
                read.quorum.answer(me);
            }
            Lookup::Durable(bytes) => {
                let mut set = VersionSet::decode(bytes).expect("checked before it was stored");
                set.expire(now.as_millis());
                own.have = Some(set.digest());
                own.answer(me, Some(&set));
                read.quorum.answer(me);
            }
            Lookup::Pending(_) if is_planted(Bug::ShowBeforeDurable) => {
                if let Newest::State(bytes) = self.store.newest(&key) {
                    let set = VersionSet::decode(bytes).expect("checked before it was stored");
                    own.answer(me, Some(&set));
                    read.quorum.answer(me);
                }
            }
            Lookup::Pending(batch) => self.wait(batch, Waiter::OwnRead(number)),
            Lookup::Unloaded(wanted) => self.wait_for_block(wanted, Waiter::OwnRead(number)),
            Lookup::Damaged(_) => read.quorum.fail(me),
        }
    }

    pub(super) fn handle_state(
        &mut self,
        now: Instant,
        number: u64,
        from: MemberId,
        answer: ReadAnswer,
    ) {
        let Some(Operation::Read(read)) = self.operations.get_mut(&number) else {
            return;
        };
        let Some(index) = read.owners.index_of(from) else {
            return;
        };
        let Some(key) = read.key() else { return };
        let has_answered = match answer {
            ReadAnswer::Same => {
                key.answer_same(index);
                true
            }
            ReadAnswer::Set(bytes) if bytes.is_empty() => {
                key.answer(index, None);
                true
            }
            ReadAnswer::Set(bytes) => match VersionSet::decode(&bytes) {
                Ok(mut set) => {
                    set.expire(now.as_millis());
                    key.answer(index, Some(&set));
                    true
                }
                Err(_) => false,
            },
            ReadAnswer::Failed(_) => false,
        };
        self.replica_answered(now, number, index, has_answered);
    }

    /// Replica `index` has said what it has, or that it cannot.
    pub(super) fn replica_answered(
        &mut self,
        now: Instant,
        number: u64,
        index: usize,
        has_answered: bool,
    ) {
        if let Some(Operation::Read(read)) = self.operations.get_mut(&number) {
            if has_answered {
                read.quorum.answer(index);
            } else {
                read.quorum.fail(index);
            }
        }
        self.hedge_if_failing(now, number);
        self.finish_read(now, number);
    }

    pub(super) fn read_lost_peer(&mut self, now: Instant, number: u64, peer: MemberId) {
        let Some(Operation::Read(read)) = self.operations.get_mut(&number) else {
            return;
        };
        let Some(index) = read.owners.index_of(peer) else {
            return;
        };
        if !read.quorum.has_answered(index) {
            read.quorum.fail(index);
            self.ask(now, number);
        }
        self.finish_read(now, number);
    }

    pub(super) fn hedge_if_failing(&mut self, now: Instant, number: u64) {
        if let Some(Operation::Read(read)) = self.operations.get(&number)
            && !read.quorum.is_reached()
            && read.quorum.has_failures()
        {
            self.hedge(now, number);
        }
    }

    /// Answers when the level is reached or cannot be, repairs who is behind, and ends the
    /// operation when nothing more is to come.
    pub(super) fn finish_read(&mut self, now: Instant, number: u64) {
        let Some(Operation::Read(read)) = self.operations.get_mut(&number) else {
            return;
        };
        let partition = read.partition;
        let is_short = match &read.subject {
            Subject::Key(_) => is_planted(Bug::ReadOneShort),
            Subject::Page(_) => is_planted(Bug::ListOneShort),
        };
        if read.quorum.is_reached_with(u32::from(is_short)) {
            match &mut read.subject {
                Subject::Page(_) => self.finish_page(now, number),
                Subject::Key(key) => {
                    let is_enough = read.origin.is_none()
                        || key.covers_seen()
                        || is_planted(Bug::SessionForgotten);
                    if !is_enough {
                        return self.seek_seen(now, number);
                    }
                    if let Some(origin) = read.origin.take() {
                        let reply = key.reply(now.as_millis());
                        self.answer(partition, origin, Ok(reply));
                    }
                    self.repair(now, number);
                }
            }
        } else if !read.quorum.is_possible() {
            let failure = {
                let Some(Operation::Read(read)) = self.operations.get(&number) else {
                    return;
                };
                self.unavailable(&read.owners, &read.quorum)
            };
            if let Some(Operation::Read(mut read)) = self.operations.remove(&number)
                && let Some(origin) = read.origin.take()
            {
                self.answer(partition, origin, Err(failure));
            }
            return;
        }
        let Some(Operation::Read(read)) = self.operations.get(&number) else {
            return;
        };
        if read.is_over(|index| self.is_up(read.owners.member(index))) {
            self.operations.remove(&number);
        }
    }

    /// Enough replicas have answered, but none has what the reader has seen before: asks the others.
    fn seek_seen(&mut self, now: Instant, number: u64) {
        let Some(Operation::Read(read)) = self.operations.get(&number) else {
            return;
        };
        let partition = read.partition;
        let me = self.config.me;
        let can_answer = |index: &usize| {
            let member = read.owners.member(*index);
            self.peers_up.contains(&member) || (member == me && self.report.ready)
        };
        let indexes = (0..read.owners.len()).filter(can_answer);
        let stages: Vec<_> = indexes.map(|index| read.stage(index)).collect();
        if stages.iter().any(|(is_asked, _)| !is_asked) {
            return self.hedge(now, number);
        }
        if stages.iter().any(|(_, has_answered)| !has_answered) {
            return;
        }
        let Some(Operation::Read(mut read)) = self.operations.remove(&number) else {
            return;
        };
        if let Some(origin) = read.origin.take() {
            self.answer(partition, origin, Err(unseen()));
        }
    }

    /// Brings replicas that answered with less up to what all answers make together.
    fn repair(&mut self, now: Instant, number: u64) {
        let Some(Operation::Read(read)) = self.operations.get_mut(&number) else {
            return;
        };
        let (owners, partition, bucket) = (read.owners.clone(), read.partition, read.bucket);
        let Some(key) = read.key() else { return };
        let behind = key.behind();
        for index in &behind {
            key.repaired(*index);
        }
        let stored = StoredKey::new(partition, bucket, &key.name);
        let merged = key.merged().clone();
        self.bring_up(now, &owners, &stored, &merged, behind);
    }

    /// Sends the state `merged` of `key` to those owners who are `behind`.
    pub(super) fn bring_up(
        &mut self,
        now: Instant,
        owners: &Owners,
        key: &StoredKey,
        merged: &VersionSet,
        behind: Vec<usize>,
    ) {
        if behind.is_empty() {
            return;
        }
        let set = merged.encode();
        if set.len() > crate::limits::SET_BYTES_MAX {
            return;
        }
        for index in behind {
            self.report.repairs += 1;
            let member = owners.member(index);
            if member == self.config.me {
                // A refusal leaves the replica as it was: the next read repairs it.
                if self.observe(now, Token::of(merged).newest).is_ok() {
                    let _ = self.merge_into_store(key, merged);
                }
            } else {
                self.send_repair(member, key, set.clone());
            }
        }
    }

    pub(super) fn expire_read(&mut self, read: &ReadOperation<Origin>) {
        let Some(origin) = read.origin else { return };
        if read.quorum.is_reached() {
            return self.answer(read.partition, origin, Err(unseen()));
        }
        let message = format!(
            "{} of the {} replicas needed have answered in time; try again",
            read.quorum.answers(),
            read.quorum.needed()
        );
        self.answer(
            read.partition,
            origin,
            Err(Failure::new(ErrorCode::Timeout, message)),
        );
    }
}

/// What a reader is told who has seen more than the replicas that can be reached.
fn unseen() -> Failure {
    let message = "no replica that can be reached has what this session has seen of the key before; \
                   try again later, or read without the session";
    Failure::new(ErrorCode::Unavailable, message)
}
