//! Clients that ask again when they have an answer, and the clusters that answer.

use super::Growth;
use super::clock::{self, ProcessTime};
use henge_core::rng::Rng;
use henge_core::time::{Duration, Instant};
use henge_core::wire::{Operation, Reply};
use henge_sim::Cluster;
use std::collections::BTreeMap;

/// Whom a client asks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Entrance {
    /// The member that it is connected to.
    Any,
    /// The first owner of the key.
    Owner,
}

/// One line of the table.
pub(super) struct Row {
    /// Requests per virtual second and member.
    pub(super) per_second: f64,
    /// Frames between members for each request.
    pub(super) frames: f64,
    /// Bytes of them.
    pub(super) bytes: f64,
    /// Work of all nodes for each request, in microseconds of a processor.
    pub(super) micros: f64,
    /// Requests coordinated by the member that had most of them, by the mean.
    pub(super) imbalance: f64,
    pub(super) refused: u64,
}

/// Clusters of one size.
pub(super) struct Side {
    groups: Vec<Group>,
    members: usize,
    /// When each of them began to be measured.
    began: Vec<Instant>,
    /// What each member of each of them had coordinated then.
    coordinated: Vec<Vec<u64>>,
    /// Work for each request, by slice.
    micros: Vec<f64>,
}

impl Side {
    /// `count` clusters of `members` each, in which everything is under way.
    pub(super) fn new(args: &Growth, entrance: Entrance, members: usize, count: usize) -> Self {
        let seeds = (0..count).map(|number| args.seed + number as u64);
        let mut groups: Vec<Group> = seeds
            .map(|seed| Group::new(args, entrance, members, seed))
            .collect();
        // Clients fall out of step.
        run_all(&mut groups, args.requests * members as u64 / 10);
        for Group { cluster, clients } in &mut groups {
            cluster.time_nodes(clock::nanos);
            cluster.count_traffic();
            (clients.done, clients.refused) = (0, 0);
        }
        Self {
            began: groups.iter().map(|group| group.cluster.now).collect(),
            coordinated: groups
                .iter()
                .map(|group| coordinated(&group.cluster))
                .collect(),
            groups,
            members,
            micros: Vec::new(),
        }
    }

    /// Answers `requests` for each member.
    pub(super) fn run(&mut self, requests: u64) {
        let (done, worked) = (self.done(), self.worked_nanos());
        let time = ProcessTime::now();
        run_all(&mut self.groups, requests * self.members as u64);
        let busy = ProcessTime::now().share_since(&time);
        let micros = (self.worked_nanos() - worked) as f64 * busy / 1e3;
        self.micros.push(micros / (self.done() - done) as f64);
    }

    /// What was measured.
    pub(super) fn row(mut self) -> Row {
        let done = self.done() as f64;
        let count = (self.members * self.groups.len()) as f64;
        let (mut seconds, mut frames, mut bytes, mut most) = (0.0, 0, 0, 0);
        let counted = self.began.iter().zip(&self.coordinated);
        for (Group { cluster, .. }, (began, before)) in self.groups.iter_mut().zip(counted) {
            let sent = cluster.count_traffic().expect("counting").all();
            frames += sent.frames;
            bytes += sent.bytes;
            seconds += cluster.now.since(*began).as_micros() as f64 / 1e6;
            let each = coordinated(cluster).into_iter().zip(before);
            most = each.map(|(now, before)| now - before).fold(most, u64::max);
        }
        self.micros.sort_by(f64::total_cmp);
        Row {
            per_second: done / seconds / self.members as f64,
            frames: frames as f64 / done,
            bytes: bytes as f64 / done,
            micros: self.micros[self.micros.len() / 2],
            imbalance: most as f64 * count / done,
            refused: self.groups.iter().map(|group| group.clients.refused).sum(),
        }
    }

    fn done(&self) -> u64 {
        self.groups.iter().map(|group| group.clients.done).sum()
    }

    fn worked_nanos(&self) -> u64 {
        let nanos = |group: &Group| -> u64 {
            let seats = 0..self.members;
            seats.map(|seat| group.cluster.worked_nanos(seat)).sum()
        };
        self.groups.iter().map(nanos).sum()
    }
}

/// Lets each cluster answer `count` more requests, one step each in turn.
fn run_all(groups: &mut [Group], count: u64) {
    let ends: Vec<u64> = groups
        .iter()
        .map(|group| group.clients.done + count)
        .collect();
    let mut is_done = false;
    while !is_done {
        is_done = true;
        for (group, end) in groups.iter_mut().zip(&ends) {
            if group.clients.done < *end {
                group.clients.turn(&mut group.cluster);
                is_done = false;
            }
        }
    }
}

/// A cluster with its clients.
struct Group {
    cluster: Cluster,
    clients: Clients,
}

impl Group {
    /// With all keys written and all clients waiting.
    fn new(args: &Growth, entrance: Entrance, members: usize, seed: u64) -> Self {
        let mut cluster = Cluster::with(members, seed, |config| {
            config.partitions = args.partitions;
        });
        let mut clients = Clients {
            entrance,
            keys: args.keys * members as u64,
            value: "v".repeat(args.value_bytes),
            rng: Rng::new(seed),
            open: BTreeMap::new(),
            done: 0,
            refused: 0,
        };
        fill(&mut cluster, &clients);
        for client in 0..members * args.clients {
            clients.ask(&mut cluster, client % members);
        }
        Self { cluster, clients }
    }
}

/// The clients of all members of a cluster.
struct Clients {
    entrance: Entrance,
    keys: u64,
    value: String,
    rng: Rng,
    /// Which member's client waits for each request.
    open: BTreeMap<u64, usize>,
    done: u64,
    refused: u64,
}

impl Clients {
    /// A client of `member` asks for something.
    fn ask(&mut self, cluster: &mut Cluster, member: usize) {
        let key = key(self.rng.below(self.keys));
        let operation = if self.rng.below(2) == 0 {
            cluster.write(&self.value, None)
        } else {
            Operation::Get {
                level: None,
                seen: Vec::new(),
            }
        };
        let seat = match self.entrance {
            Entrance::Any => member,
            Entrance::Owner => cluster.owners(&key)[0],
        };
        let id = cluster.request(seat, &key, operation);
        self.open.insert(id, member);
    }

    /// Lets the next thing happen. Each client that has an answer asks again.
    fn turn(&mut self, cluster: &mut Cluster) {
        assert!(cluster.turn(), "clients wait for something");
        while let Some(response) = cluster.take_any_response() {
            let member = self.open.remove(&response.id).expect("it was asked");
            self.refused += u64::from(response.result.is_err());
            self.done += 1;
            self.ask(cluster, member);
        }
    }
}

/// Writes every key once.
fn fill(cluster: &mut Cluster, clients: &Clients) {
    let keys: Vec<u64> = (0..clients.keys).collect();
    for some in keys.chunks(1_024) {
        let asked: Vec<u64> = some
            .iter()
            .map(|index| {
                let operation = cluster.write(&clients.value, None);
                let owner = cluster.owners(&key(*index))[0];
                cluster.request(owner, &key(*index), operation)
            })
            .collect();
        for id in asked {
            let result = cluster.wait(id).result;
            assert!(matches!(result, Ok(Reply::Written { .. })), "{result:?}");
        }
    }
    cluster.run_for(Duration::from_millis(1_000));
}

/// Requests that each member has coordinated.
fn coordinated(cluster: &Cluster) -> Vec<u64> {
    let reports = (0..cluster.seats.len()).map(|seat| cluster.report(seat));
    reports.map(|report| report.reads + report.writes).collect()
}

fn key(index: u64) -> String {
    format!("key-{index:08}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_has_an_answer_and_a_member_that_coordinates_it() {
        let args = Growth {
            members: vec![5],
            clients: 4,
            keys: 50,
            requests: 100,
            slices: 2,
            partitions: 64,
            value_bytes: 10,
            seed: 1,
        };
        for entrance in [Entrance::Owner, Entrance::Any] {
            let mut side = Side::new(&args, entrance, 5, 2);
            side.run(50);
            side.run(50);
            let row = side.row();
            assert_eq!(row.refused, 0);
            assert!(row.per_second > 1_000.0 && row.micros > 0.0);
            assert!((1.0..5.0).contains(&row.imbalance), "{}", row.imbalance);
            assert!((2.0..8.0).contains(&row.frames), "{}", row.frames);
        }
    }
}
