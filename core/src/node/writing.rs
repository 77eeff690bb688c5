//! Writes that this node coordinates, and merges that it is asked for.

use super::storage::{Before, Waiter};
use super::{Node, Operation, Origin};
use crate::causality::{Hlc, Policy, Token, VersionSet};
use crate::id::{MemberId, PartitionId};
use crate::limits::SET_BYTES_MAX;
use crate::planted::{Bug, is_planted};
use crate::replication::WriteOperation;
use crate::storage::table::reader::{Obstacle, Wanted};
use crate::storage::{BatchNumber, Lookup, Newest, StoredKey, WriteRefused};
use crate::time::Instant;
use crate::wire::{self, ErrorCode, Failure, KeyState, PeerMessage, Request};
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

impl Node {
    pub(super) fn start_write(
        &mut self,
        now: Instant,
        partition: PartitionId,
        origin: Origin,
        request: Request,
    ) -> Result<(), Failure> {
        let key = StoredKey::new(partition, request.bucket, &request.key);
        let before = match self.newest(&key) {
            Ok(before) => before,
            Err(Obstacle::Unloaded(wanted)) => {
                self.park(now, wanted, partition, origin, request);
                return Ok(());
            }
            Err(Obstacle::Damaged(_)) => return Err(refusal(WriteRefused::Damaged)),
        };
        let wire::Operation::Write {
            level,
            request: id,
            context,
            value,
            ttl_ms,
        } = request.operation
        else {
            return Ok(());
        };
        self.report.writes += 1;
        let settings = self.settings_of(request.bucket)?;
        let owners = self.owners(partition);
        let level = level.unwrap_or(settings.write_level);
        let mut quorum = self
            .write_quorum(level, partition)
            .map_err(|error| Failure::new(ErrorCode::Level, error.to_string()))?;
        let may_stand_in = self.config.sloppy_quorum && self.has_stand_in(partition);
        for (index, member) in owners.others() {
            if !self.is_up(member) && !may_stand_in {
                quorum.fail(index);
            }
        }
        if !quorum.is_possible() {
            return Err(self.unavailable(&owners, &quorum));
        }
        self.store.can_write().map_err(refusal)?;

        let was = Before::of(before.as_ref());
        let mut set = before.unwrap_or_default();
        let applied = self.window.applied(id).or_else(|| {
            // Sent again, and the owner that has applied it was another: it must not replace what its maker has
            // written since.
            let is_over = id.is_in_order();
            let later = is_over.then(|| self.window.applied_after(id, key.digest()));
            later.flatten()
        });
        let (version, batch) = match applied.filter(|_| !is_planted(Bug::WindowForgotten)) {
            Some(applied) if applied.key != key.digest() => {
                let message = "this request id was used for another key; number every write anew";
                return Err(Failure::new(ErrorCode::Protocol, message));
            }
            Some(applied) => {
                self.report.retries += 1;
                (applied.hlc, self.pending_batch(&key))
            }
            None => {
                let token = Token::decode(&context).unwrap_or_default();
                self.observe(now, token.newest)?;
                let hlc = self.clock.tick(now);
                let actor = self.actor(partition);
                let has_seen = !context.is_empty() && !is_planted(Bug::ContextIgnored);
                let seen = has_seen.then_some(&token.seen);
                set.begin_behind(actor, self.remembered(partition).floor);
                let ttl_ms = ttl_ms.or(settings.ttl_ms.filter(|_| value.is_some()));
                let dot = set.write(actor, hlc, id, value, seen, settings.policy);
                if let Some(ttl_ms) = ttl_ms {
                    set.set_expiry(dot, now.as_millis().saturating_add(ttl_ms));
                }
                let encoded = encode_bounded(&set).map_err(refusal)?;
                self.learn(&key, &set);
                let minted = set.versions().iter().find(|version| version.dot == dot);
                let hlc = minted.map_or(hlc, |version| version.hlc);
                (hlc, Some(self.store_set(key, &encoded, &set, was)))
            }
        };
        let write = WriteOperation {
            origin: Some(origin),
            level,
            partition,
            bucket: request.bucket,
            key: request.key,
            set: set.encode(),
            owners,
            quorum,
            version,
            context: Token::of(&set).encode(),
            is_alone: !set.versions().is_empty()
                && set.versions().iter().all(|kept| kept.request == id),
            is_durable: false,
            stand_ins: Vec::new(),
            refusal: None,
        };
        let number = self.begin(now, request.timeout_ms, Operation::Write(write));
        match batch {
            Some(batch) if !is_planted(Bug::SendBeforeDurable) => {
                self.wait(batch, Waiter::OwnWrite(number));
            }
            _ => self.own_write_durable(number),
        }
        Ok(())
    }

    /// The coordinator's copy is durable: now the other replicas may hear of it.
    pub(super) fn own_write_durable(&mut self, number: u64) {
        let Some(Operation::Write(write)) = self.operations.get_mut(&number) else {
            return;
        };
        write.is_durable = true;
        self.spread_write(number);
    }

    /// Sends a write that is durable here to everybody who has not answered yet.
    pub(super) fn spread_write(&mut self, number: u64) {
        let Some(Operation::Write(write)) = self.operations.get_mut(&number) else {
            return;
        };
        if let Some(me) = write.owners.me() {
            write.quorum.answer(me);
        }
        let others = write.owners.others();
        let silent = others.filter(|(index, _)| !write.quorum.has_answered(*index));
        let others: Vec<_> = silent.map(|(_, member)| member).collect();
        for member in others {
            self.send_write(number, member);
        }
        self.send_hints(number);
        self.finish_write(number);
    }

    /// A member that can be reached again gets what it has not answered yet.
    pub(super) fn resend_writes(&mut self, peer: MemberId) {
        let waits = |operation: &Operation| match operation {
            Operation::Write(write) => {
                let index = write.owners.index_of(peer);
                write.is_durable && index.is_some_and(|index| !write.quorum.has_answered(index))
            }
            _ => false,
        };
        let numbers = self
            .operations
            .iter()
            .filter(|(_, operation)| waits(operation));
        let numbers: Vec<_> = numbers.map(|(number, _)| *number).collect();
        for number in numbers {
            self.send_write(number, peer);
        }
    }

    fn send_write(&mut self, number: u64, member: MemberId) {
        if !self.is_up(member) {
            return;
        }
        let Some(Operation::Write(write)) = self.operations.get(&number) else {
            return;
        };
        let (key, set) = (write.key.clone(), write.set.clone());
        let message = PeerMessage::Merge(KeyState {
            view: write.owners.view(),
            op: number,
            bucket: write.bucket,
            key,
            set,
        });
        self.send(member, write.partition, &message);
    }

    pub(super) fn handle_merged(
        &mut self,
        now: Instant,
        number: u64,
        from: MemberId,
        result: Result<(), Failure>,
    ) {
        if matches!(self.operations.get(&number), Some(Operation::Read(_))) {
            return self.settled(now, number, from, result.is_ok());
        }
        let Some(Operation::Write(write)) = self.operations.get_mut(&number) else {
            return;
        };
        let stood_in = || {
            let mut pairs = write.stand_ins.iter().filter(|_| self.config.sloppy_quorum);
            pairs
                .find(|(_, member)| *member == from)
                .map(|(owner, _)| *owner)
        };
        let Some(index) = write.owners.index_of(from).or_else(stood_in) else {
            return;
        };
        match result {
            Ok(()) => write.quorum.answer(index),
            Err(failure) => {
                write.quorum.fail(index);
                write.refusal = Some(failure);
            }
        }
        self.finish_write(number);
    }

    /// Answers when the level is reached, and ends the operation when nothing more is to come.
    pub(super) fn finish_write(&mut self, number: u64) {
        let Some(Operation::Write(write)) = self.operations.get_mut(&number) else {
            return;
        };
        if write.is_durable
            && write
                .quorum
                .is_reached_with(u32::from(is_planted(Bug::WriteOneShort)))
            && let Some(origin) = write.origin.take()
        {
            let (partition, reply) = (write.partition, write.reply());
            self.answer(partition, origin, Ok(reply));
        }
        let Some(Operation::Write(write)) = self.operations.get(&number) else {
            return;
        };
        if write.is_over(|index| self.is_up(write.owners.member(index))) {
            self.operations.remove(&number);
        }
    }

    pub(super) fn expire_write(&mut self, write: WriteOperation<Origin>) {
        let Some(origin) = write.origin else { return };
        let why = write
            .refusal
            .map_or_else(|| "no answer in time".to_string(), |f| f.to_string());
        let message = format!(
            "durable on {} of the {} replicas needed ({why}); the write may or may not last, and a \
             retry with the same request id is applied at most once",
            write.quorum.answers(),
            write.quorum.needed(),
        );
        self.answer(
            write.partition,
            origin,
            Err(Failure::new(ErrorCode::Indeterminate, message)),
        );
    }

    /// Merges `set` into the state of `key`.
    pub(super) fn merge_into_store(
        &mut self,
        key: &StoredKey,
        set: &VersionSet,
    ) -> Result<Merged, WriteRefused> {
        self.store.can_write()?;
        let before = match self.newest(key) {
            Ok(before) => before,
            Err(Obstacle::Unloaded(wanted)) => return Ok(Merged::Unloaded(wanted)),
            Err(Obstacle::Damaged(_)) => return Err(WriteRefused::Damaged),
        };
        let was = Before::of(before.as_ref());
        let mut state = before.unwrap_or_default();
        if is_planted(Bug::MergeReplaces) {
            state = VersionSet::default();
        }
        let policy = match is_planted(Bug::SiblingsDropped) {
            true => Policy::Lww,
            false => self.policy_of(key.bucket()),
        };
        if !state.merge(set, policy) {
            self.learn(key, set);
            return Ok(self
                .pending_batch(key)
                .map_or(Merged::Durable, Merged::Pending));
        }
        let encoded = encode_bounded(&state)?;
        self.learn(key, set);
        let batch = self.store_set(key.clone(), &encoded, &state, was);
        Ok(Merged::Pending(batch))
    }

    /// Checks a timestamp from elsewhere, and takes it in.
    pub(super) fn observe(&mut self, now: Instant, newest: Hlc) -> Result<(), Failure> {
        self.clock
            .observe(now, newest)
            .map_err(|error| Failure::new(ErrorCode::ClockSkew, error.to_string()))
    }

    /// The newest state of `key`, durable or not: what the next write builds on.
    pub(super) fn newest(&self, key: &StoredKey) -> Result<Option<VersionSet>, Obstacle> {
        let decode = |bytes| VersionSet::decode(bytes).expect("checked before it was stored");
        match self.store.newest(key) {
            Newest::Absent => Ok(None),
            Newest::State(bytes) => Ok(Some(decode(bytes))),
            Newest::Unloaded(wanted) => Err(Obstacle::Unloaded(wanted)),
            Newest::Damaged(id) => Err(Obstacle::Damaged(id)),
        }
    }

    pub(super) fn pending_batch(&self, key: &StoredKey) -> Option<BatchNumber> {
        match self.store.lookup(key) {
            Lookup::Pending(batch) => Some(batch),
            _ => None,
        }
    }
}

/// What became of a merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Merged {
    /// The merged state is durable.
    Durable,
    /// It is with this batch.
    Pending(BatchNumber),
    /// Nothing yet: this block must be loaded first.
    Unloaded(Wanted),
}

/// The bytes of `set`, if they are few enough to be stored and sent.
fn encode_bounded(set: &VersionSet) -> Result<Vec<u8>, WriteRefused> {
    let encoded = set.encode();
    if encoded.len() > SET_BYTES_MAX {
        return Err(WriteRefused::Siblings {
            bytes: encoded.len(),
        });
    }
    Ok(encoded)
}

/// A refused write as its writer hears of it.
pub(super) fn refusal(refused: WriteRefused) -> Failure {
    let code = match refused {
        WriteRefused::NotOpen | WriteRefused::Damaged => ErrorCode::Unavailable,
        WriteRefused::Siblings { .. } => ErrorCode::ValueTooLarge,
        WriteRefused::Queue => ErrorCode::RateLimited,
    };
    Failure::new(code, refused.to_string())
}
