//! An edge node with its disk, its connection to a [`Cluster`], and its clients: [`Device`]s.

use crate::Cluster;
use crate::device::Device;
use crate::line::Line;
use crate::world::disk::{Disk, DiskSettings};
use henge_core::edge::{Edge, EdgeOutput, EdgeSettings};
use henge_core::rng::Rng;
use henge_core::storage::{OperationId, StorageAnswer};
use henge_core::time::{Duration, Instant};
use henge_core::wire::ClientId;
use std::collections::{BTreeMap, BTreeSet};

/// One edge node.
#[derive(Debug)]
pub struct EdgePost {
    edge: Option<Edge>,
    disk: Disk,
    rng: Rng,
    due: BTreeSet<(Instant, OperationId)>,
    line: Line,
    /// The seat that serves it; none does without one.
    pub backbone: Option<usize>,
    /// The clients by their numbers: which device each is.
    clients: BTreeMap<ClientId, usize>,
    next_client: u64,
    /// What is remembered beside the clients' sockets.
    remembered: BTreeMap<ClientId, Vec<u8>>,
    /// It is open, with so many writes from before.
    pub found: Option<usize>,
    /// What clients were sent since the last time that somebody looked, in messages and bytes.
    pub sent: (u64, u64),
}

impl EdgePost {
    /// A node that runs.
    #[must_use]
    pub fn new(cluster: &Cluster, seed: u64, backbone: Option<usize>) -> Self {
        let mut rng = Rng::new(seed);
        let mut post = Self {
            edge: None,
            disk: Disk::new(DiskSettings::CALM, rng.next_u64()),
            rng,
            due: BTreeSet::new(),
            line: Line::new(cluster.now, seed),
            backbone,
            clients: BTreeMap::new(),
            next_client: 1,
            remembered: BTreeMap::new(),
            found: None,
            sent: (0, 0),
        };
        post.start(cluster);
        post
    }

    /// Starts it from what its disk holds.
    pub fn start(&mut self, cluster: &Cluster) {
        let mut edge = Edge::new(EdgeSettings::new(self.rng.next_u64() | 1, "edge"));
        edge.open(cluster.now, &self.disk.files());
        self.edge = Some(edge);
        self.found = None;
    }

    /// Ends it as a crash would: all sockets are gone.
    pub fn kill(&mut self, cluster: &mut Cluster, devices: &mut [Device]) {
        for (_, number) in std::mem::take(&mut self.clients) {
            devices[number].lose(cluster);
        }
        self.remembered.clear();
        self.stop(cluster);
    }

    /// Ends it as a runtime does that needs the memory: the sockets of its clients stay open.
    pub fn evict(&mut self, cluster: &mut Cluster) {
        self.stop(cluster);
        self.start(cluster);
    }

    fn stop(&mut self, cluster: &mut Cluster) {
        self.edge = None;
        self.due.clear();
        self.disk.crash();
        self.line.drop_until(cluster, cluster.now);
    }

    /// Its disk.
    pub const fn disk(&mut self) -> &mut Disk {
        &mut self.disk
    }

    /// Empties its disk.
    pub fn wipe(&mut self) {
        self.disk = Disk::new(DiskSettings::CALM, self.rng.next_u64());
    }

    /// What servers say of themselves to this one.
    pub const fn line(&mut self) -> &mut Line {
        &mut self.line
    }

    /// The node.
    ///
    /// # Panics
    /// If it does not run.
    pub const fn edge(&mut self) -> &mut Edge {
        self.edge.as_mut().expect("it runs")
    }

    /// Its connection to the ring is lost; `backbone` says where it finds the next.
    pub fn cut(&mut self, cluster: &mut Cluster) {
        if self.line.drop_until(cluster, NEVER) {
            let now = cluster.now;
            self.edge().handle_disconnected(now);
        }
    }

    /// The connection of a device is lost.
    pub fn cut_client(&mut self, cluster: &mut Cluster, devices: &mut [Device], number: usize) {
        let found = self.clients.iter().find(|(_, it)| **it == number);
        if let Some(client) = found.map(|(client, _)| *client) {
            self.forget(client);
            devices[number].lose(cluster);
            if self.edge.is_some() {
                let now = cluster.now;
                self.edge().handle_client_gone(now, client);
            }
        }
    }

    fn forget(&mut self, client: ClientId) {
        self.clients.remove(&client);
        self.remembered.remove(&client);
    }

    /// Lets virtual time pass for all.
    pub fn run(&mut self, cluster: &mut Cluster, devices: &mut [Device], span: Duration) {
        let end = cluster.now + span;
        while cluster.now < end {
            cluster.run_for(STEP.min(end.since(cluster.now)));
            self.turn(cluster, devices);
        }
    }

    /// Does what is due.
    pub fn turn(&mut self, cluster: &mut Cluster, devices: &mut [Device]) {
        for device in devices.iter_mut() {
            device.turn(cluster);
        }
        if self.edge.is_none() {
            return;
        }
        let now = cluster.now;
        self.serve(cluster, devices);
        self.dial(cluster);
        let message = self.line.hear(cluster);
        if !message.is_empty() {
            let heard = self.edge().handle_message(now, &message);
            heard.expect("what a node says");
        }
        self.drain(cluster, devices);
        while let Some((at, operation)) = self.due.first().copied()
            && at <= now
        {
            self.due.pop_first();
            let result = self.disk.complete(operation);
            let answer = match &result {
                Ok(None) => Ok(StorageAnswer::Done),
                Ok(Some(bytes)) => Ok(StorageAnswer::Bytes(bytes)),
                Err(fault) => Err(fault.clone()),
            };
            self.edge().handle_done(now, operation, answer);
            self.drain(cluster, devices);
        }
        for _ in 0..100 {
            if self.edge().poll_timeout().is_none_or(|at| at > now) {
                break;
            }
            self.edge().handle_timeout(now);
            self.drain(cluster, devices);
        }
        for device in devices {
            device.turn(cluster);
        }
    }

    /// Takes in what clients say.
    fn serve(&mut self, cluster: &mut Cluster, devices: &mut [Device]) {
        if self.found.is_none() {
            return;
        }
        let now = cluster.now;
        for (number, device) in devices.iter_mut().enumerate() {
            if device.has_dialled_edge() {
                let before = self.clients.iter().find(|(_, it)| **it == number);
                if let Some(client) = before.map(|(client, _)| *client) {
                    self.forget(client);
                    self.edge().handle_client_gone(now, client);
                }
                let client = ClientId(self.next_client);
                self.next_client += 1;
                self.clients.insert(client, number);
                self.edge().handle_client(client);
            }
            let found = self.clients.iter().find(|(_, it)| **it == number);
            let Some(client) = found.map(|(client, _)| *client) else {
                continue;
            };
            for message in device.take_sent() {
                self.edge().handle_client_message(now, client, &message);
            }
        }
        self.drain(cluster, devices);
    }

    fn dial(&mut self, cluster: &mut Cluster) {
        let now = cluster.now;
        if !self.line.is_due(now) {
            return;
        }
        self.edge().handle_dialing(now);
        match self.backbone {
            Some(seat) => {
                self.line.connect(seat);
                self.edge().handle_connected(now);
            }
            None => {
                self.line.drop_until(cluster, NEVER);
                self.edge().handle_disconnected(now);
            }
        }
    }

    fn drain(&mut self, cluster: &mut Cluster, devices: &mut [Device]) {
        let now = cluster.now;
        while let Some(output) = self.edge().poll_output(now) {
            match output {
                EdgeOutput::Storage { operation, request } => {
                    let at = self.disk.submit(now, operation, request);
                    self.due.insert((at, operation));
                }
                EdgeOutput::Backbone(message) => {
                    if let Some(greeting) = self.line.send(cluster, &message) {
                        let heard = self.edge().handle_message(now, &greeting);
                        heard.expect("a greeting");
                    }
                }
                EdgeOutput::Redial { at } => {
                    self.line.drop_until(cluster, at);
                }
                EdgeOutput::Client { client, message } => {
                    if let Some(number) = self.clients.get(&client) {
                        self.sent.0 += 1;
                        self.sent.1 += message.len() as u64;
                        devices[*number].take(cluster, &message);
                    }
                }
                EdgeOutput::Close { client } => {
                    if let Some(number) = self.clients.get(&client).copied() {
                        self.forget(client);
                        devices[number].lose(cluster);
                    }
                }
                EdgeOutput::Remember { client, bytes } => {
                    self.remembered.insert(client, bytes);
                }
                EdgeOutput::Opened { pending } => {
                    self.found = Some(pending);
                    for client in self.clients.keys().copied().collect::<Vec<_>>() {
                        let bytes = self.remembered.get(&client).cloned().unwrap_or_default();
                        self.edge().restore(now, client, &bytes);
                    }
                }
                EdgeOutput::Refused(refusal) => panic!("{refusal:?}"),
                EdgeOutput::Failed(_)
                | EdgeOutput::Full
                | EdgeOutput::Ping(_)
                | EdgeOutput::State(_) => {}
            }
        }
    }
}

/// How far time goes at once.
const STEP: Duration = Duration::from_micros(200);
const NEVER: Instant = Instant::from_micros(u64::MAX);
