//! What every engine does in a round, and how long it takes.
//!
//! Everything that is read is compared with what was written, within the time that is measured and
//! at the same cost for all: an engine that is wrong cannot win.

use super::contender::{Contender, Durability, Engine, Pair};
use super::data::Data;
use henge_core::rng::Rng;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// How much is done.
#[derive(Clone, Debug)]
pub(crate) struct Amounts {
    /// Pairs in one batch of the load.
    pub(crate) batch: usize,
    /// Gets, one in ten of which finds nothing.
    pub(crate) gets: u64,
    /// Puts, each followed by a sync.
    pub(crate) single_puts: u64,
    /// Groups of puts, each followed by a sync.
    pub(crate) group_puts: u64,
    /// Puts in a group.
    pub(crate) group: usize,
    /// Scans.
    pub(crate) scans: u64,
    /// Pairs of a scan.
    pub(crate) scan_pairs: usize,
}

/// What is measured, in the table's order.
pub(crate) const MEASURES: [Measure; 8] = [
    Measure::new("load", "pairs/s"),
    Measure::new("load and settle", "pairs/s"),
    Measure::new("get", "gets/s"),
    Measure::new("put+sync 1", "puts/s"),
    Measure::new("put+sync 64", "puts/s"),
    Measure::new("scan of 100", "scans/s"),
    Measure::new("get, settled again", "gets/s"),
    Measure {
        name: "size on disk",
        unit: "MiB",
        less_is_better: true,
    },
];

/// One of the figures.
pub(crate) struct Measure {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) less_is_better: bool,
}

impl Measure {
    const fn new(name: &'static str, unit: &'static str) -> Self {
        Self {
            name,
            unit,
            less_is_better: false,
        }
    }
}

/// The figures of one round, in the order of [`MEASURES`].
pub(crate) type Figures = [f64; MEASURES.len()];

/// One round of `contender` in the empty `folder`.
pub(crate) fn run(
    contender: &Contender,
    folder: &Path,
    memory_bytes: u64,
    data: &Data,
    amounts: &Amounts,
    seed: u64,
) -> Figures {
    let mut round = Round {
        name: contender.name,
        engine: (contender.open)(folder, memory_bytes),
        data,
        amounts,
        versions: vec![0; usize::try_from(data.keys()).expect("it fits into the memory")],
        rng: Rng::new(seed),
    };
    let load = round.load();
    let settle = round.settle();
    let get = round.get();
    let single = round.put(1, amounts.single_puts);
    let group = round.put(amounts.group, amounts.group_puts);
    let scan = round.scan();
    round.settle();
    let settled = round.get();
    drop(round);
    let keys = data.keys();
    [
        per_second(keys, load),
        per_second(keys, load + settle),
        per_second(amounts.gets, get),
        per_second(amounts.single_puts, single),
        per_second(amounts.group_puts * amounts.group as u64, group),
        per_second(amounts.scans, scan),
        per_second(amounts.gets, settled),
        disk_bytes(folder) as f64 / f64::from(1 << 20),
    ]
}

struct Round<'a> {
    name: &'static str,
    engine: Box<dyn Engine>,
    data: &'a Data,
    amounts: &'a Amounts,
    /// How often each pair was written again.
    versions: Vec<u32>,
    rng: Rng,
}

impl Round<'_> {
    fn load(&mut self) -> Duration {
        let mut batch = vec![Pair::default(); self.amounts.batch];
        let began = Instant::now();
        let mut next = 0;
        while next < self.data.keys() {
            let mut filled = 0;
            for pair in &mut batch {
                if next == self.data.keys() {
                    break;
                }
                self.data.key(next, &mut pair.key);
                self.data.value(next, 0, &mut pair.value);
                next += 1;
                filled += 1;
            }
            self.engine.put(&batch[..filled], Durability::Later);
        }
        self.engine.sync();
        began.elapsed()
    }

    fn settle(&mut self) -> Duration {
        let began = Instant::now();
        let watched = self.engine.settle();
        began.elapsed().saturating_sub(watched)
    }

    fn get(&mut self) -> Duration {
        let keys = self.data.keys();
        let (mut key, mut expected) = (Vec::new(), Vec::new());
        let (engine, data, name) = (&mut self.engine, self.data, self.name);
        let began = Instant::now();
        for _ in 0..self.amounts.gets {
            let is_there = self.rng.below(10) > 0;
            let index = self.rng.below(keys) + if is_there { 0 } else { keys };
            data.key(index, &mut key);
            if is_there {
                data.value(index, self.versions[place(index)], &mut expected);
            }
            let found = engine.get(&key, &mut |value| {
                assert!(value == expected, "{name}: another value of pair {index}");
            });
            assert_eq!(found, is_there, "{name}: pair {index}");
        }
        began.elapsed()
    }

    fn put(&mut self, group: usize, groups: u64) -> Duration {
        let mut batch = vec![Pair::default(); group];
        let began = Instant::now();
        for _ in 0..groups {
            for pair in &mut batch {
                let index = self.rng.below(self.data.keys());
                let version = &mut self.versions[place(index)];
                *version += 1;
                self.data.key(index, &mut pair.key);
                self.data.value(index, *version, &mut pair.value);
            }
            self.engine.put(&batch, Durability::Now);
        }
        began.elapsed()
    }

    fn scan(&mut self) -> Duration {
        let groups: Vec<u64> = (0..self.amounts.scans)
            .map(|_| self.rng.below(self.data.groups()))
            .collect();
        let members = self.members(&groups);
        let mut expected = Vec::new();
        let began = Instant::now();
        for group in groups {
            let mut members = members[&group].iter().take(self.amounts.scan_pairs);
            let prefix = self.data.prefix(group);
            let (versions, data, name) = (&self.versions, self.data, self.name);
            self.engine
                .scan_prefix(&prefix, self.amounts.scan_pairs, &mut |key, value| {
                    let (wanted, index) = members.next().expect("no pair too many");
                    assert!(key == wanted, "{name}: another key in a scan");
                    data.value(*index, versions[place(*index)], &mut expected);
                    assert!(value == expected, "{name}: another value in a scan");
                });
            assert!(members.next().is_none(), "{name}: a scan ended early");
        }
        began.elapsed()
    }

    /// The keys of each of the groups in their order, with the numbers of their pairs.
    fn members(&self, groups: &[u64]) -> BTreeMap<u64, Vec<(Vec<u8>, u64)>> {
        let mut members: BTreeMap<u64, Vec<_>> =
            groups.iter().map(|group| (*group, Vec::new())).collect();
        for index in 0..self.data.keys() {
            if let Some(members) = members.get_mut(&self.data.group(index)) {
                let mut key = Vec::new();
                self.data.key(index, &mut key);
                members.push((key, index));
            }
        }
        members.values_mut().for_each(|group| group.sort_unstable());
        members
    }
}

fn place(index: u64) -> usize {
    usize::try_from(index).expect("it fits into the memory")
}

fn per_second(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

/// What the folder's files take, with what was allocated and never written.
fn disk_bytes(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    entries
        .map(|entry| {
            let entry = entry.expect("the folder can be read");
            let found = entry.metadata().expect("it was there a moment ago");
            if found.is_dir() {
                disk_bytes(&entry.path())
            } else {
                found.blocks() * 512
            }
        })
        .sum()
}
