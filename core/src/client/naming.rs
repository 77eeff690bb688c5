//! Buckets by name: the server says which there are, and calls that name one wait for that.

use super::call::CallId;
use super::pending::Stage;
use super::session::Client;
use crate::cluster::DEFAULT_BUCKET;
use crate::id::BucketId;
use crate::limits::BUCKETS_MAX;
use crate::selector::{Selector, Span};
use crate::wire::{Failure, NamedBucket};
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

/// A bucket as an application names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BucketRef {
    /// By its number, which never changes.
    Id(BucketId),
    /// By its name, which the client looks up.
    Name(String),
}

impl From<BucketId> for BucketRef {
    fn from(id: BucketId) -> Self {
        Self::Id(id)
    }
}

impl From<String> for BucketRef {
    fn from(name: String) -> Self {
        Self::Name(name)
    }
}

/// The buckets by their names, as the server of the present connection has told them.
#[derive(Debug, Default)]
pub(super) struct Names(Option<Vec<NamedBucket>>);

impl Names {
    /// The id of the bucket called `name`; `None` as long as no server has said which there are.
    pub(super) fn find(&self, name: &str) -> Option<Result<BucketId, Failure>> {
        if name == DEFAULT_BUCKET {
            return Some(Ok(BucketId::default()));
        }
        let names = self.0.as_ref()?;
        let found = names.iter().find(|bucket| bucket.name == name);
        let known = names.iter().map(|bucket| bucket.name.as_str());
        let known = || core::iter::once(DEFAULT_BUCKET).chain(known);
        Some(
            found
                .map(|it| it.id)
                .ok_or_else(|| Failure::no_such_bucket(name, known())),
        )
    }

    /// The connection is gone, and with it what was said over it.
    pub(super) fn forget(&mut self) {
        self.0 = None;
    }
}

impl Client {
    /// The number of a bucket, if that is known.
    #[must_use]
    pub fn bucket_id(&self, bucket: &BucketRef) -> Option<BucketId> {
        match bucket {
            BucketRef::Id(id) => Some(*id),
            BucketRef::Name(name) => self.names.find(name).and_then(Result::ok),
        }
    }

    /// The partitions that have keys of `span` of `bucket`: one, or all.
    #[must_use]
    pub fn partitions_of(&self, bucket: &BucketRef, span: &Span) -> Range<u16> {
        let partitions = self.partitions();
        let one = self.bucket_id(bucket).and_then(|bucket| {
            let span = span.clone();
            Selector { bucket, span }.partition(partitions)
        });
        one.map_or(0..partitions, |one| one.0..one.0 + 1)
    }

    /// The server has said which buckets there are.
    pub(super) fn on_buckets(&mut self, mut buckets: Vec<NamedBucket>) {
        buckets.truncate(BUCKETS_MAX);
        self.names = Names(Some(buckets));
        for id in self.calls.naming() {
            self.name(id);
        }
    }

    /// Finds the bucket of a call that names one: then it can be sent, or has failed.
    pub(super) fn name(&mut self, id: CallId) {
        let Some(pending) = self.calls.pending(id) else {
            return;
        };
        let found = (pending.bucket_name.as_deref()).and_then(|name| self.names.find(name));
        match found {
            Some(Ok(bucket)) => {
                pending.request.bucket = bucket;
                self.calls.put_in(id, Stage::Ready);
            }
            Some(Err(failure)) => self.finish(id, |_| Err(failure)),
            None => {}
        }
    }
}
