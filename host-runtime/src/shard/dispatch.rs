//! Outputs on their way out.

use super::sink::ClientSink;
use super::status::ShardState;
use super::worker::Worker;
use crate::cluster::News;
use crate::net::outbox::Pushed;
use crate::net::peers::Peer;
use henge_core::node::{Event, Output};
use henge_core::time::Duration;
use std::sync::Arc;

/// How often it is told that the disk is full, while it is.
const TELL_EVERY: Duration = Duration::from_millis(10_000);

/// Whoever is to be woken once all outputs of a step are out, so that they leave as one message.
#[derive(Default)]
struct Woken {
    clients: Vec<ClientSink>,
    peers: Vec<Arc<Peer>>,
}

impl Worker {
    /// Carries out what the node wants, in its order.
    pub(super) fn dispatch(&mut self, outputs: &mut Vec<Output>) {
        let mut woken = Woken::default();
        for output in outputs.drain(..) {
            match output {
                Output::Storage { operation, request } => self.disk.push(operation, request),
                Output::Peer { to, frame } if to == self.life.config.me => {
                    if let Some(shards) = self.siblings.get() {
                        shards.between(to, frame);
                    }
                }
                Output::Peer { to, frame } => {
                    let Some(peer) = self.peers.find(to) else {
                        continue;
                    };
                    if peer.send(frame) == Pushed::Wake {
                        woken.peers.push(peer);
                    }
                }
                Output::Client { client, frame } => {
                    self.life.answered();
                    self.care.answered(client, &frame);
                    let Some(sink) = self.clients.get(&client) else {
                        continue;
                    };
                    if sink.push(frame) {
                        woken.clients.push(sink.clone());
                    }
                }
                Output::Report { id, report } => {
                    if let Some(answer) = self.inspections.remove(&id) {
                        // Whoever asked may have stopped waiting.
                        let _ = answer.send(*report);
                    }
                }
                Output::Event(event) => self.note(&event),
                Output::Cluster(state) => self.tell(News::Cluster(state)),
                Output::Wish(change) => self.tell(News::Wish(change)),
            }
        }
        woken.clients.iter().for_each(ClientSink::wake);
        woken.peers.iter().for_each(|peer| peer.outbox.wake());
    }

    fn tell(&self, news: News) {
        // A stone that is stopping needs no news.
        let _ = self.news.send(news);
    }

    fn note(&mut self, event: &Event) {
        let name = &self.name;
        match event {
            Event::Ready { .. } => {
                tracing::info!("{name} {event}");
                self.status.set_state(ShardState::Ready);
                self.held_until = None;
                if let Some(since) = self.life.recovered() {
                    let took_ms = self.clock.now().since(since).as_millis();
                    self.status.recovered(took_ms);
                    tracing::info!("{name} serves again {took_ms} ms after the trap");
                }
            }
            Event::StorageFailed(why) => {
                tracing::error!("{name} {event}");
                self.status.set_state(ShardState::Failed(why.clone()));
            }
            Event::StorageFull => {
                let now = self.clock.now();
                let told = self
                    .full_told_at
                    .is_some_and(|at| now.since(at) < TELL_EVERY);
                if !told {
                    self.full_told_at = Some(now);
                    tracing::error!("{name} {event}");
                }
            }
            Event::TableDamaged { .. } => tracing::error!("{name} {event}"),
            Event::LogTailCut { .. } => tracing::warn!("{name} {event}"),
            Event::Refused(_) => tracing::debug!("{name} {event}"),
        }
    }
}
