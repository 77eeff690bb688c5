//! Five stones on five hosts in three zones, and one host for the clients.

use crate::net::{Host, Network};
use henge_core::hash::{partition_at, position};
use henge_core::id::BucketId;
use henge_tests::process::{Http, Stone, StoneSpec, wait_until};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// The zone of each stone. With three replicas each key has one owner in each zone, so that two
/// zones always hold a quorum.
pub const ZONES: [char; 5] = ['a', 'a', 'b', 'b', 'c'];

/// The stones, numbered from 0; number 0 is called `stone-1`.
#[derive(Debug)]
pub struct Cluster {
    stones: Vec<Stone>,
    // Those of the stones, then that of the clients.
    hosts: Vec<Host>,
    cuts: BTreeSet<(usize, usize)>,
    // Behind the stones, so that they end before their hosts and their folder do.
    network: Network,
    folder: TempDir,
}

impl Cluster {
    /// Starts it, takes this thread to the host of the clients, and waits until the stones serve
    /// and know each other.
    ///
    /// # Panics
    /// If that takes too long.
    #[must_use]
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut network = Network::new(folder.path());
        let names = (1..=ZONES.len()).map(|number| format!("stone-{number}"));
        let hosts: Vec<Host> = names.map(|name| network.add_host(&name)).collect();
        let specs = specs(folder.path(), &hosts);
        let clients = network.add_host("clients");
        clients.enter();
        let hosts = [hosts, vec![clients]].concat();
        let mut cluster = Self {
            stones: specs.into_iter().map(Stone::launch).collect(),
            hosts,
            cuts: BTreeSet::new(),
            network,
            folder,
        };
        cluster.wait_linked();
        cluster
    }

    /// Waits until all stones serve and are connected with each other.
    ///
    /// # Panics
    /// If that takes too long.
    pub fn wait_linked(&mut self) {
        for stone in &mut self.stones {
            stone.wait_ready();
        }
        for stone in &self.stones {
            let what = format!("{} is connected with all others", stone.spec.name);
            wait_until(&what, LINK_TIME, || {
                let status = stone.status();
                let peers = status["peers"].as_array().expect("a list of peers");
                let is_up = |peer: &&Value| peer["up"] == true;
                peers.iter().filter(is_up).count() == ZONES.len() - 1
            });
        }
    }

    /// Drops all that stone `from` says to stone `to`, until [`Self::heal`].
    pub fn cut(&mut self, from: usize, to: usize) {
        if self.cuts.insert((from, to)) {
            self.network.cut(&self.hosts[from], &self.hosts[to]);
        }
    }

    /// Drops all between the stones of `some` and the others; the clients reach both.
    pub fn part(&mut self, some: &[usize]) {
        self.part_from(some, ZONES.len());
    }

    /// Drops all between the stones of `some` and everybody else, the clients too.
    pub fn isolate(&mut self, some: &[usize]) {
        self.part_from(some, self.hosts.len());
    }

    fn part_from(&mut self, some: &[usize], hosts: usize) {
        for &one in some {
            for other in (0..hosts).filter(|number| !some.contains(number)) {
                self.cut(one, other);
                self.cut(other, one);
            }
        }
    }

    /// Ends all cuts.
    pub fn heal(&mut self) {
        for (from, to) in std::mem::take(&mut self.cuts) {
            self.network.heal(&self.hosts[from], &self.hosts[to]);
        }
    }

    /// Kills stone `number` as a power cut would.
    pub fn kill9(&mut self, number: usize) {
        self.stones[number].kill9();
    }

    /// Starts stone `number` again.
    pub fn restart(&mut self, number: usize) {
        self.stones[number].start();
    }

    /// Removes all that stone `number`, which does not run, has stored.
    ///
    /// # Panics
    /// If that does not work.
    pub fn wipe(&mut self, number: usize) {
        let data = &self.stones[number].spec.data;
        std::fs::remove_dir_all(data).expect("a data folder can be removed");
    }

    /// A client of stone `number`.
    #[must_use]
    pub fn http(&self, number: usize) -> Http {
        self.stones[number].http()
    }

    /// Where stone `number` listens.
    #[must_use]
    pub fn address(&self, number: usize) -> String {
        self.stones[number].spec.address()
    }

    /// The stones that own each partition of the ring.
    ///
    /// # Panics
    /// If stone `asked` does not say so.
    #[must_use]
    pub fn owners(&self, asked: usize) -> Owners {
        let ring = self.http(asked).get("/v1/ring").json();
        let number_of = |member: &Value| {
            let name = member["name"].as_str().unwrap_or_default().to_owned();
            let known = self.stones.iter().position(|stone| stone.spec.name == name);
            known.expect("every member is a stone of ours")
        };
        let members = ring["members"].as_array().expect("a list of members");
        let members: Vec<usize> = members.iter().map(number_of).collect();
        let of_partition = |owners: &Value| {
            let owners = owners.as_array().expect("a list of owners");
            let indices = owners.iter().filter_map(Value::as_u64);
            let indices = indices.filter_map(|index| usize::try_from(index).ok());
            indices.map(|index| members[index]).collect()
        };
        let owners = ring["owners"].as_array().expect("owners of partitions");
        Owners(owners.iter().map(of_partition).collect())
    }

    /// What the stones have said of panics and traps: nothing, if all is well.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let of = |stone: &Stone| {
            let name = stone.spec.name.clone();
            let log = stone.log();
            let bad = log
                .lines()
                .filter(|line| COMPLAINTS.iter().any(|word| line.contains(word)));
            bad.map(|line| format!("{name}: {line}"))
                .collect::<Vec<_>>()
        };
        self.stones.iter().flat_map(of).collect()
    }

    /// The folder with the data and the logs.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// Which stones own which keys.
#[derive(Clone, Debug)]
pub struct Owners(Vec<Vec<usize>>);

impl Owners {
    /// The owners of `key`.
    ///
    /// # Panics
    /// If the ring is larger than rings can be.
    #[must_use]
    pub fn of(&self, key: &str) -> &[usize] {
        let partitions = u16::try_from(self.0.len()).expect("a ring has few partitions");
        let position = position(BucketId::default(), key.as_bytes());
        &self.0[usize::from(partition_at(position, partitions).0)]
    }
}

fn specs(folder: &Path, hosts: &[Host]) -> Vec<StoneSpec> {
    let named = hosts.iter().zip(ZONES).enumerate();
    let members: Vec<String> = named
        .map(|(index, (host, zone))| {
            let (number, address) = (index + 1, &host.address);
            format!("--member=stone-{number}={address}:{PORT}@local/{zone}")
        })
        .collect();
    let spec = |(index, host): (usize, &Host)| {
        let name = format!("stone-{}", index + 1);
        let data = folder.join(&name);
        let mut arguments = vec![
            format!("--name={name}"),
            format!("--data={}", data.display()),
            "--shards=2".into(),
        ];
        arguments.extend(members.iter().cloned());
        StoneSpec {
            log: folder.join(format!("{name}.log")),
            name,
            host: host.address.clone(),
            port: PORT,
            namespace: Some(host.namespace.clone()),
            data,
            arguments,
        }
    };
    hosts.iter().enumerate().map(spec).collect()
}

/// Every host has it for itself.
const PORT: u16 = 7301;
/// How long stones may take to find each other again.
const LINK_TIME: Duration = Duration::from_secs(60);
/// Words in a log that no fault of the network or of a process explains.
const COMPLAINTS: [&str; 3] = ["panicked", "trapped", "CORRUPT"];
