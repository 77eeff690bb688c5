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

/// Breadth-first searches over members, each for an augmenting path of the flow from partitions to
/// members (Ford, Fulkerson 1956; shortest first: Edmonds, Karp 1972).
///
/// Every step of a shortest path can be made at once, even if two of them are in one partition:
/// if they were in each other's way there, the path could have gone from the first's origin to the
/// last's destination directly.
///
/// Members that a search in vain has reached are not reached again: no path leads from them, and
/// none ever will, because a path made elsewhere changes nothing that they can reach.
#[derive(Debug)]
pub(super) struct Search {
    seen: Vec<bool>,
    /// By member: how it was reached. The source was not.
    reached: Vec<Option<Step>>,
    queue: Vec<MemberIndex>,
    next: usize,
}

impl Search {
    pub(super) fn new(members: usize) -> Self {
        let (seen, reached) = (vec![false; members], vec![None; members]);
        Self {
            seen,
            reached,
            queue: Vec::new(),
            next: 0,
        }
    }

    /// Starts a search at `source`. Forgets the one before, which must have found its goal or
    /// have been in vain. False if it is known that no path leads from `source`.
    pub(super) fn start(&mut self, source: MemberIndex) -> bool {
        for member in self.queue.drain(..) {
            self.seen[member.get()] = false;
        }
        self.next = 0;
        if self.seen[source.get()] {
            return false;
        }
        self.seen[source.get()] = true;
        self.reached[source.get()] = None;
        self.queue.push(source);
        true
    }

    /// The next member to go on from. `None` if the search was in vain.
    pub(super) fn advance(&mut self) -> Option<MemberIndex> {
        let next = self.queue.get(self.next).copied();
        match next {
            Some(_) => self.next += 1,
            // What stays out of the queue stays seen.
            None => self.queue.clear(),
        }
        next
    }

    /// Whether `member` is where the search started.
    pub(super) fn is_source(&self, member: MemberIndex) -> bool {
        self.reached[member.get()].is_none()
    }

    /// Whether `member` is worth reaching.
    pub(super) fn is_new(&self, member: MemberIndex) -> bool {
        !self.seen[member.get()]
    }

    /// Reaches a new member.
    pub(super) fn reach(&mut self, step: Step) {
        self.seen[step.to.get()] = true;
        self.reached[step.to.get()] = Some(step);
        self.queue.push(step.to);
    }

    /// The steps from the source to `goal`, the last one first.
    pub(super) fn path_to(&self, goal: MemberIndex) -> Vec<Step> {
        core::iter::successors(self.reached[goal.get()], |step| {
            self.reached[step.from.get()]
        })
        .collect()
    }
}
