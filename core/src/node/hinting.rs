//! Hints: while an owner cannot be reached, the next member on the walk holds its writes.
//!
//! A hint is the key's state with its dots, stored like any other, in a partition that its holder
//! does not own. So it is as durable as everything else, needs no format of its own, and is handed
//! back by the same merge that a write is: see `handing`.

use super::peer::PeerMerge;
use super::{Node, Operation};
use crate::id::{MemberId, PartitionId};
use crate::limits::HINTED_KEYS_MAX;
use crate::planted::{Bug, is_planted};
use crate::time::Instant;
use crate::wire::{ErrorCode, Failure, KeyState, PeerMessage};
use alloc::format;
use alloc::vec::Vec;

impl Node {
    /// Gives write `number` a stand-in for each owner that cannot be reached and has none yet.
    pub(super) fn send_hints(&mut self, number: u64) {
        let Some(Operation::Write(write)) = self.operations.get(&number) else {
            return;
        };
        if !write.is_durable {
            return;
        }
        let partition = write.partition;
        let lacks = |index: usize, member: MemberId| {
            let is_served = write.quorum.has_answered(index) || self.is_up(member);
            !is_served
                && !write
                    .stand_ins
                    .iter()
                    .any(|(owner, stand_in)| *owner == index && self.is_up(*stand_in))
        };
        let others = write.owners.others();
        let absent: Vec<usize> = others
            .filter(|(index, member)| lacks(*index, *member))
            .map(|(index, _)| index)
            .collect();
        if absent.is_empty() {
            return;
        }
        let taken: Vec<MemberId> = write.stand_ins.iter().map(|(_, member)| *member).collect();
        let mut free: Vec<MemberId> = self.stand_ins(partition);
        free.retain(|member| self.is_up(*member) && !taken.contains(member));
        for (index, stand_in) in absent.into_iter().zip(free) {
            let Some(Operation::Write(write)) = self.operations.get_mut(&number) else {
                return;
            };
            write.stand_ins.push((index, stand_in));
            let message = PeerMessage::Hint(KeyState {
                view: write.owners.view(),
                op: number,
                bucket: write.bucket,
                key: write.key.clone(),
                set: write.set.clone(),
            });
            self.report.hints.sent += 1;
            self.send(stand_in, partition, &message);
        }
    }

    /// Whether a stand-in could be had for an owner of `partition` that cannot be reached.
    pub(super) fn has_stand_in(&mut self, partition: PartitionId) -> bool {
        let stand_ins = self.stand_ins(partition);
        stand_ins.iter().any(|member| self.is_up(*member))
    }

    /// The members that stand in for owners of `partition`, the next on the walk first.
    fn stand_ins(&mut self, partition: PartitionId) -> Vec<MemberId> {
        let state = &self.agreement.state;
        let find = || {
            let members = state.target().stand_ins(partition).into_iter();
            let id = |index| state.members().at(index).map(|member| member.id);
            let holds = |id: &MemberId| state.ownership(partition).is_some_and(|it| it.holds(*id));
            members.filter_map(id).filter(|id| !holds(id)).collect()
        };
        let found: &Vec<MemberId> = self.stand_in_lists.entry(partition).or_insert_with(find);
        let me = self.config.me;
        found
            .iter()
            .copied()
            .filter(|member| *member != me)
            .collect()
    }

    /// Holds a state for an owner that its sender cannot reach.
    pub(super) fn handle_hint(&mut self, now: Instant, merge: PeerMerge) {
        let (from, partition, operation) = (merge.from, merge.partition, merge.operation);
        if !self.holds(partition) {
            let held = self.hinted_keys();
            if held >= HINTED_KEYS_MAX {
                let message =
                    format!("{held} keys are held here for absent members, the most that may be");
                let failure = Failure::new(ErrorCode::RateLimited, message);
                return self.say_merged(from, partition, operation, Err(failure));
            }
            self.report.hints.taken += 1;
        }
        if is_planted(Bug::HintBeforeDurable) {
            self.say_merged(from, partition, operation, Ok(()));
        }
        self.handle_merge(now, merge);
    }

    /// Keys that are held here for other members.
    pub(super) fn hinted_keys(&self) -> u64 {
        let partitions = self.handing.partitions();
        partitions
            .map(|partition| self.store.keys_of(partition))
            .sum()
    }
}
