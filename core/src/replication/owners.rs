//! The replicas of one key, as an operation numbers them.

use crate::id::MemberId;
use alloc::vec::Vec;

/// The preference list of a key at the time an operation began. Replicas are numbered by their
/// place in it.
#[derive(Clone, Debug)]
pub struct Owners {
    members: Vec<MemberId>,
    me: Option<usize>,
}

impl Owners {
    /// The owners `members`, seen by `me`.
    #[must_use]
    pub fn new(members: Vec<MemberId>, me: MemberId) -> Self {
        let me = members.iter().position(|member| *member == me);
        Self { members, me }
    }

    /// The coordinator's own place, if it is an owner.
    #[must_use]
    pub const fn me(&self) -> Option<usize> {
        self.me
    }

    /// The place of `member`.
    #[must_use]
    pub fn index_of(&self, member: MemberId) -> Option<usize> {
        self.members.iter().position(|owner| *owner == member)
    }

    /// Every other owner with its place, the nearest first.
    pub fn others(&self) -> impl Iterator<Item = (usize, MemberId)> + '_ {
        let me = self.me;
        self.members
            .iter()
            .copied()
            .enumerate()
            .filter(move |(index, _)| Some(*index) != me)
    }

    /// The owner at `index`.
    #[must_use]
    pub fn member(&self, index: usize) -> MemberId {
        self.members[index]
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}
