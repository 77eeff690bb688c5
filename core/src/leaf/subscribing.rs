//! Subscriptions: keys whose copies are all here, and are kept as the ring has them.
//!
//! A subscription watches its keys (`docs/watch.md`), lists them once that has begun (`filling`), and from
//! then on takes in what it is told (`taking`). What it has and how far it is in the changes is stored, so
//! it goes on from there after a restart; only if the ring does not know any more what has changed
//! meanwhile, it lists again.

use super::filling::Fill;
use super::jobs::Job;
use super::record::{self, Kept, REMOVED};
use super::{Leaf, LeafOutput, Phase};
use crate::client::{WatchId, WatchOutput, WatchSpec};
use crate::limits::{SUBSCRIPTION_TOKEN_MS, SUBSCRIPTIONS_KEPT_MAX, SUBSCRIPTIONS_MAX};
use crate::selector::Span;
use crate::time::{Duration, Instant};
use crate::watch::Change;
use crate::wire::{ErrorCode, Failure, Shown};
use alloc::format;
use alloc::vec::Vec;

/// A subscription of this leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionId(pub u64);

/// Keys that are kept here.
#[derive(Debug)]
pub(super) struct Subscription {
    /// Also the number of its record.
    pub(super) id: SubscriptionId,
    pub(super) kept: Kept,
    /// It is kept up to date. What is not is as old as it is, until somebody wants it again.
    pub(super) is_active: bool,
    pub(super) watch: Option<WatchId>,
    pub(super) fill: Option<Fill>,
    /// How far it is with the present connection.
    pub(super) hearing: Hearing,
    /// There is more than its record says.
    is_dirty: bool,
}

/// What a subscription hears over the present connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hearing {
    Nothing,
    /// What had changed has been told, and is being taken in.
    Resumed,
    /// All is here, and what changes is told.
    All,
}

impl Subscription {
    /// What was stored of it: nobody wants it yet.
    pub(super) const fn stored(id: u64, kept: Kept) -> Self {
        Self {
            id: SubscriptionId(id),
            kept,
            is_active: false,
            watch: None,
            fill: None,
            hearing: Hearing::Nothing,
            is_dirty: false,
        }
    }

    pub(super) fn selects(&self, key: &[u8]) -> bool {
        self.kept.span.holds(key)
    }
}

impl Leaf {
    /// Keeps the keys of `span` here from now on. [`LeafOutput::Synced`] says when all that the ring has of
    /// them is, and [`LeafOutput::Changed`] what changes. The same span is the same subscription.
    ///
    /// # Errors
    ///
    /// If these cannot be keys, the leaf is not open, or there are too many subscriptions.
    pub fn subscribe(&mut self, now: Instant, span: Span) -> Result<SubscriptionId, Failure> {
        self.now = now;
        self.check_open()?;
        span.check()?;
        let now_ms = now.as_millis();
        if let Some(known) = self
            .subscriptions
            .iter_mut()
            .find(|it| it.kept.span == span)
        {
            known.kept.used_at_ms = now_ms;
            let (id, was_active) = (known.id, core::mem::replace(&mut known.is_active, true));
            if !was_active {
                self.watch(id)?;
                self.begin_job(Job::note_expiring(span));
            }
            let is_all_here = |it: &Subscription| it.id == id && it.hearing == Hearing::All;
            if self.subscriptions.iter().any(is_all_here) {
                self.outputs
                    .push_back(LeafOutput::Synced { subscription: id });
            }
            return Ok(id);
        }
        let active = self.subscriptions.iter().filter(|it| it.is_active);
        if active.count() >= SUBSCRIPTIONS_MAX {
            let message = format!(
                "there are {SUBSCRIPTIONS_MAX} subscriptions, and no more may be; end some first"
            );
            return Err(Failure::new(ErrorCode::RateLimited, message));
        }
        let newest = self.subscriptions.last().map_or(0, |last| last.id.0);
        let kept = Kept {
            span,
            token: Vec::new(),
            is_whole: false,
            used_at_ms: now_ms,
        };
        let mut subscription = Subscription::stored(newest + 1, kept);
        subscription.is_active = true;
        let id = subscription.id;
        let span = subscription.kept.span.clone();
        self.subscriptions.push(subscription);
        self.keep(id);
        self.watch(id)?;
        self.begin_job(Job::note_expiring(span));
        Ok(id)
    }

    /// These keys need not be kept up to date any more. What is here of them stays until other spans have
    /// been subscribed to since, so that who subscribes again soon goes on from there.
    pub fn unsubscribe(&mut self, now: Instant, subscription: SubscriptionId) {
        self.now = now;
        self.keep(subscription);
        let Some(it) = self.subscription(subscription) else {
            return;
        };
        it.is_active = false;
        it.fill = None;
        it.hearing = Hearing::Nothing;
        it.is_dirty = false;
        if let Some(watch) = it.watch.take() {
            self.client.unwatch(now, watch);
        }
        self.drop_unheard();
        self.forget_oldest();
    }

    /// Subscriptions that are kept up to date.
    #[must_use]
    pub fn subscriptions(&self) -> usize {
        self.subscriptions.iter().filter(|it| it.is_active).count()
    }

    pub(super) fn subscription(&mut self, id: SubscriptionId) -> Option<&mut Subscription> {
        self.subscriptions.iter_mut().find(|it| it.id == id)
    }

    /// Whether the copy of `key`, if it has one, is not to be dropped.
    pub(super) fn is_kept(&self, key: &[u8]) -> bool {
        self.subscriptions.iter().any(|it| it.selects(key))
    }

    /// Whether what is not here of `key` is not on the ring either, as far as this leaf has heard.
    pub(super) fn is_whole(&self, key: &[u8]) -> bool {
        let is_whole = |it: &Subscription| it.kept.is_whole && it.selects(key);
        self.subscriptions.iter().any(is_whole)
    }

    /// Whether the ring is heard to say what becomes of `key`.
    pub(super) fn is_fresh(&self, key: &[u8]) -> bool {
        let is_fresh = |it: &Subscription| it.hearing == Hearing::All && it.selects(key);
        self.subscriptions.iter().any(is_fresh)
    }

    /// Whether somebody is to be told what becomes of `key`.
    pub(super) fn is_heard(&self, key: &[u8]) -> bool {
        self.subscriptions
            .iter()
            .any(|it| it.is_active && it.selects(key))
    }

    /// The connection is gone.
    pub(super) fn hear_nothing(&mut self) {
        for it in &mut self.subscriptions {
            it.hearing = Hearing::Nothing;
        }
    }

    /// All that was told is stored: subscriptions that go on where they were are all here.
    pub(super) fn end_resuming(&mut self) {
        for it in &mut self.subscriptions {
            if it.hearing == Hearing::Resumed && it.fill.is_none() && it.kept.is_whole {
                it.hearing = Hearing::All;
                self.outputs.push_back(LeafOutput::Synced {
                    subscription: it.id,
                });
            }
        }
    }

    fn watch(&mut self, id: SubscriptionId) -> Result<(), Failure> {
        let bucket = self.settings.bucket.clone().into();
        let Some(at) = self.subscriptions.iter().position(|it| it.id == id) else {
            return Ok(());
        };
        let kept = &self.subscriptions[at].kept;
        let spec = WatchSpec {
            bucket,
            span: kept.span.clone(),
            token: match kept.is_whole {
                true => kept.token.clone(),
                false => Vec::new(),
            },
        };
        match self.client.watch(self.now, spec) {
            Ok(watch) => {
                self.subscriptions[at].watch = Some(watch);
                Ok(())
            }
            Err(failure) => {
                self.subscriptions[at].is_active = false;
                Err(failure)
            }
        }
    }

    /// Takes in what the ring says of what is watched.
    pub(super) fn hear(&mut self, output: WatchOutput) {
        let (watch, happened) = match output {
            WatchOutput::Watching { watch } => (watch, Happened::Watching),
            WatchOutput::Resumed { watch } => (watch, Happened::Resumed),
            WatchOutput::Resync { watch } => (watch, Happened::Resync),
            WatchOutput::Changes { watch, changes } => (watch, Happened::Changes(changes)),
            WatchOutput::Shown { watch, shown } => (watch, Happened::Shown(shown)),
            WatchOutput::Failed { watch, failure } => (watch, Happened::Failed(failure)),
        };
        let found = self
            .subscriptions
            .iter_mut()
            .find(|it| it.watch == Some(watch));
        let Some(it) = found else {
            return;
        };
        let id = it.id;
        let span = it.kept.span.clone();
        match happened {
            Happened::Resumed => {
                it.hearing = Hearing::Resumed;
                self.drop_overlay(&span);
                self.take_in();
            }
            Happened::Watching | Happened::Resync => {
                it.hearing = Hearing::Resumed;
                it.kept.token = Vec::new();
                self.drop_overlay(&span);
                self.fill(id);
            }
            Happened::Changes(changes) => {
                it.is_dirty = true;
                let due = self.now + Duration::from_millis(SUBSCRIPTION_TOKEN_MS);
                self.keep_at = self.keep_at.or(Some(due));
                for change in changes {
                    self.incoming.push(change.into());
                }
                self.take_in();
            }
            Happened::Shown(shown) => {
                it.is_dirty = true;
                let due = self.now + Duration::from_millis(SUBSCRIPTION_TOKEN_MS);
                self.keep_at = self.keep_at.or(Some(due));
                self.take_shown(shown);
            }
            Happened::Failed(failure) => {
                it.watch = None;
                it.is_active = false;
                it.fill = None;
                it.hearing = Hearing::Nothing;
                self.drop_unheard();
                self.outputs.push_back(LeafOutput::Unsubscribed {
                    subscription: id,
                    failure,
                });
            }
        }
    }

    /// Stores how far the subscriptions are, if that is time and all that they were told is stored.
    pub(super) fn keep_all(&mut self) {
        if self.keep_at.is_none_or(|at| at > self.now) || !self.incoming.is_empty() {
            return;
        }
        self.keep_at = None;
        let dirty = self.subscriptions.iter().filter(|it| it.is_dirty);
        for id in dirty.map(|it| it.id).collect::<Vec<_>>() {
            self.keep(id);
        }
    }

    /// Stores how far a subscription is. Changes that were told and are not stored yet come again.
    pub(super) fn keep(&mut self, id: SubscriptionId) {
        if !matches!(self.phase, Phase::Open) {
            return;
        }
        let is_all_taken = self.incoming.is_empty();
        let Some(at) = self.subscriptions.iter().position(|it| it.id == id) else {
            return;
        };
        let it = &mut self.subscriptions[at];
        // While all keys are being fetched those are missing that changed before, and what is in doubt is
        // listed anew after a restart.
        it.is_dirty = self.doubts.any_in(&it.kept.span);
        if is_all_taken
            && it.fill.is_none()
            && !it.is_dirty
            && let Some(token) = it.watch.and_then(|watch| self.client.watch_token(watch))
        {
            it.kept.token = token;
        }
        let bytes = record::encode(&it.kept);
        self.put(record::kept_key(id.0), &bytes, false);
    }

    /// Forgets what nobody has wanted for longest, if too much is kept.
    fn forget_oldest(&mut self) {
        let idle = || self.subscriptions.iter().filter(|it| !it.is_active);
        if idle().count() <= SUBSCRIPTIONS_KEPT_MAX {
            return;
        }
        let Some(oldest) = idle().min_by_key(|it| it.kept.used_at_ms).map(|it| it.id) else {
            return;
        };
        if let Some(at) = self.subscriptions.iter().position(|it| it.id == oldest) {
            let gone = self.subscriptions.remove(at);
            self.put(record::kept_key(oldest.0), REMOVED, false);
            self.begin_job(Job::let_go(gone.kept.span));
        }
    }
}

/// What was told of a watch.
enum Happened {
    Watching,
    Resumed,
    Resync,
    Changes(Vec<Change>),
    Shown(Shown),
    Failed(Failure),
}
