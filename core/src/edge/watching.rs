//! Who watches what. What is watched, the leaf subscribes to; the same keys, and keys among others that are
//! watched already, once.

use super::client::Served;
use super::{ClientId, Edge};
use crate::leaf::SubscriptionId;
use crate::limits::EDGE_WATCHES_PER_CLIENT_MAX;
use crate::selector::{Selector, Span};
use crate::time::Instant;
use crate::watch::Mark;
use crate::wire::{ErrorCode, Failure, WatchEvent, WatchRequest};
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

/// A watch of a client.
#[derive(Debug)]
pub(super) struct Watch {
    /// The client's number.
    pub(super) number: u64,
    pub(super) span: Span,
    /// Where the client says it has come to; empty from the beginning, `None` if that is forgotten.
    pub(super) token: Option<Vec<Mark>>,
    /// It was told that it watches.
    pub(super) is_told: bool,
}

/// Some keys that clients watch.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) span: Span,
    subscription: SubscriptionId,
    /// Since this many states were shown each change of these keys is among them.
    since: u64,
    /// Each with its number.
    pub(super) by: Vec<(ClientId, u64)>,
}

impl Edge {
    pub(super) fn take_watch(&mut self, now: Instant, client: ClientId, request: WatchRequest) {
        match request {
            WatchRequest::Begin {
                watch,
                selector,
                token,
            } => {
                let begun = self.begin(now, client, watch, selector, token);
                if let Err(failure) = begun {
                    self.tell(client, vec![WatchEvent::Failed { watch, failure }]);
                }
            }
            WatchRequest::End { watch } => {
                let Some(served) = self.clients.get_mut(&client) else {
                    return;
                };
                if let Some(at) = served.watches.iter().position(|it| it.number == watch) {
                    let watch = served.watches.remove(at);
                    served.is_changed = true;
                    self.end_watches(now, client, vec![watch]);
                }
            }
            WatchRequest::Ack { number } => {
                let served = self.clients.get_mut(&client);
                if served.is_some_and(|served| served.acknowledge(number)) {
                    self.catch_up(client);
                }
            }
            WatchRequest::Probe => {
                let marks = self.marks();
                self.tell(client, vec![marks]);
            }
        }
    }

    fn begin(
        &mut self,
        now: Instant,
        client: ClientId,
        number: u64,
        selector: Selector,
        token: Vec<Mark>,
    ) -> Result<(), Failure> {
        let failed = |code, message| Err(Failure::new(code, message));
        selector.check()?;
        let bucket = self.leaf.greeted().map(|greeted| greeted.bucket);
        if bucket != Some(selector.bucket) {
            let known = core::iter::once(self.leaf.bucket());
            let wanted = format!("of the number {}", selector.bucket.0);
            return Err(Failure::no_such_bucket(wanted, known));
        }
        let Some(served) = self.clients.get(&client) else {
            return Ok(());
        };
        if served.watches.iter().any(|it| it.number == number) {
            let message = "there is a watch of this number; give each one its own";
            return failed(ErrorCode::Protocol, message.into());
        }
        if served.watches.len() >= EDGE_WATCHES_PER_CLIENT_MAX {
            let message = format!(
                "this client has {EDGE_WATCHES_PER_CLIENT_MAX} watches at this edge node, and no more \
                 may be; end some first"
            );
            return failed(ErrorCode::RateLimited, message);
        }
        let span = selector.span;
        let subscription = self.add_watch(now, client, number, span.clone())?;
        let is_here = self.leaf.is_all_here(subscription);
        if let Some(served) = self.clients.get_mut(&client) {
            served.is_changed = true;
            served.watches.push(Watch {
                number,
                span,
                token: Some(token),
                is_told: false,
            });
        }
        if is_here {
            self.begin_all(subscription);
        }
        Ok(())
    }

    /// A watch of an earlier life goes on.
    pub(super) fn go_on_watching(
        &mut self,
        now: Instant,
        client: ClientId,
        number: u64,
        span: Span,
        is_told: bool,
    ) {
        match self.add_watch(now, client, number, span.clone()) {
            Ok(subscription) => {
                if let Some(served) = self.clients.get_mut(&client) {
                    served.watches.push(Watch {
                        number,
                        span,
                        token: None,
                        is_told,
                    });
                }
                if self.leaf.is_all_here(subscription) {
                    self.begin_all(subscription);
                }
            }
            Err(failure) => {
                let watch = number;
                self.tell(client, vec![WatchEvent::Failed { watch, failure }]);
            }
        }
    }

    fn add_watch(
        &mut self,
        now: Instant,
        client: ClientId,
        number: u64,
        span: Span,
    ) -> Result<SubscriptionId, Failure> {
        if let Some(same) = self.watched.iter_mut().find(|it| it.span == span) {
            same.by.push((client, number));
            return Ok(same.subscription);
        }
        let wider = self.watched.iter().find(|it| has(&it.span, &span));
        let (subscription, since) = match wider {
            Some(wider) => (wider.subscription, wider.since),
            None => {
                let subscription = self.leaf.subscribe(now, span.clone())?;
                (subscription, self.tail.begin_anew())
            }
        };
        let by = vec![(client, number)];
        self.watched.push(Watched {
            span,
            subscription,
            since,
            by,
        });
        Ok(subscription)
    }

    /// A client watches these no more.
    pub(super) fn end_watches(&mut self, now: Instant, client: ClientId, watches: Vec<Watch>) {
        for watch in watches {
            let Some(at) = self.watched.iter().position(|it| it.span == watch.span) else {
                continue;
            };
            let watched = &mut self.watched[at];
            watched.by.retain(|it| *it != (client, watch.number));
            if !watched.by.is_empty() {
                continue;
            }
            let subscription = self.watched.remove(at).subscription;
            let mut rest = self.watched.iter();
            if !rest.any(|it| it.subscription == subscription) {
                self.leaf.unsubscribe(now, subscription);
            }
        }
    }

    /// All is here of a subscription: who waits for that is told.
    pub(super) fn begin_all(&mut self, subscription: SubscriptionId) {
        let mut waiting = Vec::new();
        for watched in &self.watched {
            if watched.subscription == subscription {
                let by = watched.by.iter();
                waiting.extend(by.map(|(client, number)| (*client, *number, watched.since)));
            }
        }
        for (client, number, since) in waiting {
            let watch = |served: &mut Served| {
                let mut watches = served.watches.iter_mut();
                let it = watches.find(|it| it.number == number && !it.is_told)?;
                it.is_told = true;
                served.is_changed = true;
                Some((it.span.clone(), it.token.replace(Vec::new())))
            };
            if let Some((span, token)) = self.clients.get_mut(&client).and_then(watch) {
                self.tell_beginning(client, number, &span, token.as_deref(), since);
            }
        }
    }

    /// The ring does not let these be watched.
    pub(super) fn fail_watches(&mut self, subscription: SubscriptionId, failure: &Failure) {
        let (gone, rest) = core::mem::take(&mut self.watched)
            .into_iter()
            .partition(|it: &Watched| it.subscription == subscription);
        self.watched = rest;
        for (client, watch) in gone.into_iter().flat_map(|it: Watched| it.by) {
            if let Some(served) = self.clients.get_mut(&client) {
                served.watches.retain(|it| it.number != watch);
                served.is_changed = true;
            }
            let failure = failure.clone();
            self.tell(client, vec![WatchEvent::Failed { watch, failure }]);
        }
    }
}

/// Whether all keys of `narrow` are among those of `wide`.
fn has(wide: &Span, narrow: &Span) -> bool {
    match (wide, narrow) {
        (Span::Prefix(prefix), Span::Key(bytes) | Span::Prefix(bytes)) => bytes.starts_with(prefix),
        (Span::Range { .. }, Span::Key(key)) => wide.holds(key),
        _ => false,
    }
}
