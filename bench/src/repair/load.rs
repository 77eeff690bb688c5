//! Writes for simulated members, many at a time.

use super::OWN;
use henge_core::replication::Level;
use henge_core::wire::{ErrorCode, Operation, Reply};
use henge_sim::Cluster;
use std::collections::BTreeMap;

/// Requests under way at a time.
const AT_A_TIME: usize = 512;

/// Writes each key again and again, and knows what was written last.
pub(super) struct Load {
    value_bytes: usize,
    /// How often each key was written beyond the first time.
    times: BTreeMap<u64, u64>,
    is_loaded: bool,
}

impl Load {
    pub(super) const fn new(value_bytes: usize) -> Self {
        Self {
            value_bytes,
            times: BTreeMap::new(),
            is_loaded: false,
        }
    }

    /// Writes all of `keys` once, through each of `entrances` in turn. The first time is the first
    /// time for every key.
    pub(super) fn put(
        &mut self,
        cluster: &mut Cluster,
        entrances: &[usize],
        level: Option<Level>,
        keys: &[u64],
    ) {
        if self.is_loaded {
            for index in keys {
                *self.times.entry(*index).or_default() += 1;
            }
        }
        self.is_loaded = true;
        for some in keys.chunks(AT_A_TIME) {
            let mut open = some.to_vec();
            while !open.is_empty() {
                open = self.try_put(cluster, entrances, level, &open);
            }
        }
    }

    /// Writes `keys` at once and returns those that have to be tried again.
    fn try_put(
        &self,
        cluster: &mut Cluster,
        entrances: &[usize],
        level: Option<Level>,
        keys: &[u64],
    ) -> Vec<u64> {
        let asked: Vec<(u64, u64)> = keys
            .iter()
            .enumerate()
            .map(|(at, index)| {
                let operation = cluster.write(&self.value(*index), level);
                let seat = entrances[at % entrances.len()];
                (*index, cluster.request(seat, &key(*index), operation))
            })
            .collect();
        let mut again = Vec::new();
        for (index, id) in asked {
            match cluster.wait(id).result {
                Ok(Reply::Written { .. }) => {}
                Err(failure) if failure.code == ErrorCode::RateLimited => again.push(index),
                other => panic!("put {index}: {other:?}"),
            }
        }
        again
    }

    /// Whether the own state of `seat` is what was written last.
    pub(super) fn is_newest(&self, cluster: &mut Cluster, seat: usize, index: u64) -> bool {
        let id = cluster.request(
            seat,
            &key(index),
            Operation::Get {
                level: OWN,
                seen: Vec::new(),
            },
        );
        match cluster.wait(id).result {
            Ok(Reply::Found(entry)) => entry.value.bytes == self.value(index).as_bytes(),
            _ => false,
        }
    }

    fn value(&self, index: u64) -> String {
        let times = self.times.get(&index).copied().unwrap_or(0);
        let length = self.value_bytes;
        format!("{index}, written {times} times before {:.<length$}", "")
            .chars()
            .take(length)
            .collect()
    }
}

fn key(index: u64) -> String {
    format!("key-{index:08}")
}
