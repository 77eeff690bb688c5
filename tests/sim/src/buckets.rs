//! A second bucket, made in the middle of everything: keys of odd numbers belong to it.

use crate::draw::Draw;
use crate::plan::{Action, Fault, Timed};
use crate::setup::Setup;
use crate::swarm::default_level;
use henge_core::causality::Policy;
use henge_core::cluster::{BucketName, BucketSettings, Change, ClusterState};
use henge_core::id::BucketId;

/// The buckets of one seed.
#[derive(Clone, Copy, Debug)]
pub struct Buckets {
    /// How the keys of the default bucket are treated.
    pub default: BucketSettings,
    /// How those of the second bucket are, if there is to be one.
    pub second: Option<BucketSettings>,
}

/// The second bucket.
pub(crate) const SECOND: BucketId = BucketId(1);

impl Buckets {
    /// Whether key `number` belongs to the second bucket.
    const fn is_second(&self, number: u16) -> bool {
        self.second.is_some() && number % 2 == 1
    }

    /// The bucket of key `number`.
    #[must_use]
    pub const fn id(&self, number: u16) -> BucketId {
        match self.is_second(number) {
            true => SECOND,
            false => BucketId(0),
        }
    }

    /// How key `number` is treated.
    #[must_use]
    pub fn of(&self, number: u16) -> BucketSettings {
        let second = self.second.filter(|_| self.is_second(number));
        second.unwrap_or(self.default)
    }

    /// Whether siblings can come up.
    #[must_use]
    pub fn has_siblings(&self) -> bool {
        let settings = core::iter::once(self.default).chain(self.second);
        settings.into_iter().any(|it| it.policy == Policy::Siblings)
    }

    /// What a cluster in `state` lacks of the second bucket.
    pub(crate) fn change(&self, state: &ClusterState) -> Option<Change> {
        let name: BucketName = "second".parse().expect("a name");
        state
            .bucket_change(&name, self.second?)
            .expect("settings that can be")
    }

    /// Draws the second bucket of `seed`: by itself, so that the rest of the seed stays as it is.
    pub(crate) fn draw_second(seed: u64, setup: &mut Setup) {
        let mut draw = Draw::new(seed ^ 0x6275_636b);
        if !draw.happens(400) {
            return;
        }
        let policy = match setup.buckets.default.policy {
            Policy::Lww => Policy::Siblings,
            Policy::Siblings => Policy::Lww,
        };
        setup.buckets.second = Some(BucketSettings {
            policy,
            read_level: default_level(&mut draw),
            write_level: default_level(&mut draw),
            ttl_ms: draw.pick(&[None, None, None, Some(20_000)]),
        });
    }

    /// When somebody asks for it in the first round of `span_micros`: several times, because who is
    /// asked may crash and forget it.
    pub(crate) fn draw_wishes(
        seed: u64,
        setup: &Setup,
        span_micros: u64,
        actions: &mut Vec<Timed>,
    ) {
        if setup.buckets.second.is_none() {
            return;
        }
        let mut draw = Draw::new(seed ^ 0x7769_7368);
        for part in [8, 2, 1] {
            actions.push(Timed {
                at_micros: draw.between(1_000, span_micros / part),
                action: Action::Fault(Fault::Bucket(draw.index(setup.members.len()))),
            });
        }
    }
}
