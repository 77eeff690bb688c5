//! The shortest way to shift load from one member to another, through others if it must be.

use super::member::MemberIndex;
use crate::id::PartitionId;
use alloc::vec;
use alloc::vec::Vec;

/// One partition passes from a member to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) partition: PartitionId,
    pub(super) from: MemberIndex,
    pub(super) to: MemberIndex,
}

/// A breadth-first search over members: an augmenting path of the flow from partitions to members
/// (Ford, Fulkerson 1956; shortest first: Edmonds, Karp 1972).
///
/// Every step of a shortest path can be made at once, even if two of them are in one partition:
/// if they were in each other's way there, the path could have gone from the first's origin to the
/// last's destination directly.
#[derive(Debug)]
pub(super) struct Search {
    seen: Vec<bool>,
    /// By member: how it was reached. Sources were not.
    reached: Vec<Option<Step>>,
    queue: Vec<MemberIndex>,
    next: usize,
}

impl Search {
    /// Starts at `sources`, among `members` members.
    pub(super) fn new(members: usize, sources: impl Iterator<Item = MemberIndex>) -> Self {
        let mut search = Self {
            seen: vec![false; members],
            reached: vec![None; members],
            queue: Vec::new(),
            next: 0,
        };
        for source in sources {
            search.seen[source.get()] = true;
            search.queue.push(source);
        }
        search
    }

    /// The next member to go on from, and whether it is a source.
    pub(super) fn advance(&mut self) -> Option<(MemberIndex, bool)> {
        let member = *self.queue.get(self.next)?;
        self.next += 1;
        Some((member, self.reached[member.get()].is_none()))
    }

    /// Whether `member` was not reached yet.
    pub(super) fn is_new(&self, member: MemberIndex) -> bool {
        !self.seen[member.get()]
    }

    /// Reaches a new member.
    pub(super) fn reach(&mut self, step: Step) {
        self.seen[step.to.get()] = true;
        self.reached[step.to.get()] = Some(step);
        self.queue.push(step.to);
    }

    /// The steps from a source to `goal`, the last one first.
    pub(super) fn path_to(&self, goal: MemberIndex) -> Vec<Step> {
        core::iter::successors(self.reached[goal.get()], |step| {
            self.reached[step.from.get()]
        })
        .collect()
    }
}
