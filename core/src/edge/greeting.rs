//! Clients come and go. What must be known of those whose sockets outlive the node is remembered beside the
//! sockets.

use super::client::{Remembered, Served};
use super::{Edge, EdgeOutput};
use crate::encoded::encoded;
use crate::id::BucketId;
use crate::leaf::Greeted;
use crate::limits::{EDGE_CLIENTS_MAX, EDGE_REMEMBERED_BYTES_MAX, PROTOCOL_VERSION};
use crate::planted::{Bug, is_planted};
use crate::time::Instant;
use crate::wire::{
    ClientId, ErrorCode, Features, Frame, FrameError, FrameKind, Frames, Hello, NamedBucket,
    Notice, Refusal, Role, Welcome, decode_body,
};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

impl Edge {
    /// A client's socket is open.
    pub fn handle_client(&mut self, client: ClientId) {
        let is_full = self.clients.len() >= EDGE_CLIENTS_MAX;
        self.clients.insert(client, Served::default());
        if is_full {
            let message =
                format!("this edge node has its {EDGE_CLIENTS_MAX} clients; try again later");
            self.refuse(client, ErrorCode::RateLimited, message);
        }
    }

    /// A client has sent a binary message. If it is not what clients say, the client is told so and its
    /// socket closed.
    pub fn handle_client_message(&mut self, now: Instant, client: ClientId, message: &[u8]) {
        for frame in Frames::new(message) {
            let taken = frame.and_then(|frame| self.take_frame(now, client, &frame));
            if let Err(error) = taken {
                return self.refuse(client, ErrorCode::Protocol, error.to_string());
            }
        }
    }

    /// A client's socket is closed.
    pub fn handle_client_gone(&mut self, now: Instant, client: ClientId) {
        if let Some(served) = self.clients.remove(&client) {
            self.end_watches(now, client, served.watches);
        }
    }

    /// A client whose socket is open since an earlier life of this node, with what was to be remembered of
    /// it. To be called when the node is open.
    pub fn restore(&mut self, now: Instant, client: ClientId, bytes: &[u8]) {
        self.clients.insert(client, Served::default());
        let Ok(remembered) = postcard::from_bytes::<Remembered>(bytes) else {
            // It connects again, and says all anew.
            return self.close(client);
        };
        if let Some(served) = self.clients.get_mut(&client) {
            served.is_greeted = true;
            if !is_planted(Bug::MakersForgotten) {
                served.makers = remembered.makers;
            }
            served.is_behind = remembered.is_behind;
        }
        for (number, span, is_told) in remembered.watches {
            self.go_on_watching(now, client, number, span, is_told);
        }
        self.catch_up(client);
    }

    fn take_frame(
        &mut self,
        now: Instant,
        client: ClientId,
        frame: &Frame<'_>,
    ) -> Result<(), FrameError> {
        // What comes behind a refusal is nobody's.
        let Some(served) = self.clients.get(&client) else {
            return Ok(());
        };
        match (frame.kind, served.is_greeted) {
            (FrameKind::Hello, false) => self.greet(client, &decode_body(frame.body)?),
            (FrameKind::Request, true) => {
                let partition = frame.partition;
                self.ask(now, client, partition, decode_body(frame.body)?);
            }
            (FrameKind::Watch, true) => self.take_watch(now, client, decode_body(frame.body)?),
            (kind, _) => return Err(FrameError::Kind(kind as u8)),
        }
        Ok(())
    }

    fn greet(&mut self, client: ClientId, hello: &Hello) {
        let Some(greeted) = self.leaf.greeted() else {
            let message = "this edge node has not met the ring yet; try again when it has";
            return self.refuse(client, ErrorCode::Unavailable, message.into());
        };
        if let Err(Refusal { code, message }) = hello.check(greeted.cluster) {
            return self.refuse(client, code, message);
        }
        if hello.role != Role::Client {
            let message = "this is an edge node; members meet members";
            return self.refuse(client, ErrorCode::Protocol, message.into());
        }
        let welcome = Welcome {
            version: PROTOCOL_VERSION,
            cluster: greeted.cluster,
            member: self.member,
            name: self.name.clone(),
            partitions: greeted.partitions,
            replicas: greeted.replicas,
            pair_bytes_max: greeted.pair_bytes_max,
            features: Features(Features::ALL.0 | Features::EDGE.0),
        };
        let buckets = self.buckets(&greeted);
        if let Some(served) = self.clients.get_mut(&client) {
            served.is_greeted = true;
            served.is_changed = true;
            served.say(FrameKind::Welcome, &welcome);
            served.say(FrameKind::Notice, &Notice::Buckets(buckets));
        }
    }

    /// It has one bucket; the default one needs no name.
    fn buckets(&self, greeted: &Greeted) -> Vec<NamedBucket> {
        let (id, name) = (greeted.bucket, self.leaf.bucket().into());
        match id == BucketId::default() {
            true => Vec::new(),
            false => vec![NamedBucket { id, name }],
        }
    }

    /// Sends a client away.
    pub(super) fn refuse(&mut self, client: ClientId, code: ErrorCode, message: String) {
        if let Some(served) = self.clients.get_mut(&client) {
            served.say(FrameKind::Refusal, &Refusal { code, message });
        }
        self.close(client);
    }

    fn close(&mut self, client: ClientId) {
        let Some(served) = self.clients.remove(&client) else {
            return;
        };
        self.end_watches(self.leaf.now(), client, served.watches);
        if !served.message.is_empty() {
            let message = served.message;
            self.outputs
                .push_back(EdgeOutput::Client { client, message });
        }
        self.outputs.push_back(EdgeOutput::Close { client });
    }

    /// What was gathered for clients is sent, and what has changed of them remembered.
    pub(super) fn flush(&mut self) -> Option<EdgeOutput> {
        for (&client, served) in &mut self.clients {
            if core::mem::take(&mut served.is_changed) {
                let bytes = served.remembered();
                self.outputs
                    .push_back(EdgeOutput::Remember { client, bytes });
            }
            if !served.message.is_empty() {
                let message = core::mem::take(&mut served.message);
                self.outputs
                    .push_back(EdgeOutput::Client { client, message });
            }
        }
        self.outputs.pop_front()
    }
}

impl Served {
    /// What is remembered; nothing if it is too much, so that the client connects again.
    fn remembered(&self) -> Vec<u8> {
        let watches = self.watches.iter();
        let remembered = Remembered {
            makers: self.makers.clone(),
            watches: watches
                .map(|it| (it.number, it.span.clone(), it.is_told))
                .collect(),
            is_behind: self.is_behind,
        };
        let bytes = encoded(&remembered);
        match bytes.len() <= EDGE_REMEMBERED_BYTES_MAX {
            true => bytes,
            false => Vec::new(),
        }
    }
}
