//! Counting answers towards a level.

use super::level::{Level, LevelError};
use alloc::vec::Vec;

/// What of one operation's level is still to come. Replicas are numbered as in the preference list.
///
/// A level is a set of groups of replicas with a number needed from each: one group of all, or one
/// for each region.
#[derive(Clone, Debug)]
pub struct Quorum {
    groups: Vec<Group>,
    answered: u32,
    failed: u32,
}

#[derive(Clone, Debug)]
struct Group {
    members: u32,
    needed: u32,
}

impl Quorum {
    /// What `level` asks of replicas in the given `regions` (one entry a replica), with the
    /// coordinator in the region `local`.
    pub fn new(level: Level, regions: &[&str], local: &str) -> Result<Self, LevelError> {
        let replicas: Vec<_> = regions.iter().copied().enumerate().collect();
        Self::of(level, &replicas, local)
    }

    /// The same of replicas that are given with their numbers.
    pub fn of(level: Level, replicas: &[(usize, &str)], local: &str) -> Result<Self, LevelError> {
        let everyone = (replicas.iter()).fold(0, |set, (index, _)| set | 1 << index);
        let within = |region: &str| {
            let inside = replicas.iter().filter(|(_, it)| *it == region);
            inside.fold(0_u32, |set, (index, _)| set | 1 << index)
        };
        let majority = |members: u32| Group {
            members,
            needed: members.count_ones() / 2 + 1,
        };
        let of_all = |needed| Group {
            members: everyone,
            needed,
        };
        let groups = match level {
            Level::One => [of_all(1)].into(),
            Level::All => [of_all(everyone.count_ones())].into(),
            Level::Quorum => [majority(everyone)].into(),
            Level::Replicas(count) => {
                let replicas = u8::try_from(replicas.len()).unwrap_or(u8::MAX);
                if count > replicas {
                    return Err(LevelError::TooMany {
                        asked: count,
                        replicas,
                    });
                }
                [of_all(u32::from(count))].into()
            }
            // A coordinator whose region holds no replica takes a majority of all.
            Level::LocalQuorum => match within(local) {
                0 => [majority(everyone)].into(),
                members => [majority(members)].into(),
            },
            Level::EachQuorum => {
                let mut names: Vec<&str> = replicas.iter().map(|(_, region)| *region).collect();
                names.sort_unstable();
                names.dedup();
                names
                    .into_iter()
                    .map(|region| majority(within(region)))
                    .collect()
            }
        };
        Ok(Self {
            groups,
            answered: 0,
            failed: 0,
        })
    }

    /// Asks for all that `other` asks for as well.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.groups.extend(other.groups);
        self
    }

    /// Replica `index` has answered.
    pub fn answer(&mut self, index: usize) {
        self.answered |= 1 << index;
    }

    /// Replica `index` cannot answer, as far as is known.
    pub fn fail(&mut self, index: usize) {
        self.failed |= 1 << index;
    }

    /// Whether replica `index` has answered.
    #[must_use]
    pub fn has_answered(&self, index: usize) -> bool {
        self.answered & 1 << index != 0
    }

    /// Whether some replica cannot answer.
    #[must_use]
    pub const fn has_failures(&self) -> bool {
        self.failed != 0
    }

    /// Whether enough have answered.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.is_reached_with(0)
    }

    /// Whether enough would have answered with `more` answers in each group.
    #[must_use]
    pub fn is_reached_with(&self, more: u32) -> bool {
        self.groups
            .iter()
            .all(|group| group.have(self.answered) + more >= group.needed)
    }

    /// Whether it would be reached if only `replicas` had answered.
    #[must_use]
    pub fn is_reached_by(&self, replicas: &[usize]) -> bool {
        let answered = replicas.iter().fold(0, |set, index| set | 1 << index);
        let enough = |group: &Group| group.have(answered) >= group.needed;
        self.groups.iter().all(enough)
    }

    /// Whether enough have answered or still can.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        let hopeful = self.answered | !self.failed;
        self.groups
            .iter()
            .all(|group| group.have(hopeful) >= group.needed)
    }

    /// Whether an answer of replica `index` would bring the level nearer.
    #[must_use]
    pub fn wants(&self, index: usize) -> bool {
        self.groups.iter().any(|group| {
            group.members & 1 << index != 0 && group.have(self.answered) < group.needed
        })
    }

    /// Answers needed in all.
    #[must_use]
    pub fn needed(&self) -> u32 {
        self.groups.iter().map(|group| group.needed).sum()
    }

    /// Answers that have come.
    #[must_use]
    pub const fn answers(&self) -> u32 {
        self.answered.count_ones()
    }
}

impl Group {
    const fn have(&self, replicas: u32) -> u32 {
        (self.members & replicas).count_ones()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(level: Level, regions: &[&str], answers: &[usize], reached: bool) {
        let mut quorum = Quorum::new(level, regions, "eu").unwrap();
        for &index in answers {
            assert!(!quorum.is_reached(), "{level} was reached before {index}");
            quorum.answer(index);
        }
        assert_eq!(
            quorum.is_reached(),
            reached,
            "{level} of {regions:?} after {answers:?}"
        );
    }

    #[test]
    fn levels_count_the_replicas_they_name() {
        let one_region = ["eu", "eu", "eu"];
        check(Level::One, &one_region, &[2], true);
        check(Level::Quorum, &one_region, &[0], false);
        check(Level::Quorum, &one_region, &[0, 2], true);
        check(Level::All, &one_region, &[0, 1], false);
        check(Level::Replicas(2), &one_region, &[1, 2], true);
        let regions = ["eu", "us", "eu", "us", "eu"];
        check(Level::LocalQuorum, &regions, &[1, 3, 0], false);
        check(Level::LocalQuorum, &regions, &[1, 3, 0, 2], true);
        check(Level::EachQuorum, &regions, &[0, 2, 4, 1], false);
        check(Level::EachQuorum, &regions, &[0, 2, 1, 3], true);
        check(Level::LocalQuorum, &["us", "us", "us"], &[0, 1], true);
    }

    #[test]
    fn a_level_is_impossible_once_too_many_have_failed() {
        let mut quorum = Quorum::new(Level::Quorum, &["a", "b", "c"], "a").unwrap();
        quorum.fail(1);
        assert!(quorum.is_possible());
        quorum.fail(2);
        assert!(!quorum.is_possible());
        quorum.answer(2);
        assert!(quorum.is_possible());
    }

    #[test]
    fn while_owners_change_both_lists_are_counted() {
        let old = Quorum::of(Level::Quorum, &[(0, "a"), (1, "a"), (2, "a")], "a").unwrap();
        let new = Quorum::of(Level::Quorum, &[(0, "a"), (1, "a"), (3, "a")], "a").unwrap();
        let mut quorum = old.and(new);
        quorum.answer(2);
        quorum.answer(0);
        assert!(!quorum.is_reached() && quorum.wants(3) && !quorum.wants(2));
        quorum.answer(3);
        assert!(quorum.is_reached());
        quorum.fail(1);
        assert!(quorum.is_possible());
    }

    #[test]
    fn more_replicas_than_there_are_is_an_error_that_says_how_many_there_are() {
        let error = Quorum::new(Level::Replicas(4), &["a", "b", "c"], "a").unwrap_err();
        assert_eq!(
            error,
            LevelError::TooMany {
                asked: 4,
                replicas: 3
            }
        );
    }
}
