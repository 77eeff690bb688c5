//! Every member at its target.

use super::{Draft, MemberIndex, PartitionId, Tally, Vec};
use crate::hash::hash64;
use crate::ring::search::{Search, Step};

/// Which steps a path may have. The stricter, the less is moved.
///
/// Each rule looks at only one end of a step, the vnode taken or the vnode given, so that the shorter path
/// that [`Search`] relies on keeps the rule as well.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// Every vnode goes back to a member that had it before: nothing moves more.
    Return,
    /// Only vnodes that move anyway are taken: nothing moves more.
    Moving,
    /// As `Return`, save for the last step: one moves more.
    ReturnThenAny,
    /// As `Moving`, save for the first step: one moves more.
    AnyThenMoving,
    /// None. Without a rule a path is always found.
    Any,
}

impl Draft<'_> {
    /// Shifts vnodes from members above their targets to members below, in complete rows.
    pub(super) fn level(&mut self) {
        let mut tally = Tally::new(self.tree);
        for rule in [
            Rule::Return,
            Rule::Moving,
            Rule::ReturnThenAny,
            Rule::AnyThenMoving,
            Rule::Any,
        ] {
            while let Some(path) = self.path(rule, &mut tally) {
                path.into_iter().for_each(|step| self.pass(step));
            }
        }
        let level = self
            .tree
            .owners
            .iter()
            .all(|&member| self.above(member) == 0);
        assert!(level, "targets within the bounds can be met exactly");
    }

    /// A shortest path from a member above its target to one below.
    fn path(&self, rule: Rule, tally: &mut Tally<'_>) -> Option<Vec<Step>> {
        let above = self
            .tree
            .owners
            .iter()
            .copied()
            .filter(|&member| self.above(member) > 0);
        let mut search = Search::new(self.owned.len(), above);
        while let Some((from, first)) = search.advance() {
            for at in self.from_a_chance_start(from) {
                if self.may_take(rule, first, from, at)
                    && let Some(goal) = self.reach(rule, &mut search, from, at, tally)
                {
                    return Some(search.path_to(goal));
                }
            }
        }
        None
    }

    fn may_take(&self, rule: Rule, first: bool, from: MemberIndex, at: PartitionId) -> bool {
        match rule {
            Rule::Return | Rule::ReturnThenAny | Rule::Any => true,
            Rule::Moving => !self.owned_before(from, at),
            Rule::AnyThenMoving => first || !self.owned_before(from, at),
        }
    }

    fn may_give(&self, rule: Rule, to: MemberIndex, at: PartitionId) -> bool {
        match rule {
            Rule::Moving | Rule::AnyThenMoving | Rule::Any => true,
            Rule::Return => self.owned_before(to, at),
            Rule::ReturnThenAny => self.above(to) < 0 || self.owned_before(to, at),
        }
    }

    /// Reaches whoever can take the partition `at` over from `from`; stops at one below its target.
    fn reach(
        &self,
        rule: Rule,
        search: &mut Search,
        from: MemberIndex,
        at: PartitionId,
        tally: &mut Tally<'_>,
    ) -> Option<MemberIndex> {
        let others = || self.owners(at).filter(|&owner| owner != from);
        others().for_each(|owner| tally.add(owner));
        let mut goal = None;
        for &to in &self.tree.owners {
            let open = search.is_new(to) && self.may_give(rule, to, at) && !self.owns(to, at);
            if open && tally.admits(to) {
                search.reach(Step {
                    partition: at,
                    from,
                    to,
                });
                if self.above(to) < 0 {
                    goal = Some(to);
                    break;
                }
            }
        }
        others().for_each(|owner| tally.remove(owner));
        goal
    }

    /// The partitions of `member`, from one on that differs from member to member and from
    /// load to load, so that what a member gives away is spread over its partners.
    fn from_a_chance_start(&self, member: MemberIndex) -> impl Iterator<Item = PartitionId> {
        let owned = &self.owned[member.get()];
        let seed = self.token(member) ^ u64::try_from(owned.len()).unwrap_or(0);
        let start = hash64(&seed.to_le_bytes()) % u64::try_from(owned.len().max(1)).unwrap_or(1);
        let start = usize::try_from(start).unwrap_or(0);
        owned[start..].iter().chain(&owned[..start]).copied()
    }

    /// Hands one vnode over. The new owner takes the place of the old one.
    fn pass(&mut self, step: Step) {
        let row = &mut self.rows[usize::from(step.partition.0)];
        for place in row.iter_mut().filter(|place| **place == Some(step.from)) {
            *place = Some(step.to);
        }
        self.owned[step.from.get()].retain(|&at| at != step.partition);
        self.owned[step.to.get()].push(step.partition);
    }
}
