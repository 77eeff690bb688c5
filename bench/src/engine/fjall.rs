//! fjall: an LSM tree like ours, with lz4 from its third level on, as is its default.

use super::contender::{Contender, Durability, Engine, Pair, version_of};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use std::path::Path;
use std::time::{Duration, Instant};

pub(super) const CONTENDER: Contender = Contender {
    name: "fjall",
    version: || version_of("fjall"),
    settings: |memory| {
        format!(
            "block cache {} MiB, memtable {} MiB; its defaults else: 4 KiB blocks, lz4 from level 2 \
             on, leveled compaction, a background thread for each core",
            cache(memory) >> 20,
            memtable(memory) >> 20
        )
    },
    open: |folder, memory| Box::new(Fjall::open(folder, memory)),
};

/// The shares that Henge gives to its block cache and to a memtable.
const fn cache(memory_bytes: u64) -> u64 {
    memory_bytes / 2
}

fn memtable(memory_bytes: u64) -> u64 {
    (memory_bytes / 8).min(64 << 20)
}

/// For how long nothing must be going on.
const QUIET: Duration = Duration::from_millis(50);

struct Fjall {
    database: Database,
    pairs: Keyspace,
}

impl Fjall {
    fn open(folder: &Path, memory_bytes: u64) -> Self {
        let database = Database::builder(folder)
            .cache_size(cache(memory_bytes))
            .open()
            .expect("fjall opens an empty folder");
        let options = || KeyspaceCreateOptions::default().max_memtable_size(memtable(memory_bytes));
        let pairs = database.keyspace("pairs", options).expect("fjall opens");
        Self { database, pairs }
    }

    /// What must not change any more.
    fn progress(&self) -> (usize, usize, usize, usize) {
        (
            self.database.outstanding_flushes(),
            self.database.active_compactions(),
            self.database.compactions_completed(),
            self.pairs.table_count(),
        )
    }
}

impl Engine for Fjall {
    fn put(&mut self, pairs: &[Pair], durability: Durability) {
        if let [pair] = pairs {
            self.pairs
                .insert(pair.key.as_slice(), pair.value.as_slice())
                .expect("fjall writes");
        } else {
            let mut batch = self.database.batch();
            for pair in pairs {
                batch.insert(&self.pairs, pair.key.as_slice(), pair.value.as_slice());
            }
            batch.commit().expect("fjall writes");
        }
        if durability == Durability::Now {
            self.sync();
        }
    }

    fn sync(&mut self) {
        self.database
            .persist(PersistMode::SyncData)
            .expect("fjall syncs");
    }

    fn get(&mut self, key: &[u8], found: &mut dyn FnMut(&[u8])) -> bool {
        match self.pairs.get(key).expect("fjall reads") {
            Some(value) => {
                found(&value);
                true
            }
            None => false,
        }
    }

    fn scan_prefix(&mut self, prefix: &[u8], count_max: usize, each: &mut dyn FnMut(&[u8], &[u8])) {
        for pair in self.pairs.prefix(prefix).take(count_max) {
            let (key, value) = pair.into_inner().expect("fjall reads");
            each(&key, &value);
        }
    }

    fn settle(&mut self) -> Duration {
        self.pairs
            .rotate_memtable_and_wait()
            .expect("fjall flushes");
        // It says what is going on, not what is still to come.
        let (mut seen, mut since) = (self.progress(), Instant::now());
        while since.elapsed() < QUIET {
            std::thread::sleep(Duration::from_millis(1));
            let now = self.progress();
            if now != seen || now.0 > 0 || now.1 > 0 {
                (seen, since) = (now, Instant::now());
            }
        }
        QUIET
    }
}
