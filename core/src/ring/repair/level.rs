//! Every member at its fair share.

use super::{Draft, MemberIndex, PartitionId, Tally, Vec};
use crate::hash::hash64;
use crate::ring::search::{Search, Step};
use crate::ring::share::FairShare;

impl Draft<'_> {
    /// Shifts vnodes, in complete rows, until everyone has the fair share rounded down or up.
    pub(super) fn level(&mut self) {
        let mut tally = Tally::new(self.tree, 1);
        for aim in AIMS {
            for rule in RULES {
                self.shift(aim, rule, &mut tally);
            }
        }
        let fair = |&member: &MemberIndex| {
            !self.is(has_too_much, member) && !self.is(has_too_little, member)
        };
        assert!(
            self.tree.owners.iter().all(fair),
            "fair shares can always be rounded"
        );
    }

    fn shift(&mut self, aim: Aim, rule: Rule, tally: &mut Tally<'_>) {
        let mut search = Search::new(self.owned.len());
        for &source in &self.tree.owners {
            while self.is(aim.from, source)
                && self.tree.owners.iter().any(|&goal| self.is(aim.to, goal))
                && let Some(path) = self.path(aim, rule, source, &mut search, tally)
            {
                path.into_iter().for_each(|step| self.pass(step));
            }
        }
    }

    /// A shortest path from `source` to a goal.
    fn path(
        &self,
        aim: Aim,
        rule: Rule,
        source: MemberIndex,
        search: &mut Search,
        tally: &mut Tally<'_>,
    ) -> Option<Vec<Step>> {
        if !search.start(source) {
            return None;
        }
        while let Some(from) = search.advance() {
            let is_source = search.is_source(from);
            for at in self.in_order_of_taking(from) {
                if rule.lets_take(is_source, || self.owned_before(from, at))
                    && let Some(goal) = self.reach(aim, rule, search, (from, at), tally)
                {
                    return Some(search.path_to(goal));
                }
            }
        }
        None
    }

    /// Reaches whoever can take the partition `at` over from `from`; stops at a goal.
    fn reach(
        &self,
        aim: Aim,
        rule: Rule,
        search: &mut Search,
        (from, at): (MemberIndex, PartitionId),
        tally: &mut Tally<'_>,
    ) -> Option<MemberIndex> {
        let others = || self.owners(at).filter(|&owner| owner != from);
        others().for_each(|owner| tally.add(owner));
        let can_take = |search: &Search, is_goal: bool, to: MemberIndex| {
            search.is_new(to)
                && rule.lets_give(is_goal, || self.owned_before(to, at))
                && !self.owns(to, at)
                && tally.admits(to)
        };
        let mut goal = None;
        for to in self.candidates(rule, at) {
            let is_goal = self.is(aim.to, to);
            if can_take(search, is_goal, to) {
                search.reach(Step {
                    partition: at,
                    from,
                    to,
                });
                if is_goal {
                    goal = Some(to);
                    break;
                }
            }
        }
        others().for_each(|owner| tally.remove(owner));
        goal
    }

    /// All whom `rule` might let take over the partition `at`.
    fn candidates(&self, rule: Rule, at: PartitionId) -> impl Iterator<Item = MemberIndex> {
        let (old, all): (&[Option<MemberIndex>], &[MemberIndex]) = match rule {
            Rule::Return => (&self.before[usize::from(at.0)], &[]),
            _ => (&[], &self.tree.owners),
        };
        old.iter().flatten().chain(all).copied()
    }

    /// The partitions of `member`: those that it leads come first if it leads more than its part
    /// of all it shall own, else last. Among them it starts at one that differs from member to
    /// member and from load to load, so that what a member gives away is spread over its partners.
    fn in_order_of_taking(&self, member: MemberIndex) -> impl Iterator<Item = PartitionId> {
        let owned = &self.owned[member.get()];
        let leads =
            move |at: &&PartitionId| self.rows[usize::from(at.0)].first() == Some(&Some(member));
        let led = owned.iter().filter(leads).count() * usize::from(self.tree.width);
        let shall_own = self.shares[member.get()].ceil();
        let too_often = u32::try_from(led).is_ok_and(|led| led > shall_own);
        let seed = self.token(member) ^ u64::try_from(owned.len()).unwrap_or(0);
        let start = hash64(&seed.to_le_bytes()) % u64::try_from(owned.len().max(1)).unwrap_or(1);
        let (head, tail) = owned.split_at(usize::try_from(start).unwrap_or(0));
        let all = || tail.iter().chain(head);
        let first = all().filter(move |at| leads(at) == too_often);
        first
            .chain(all().filter(move |at| leads(at) != too_often))
            .copied()
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

    fn is(&self, test: Test, member: MemberIndex) -> bool {
        test(self.load(member), self.shares[member.get()])
    }
}

/// From whom to whom load shall be shifted.
#[derive(Clone, Copy)]
struct Aim {
    from: Test,
    to: Test,
}

/// Looks at how many vnodes a member has and at its fair share.
type Test = fn(u32, FairShare) -> bool;

fn has_too_much(load: u32, share: FairShare) -> bool {
    load > share.ceil()
}

fn can_have_more(load: u32, share: FairShare) -> bool {
    load < share.ceil()
}

fn can_have_less(load: u32, share: FairShare) -> bool {
    load > share.whole
}

fn has_too_little(load: u32, share: FairShare) -> bool {
    load < share.whole
}

/// First what helps at both ends, then what is still too much, then what is still too little.
const AIMS: [Aim; 3] = [
    Aim {
        from: has_too_much,
        to: has_too_little,
    },
    Aim {
        from: has_too_much,
        to: can_have_more,
    },
    Aim {
        from: can_have_less,
        to: has_too_little,
    },
];

/// Which steps a path may have. The stricter, the less is moved.
///
/// Each rule looks at one end of a step only, the vnode taken or the vnode given, so that the
/// shorter path that [`Search`] relies on keeps the rule as well.
#[derive(Clone, Copy)]
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

/// From strict to loose.
const RULES: [Rule; 5] = [
    Rule::Return,
    Rule::Moving,
    Rule::ReturnThenAny,
    Rule::AnyThenMoving,
    Rule::Any,
];

impl Rule {
    /// Whether a vnode may be taken from a member that `owned` it before or not.
    fn lets_take(self, is_source: bool, owned: impl Fn() -> bool) -> bool {
        match self {
            Self::Return | Self::ReturnThenAny | Self::Any => true,
            Self::Moving => !owned(),
            Self::AnyThenMoving => is_source || !owned(),
        }
    }

    /// Whether a vnode may be given to a member that `owned` it before or not.
    fn lets_give(self, is_goal: bool, owned: impl Fn() -> bool) -> bool {
        match self {
            Self::Moving | Self::AnyThenMoving | Self::Any => true,
            Self::Return => owned(),
            Self::ReturnThenAny => is_goal || owned(),
        }
    }
}
