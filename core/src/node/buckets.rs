//! How the keys of each bucket are treated here.

use super::Node;
use crate::causality::Policy;
use crate::cluster::BucketSettings;
use crate::id::BucketId;
use crate::planted::{Bug, is_planted};
use crate::wire::{ErrorCode, Failure};

impl Node {
    /// How the keys of `bucket` are treated, or why a request for one of them cannot be carried out
    /// here.
    pub(super) fn settings_of(&self, bucket: BucketId) -> Result<BucketSettings, Failure> {
        let default = self.config.default_bucket();
        if bucket == BucketId::default() {
            return Ok(default);
        }
        let state = &self.agreement.state;
        match state.bucket(bucket) {
            Some(known) if is_planted(Bug::BucketPolicyIgnored) => Ok(BucketSettings {
                policy: default.policy,
                ..known.settings
            }),
            Some(known) => Ok(known.settings),
            None if !self.report.ready => {
                let message = "this member is starting and does not know the bucket yet; try again";
                Err(Failure::new(ErrorCode::Unavailable, message))
            }
            None => Err(Failure::no_such_bucket(bucket.0, state.bucket_names())),
        }
    }

    /// What a conflict in `bucket` becomes. In one that this node has not heard of yet nothing is
    /// lost: whoever knows it merges further.
    pub(super) fn policy_of(&self, bucket: BucketId) -> Policy {
        let known = self.settings_of(bucket);
        known.map_or(Policy::Siblings, |settings| settings.policy)
    }
}
