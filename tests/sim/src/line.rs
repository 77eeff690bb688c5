//! A client's connection to a [`Cluster`]: what its driver and the host of a node do between them.

use crate::Cluster;
use crate::medium::Dialler;
use henge_core::id::PartitionId;
use henge_core::limits::{PAIR_BYTES_MAX, PROTOCOL_VERSION};
use henge_core::time::Instant;
use henge_core::wire::ClientId;
use henge_core::wire::{
    self, ErrorCode, Features, FrameKind, Frames, Hello, Refusal, Request, Response, Welcome,
};
use std::collections::BTreeMap;

/// One connection after the other.
#[derive(Debug)]
pub struct Line {
    /// What its servers know it by; another one with each connection.
    client: ClientId,
    link: Link,
    /// What servers let a pair have, in bytes.
    pub pair_bytes_max: u32,
    /// The cluster's id, as servers say it.
    pub cluster: u64,
    /// What servers say that they serve.
    pub features: Features,
}

#[derive(Debug)]
enum Link {
    Down {
        redial_at: Instant,
    },
    /// To this seat, with what was asked: our number and the client's.
    Up {
        seat: usize,
        asked: BTreeMap<u64, u64>,
    },
}

impl Line {
    /// A line that is to be dialled at `now`. The clients of a world have seeds of their own.
    #[must_use]
    pub const fn new(now: Instant, seed: u64) -> Self {
        Self {
            client: ClientId((seed | 1) << 16),
            link: Link::Down { redial_at: now },
            pair_bytes_max: 10_240,
            cluster: 1,
            features: Features::ALL,
        }
    }

    /// Whether it is to be dialled.
    #[must_use]
    pub fn is_due(&self, now: Instant) -> bool {
        matches!(self.link, Link::Down { redial_at } if redial_at <= now)
    }

    /// Whether it leads to a seat.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        matches!(self.link, Link::Up { .. })
    }

    /// It is to be dialled at `now`; its server has not noticed yet that it is gone.
    pub fn forget(&mut self, now: Instant) {
        self.link = Link::Down { redial_at: now };
    }

    /// Whether it leads to `seat`.
    pub(crate) const fn leads_to(&self, seat: usize) -> bool {
        matches!(self.link, Link::Up { seat: at, .. } if at == seat)
    }

    /// Dials `seat` for `who`, if it is time to; nobody answers without one.
    pub(crate) fn dial(
        &mut self,
        cluster: &mut Cluster,
        seat: Option<usize>,
        who: &mut impl Dialler,
    ) {
        let now = cluster.now;
        if !self.is_due(now) {
            return;
        }
        who.handle_dialing(now);
        match seat {
            Some(seat) => {
                self.connect(seat);
                who.handle_connected(now);
            }
            None => {
                self.drop_until(cluster, NEVER);
                who.handle_disconnected(now);
            }
        }
    }

    /// Tells `who` what the server has said since the last time.
    pub(crate) fn hear_for(&mut self, cluster: &mut Cluster, who: &mut impl Dialler) {
        let message = self.hear(cluster);
        if !message.is_empty() {
            let heard = who.handle_message(cluster.now, &message);
            heard.expect("what a node says");
        }
    }

    /// Sends what `who` says, and tells it the answer to a greeting.
    pub(crate) fn send_for(
        &mut self,
        cluster: &mut Cluster,
        message: &[u8],
        who: &mut impl Dialler,
    ) {
        if let Some(greeting) = self.send(cluster, message) {
            let heard = who.handle_message(cluster.now, &greeting);
            heard.expect("a greeting");
        }
    }

    /// It is cut under `who`; it is not dialled before that is asked for.
    pub(crate) fn cut(&mut self, cluster: &mut Cluster, who: &mut impl Dialler) {
        if self.is_up() {
            self.drop_until(cluster, NEVER);
            who.handle_disconnected(cluster.now);
        }
    }

    /// It leads to this seat.
    pub fn connect(&mut self, seat: usize) {
        self.client.0 += 1;
        let asked = BTreeMap::new();
        self.link = Link::Up { seat, asked };
    }

    /// It leads nowhere, and is dialled at this moment.
    pub fn drop_until(&mut self, cluster: &mut Cluster, redial_at: Instant) {
        if let Link::Up { seat, .. } = self.link {
            cluster.client_gone(seat, self.client);
        }
        self.link = Link::Down { redial_at };
    }

    /// What the server has said since the last time.
    pub fn hear(&mut self, cluster: &mut Cluster) -> Vec<u8> {
        let Link::Up { asked, .. } = &mut self.link else {
            return Vec::new();
        };
        let mut message = Vec::new();
        asked.retain(|number, own| match cluster.take_response(*number) {
            Some(response) => {
                let response = Response {
                    id: *own,
                    ..response
                };
                wire::put_message(&mut message, FrameKind::Response, PartitionId(0), &response);
                false
            }
            None => true,
        });
        for frame in cluster.take_told(self.client) {
            message.extend_from_slice(&frame);
        }
        message
    }

    /// Sends what a client says. The answer to a greeting comes at once.
    ///
    /// # Panics
    /// If clients do not say that.
    pub fn send(&mut self, cluster: &mut Cluster, message: &[u8]) -> Option<Vec<u8>> {
        let mut greeting = None;
        for frame in Frames::new(message) {
            let frame = frame.expect("what a client says");
            let Link::Up { seat, asked } = &mut self.link else {
                return None;
            };
            let seat = *seat;
            match frame.kind {
                FrameKind::Hello => {
                    let hello: Hello = wire::decode_body(frame.body).expect("a greeting");
                    greeting = Some(self.greet(cluster, seat, &hello));
                }
                FrameKind::Request => {
                    let mut request: Request = wire::decode_body(frame.body).expect("a request");
                    let number = cluster.take_number();
                    asked.insert(number, request.id);
                    request.id = number;
                    let frame = wire::message_frame(frame.kind, frame.partition, &request);
                    cluster.hand(seat, frame);
                }
                FrameKind::Watch => cluster.hand_from(seat, self.client, frame.bytes.to_vec()),
                kind => panic!("a client says no {kind:?}"),
            }
        }
        greeting
    }

    /// What the server in a seat says to a greeting.
    #[must_use]
    pub fn greet(&self, cluster: &Cluster, seat: usize, hello: &Hello) -> Vec<u8> {
        let partition = PartitionId(0);
        if hello.cluster.is_some_and(|asked| asked != self.cluster) {
            let refusal = Refusal {
                code: ErrorCode::Protocol,
                message: "another cluster".into(),
            };
            return wire::message_frame(FrameKind::Refusal, partition, &refusal);
        }
        let welcome = Welcome {
            version: PROTOCOL_VERSION,
            cluster: self.cluster,
            member: cluster.seats[seat].id,
            name: cluster.seats[seat].name.clone(),
            partitions: cluster.state().target().partitions(),
            replicas: 3,
            pair_bytes_max: self
                .pair_bytes_max
                .min(u32::try_from(PAIR_BYTES_MAX).unwrap_or(u32::MAX)),
            features: self.features,
        };
        wire::message_frame(FrameKind::Welcome, partition, &welcome)
    }
}

pub(crate) const NEVER: Instant = Instant::from_micros(u64::MAX);
