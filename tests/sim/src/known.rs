//! What is known of a key that a device writes, and what the ring may have of it.

use crate::Cluster;
use henge_core::replication::Level;
use henge_core::wire::Reply;
use std::collections::{BTreeMap, BTreeSet};

/// What a device has written to a key. Each value is the number of its write, as text.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Its writes by their numbers, and whether they delete.
    pub(crate) written: BTreeMap<u64, bool>,
    /// The newest write that is durable on the device, at an edge node, and on the ring.
    pub(crate) durable: u64,
    pub(crate) lodged: u64,
    pub(crate) acknowledged: u64,
    /// What a read must show, unless something may have been lost since.
    pub(crate) shown: Option<u64>,
    /// Writes from before its storage was set back. The ring may have those that the device has forgotten,
    /// concurrent to what came after; and it gets others again, and an owner that has heard of neither the
    /// first time takes them anew. Any of them may win.
    pub(crate) forgotten: BTreeSet<u64>,
    /// What the device has seen of the key when the ring acknowledged one of its writes last.
    pub(crate) context: Vec<u8>,
}

impl Known {
    /// The device goes on with what was durable on it.
    pub(crate) fn restart(&mut self) {
        self.shown = self.shown.filter(|shown| *shown == self.durable);
    }

    /// The device goes on with an earlier state of its storage, or none.
    pub(crate) fn set_back(&mut self) {
        self.forgotten.extend(self.written.keys());
        self.durable = self.acknowledged;
        self.shown = None;
        self.context.clear();
    }

    /// The ring has acknowledged a write, and said what has seen it.
    pub(crate) fn acknowledge(&mut self, number: u64, context: &[u8]) {
        if number > self.acknowledged {
            self.acknowledged = number;
            self.context = context.to_vec();
        }
    }

    /// The newest write that cannot be lost.
    pub(crate) fn sure(&self) -> u64 {
        self.durable.max(self.lodged).max(self.acknowledged)
    }

    /// Whether the ring may show this write of the device last.
    pub(crate) fn may_show(&self, number: u64) -> bool {
        self.is_candidate(number) && self.written.get(&number) == Some(&false)
    }

    /// Whether the ring may show none.
    pub(crate) fn may_be_gone(&self) -> bool {
        let mut written = self.written.iter();
        self.sure() == 0
            || written.any(|(number, is_delete)| *is_delete && self.is_candidate(*number))
    }

    fn is_candidate(&self, number: u64) -> bool {
        number >= self.sure() || self.forgotten.contains(&number)
    }

    /// The ring has the newest write that is sure, or a newer one, of a key that nobody else writes.
    pub(crate) fn check(&self, cluster: &mut Cluster, key: &str) -> Result<(), String> {
        let values = on_the_ring(cluster, key)?;
        let mut numbers = values.iter().map(|text| text.parse().unwrap_or(0));
        // Beside it there can be siblings, if something was forgotten.
        match numbers.any(|number| self.may_show(number)) || self.may_be_gone() && values.is_empty()
        {
            true => Ok(()),
            false => Err(format!("{key} is {values:?}; {}", self.receipts())),
        }
    }

    /// How far its newest writes have come.
    pub(crate) fn receipts(&self) -> String {
        format!(
            "write {} was durable on the device, {} at an edge node, {} on the ring",
            self.durable, self.lodged, self.acknowledged
        )
    }
}

/// The values of `key` on the ring, the newest first.
pub(crate) fn on_the_ring(cluster: &mut Cluster, key: &str) -> Result<Vec<String>, String> {
    let reply = cluster.get(0, key, Some(Level::All)).result;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    match reply.map_err(|failure| format!("{key}: {failure:?}"))? {
        Reply::Found(entry) => {
            let values = std::iter::once(entry.value).chain(entry.siblings);
            Ok(values.map(|value| text(value.bytes)).collect())
        }
        Reply::Missing { .. } => Ok(Vec::new()),
        other => Err(format!("{key}: {other:?}")),
    }
}
