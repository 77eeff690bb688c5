//! Which sets of owners make up a level.

use henge_core::replication::{Level, Quorum};

/// For each set of owners (a number whose bits are the owners) whether it makes up a level: the bit
/// of that number. Five owners make 32 sets, so one word holds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Family(u32);

impl Family {
    /// The sets that reach `level` for owners in `regions`, with the coordinator in any of
    /// `locals`; `None` if the owners are fewer than the level asks for.
    pub(crate) fn new(level: Level, regions: &[&str], locals: &[&str]) -> Option<Self> {
        assert!(regions.len() <= 5, "more owners than a word has room for");
        let mut family = 0_u32;
        for local in locals {
            let quorum = Quorum::new(level, regions, local).ok()?;
            for set in 0..1_u32 << regions.len() {
                let mut answered = quorum.clone();
                (0..regions.len())
                    .filter(|index| set & 1 << index != 0)
                    .for_each(|index| answered.answer(index));
                if answered.is_reached() {
                    family |= 1 << set;
                }
            }
        }
        Some(Self(family))
    }

    /// The one set of these owners.
    pub(crate) const fn only(owners: u32) -> Self {
        Self(1 << owners)
    }

    /// Whether `owners` make up the level.
    pub(crate) const fn has(self, owners: u32) -> bool {
        self.0 & 1 << owners != 0
    }

    /// Whether each set of this family shares an owner with each of `other`, for `count` owners.
    pub(crate) fn meets(self, other: Self, count: usize) -> bool {
        let everyone = (1_u32 << count) - 1;
        (0..=everyone).all(|set| !self.has(set) || !other.has(everyone & !set))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(write: Level, read: Level, regions: &[&str], expect: bool) {
        let write = Family::new(write, regions, &["eu"]).unwrap();
        let read = Family::new(read, regions, &["eu"]).unwrap();
        assert_eq!(write.meets(read, regions.len()), expect);
        assert_eq!(read.meets(write, regions.len()), expect);
    }

    #[test]
    fn levels_meet_where_they_must_share_a_replica() {
        let one = ["eu", "eu", "eu"];
        check(Level::Quorum, Level::Quorum, &one, true);
        check(Level::One, Level::Quorum, &one, false);
        check(Level::One, Level::All, &one, true);
        check(Level::Replicas(2), Level::Replicas(1), &one, false);
        let two = ["eu", "us", "eu", "us", "eu"];
        check(Level::LocalQuorum, Level::LocalQuorum, &two, true);
        check(Level::EachQuorum, Level::LocalQuorum, &two, true);
        check(Level::LocalQuorum, Level::Quorum, &two, false);
        check(Level::Quorum, Level::Replicas(2), &two, false);
    }

    #[test]
    fn a_level_that_asks_for_too_many_has_no_family() {
        assert_eq!(Family::new(Level::Replicas(3), &["eu"], &["eu"]), None);
    }
}
