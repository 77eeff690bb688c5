//! An edge node with its disk, its connection to a [`Cluster`], and its clients: [`Device`]s.

use crate::Cluster;
use crate::device::Device;
use crate::line::Line;
use crate::medium::Medium;
use crate::world::disk::{Disk, answer};
use henge_core::edge::{Edge, EdgeOutput, EdgeSettings};
use henge_core::rng::Rng;
use henge_core::time::Duration;
use henge_core::wire::ClientId;
use std::collections::BTreeMap;

/// One edge node.
#[derive(Debug)]
pub struct EdgePost {
    edge: Option<Edge>,
    /// What the devices call it.
    pub number: usize,
    medium: Medium,
    rng: Rng,
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
            number: 0,
            medium: Medium::new(rng.next_u64()),
            rng,
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
        edge.open(cluster.now, &self.medium.disk.files());
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
        self.medium.crash();
        self.line.drop_until(cluster, cluster.now);
    }

    /// Its disk.
    pub const fn disk(&mut self) -> &mut Disk {
        &mut self.medium.disk
    }

    /// Empties its disk.
    pub fn wipe(&mut self) {
        self.medium = Medium::new(self.rng.next_u64());
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
        let edge = self.edge.as_mut().expect("it runs");
        self.line.cut(cluster, edge);
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
        run_all(cluster, std::slice::from_mut(self), devices, span, STEP);
    }

    /// Does what is due.
    fn turn(&mut self, cluster: &mut Cluster, devices: &mut [Device]) {
        let Some(edge) = &mut self.edge else {
            // Nobody listens there.
            for device in devices.iter_mut().filter(|it| it.post == Some(self.number)) {
                device.lose(cluster);
            }
            return;
        };
        let now = cluster.now;
        self.line.dial(cluster, self.backbone, edge);
        self.line.hear_for(cluster, edge);
        self.serve(cluster, devices);
        while let Some((operation, result)) = self.medium.take_done(now) {
            self.edge().handle_done(now, operation, answer(&result));
            self.drain(cluster, devices);
        }
        for _ in 0..100 {
            if self.edge().poll_timeout().is_none_or(|at| at > now) {
                break;
            }
            self.edge().handle_timeout(now);
            self.drain(cluster, devices);
        }
    }

    /// Takes in what clients say.
    fn serve(&mut self, cluster: &mut Cluster, devices: &mut [Device]) {
        let at_this = Some(self.number);
        let now = cluster.now;
        // While it is being opened, they wait.
        let is_open = self.found.is_some();
        let here = devices.iter_mut().enumerate();
        for (number, device) in here.filter(|(_, it)| is_open && it.post == at_this) {
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

    fn drain(&mut self, cluster: &mut Cluster, devices: &mut [Device]) {
        let now = cluster.now;
        while let Some(output) = self.edge().poll_output(now) {
            match output {
                EdgeOutput::Storage { operation, request } => {
                    self.medium.submit(now, operation, request);
                }
                EdgeOutput::Backbone(message) => {
                    let edge = self.edge.as_mut().expect("it runs");
                    self.line.send_for(cluster, &message, edge);
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

/// Lets virtual time pass for edge nodes and their clients, `step` at once.
pub fn run_all(
    cluster: &mut Cluster,
    posts: &mut [EdgePost],
    devices: &mut [Device],
    span: Duration,
    step: Duration,
) {
    let end = cluster.now + span;
    while cluster.now < end {
        cluster.run_for(step.min(end.since(cluster.now)));
        for device in devices.iter_mut() {
            device.turn(cluster);
        }
        for post in posts.iter_mut() {
            post.turn(cluster, devices);
        }
        for device in devices.iter_mut() {
            device.turn(cluster);
        }
    }
}

/// How far time goes at once.
pub const STEP: Duration = Duration::from_micros(200);
