//! Operations under way whose owners change: they go on with the new ones.

use super::{Node, Operation};
use crate::id::{MemberId, PartitionId};
use crate::limits::TIMEOUT_MAX_MS;
use crate::replication::{Level, Quorum, Subject};
use crate::time::Instant;
use crate::wire::{self, PageQuestion, Request};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

impl Node {
    /// The owners of these partitions have changed.
    pub(super) fn turn_operations(&mut self, now: Instant, changed: &BTreeSet<PartitionId>) {
        let is_touched = |operation: &Operation| {
            let partition = match operation {
                Operation::Read(read) => read.partition,
                Operation::Write(write) => write.partition,
                Operation::Forward(forward) => forward.partition,
            };
            changed.contains(&partition)
        };
        let touched = (self.operations.iter()).filter(|(_, operation)| is_touched(operation));
        let numbers: Vec<u64> = touched.map(|(number, _)| *number).collect();
        for number in numbers {
            match self.operations.get(&number) {
                Some(Operation::Write(_)) => self.turn_write(number),
                Some(Operation::Read(_)) => self.turn_read(now, number),
                Some(Operation::Forward(_)) => self.turn_forward(now, number),
                None => {}
            }
        }
    }

    /// This member is none any more, so that answers do not reach it: who waits hears that nothing
    /// is known.
    pub(super) fn end_operations(&mut self) {
        let numbers: Vec<u64> = self.operations.keys().copied().collect();
        for number in numbers {
            self.expire(number);
        }
    }

    fn turn_write(&mut self, number: u64) {
        let Some(Operation::Write(write)) = self.operations.get(&number) else {
            return;
        };
        let (partition, level) = (write.partition, write.level);
        let owners = self.owners(partition);
        // What cannot be asked of the new owners any more is asked of all of them.
        let quorum = self.write_quorum(level, partition);
        let Ok(quorum) = quorum.or_else(|_| self.write_quorum(Level::All, partition)) else {
            return;
        };
        let Some(Operation::Write(write)) = self.operations.get_mut(&number) else {
            return;
        };
        write.turn_to(owners, quorum);
        if write.is_durable {
            self.spread_write(number);
        }
    }

    /// A read begins anew: its answers were those of other replicas.
    fn turn_read(&mut self, now: Instant, number: u64) {
        let Some(Operation::Read(read)) = self.operations.remove(&number) else {
            return;
        };
        let Some(origin) = read.origin else { return };
        let left_ms = read.deadline.since(now).as_millis();
        if left_ms == 0 {
            return self.expire_read(&read);
        }
        let level = Some(read.level);
        let (key, operation) = match read.subject {
            Subject::Key(key) => {
                let seen = key.seen.encode();
                let operation = match key.settles {
                    true => wire::Operation::Settle { level, seen },
                    false => wire::Operation::Get { level, seen },
                };
                (key.name, operation)
            }
            Subject::Page(page) => {
                let PageQuestion {
                    span,
                    after,
                    is_reverse,
                    limit,
                    ..
                } = page.question;
                let list = wire::Operation::List {
                    span,
                    after,
                    is_reverse,
                    limit,
                    r: level,
                };
                (Vec::new(), list)
            }
        };
        let request = Request {
            id: 0,
            timeout_ms: u32::try_from(left_ms).unwrap_or(TIMEOUT_MAX_MS),
            bucket: read.bucket,
            key,
            operation,
        };
        self.handle_request(now, read.partition, origin, request);
    }

    /// `peer` goes by the same state as this node now: asks again what it may have refused before.
    pub(super) fn ask_again(&mut self, now: Instant, peer: MemberId) {
        self.resend_writes(peer);
        self.handing.begin_anew(now, peer);
        self.syncing
            .drop_exchanges(|exchange| exchange.peer == peer);
        let numbers: Vec<u64> = self.operations.keys().copied().collect();
        for number in numbers {
            match self.operations.get(&number) {
                Some(Operation::Read(_)) => self.ask_one_again(now, number, peer),
                Some(Operation::Forward(_)) => self.turn_forward(now, number),
                Some(Operation::Write(_)) | None => {}
            }
        }
    }

    /// What `level` asks of a write to `partition`: while its owners change, of the old ones and of
    /// the new ones.
    pub(super) fn write_quorum(
        &self,
        level: Level,
        partition: PartitionId,
    ) -> Result<Quorum, crate::replication::LevelError> {
        let state = &self.agreement.state;
        let Some(ownership) = state.ownership(partition) else {
            return Quorum::new(level, &[], &self.region);
        };
        let holders: Vec<MemberId> = ownership.holders().collect();
        let place = |id: &MemberId| {
            let index = holders.iter().position(|holder| holder == id)?;
            Some((index, state.member(*id)?.zone.region()))
        };
        let of = |list: &[MemberId]| {
            let replicas: Vec<_> = list.iter().filter_map(place).collect();
            Quorum::of(level, &replicas, &self.region)
        };
        let quorum = of(ownership.readers())?;
        match ownership.others() {
            [] => Ok(quorum),
            others => Ok(quorum.and(of(others)?)),
        }
    }
}
