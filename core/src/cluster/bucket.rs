//! Buckets: sets of keys with a policy, levels and a time to live of their own.

use super::change::Change;
use super::state::ClusterState;
use crate::causality::Policy;
use crate::id::BucketId;
use crate::limits::{BUCKET_NAME_BYTES_MAX, BUCKETS_MAX, TTL_MAX_MS};
use crate::replication::{Level, LevelError};
use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Serialize};

/// The name of [`BucketId::default`], which every cluster has and no state lists: its settings are
/// those of each node's [`crate::config::Config`].
pub const DEFAULT_BUCKET: &str = "default";

/// A bucket as the state lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// What people call it.
    pub name: BucketName,
    /// How often it was given settings: 1 once it is made.
    pub revision: u64,
    /// How its keys are treated.
    pub settings: BucketSettings,
}

/// How the keys of a bucket are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketSettings {
    /// What a conflict becomes. It stays as it was made.
    pub policy: Policy,
    /// Level of reads that name none.
    pub read_level: Level,
    /// Level of writes that name none.
    pub write_level: Level,
    /// How long values can be read whose writes do not say it, in milliseconds; `None` for ever.
    pub ttl_ms: Option<u64>,
}

impl BucketSettings {
    /// Checks them for a cluster whose keys have so many `replicas`.
    pub fn check(&self, replicas: u8) -> Result<(), BucketError> {
        for level in [self.read_level, self.write_level] {
            match level {
                Level::Replicas(0) => {
                    return Err(BucketError::Level(LevelError::Unknown(level.to_string())));
                }
                Level::Replicas(asked) if asked > replicas => {
                    return Err(BucketError::Level(LevelError::TooMany { asked, replicas }));
                }
                _ => {}
            }
        }
        match self.ttl_ms {
            Some(ttl_ms) if !(1..=TTL_MAX_MS).contains(&ttl_ms) => Err(BucketError::Ttl(ttl_ms)),
            _ => Ok(()),
        }
    }
}

/// The name of a bucket that was made: 1 to [`BUCKET_NAME_BYTES_MAX`] characters of
/// `A-Z a-z 0-9 . _ -`, a letter or digit first, and not [`DEFAULT_BUCKET`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BucketName(String);

impl BucketName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for BucketName {
    type Error = BucketError;

    fn try_from(text: String) -> Result<Self, BucketError> {
        let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let begins = text
            .bytes()
            .next()
            .is_some_and(|it| it.is_ascii_alphanumeric());
        if !begins || text.len() > BUCKET_NAME_BYTES_MAX || !text.bytes().all(is_fit) {
            return Err(BucketError::Name);
        }
        if text == DEFAULT_BUCKET {
            return Err(BucketError::Default);
        }
        Ok(Self(text))
    }
}

impl FromStr for BucketName {
    type Err = BucketError;

    fn from_str(text: &str) -> Result<Self, BucketError> {
        text.to_string().try_into()
    }
}

impl From<BucketName> for String {
    fn from(name: BucketName) -> Self {
        name.0
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ClusterState {
    /// The buckets that were made, in the order of their ids.
    pub fn buckets(&self) -> impl Iterator<Item = (BucketId, &Bucket)> {
        (1..).map(BucketId).zip(&self.buckets)
    }

    /// The bucket with `id`; `None` for the default one, too.
    #[must_use]
    pub fn bucket(&self, id: BucketId) -> Option<&Bucket> {
        let place = usize::try_from(id.0).ok()?.checked_sub(1)?;
        self.buckets.get(place)
    }

    /// The id of the bucket called `name`.
    #[must_use]
    pub fn bucket_id(&self, name: &str) -> Option<BucketId> {
        if name == DEFAULT_BUCKET {
            return Some(BucketId::default());
        }
        let mut buckets = self.buckets();
        let found = buckets.find(|(_, bucket)| bucket.name.as_str() == name);
        found.map(|(id, _)| id)
    }

    /// The names of all buckets, that of the default one first.
    pub fn bucket_names(&self) -> impl Iterator<Item = &str> {
        let made = self.buckets.iter().map(|bucket| bucket.name.as_str());
        core::iter::once(DEFAULT_BUCKET).chain(made)
    }

    /// The change after which the bucket called `name` has `settings`; `None` if it has them.
    ///
    /// # Errors
    ///
    /// If it cannot have them.
    pub fn bucket_change(
        &self,
        name: &BucketName,
        settings: BucketSettings,
    ) -> Result<Option<Change>, BucketError> {
        settings.check(self.target.replicas())?;
        let known = self.buckets.iter().find(|bucket| bucket.name == *name);
        match known {
            Some(known) if known.settings.policy != settings.policy => {
                Err(BucketError::Policy(known.settings.policy))
            }
            Some(known) if known.settings == settings => Ok(None),
            None if self.buckets.len() >= BUCKETS_MAX => Err(BucketError::TooMany),
            _ => Ok(Some(Change::Bucket {
                name: name.clone(),
                after: known.map_or(0, |known| known.revision),
                settings,
            })),
        }
    }

    /// Makes a bucket, or gives one other settings, if that can be done.
    pub(super) fn put_bucket(&mut self, change: &Change) {
        let Change::Bucket { name, settings, .. } = change else {
            return;
        };
        if change.is_moot(self) {
            return;
        }
        match self.buckets.iter_mut().find(|it| it.name == *name) {
            Some(known) => {
                known.settings = *settings;
                known.revision += 1;
            }
            None => self.buckets.push(Bucket {
                name: name.clone(),
                revision: 1,
                settings: *settings,
            }),
        }
    }

    /// Whether received buckets keep what the code relies on.
    pub(super) fn are_buckets_sound(buckets: &[Bucket], replicas: u8) -> bool {
        let is_sound = |(at, bucket): (usize, &Bucket)| {
            let is_named_before = buckets[..at].iter().any(|it| it.name == bucket.name);
            !is_named_before && bucket.revision > 0 && bucket.settings.check(replicas).is_ok()
        };
        buckets.len() <= BUCKETS_MAX && buckets.iter().enumerate().all(is_sound)
    }
}

/// Why there can be no bucket like that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BucketError {
    /// A name that is none.
    Name,
    /// The name of the default bucket.
    Default,
    /// A level that cannot be.
    Level(LevelError),
    /// A time to live of so many milliseconds.
    Ttl(u64),
    /// It was made with this policy.
    Policy(Policy),
    /// There are as many as can be.
    TooMany,
}

impl fmt::Display for BucketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => write!(
                f,
                "a bucket's name is 1 to {BUCKET_NAME_BYTES_MAX} characters of A-Z a-z 0-9 . _ -, \
                 a letter or digit first"
            ),
            Self::Default => write!(
                f,
                "the bucket {DEFAULT_BUCKET} has the settings that the stones were started with; \
                 choose another name"
            ),
            Self::Level(error) => error.fmt(f),
            Self::Ttl(ttl_ms) => write!(
                f,
                "a time to live of {ttl_ms} ms; allowed are 1 to {TTL_MAX_MS}, or none"
            ),
            Self::Policy(policy) => write!(
                f,
                "the bucket was made with the policy {policy}, which cannot be changed; make \
                 another bucket"
            ),
            Self::TooMany => write!(
                f,
                "there are {BUCKETS_MAX} buckets, the most that there can be"
            ),
        }
    }
}

impl core::error::Error for BucketError {}
