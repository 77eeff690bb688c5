//! Who watches is told what changes: each time that the node shows another state of a key.

use super::{ClientId, Edge};
use crate::leaf::{Answer, Source};
use crate::limits::{EDGE_TAIL_BYTES_MAX, EDGE_TAIL_ENTRIES_MAX};
use crate::selector::Span;
use crate::watch::{Mark, Position};
use crate::wire::{Shown, ShownState, WatchEvent};
use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;

/// What was shown last, for who comes back.
#[derive(Debug, Default)]
pub(super) struct Tail {
    /// `None` where a subscription has begun.
    shown: VecDeque<Option<Shown>>,
    bytes: usize,
    /// How much was shown in this life.
    count: u64,
}

impl Tail {
    /// More keys are subscribed to: what became of them before was not shown. Returns from where on it is.
    pub(super) fn begin_anew(&mut self) -> u64 {
        self.push(None);
        self.count
    }

    fn push(&mut self, shown: Option<Shown>) {
        self.count += 1;
        self.bytes += bytes(shown.as_ref());
        self.shown.push_back(shown);
        while self.shown.len() > EDGE_TAIL_ENTRIES_MAX || self.bytes > EDGE_TAIL_BYTES_MAX {
            let Some(oldest) = self.shown.pop_front() else {
                break;
            };
            self.bytes -= bytes(oldest.as_ref());
        }
    }

    /// What was shown behind `index`; `None` if some of that is forgotten, or has never been.
    fn since(&self, index: u64) -> Option<impl Iterator<Item = &Shown>> {
        let missed = usize::try_from(self.count.checked_sub(index)?).ok()?;
        let skipped = self.shown.len().checked_sub(missed)?;
        Some(self.shown.iter().skip(skipped).flatten())
    }
}

fn bytes(shown: Option<&Shown>) -> usize {
    let held = |shown: &Shown| {
        let values = shown.value.iter().chain(&shown.siblings);
        let values = values.map(|value| size_of_val(value) + value.bytes.len());
        shown.key.len() + shown.context.len() + values.sum::<usize>()
    };
    size_of::<Shown>() + shown.map_or(0, held)
}

impl Edge {
    /// A key shows another state.
    pub(super) fn show(&mut self, key: Vec<u8>, answer: Answer) {
        self.show_all(&shown(key, answer));
    }

    /// The ring has nothing any more of what `context` has seen of a key.
    pub(super) fn show_gone(&mut self, key: Vec<u8>, context: Vec<u8>) {
        self.show_all(&Shown {
            key,
            state: ShownState::Gone,
            value: None,
            version: None,
            siblings: Vec::new(),
            expires_at_ms: None,
            context,
        });
    }

    fn show_all(&mut self, shown: &Shown) {
        let mut told: Vec<(ClientId, u64)> = Vec::new();
        for watched in self.watched.iter().filter(|it| it.span.holds(&shown.key)) {
            told.extend(&watched.by);
        }
        told.sort_unstable();
        self.tail.push(Some(shown.clone()));
        let marks = self.marks();
        for of_client in told.chunk_by(|(this, _), (that, _)| this == that) {
            let client = of_client[0].0;
            let Some(served) = self.clients.get_mut(&client) else {
                continue;
            };
            let is_told = |number: &u64| {
                let mut watches = served.watches.iter();
                watches.any(|it| it.number == *number && it.is_told)
            };
            let numbers = of_client.iter().map(|(_, number)| *number);
            let watches: Vec<u64> = numbers.filter(is_told).collect();
            if watches.is_empty() {
                continue;
            }
            if served.is_slow() {
                served.is_changed |= !served.is_behind;
                served.is_behind = true;
                continue;
            }
            if served.is_behind {
                continue;
            }
            let shown = shown.clone();
            served.tell(vec![WatchEvent::Shown { watches, shown }, marks.clone()]);
        }
    }

    /// Tells a client something of its watches.
    pub(super) fn tell(&mut self, client: ClientId, events: Vec<WatchEvent>) {
        if let Some(served) = self.clients.get_mut(&client) {
            served.tell(events);
        }
    }

    /// A watch begins, where `token` says that the client has come to if that is known, and nothing of `span`
    /// was left out since: what waits here, what it has missed, and that it watches, in this order.
    pub(super) fn tell_beginning(
        &mut self,
        client: ClientId,
        watch: u64,
        span: &Span,
        token: Option<&[Mark]>,
        since: u64,
    ) {
        let (member, incarnation) = (self.member, self.incarnation);
        let own = |it: &&Mark| it.member == member && it.incarnation == incarnation;
        let mark = token.unwrap_or_default().iter().find(own);
        let position = mark.map(|mark| mark.position.index);
        let position = position.filter(|index| *index >= since);
        let missed = position.and_then(|index| self.tail.since(index));
        let is_first = token.is_some_and(<[Mark]>::is_empty);
        let end = match (&missed, is_first) {
            (None, false) => WatchEvent::Resync { watch },
            _ => WatchEvent::Watching { watch },
        };
        let missed = missed.into_iter().flatten();
        let missed = missed.filter(|it| span.holds(&it.key)).cloned();
        let events = missed.chain(self.waiting_in(span));
        let event = |shown| WatchEvent::Shown {
            watches: vec![watch],
            shown,
        };
        let mut events: Vec<WatchEvent> = events.map(event).collect();
        let joined = self.joined(watch);
        // What makes the client forget its marks comes before the new one.
        match end {
            WatchEvent::Resync { .. } => events.extend([end, joined]),
            _ => events.extend([joined, end]),
        }
        self.tell(client, events);
    }

    /// A client that was not told everything is told to read anew.
    pub(super) fn catch_up(&mut self, client: ClientId) {
        let Some(served) = self.clients.get_mut(&client) else {
            return;
        };
        if !core::mem::take(&mut served.is_behind) {
            return;
        }
        served.is_changed = true;
        let watches = served.watches.iter().filter(|it| it.is_told);
        let watches = watches.map(|it| (it.number, it.span.clone()));
        for (watch, span) in watches.collect::<Vec<_>>() {
            let event = |shown| WatchEvent::Shown {
                watches: vec![watch],
                shown,
            };
            let mut events: Vec<_> = self.waiting_in(&span).map(event).collect();
            events.extend([WatchEvent::Resync { watch }, self.joined(watch)]);
            self.tell(client, events);
        }
    }

    /// A client can come back to where this watch is now.
    fn joined(&self, watch: u64) -> WatchEvent {
        WatchEvent::Joined {
            watch,
            stream: STREAM,
            mark: Mark {
                member: self.member,
                incarnation: self.incarnation,
                position: self.position(),
            },
        }
    }

    /// How far what is told is.
    pub(super) fn marks(&self) -> WatchEvent {
        WatchEvent::Marks(vec![(STREAM, self.position())])
    }

    fn position(&self) -> Position {
        Position {
            segment: 0,
            index: self.tail.count,
        }
    }

    fn waiting_in(&self, span: &Span) -> impl Iterator<Item = Shown> + use<> {
        let waiting = self.leaf.waiting_in(span).into_iter();
        waiting.map(|(key, answer)| shown(key, answer))
    }
}

fn shown(key: Vec<u8>, answer: Answer) -> Shown {
    let Answer {
        source,
        value,
        version,
        siblings,
        expires_at_ms,
        context,
    } = answer;
    let state = match source {
        Source::Waiting => ShownState::Waiting,
        Source::Copy | Source::Ring => ShownState::Copy,
    };
    Shown {
        key,
        state,
        value,
        version,
        siblings,
        expires_at_ms,
        context,
    }
}

/// All that a node tells comes as one stream.
const STREAM: u32 = 0;
