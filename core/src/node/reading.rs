//! Reads that this node coordinates.

use super::storage::Waiter;
use super::timer::TimerKind;
use super::{Node, Operation, Origin};
use crate::causality::{Token, VersionSet};
use crate::id::{MemberId, PartitionId};
use crate::limits::HEDGE_MS;
use crate::planted::{Bug, is_planted};
use crate::replication::ReadOperation;
use crate::storage::{Lookup, Newest, StoredKey};
use crate::time::{Duration, Instant};
use crate::wire::{self, ErrorCode, Failure, PeerMessage, ReadAnswer, Request};
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
        let wire::Operation::Get { level, seen } = request.operation else {
            return Ok(());
        };
        self.report.reads += 1;
        // What is older may have been deleted and forgotten since.
        let is_recent = |token: &Token| {
            let until_ms = token.newest.physical_ms() + self.config.horizon_ms / 2;
            until_ms > now.as_millis()
        };
        let seen = Token::decode(&seen).ok().filter(is_recent);
        let seen = seen.unwrap_or_default();
        let settings = self.settings_of(request.bucket)?;
        let level = level.unwrap_or(settings.read_level);
        let owners = self.readers(partition);
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
        let key = (partition, request.bucket, request.key);
        let deadline = now + Duration::from_millis(u64::from(request.timeout_ms));
        let asked = (origin, level, deadline);
        let read = ReadOperation::new(asked, seen, key, settings.policy, owners, quorum);
        let number = self.begin(now, request.timeout_ms, Operation::Read(read));
        self.timers.set(
            now + Duration::from_millis(HEDGE_MS),
            number,
            TimerKind::Hedge,
        );
        self.ask(now, number);
        Ok(())
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
        let message = PeerMessage::Read {
            view: read.owners.view(),
            op: number,
            bucket: read.bucket,
            key: read.key.clone(),
            have: read.have,
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
        let key = StoredKey::new(read.partition, read.bucket, &read.key);
        match self.store.lookup(&key) {
            Lookup::Absent => read.answer(me, None),
            Lookup::Durable(bytes) => {
                let mut set = VersionSet::decode(bytes).expect("checked before it was stored");
                set.expire(now.as_millis());
                read.have = Some(set.digest());
                read.answer(me, Some(&set));
            }
            Lookup::Pending(_) if is_planted(Bug::ShowBeforeDurable) => {
                if let Newest::State(bytes) = self.store.newest(&key) {
                    let set = VersionSet::decode(bytes).expect("checked before it was stored");
                    read.answer(me, Some(&set));
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
        match answer {
            ReadAnswer::Same => read.answer_same(index),
            ReadAnswer::Set(bytes) if bytes.is_empty() => {
                read.answer(index, None);
            }
            ReadAnswer::Set(bytes) => match VersionSet::decode(&bytes) {
                Ok(mut set) => {
                    set.expire(now.as_millis());
                    read.answer(index, Some(&set));
                }
                Err(_) => read.quorum.fail(index),
            },
            ReadAnswer::Failed(_) => read.quorum.fail(index),
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
        if read
            .quorum
            .is_reached_with(u32::from(is_planted(Bug::ReadOneShort)))
        {
            let is_enough =
                read.origin.is_none() || read.covers_seen() || is_planted(Bug::SessionForgotten);
            if !is_enough {
                return self.seek_seen(now, number);
            }
            let Some(Operation::Read(read)) = self.operations.get_mut(&number) else {
                return;
            };
            if let Some(origin) = read.origin.take() {
                let reply = read.reply(now.as_millis());
                self.answer(partition, origin, Ok(reply));
            }
            self.repair(now, number);
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
        let behind = read.behind();
        if behind.is_empty() {
            return;
        }
        let (partition, bucket, key) = (read.partition, read.bucket, read.key.clone());
        let (owners, merged) = (read.owners.clone(), read.merged().clone());
        for index in &behind {
            read.repaired(*index);
        }
        let set = merged.encode();
        if set.len() > crate::limits::SET_BYTES_MAX {
            return;
        }
        for index in behind {
            self.report.repairs += 1;
            let member = owners.member(index);
            if member == self.config.me {
                let key = StoredKey::new(partition, bucket, &key);
                // A refusal leaves the replica as it was: the next read repairs it.
                if self.observe(now, Token::of(&merged).newest).is_ok() {
                    let _ = self.merge_into_store(&key, &merged);
                }
            } else {
                let key = StoredKey::new(partition, bucket, &key);
                self.send_repair(member, &key, set.clone());
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
