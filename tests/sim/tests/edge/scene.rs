//! A ring, an edge node and its clients, for stories of them.

use henge_core::causality::Token;
use henge_core::leaf::{Progress, ReadFrom, Source, WriteId};
use henge_core::replication::Level;
use henge_core::time::Duration;
use henge_core::wire::Reply;
use henge_sim::Cluster;
use henge_sim::device::Device;
use henge_sim::edge_post::EdgePost;

/// A ring, an edge node and its clients.
pub(crate) struct Scene {
    pub(crate) cluster: Cluster,
    pub(crate) post: EdgePost,
    pub(crate) devices: Vec<Device>,
}

impl Scene {
    pub(crate) fn new(seed: u64, devices: usize) -> Self {
        Self::in_cluster(Cluster::new(3, seed), seed, devices)
    }

    pub(crate) fn in_cluster(cluster: Cluster, seed: u64, devices: usize) -> Self {
        let post = EdgePost::new(&cluster, seed + 100, Some(0));
        let devices = (0..devices as u64).map(|number| {
            let mut device = Device::new(&cluster, seed + 1 + number, None);
            device.post = Some(0);
            device
        });
        let devices = devices.collect();
        let mut scene = Self {
            cluster,
            post,
            devices,
        };
        scene.run(100);
        assert_eq!(scene.post.found, Some(0));
        scene
    }

    pub(crate) fn run(&mut self, millis: u64) {
        let span = Duration::from_millis(millis);
        self.post.run(&mut self.cluster, &mut self.devices, span);
    }

    /// Lets time pass until this is so.
    pub(crate) fn until(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        for _ in 0..2_000 {
            if is_so(self) {
                return;
            }
            self.run(10);
        }
        panic!("not within 20 s: {what}");
    }

    pub(crate) fn write(&mut self, device: usize, key: &str, value: &str) -> WriteId {
        let now = self.cluster.now;
        let written = self.devices[device].write(now, key, Some(value));
        written.expect("room")
    }

    /// What a device reads, and whether it waits.
    pub(crate) fn read(
        &mut self,
        device: usize,
        key: &str,
        from: ReadFrom,
    ) -> Option<(Source, String)> {
        let now = self.cluster.now;
        let (key, level) = (key.as_bytes().to_vec(), None);
        let leaf = self.devices[device].leaf();
        let id = leaf.read(now, key, from, level, 0).expect("a good read");
        for _ in 0..20_000 {
            if let Some(answer) = self.devices[device].answers.remove(&id) {
                let answer = answer.expect("an answer");
                let text = |bytes| String::from_utf8(bytes).expect("text");
                return answer.value.map(|value| (answer.source, text(value.bytes)));
            }
            self.run(1);
        }
        panic!("no answer after 20 s");
    }

    pub(crate) fn subscribe(&mut self, prefix: &str) {
        let now = self.cluster.now;
        for device in &mut self.devices {
            device.subscribe(now, prefix);
        }
        self.until("all is there", |scene| {
            scene.devices.iter().all(|it| it.synced.len() == 1)
        });
    }

    /// A client keeps the keys that begin so, and has them all.
    pub(crate) fn subscribe_anew(&mut self, device: usize, prefix: &str) {
        self.devices[device].synced.clear();
        self.devices[device].subscribe(self.cluster.now, prefix);
        self.until("all is there", |scene| {
            scene.devices[device].synced.len() == 1
        });
    }

    pub(crate) fn drain(&mut self) {
        self.until("all is on the ring", |scene| {
            let waiting = scene.devices.iter_mut().map(|it| it.leaf().pending());
            waiting.sum::<usize>() == 0 && scene.post.edge().leaf().pending() == 0
        });
    }

    /// The edge node loses its connection to the ring, and finds none.
    pub(crate) fn lose_backbone(&mut self) {
        self.post.backbone = None;
        self.post.cut(&mut self.cluster);
        self.run(20);
        assert!(!self.post.edge().leaf().is_online());
    }

    /// A device dials the edge node from now on, or its server.
    pub(crate) fn go_to(&mut self, device: usize, post: Option<usize>) {
        (self.post).cut_client(&mut self.cluster, &mut self.devices, device);
        self.devices[device].move_to(&mut self.cluster, post);
    }

    /// A device dials this stone from now on, or nobody.
    pub(crate) fn go_to_stone(&mut self, device: usize, seat: Option<usize>) {
        self.devices[device].server = seat;
        self.go_to(device, None);
    }

    pub(crate) fn has_lodged(&self, device: usize, write: WriteId) -> bool {
        self.devices[device].last(write) == Some(&Progress::Edge)
    }

    /// The dots that were minted for `key` and its values, on the ring.
    pub(crate) fn applied(&mut self, key: &str) -> (u64, Vec<String>) {
        let reply = self.cluster.get(0, key, Some(Level::All)).result;
        let (context, values) = match reply.expect("a read") {
            Reply::Found(entry) => {
                let mut values = vec![entry.value];
                values.extend(entry.siblings);
                (entry.context, values)
            }
            Reply::Missing { context } => (context, vec![]),
            other => panic!("{other:?}"),
        };
        let seen = Token::decode(&context).expect("a context").seen;
        let values = values
            .into_iter()
            .map(|it| String::from_utf8(it.bytes).expect("text"));
        (
            seen.iter().map(|(_, counter)| counter).sum(),
            values.collect(),
        )
    }

    pub(crate) fn told(&self, device: usize, key: &str) -> Option<(Source, Option<String>)> {
        let answer = self.devices[device].told.get(key.as_bytes())?;
        let text = |bytes| String::from_utf8(bytes).expect("text");
        let value = answer.value.clone().map(|value| text(value.bytes));
        Some((answer.source, value))
    }
}
