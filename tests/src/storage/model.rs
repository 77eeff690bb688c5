//! What a storage must hold.

use super::engine::{Engine, Got};
use henge_core::storage::store::Scan;
use henge_core::storage::{BatchNumber, StoredKey};
use std::collections::BTreeMap;
use std::ops::Bound;

/// The states that were written, in their order, for each key.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// Of each key its states with the batch that makes each durable.
    pub written: BTreeMap<StoredKey, Vec<(BatchNumber, Vec<u8>)>>,
}

impl Model {
    /// Notes a write.
    pub fn wrote(&mut self, key: &StoredKey, batch: BatchNumber, state: &[u8]) {
        self.written
            .entry(key.clone())
            .or_default()
            .push((batch, state.to_vec()));
    }

    /// What may be read for `key` when everything up to `durable` was acknowledged and a crash has
    /// come: the last acknowledged state or a later one.
    #[must_use]
    pub fn allows(&self, key: &StoredKey, durable: BatchNumber, got: Option<&[u8]>) -> bool {
        let Some(states) = self.written.get(key) else {
            return got.is_none();
        };
        let acknowledged = states.iter().rposition(|(batch, _)| *batch <= durable);
        match got {
            None => acknowledged.is_none(),
            Some(got) => states[acknowledged.unwrap_or(0)..]
                .iter()
                .any(|(_, state)| state == got),
        }
    }

    /// Compares with what `engine` reads, key by key, once all is durable.
    ///
    /// # Panics
    /// If it differs.
    pub fn check(&self, engine: &mut Engine) {
        for (key, states) in &self.written {
            let newest = states.last().map(|(_, state)| state.clone());
            assert_eq!(engine.get(key), Got::State(newest), "{key:?}");
        }
        assert_eq!(engine.store.keys(), self.written.len() as u64);
    }

    /// Compares with a scan of everything, in pages of `page` pairs.
    ///
    /// # Panics
    /// If it differs.
    pub fn check_scan(&self, engine: &mut Engine, page: usize, is_reverse: bool) {
        let mut found = Vec::new();
        let mut next: Option<StoredKey> = None;
        loop {
            let behind = next
                .as_ref()
                .map_or(Bound::Unbounded, |key| Bound::Excluded(key.as_bytes()));
            let scan = Scan {
                from: if is_reverse { Bound::Unbounded } else { behind },
                to: if is_reverse { behind } else { Bound::Unbounded },
                is_reverse,
                live_at_ms: None,
                shows_pending: false,
                entries_max: page,
                bytes_max: usize::MAX,
            };
            let page = engine.scan(&scan).expect("a readable page");
            found.extend(page.entries.into_iter().map(|entry| (entry.key, entry.set)));
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        let newest = |(key, states): (&StoredKey, &Vec<(BatchNumber, Vec<u8>)>)| {
            (key.clone(), states.last().expect("a state").1.clone())
        };
        let mut expected: Vec<_> = self.written.iter().map(newest).collect();
        if is_reverse {
            expected.reverse();
        }
        assert_eq!(found.len(), expected.len());
        assert!(found == expected, "the scan gives other pairs");
    }
}
