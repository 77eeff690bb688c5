//! Owners that change: a new owner takes in what the old ones have, by comparing hash trees with
//! each of them, and says so when everything that they had is durable here; then the owners are
//! switched, and when the old ones know that, the change is at its end. `docs/cluster-state.md`.

use super::Node;
use super::storage::Waiter;
use crate::cluster::{Change, Phase};
use crate::id::{MemberId, PartitionId};
use crate::limits::MOVING_TICK_MS;
use crate::planted::{Bug, is_planted};
use crate::sync::Exchange;
use crate::time::{Duration, Instant};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// The changes of owners that this node has a part in.
#[derive(Debug, Default)]
pub(super) struct Moving {
    /// For each partition the version of its ownership, and who has done in that version what is
    /// waited for: an old owner has given everything, or knows that it has switched.
    under_way: BTreeMap<PartitionId, Step>,
    next_at: Instant,
}

/// What one version of an ownership waits for.
#[derive(Debug)]
struct Step {
    version: u64,
    done: BTreeSet<MemberId>,
}

impl Node {
    /// The owners of some partitions have changed: finds what is to be done.
    pub(super) fn begin_moving(&mut self) {
        let mut before = core::mem::take(&mut self.moving.under_way);
        for partition in self.served() {
            let Some(ownership) = self.agreement.state.ownership(partition) else {
                continue;
            };
            let has_part = match &ownership.phase {
                Phase::Settled { .. } => false,
                Phase::Copying { .. } => ownership.copiers().any(|it| it == self.config.me),
                Phase::Switched { to, .. } => to.contains(&self.config.me),
            };
            if !has_part {
                continue;
            }
            let version = ownership.version;
            let known = before.remove(&partition);
            let step = known.filter(|step| step.version == version);
            let step = step.unwrap_or_else(|| Step {
                version,
                done: BTreeSet::new(),
            });
            self.moving.under_way.insert(partition, step);
        }
    }

    /// When `tick_moving` wants to be called.
    pub(super) fn next_moving(&self) -> Option<Instant> {
        let is_moving = !self.moving.under_way.is_empty() || self.is_leaving();
        let is_busy = is_moving || self.agreement.is_awaited();
        (self.report.ready && is_busy).then_some(self.moving.next_at)
    }

    /// Goes on with every change that this node has a part in.
    pub(super) fn tick_moving(&mut self, now: Instant) {
        self.moving.next_at = now + Duration::from_millis(MOVING_TICK_MS);
        let under_way: Vec<PartitionId> = self.moving.under_way.keys().copied().collect();
        for partition in under_way {
            self.go_on_moving(now, partition);
        }
        self.ask_who_was_behind();
        if self.is_leaving() {
            self.want_own_life(now);
        }
    }

    fn is_leaving(&self) -> bool {
        let known = self.agreement.state.member(self.config.me);
        known.is_some_and(|member| member.capacity == 0)
    }

    fn go_on_moving(&mut self, now: Instant, partition: PartitionId) {
        let me = self.config.me;
        let Some(step) = self.moving.under_way.get(&partition) else {
            return;
        };
        let Some(ownership) = self.agreement.state.ownership(partition) else {
            return;
        };
        let version = step.version;
        let from = match &ownership.phase {
            Phase::Copying { from, .. } => from,
            Phase::Switched { from, to } => {
                // One of the new owners is enough to say so.
                if to.iter().find(|it| self.is_up(**it)) != Some(&me) {
                    return;
                }
                from
            }
            Phase::Settled { .. } => return,
        };
        let is_copying = matches!(ownership.phase, Phase::Copying { .. });
        let has_done = |it: &&MemberId| **it == me || step.done.contains(*it);
        let done = from.iter().filter(has_done).count();
        let awaited: Vec<MemberId> = from
            .iter()
            .filter(|it| !has_done(it) && self.is_up(**it))
            .copied()
            .collect();
        let is_unproven = is_planted(Bug::TransferUnproven) && is_copying;
        if (awaited.is_empty() && done > from.len() / 2) || is_unproven {
            let change = match is_copying {
                true => Change::Synced {
                    partition,
                    version,
                    member: me,
                },
                false => Change::Adopted { partition, version },
            };
            return self.want(now, change);
        }
        for member in awaited {
            if is_copying {
                if !self.syncing.is_comparing(partition, member) {
                    self.syncing.schedule.hurry(partition, member);
                }
            } else {
                self.ask_for_epoch(member, partition);
            }
        }
    }

    /// An exchange has gone to its end: everything that the other side had is here, and perhaps not
    /// durable yet.
    pub(super) fn exchange_ended(&mut self, now: Instant, exchange: &Exchange) {
        let (partition, peer) = (exchange.partition, exchange.peer);
        let Some(step) = self.moving.under_way.get(&partition) else {
            return;
        };
        let waiter = Waiter::Copied {
            partition,
            version: step.version,
            from: peer,
        };
        let newest = self.store.newest_batch();
        if newest > self.store.durable() {
            self.wait(newest, waiter);
        } else {
            self.wake(now, waiter);
        }
    }

    /// In `version`, everything that `from` had of `partition` is durable here.
    pub(super) fn copied(
        &mut self,
        now: Instant,
        partition: PartitionId,
        version: u64,
        from: MemberId,
    ) {
        let ownership = self.agreement.state.ownership(partition);
        let is_copying = ownership.is_some_and(|it| matches!(it.phase, Phase::Copying { .. }));
        if let Some(step) = self.moving.under_way.get_mut(&partition)
            && step.version == version
            && is_copying
        {
            step.done.insert(from);
            self.go_on_moving(now, partition);
        }
    }

    /// `peer` goes by the same state of the cluster as this node, or by a later one, as far as its
    /// shard goes that has `partition`.
    pub(super) fn heard_adoption(&mut self, now: Instant, peer: MemberId, partition: PartitionId) {
        let ownership = self.agreement.state.ownership(partition);
        let is_switched = ownership.is_some_and(|it| matches!(it.phase, Phase::Switched { .. }));
        if let Some(step) = self.moving.under_way.get_mut(&partition)
            && is_switched
            && step.done.insert(peer)
        {
            self.go_on_moving(now, partition);
        }
    }
}
