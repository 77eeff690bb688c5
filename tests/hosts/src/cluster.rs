//! Five stones on five hosts in three zones, one host for the clients, and hosts of stones that join.

use crate::net::{Host, Network};
use henge_core::hash::{partition_at, position};
use henge_core::id::BucketId;
use henge_tests::process::ring::{leave, wait_settled};
use henge_tests::process::{Http, Ring, Stone, StoneSpec, wait_until};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// The zone of each founder. With three replicas each key has one owner in each zone, so that two
/// zones always hold a quorum.
pub const ZONES: [char; 5] = ['a', 'a', 'b', 'b', 'c'];

/// The stones, numbered from 0; number 0 is called `stone-1`. Who has left keeps its number.
#[derive(Debug)]
pub struct Cluster {
    stones: Vec<Stone>,
    zones: Vec<char>,
    gone: BTreeSet<usize>,
    // Of each stone.
    hosts: Vec<Host>,
    clients: Host,
    cuts: BTreeSet<(Host, Host)>,
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
        let names = (0..ZONES.len()).map(name);
        let hosts: Vec<Host> = names.map(|name| network.add_host(&name)).collect();
        let specs = founders(folder.path(), &hosts);
        let clients = network.add_host("clients");
        clients.enter();
        let mut cluster = Self {
            stones: specs.into_iter().map(Stone::launch).collect(),
            zones: ZONES.to_vec(),
            gone: BTreeSet::new(),
            hosts,
            clients,
            cuts: BTreeSet::new(),
            network,
            folder,
        };
        cluster.wait_linked();
        cluster
    }

    /// The stones that are members, or are about to be.
    #[must_use]
    pub fn members(&self) -> Vec<usize> {
        let all = 0..self.stones.len();
        all.filter(|number| !self.gone.contains(number)).collect()
    }

    /// The zone of stone `number`.
    #[must_use]
    pub fn zone(&self, number: usize) -> char {
        self.zones[number]
    }

    /// The members in `zone`.
    #[must_use]
    pub fn members_in(&self, zone: char) -> Vec<usize> {
        let members = self.members().into_iter();
        members
            .filter(|&number| self.zone(number) == zone)
            .collect()
    }

    /// Starts a further stone in the zone that has the fewest; all members are its seeds. Does not
    /// wait for anything. Returns its number.
    ///
    /// # Panics
    /// If there can be no further host.
    pub fn join(&mut self) -> usize {
        let number = self.stones.len();
        let zones = ZONES.iter().copied();
        let zone = zones.min_by_key(|&zone| self.members_in(zone).len());
        let zone = zone.expect("there are zones");
        let host = self.network.add_host(&name(number));
        let seeds: Vec<String> = self.members().iter().map(|&it| self.address(it)).collect();
        let (at, zone_path) = ((host.address.as_str(), PORT), format!("local/{zone}"));
        let spec = StoneSpec::joiner(self.folder(), &name(number), at, &zone_path, &seeds);
        self.stones.push(Stone::launch(on(&host, spec)));
        self.zones.push(zone);
        self.hosts.push(host);
        number
    }

    /// Lets stone `number` leave, by the command line and stone `server`. Returns when it has left.
    ///
    /// # Panics
    /// If the command does not succeed.
    pub fn leave(&mut self, number: usize, server: usize) {
        leave(&name(number), &[], &self.address(server));
        self.gone.insert(number);
    }

    /// Lets the others go on for ever without stone `number`, which is dead; as [`Self::leave`].
    ///
    /// # Panics
    /// If the command does not succeed.
    pub fn bury(&mut self, number: usize, server: usize) {
        leave(&name(number), &["--dead"], &self.address(server));
        self.gone.insert(number);
    }

    /// Asks stone `number` to stop, and waits for its end. Says whether it went well.
    pub fn stop(&mut self, number: usize) -> bool {
        self.stones[number].stop().success()
    }

    /// Waits until all members serve and are connected with each other.
    ///
    /// # Panics
    /// If that takes too long.
    pub fn wait_linked(&mut self) {
        let members = self.members();
        for &number in &members {
            self.stones[number].wait_ready();
        }
        for &number in &members {
            let stone = &self.stones[number];
            let what = format!("{} is connected with all others", stone.spec.name);
            wait_until(&what, LINK_TIME, || {
                let status = stone.status();
                let peers = status["peers"].as_array().expect("a list of peers");
                let up = peers.iter().filter(|peer| peer["up"] == true);
                up.count() == members.len() - 1
            });
        }
    }

    /// Waits until every member says that just these are members and no owners change.
    ///
    /// # Panics
    /// If that takes too long.
    pub fn wait_settled(&self) {
        let members = self.members();
        let asked: Vec<Http> = members.iter().map(|&number| self.http(number)).collect();
        let names: Vec<String> = members.into_iter().map(name).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let _ = wait_settled(&asked, &names, SETTLE_TIME);
    }

    /// Drops all that stone `from` says to stone `to`, until [`Self::heal`].
    pub fn cut(&mut self, from: usize, to: usize) {
        self.drop_between(self.hosts[from].clone(), self.hosts[to].clone());
    }

    /// Drops all between two stones.
    pub fn part_two(&mut self, one: usize, other: usize) {
        self.cut(one, other);
        self.cut(other, one);
    }

    /// Drops all between the stones of `some` and the other members; the clients reach both.
    pub fn part(&mut self, some: &[usize]) {
        let others = self.members().into_iter();
        for other in others.filter(|number| !some.contains(number)) {
            for &one in some {
                self.part_two(one, other);
            }
        }
    }

    /// Drops all between the stones of `some` and everybody else, the clients too.
    pub fn isolate(&mut self, some: &[usize]) {
        self.part(some);
        for &one in some {
            let (host, clients) = (self.hosts[one].clone(), self.clients.clone());
            self.drop_between(host.clone(), clients.clone());
            self.drop_between(clients, host);
        }
    }

    fn drop_between(&mut self, from: Host, to: Host) {
        let cut = (from, to);
        if !self.cuts.contains(&cut) {
            self.network.cut(&cut.0, &cut.1);
            self.cuts.insert(cut);
        }
    }

    /// Ends all cuts.
    pub fn heal(&mut self) {
        for (from, to) in std::mem::take(&mut self.cuts) {
            self.network.heal(&from, &to);
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

    /// Keys that stone `number` has stored, for itself and for others; `None` if it does not say.
    #[must_use]
    pub fn keys_at(&self, number: usize) -> Option<u64> {
        let status = self.stones[number].status();
        let shards = status["shards"].as_array()?;
        let keys = shards.iter().map(|shard| {
            // A shard that is late with its answer counts for nothing else.
            let is_told = shard["ready"] == true;
            shard["storage"]["keys"].as_u64().filter(|_| is_told)
        });
        keys.sum()
    }

    /// The stones that own each partition of the ring.
    ///
    /// # Panics
    /// If stone `asked` does not say so.
    #[must_use]
    pub fn owners(&self, asked: usize) -> Owners {
        let ring = Ring::of(&self.http(asked)).expect("a stone that serves has a ring");
        let number_of = |name: &String| {
            let known = { self.stones.iter() }.position(|stone| stone.spec.name == *name);
            known.expect("every member is a stone of ours")
        };
        let members: Vec<usize> = ring.members.iter().map(number_of).collect();
        let numbers = |owners: &Vec<usize>| owners.iter().map(|&index| members[index]).collect();
        Owners(ring.owners.iter().map(numbers).collect())
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

fn name(number: usize) -> String {
    format!("stone-{}", number + 1)
}

fn founders(folder: &Path, hosts: &[Host]) -> Vec<StoneSpec> {
    let zoned = hosts.iter().zip(ZONES).enumerate();
    let member = |(number, (host, zone)): (usize, (&Host, char))| {
        let address = &host.address;
        format!("--member={}={address}:{PORT}@local/{zone}", name(number))
    };
    let members: Vec<String> = zoned.map(member).collect();
    let numbered = hosts.iter().enumerate();
    let spec = |(number, host): (usize, &Host)| {
        let at = (host.address.as_str(), PORT);
        on(host, StoneSpec::named(folder, &name(number), at, &members))
    };
    numbered.map(spec).collect()
}

fn on(host: &Host, spec: StoneSpec) -> StoneSpec {
    StoneSpec {
        namespace: Some(host.namespace.clone()),
        ..spec
    }
}

/// Every host has it for itself.
const PORT: u16 = 7301;
/// How long stones may take to find each other again.
const LINK_TIME: Duration = Duration::from_secs(60);
/// How long a change of owners may take.
const SETTLE_TIME: Duration = Duration::from_secs(120);
/// Words in a log that no fault of the network or of a process explains.
const COMPLAINTS: [&str; 3] = ["panicked", "trapped", "CORRUPT"];
