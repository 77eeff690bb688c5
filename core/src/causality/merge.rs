//! How two replicas' sets become one.

use super::context::Context;
use super::version::{Policy, Version};
use super::version_set::VersionSet;
use crate::limits::ACTORS_MAX;
use alloc::vec::Vec;

impl VersionSet {
    /// Takes in what another replica knows, and says whether that changed anything.
    ///
    /// Commutative, associative and idempotent for each policy (`docs/causality.md`).
    ///
    /// * [`Policy::Siblings`] is the DVVS `sync`: a version stays if the other side has it too, or
    ///   has not seen it.
    /// * [`Policy::Lww`] keeps the highest version by clock and dot, alone.
    ///
    /// Two sets that know more than [`ACTORS_MAX`] actors together, which takes forged contexts,
    /// are not merged: nothing changes.
    pub fn merge(&mut self, other: &Self, policy: Policy) -> bool {
        if self.context.len() + self.context.unknown_actors(&other.context) > ACTORS_MAX {
            return false;
        }
        let merged = match policy {
            Policy::Lww => highest(self.versions.iter().chain(&other.versions)),
            Policy::Siblings => self.sync(other),
        };
        let changed = merged != self.versions || !self.context.covers(&other.context);
        self.context.join(&other.context);
        self.versions = merged;
        changed
    }

    /// Whether merging `other` would change nothing.
    ///
    /// Exact for [`Policy::Siblings`], and for [`Policy::Lww`] in sets that were only ever written
    /// and merged with it.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.context.covers(&other.context)
            && self.versions.iter().all(|mine| match other.version(mine) {
                Some(theirs) => mine >= theirs,
                None => !other.context.contains(mine.dot),
            })
    }

    fn sync(&self, other: &Self) -> Vec<Version> {
        let mut merged: Vec<Version> = self
            .versions
            .iter()
            .filter_map(|mine| kept(mine, other))
            .chain(
                other
                    .versions
                    .iter()
                    .filter(|theirs| is_news(theirs, &self.context)),
            )
            .cloned()
            .collect();
        merged.sort_unstable();
        merged
    }

    /// This set's version with the dot of `like`.
    fn version(&self, like: &Version) -> Option<&Version> {
        let at = self
            .versions
            .binary_search_by_key(&like.dot, |version| version.dot)
            .ok()?;
        Some(&self.versions[at])
    }
}

/// What becomes of `mine` in a merge with `other`: it is kept if `other` keeps it or has never
/// seen it. Two versions under one dot are a fault of a peer; the greater is kept on either side.
fn kept<'a>(mine: &'a Version, other: &'a VersionSet) -> Option<&'a Version> {
    match other.version(mine) {
        Some(theirs) => Some(mine.max(theirs)),
        None => is_news(mine, &other.context).then_some(mine),
    }
}

fn is_news(version: &Version, to: &Context) -> bool {
    !to.contains(version.dot)
}

fn highest<'a>(versions: impl Iterator<Item = &'a Version>) -> Vec<Version> {
    let highest = versions.max_by(|a, b| a.rank().cmp(&b.rank()).then_with(|| a.cmp(b)));
    highest.cloned().into_iter().collect()
}
