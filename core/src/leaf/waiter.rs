//! What goes on when a block is in memory.

use super::{ListId, ReadId};
use crate::sorted::Word;

/// What is to be done when a block is in memory.
#[derive(Clone, Copy, Debug)]
pub(super) enum Waiter {
    Opening,
    Read(ReadId),
    List(ListId),
    Taking,
    Job,
    Telling,
}

impl Waiter {
    /// Behind all others.
    pub(super) const LAST: Self = Self::List(ListId(u64::MAX >> 2));
}

/// Reads and listings are counted together.
impl Word for Waiter {
    fn to_word(self) -> u64 {
        match self {
            Self::Opening => 0,
            Self::Taking => 1,
            Self::Job => 2,
            Self::Telling => 3,
            Self::Read(read) => 2 * read.0 + 4,
            Self::List(list) => 2 * list.0 + 5,
        }
    }

    fn from_word(word: u64) -> Self {
        match word {
            0 => Self::Opening,
            1 => Self::Taking,
            2 => Self::Job,
            3 => Self::Telling,
            read if read % 2 == 0 => Self::Read(ReadId(read / 2 - 2)),
            list => Self::List(ListId(list / 2 - 2)),
        }
    }
}
