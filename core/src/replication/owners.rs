//! The replicas of one key, as an operation numbers them.

use crate::id::MemberId;
use alloc::vec::Vec;

/// The preference list of a key in one version of its ownership. Replicas are numbered by their
/// place in it.
#[derive(Clone, Debug)]
pub struct Owners {
    members: Vec<MemberId>,
    me: Option<usize>,
    view: u64,
}

impl Owners {
    /// The owners `members` in version `view`, seen by `me`.
    #[must_use]
    pub fn new(members: Vec<MemberId>, me: MemberId, view: u64) -> Self {
        let me = members.iter().position(|member| *member == me);
        Self { members, me, view }
    }

    /// The version of the ownership.
    #[must_use]
    pub const fn view(&self) -> u64 {
        self.view
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

    /// Every owner, in order.
    pub fn all(&self) -> impl Iterator<Item = MemberId> + '_ {
        self.members.iter().copied()
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
