//! What a coordinator knows of one read: whom it has asked, and who has answered.

use super::{KeyRead, Level, Owners, PageRead, Quorum};
use crate::id::{BucketId, PartitionId};
use crate::time::Instant;
use alloc::vec::Vec;

/// A read that collects what its replicas have.
#[derive(Clone, Debug)]
pub struct ReadOperation<Origin> {
    /// Who asked; `None` once it was answered.
    pub origin: Option<Origin>,
    /// What the reader asks for.
    pub level: Level,
    /// When it must be answered.
    pub deadline: Instant,
    /// Where it reads.
    pub partition: PartitionId,
    /// The bucket.
    pub bucket: BucketId,
    /// What it reads, and what has come of it.
    pub subject: Subject,
    /// Its replicas.
    pub owners: Owners,
    /// Which have answered, and which must.
    pub quorum: Quorum,
    asked: u32,
}

/// What a read is about.
#[derive(Clone, Debug)]
pub enum Subject {
    /// A key.
    Key(KeyRead),
    /// Some keys in order.
    Page(PageRead),
}

impl<Origin> ReadOperation<Origin> {
    /// A read of `subject` that nobody has answered.
    pub fn new(
        (origin, level, deadline): (Origin, Level, Instant),
        (partition, bucket): (PartitionId, BucketId),
        subject: Subject,
        owners: Owners,
        quorum: Quorum,
    ) -> Self {
        Self {
            origin: Some(origin),
            level,
            deadline,
            partition,
            bucket,
            subject,
            owners,
            quorum,
            asked: 0,
        }
    }

    /// What is known of its key, if it reads one.
    pub const fn key(&mut self) -> Option<&mut KeyRead> {
        match &mut self.subject {
            Subject::Key(key) => Some(key),
            Subject::Page(_) => None,
        }
    }

    /// What is known of its page, if it reads one.
    pub const fn page(&mut self) -> Option<&mut PageRead> {
        match &mut self.subject {
            Subject::Page(page) => Some(page),
            Subject::Key(_) => None,
        }
    }

    /// The replicas to ask now so that the level is reached if all of them answer: the coordinator
    /// first, then by preference, passing over those that are not `up`. Marks them as asked.
    pub fn ask(&mut self, up: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut hoped = self.quorum.clone();
        for index in
            (0..self.owners.len()).filter(|index| self.asked & 1 << index != 0 && up(*index))
        {
            hoped.answer(index);
        }
        let nearest = self
            .owners
            .me()
            .into_iter()
            .chain(self.owners.others().map(|(index, _)| index));
        let mut chosen = Vec::new();
        for index in nearest {
            if hoped.is_reached() {
                break;
            }
            if self.asked & 1 << index == 0 && up(index) && hoped.wants(index) {
                hoped.answer(index);
                chosen.push(index);
            }
        }
        self.mark(&chosen);
        chosen
    }

    /// All replicas that are `up` and were not asked yet. Marks them as asked.
    pub fn ask_all(&mut self, up: impl Fn(usize) -> bool) -> Vec<usize> {
        let rest: Vec<_> = (0..self.owners.len())
            .filter(|index| self.asked & 1 << index == 0 && up(*index))
            .collect();
        self.mark(&rest);
        rest
    }

    fn mark(&mut self, chosen: &[usize]) {
        self.asked = chosen
            .iter()
            .fold(self.asked, |set, index| set | 1 << index);
    }

    /// Whether replica `index` was asked, and whether it has answered.
    #[must_use]
    pub fn stage(&self, index: usize) -> (bool, bool) {
        (
            self.asked & 1 << index != 0,
            self.quorum.has_answered(index),
        )
    }

    /// Whether nothing is to come of it any more: it was answered, and every replica that was asked
    /// and is `up` has answered.
    pub fn is_over(&self, up: impl Fn(usize) -> bool) -> bool {
        self.origin.is_none()
            && !(0..self.owners.len()).any(|index| self.is_silent(index) && up(index))
    }

    /// Whether replica `index` was asked and has not answered.
    #[must_use]
    pub fn is_silent(&self, index: usize) -> bool {
        self.stage(index) == (true, false)
    }
}
