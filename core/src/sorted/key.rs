//! What can be a key, as words.

use crate::client::CallId;
use crate::id::{MemberId, PartitionId, RequestId};
use crate::leaf::{ReadId, WriteId};
use crate::storage::OperationId;
use crate::time::Instant;

/// A key as two words, which have its order.
pub type Words = [u64; 2];

/// A key that is two words at most.
pub trait Key: Copy {
    /// Its words.
    fn to_words(self) -> Words;
    /// The key with these words.
    fn from_words(words: Words) -> Self;
}

/// A number.
pub trait Word: Copy {
    /// As the word that has its order.
    fn to_word(self) -> u64;
    /// The number of this word.
    fn from_word(word: u64) -> Self;
}

impl<W: Word> Key for W {
    fn to_words(self) -> Words {
        [self.to_word(), 0]
    }

    fn from_words([word, _]: Words) -> Self {
        Self::from_word(word)
    }
}

impl<A: Word, B: Word> Key for (A, B) {
    fn to_words(self) -> Words {
        [self.0.to_word(), self.1.to_word()]
    }

    fn from_words([first, second]: Words) -> Self {
        (A::from_word(first), B::from_word(second))
    }
}

impl Key for RequestId {
    fn to_words(self) -> Words {
        [self.client, self.sequence]
    }

    fn from_words([client, sequence]: Words) -> Self {
        Self { client, sequence }
    }
}

impl Word for u64 {
    fn to_word(self) -> u64 {
        self
    }

    fn from_word(word: u64) -> Self {
        word
    }
}

impl Word for u32 {
    fn to_word(self) -> u64 {
        self.into()
    }

    fn from_word(word: u64) -> Self {
        Self::try_from(word).unwrap_or(Self::MAX)
    }
}

impl Word for usize {
    fn to_word(self) -> u64 {
        self as u64
    }

    fn from_word(word: u64) -> Self {
        Self::try_from(word).unwrap_or(Self::MAX)
    }
}

impl Word for Instant {
    fn to_word(self) -> u64 {
        self.as_micros()
    }

    fn from_word(word: u64) -> Self {
        Self::from_micros(word)
    }
}

/// Ids that are one number.
macro_rules! words {
    ($($id:ident($number:ident)),*) => {$(
        impl $crate::sorted::Word for $id {
            fn to_word(self) -> u64 {
                self.0.into()
            }

            fn from_word(word: u64) -> Self {
                Self($number::try_from(word).unwrap_or($number::MAX))
            }
        }
    )*};
}
pub(crate) use words;

words!(
    CallId(u64),
    MemberId(u64),
    OperationId(u64),
    PartitionId(u16),
    ReadId(u64),
    WriteId(u64)
);
