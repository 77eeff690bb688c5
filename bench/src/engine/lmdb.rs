//! LMDB: a copy-on-write B-tree in one memory map, without compression.

use super::contender::{Contender, Durability, Engine, Pair, version_of};
use heed::types::Bytes;
use heed::{CommitOrAbort, Database, Env, EnvFlags, EnvOpenOptions, FlagSetMode};
use std::path::Path;
use std::time::Duration;

pub(super) const CONTENDER: Contender = Contender {
    name: "lmdb",
    version: || {
        let lmdb = heed::lmdb_version();
        let (major, minor, patch) = (lmdb.major, lmdb.minor, lmdb.patch);
        format!("{major}.{minor}.{patch}, heed {}", version_of("heed"))
    },
    settings: |_| {
        "caches in the page cache, which has no cap; no compression; no thread of its \
         own"
        .to_owned()
    },
    open: |folder, _| Box::new(Lmdb::open(folder)),
};

/// Address space only: the file is as long as what was written.
const MAP_BYTES: usize = 64 << 30;

struct Lmdb {
    env: Env,
    pairs: Database<'static, Bytes, Bytes>,
    durability: Durability,
}

impl Lmdb {
    fn open(folder: &Path) -> Self {
        // SAFETY: the folder is fresh, and this process alone knows of it.
        let opened = unsafe { EnvOpenOptions::new().map_size(MAP_BYTES).open(folder) };
        let env = opened.expect("LMDB opens an empty folder");
        let transaction = env.write_txn().expect("LMDB writes");
        let pairs = env
            .create_databases_and_commit(transaction, |create, transaction| {
                create
                    .create_database(transaction, None)
                    .map(CommitOrAbort::<_, ()>::Commit)
            })
            .map_err(|error: heed::Error| error)
            .expect("LMDB makes its one database")
            .unwrap_commit();
        Self {
            env,
            pairs,
            durability: Durability::Now,
        }
    }

    fn set_durability(&mut self, durability: Durability) {
        if self.durability == durability {
            return;
        }
        let mode = match durability {
            Durability::Later => FlagSetMode::Enable,
            Durability::Now => FlagSetMode::Disable,
        };
        // SAFETY: without syncs a crash could leave a broken file; nobody would open it after one.
        unsafe { self.env.set_flags(EnvFlags::NO_SYNC, mode) }.expect("LMDB takes the flag");
        self.durability = durability;
    }
}

impl Engine for Lmdb {
    fn put(&mut self, pairs: &[Pair], durability: Durability) {
        self.set_durability(durability);
        let mut transaction = self.env.write_txn().expect("LMDB writes");
        for pair in pairs {
            self.pairs
                .put(&mut transaction, &pair.key, &pair.value)
                .expect("LMDB writes");
        }
        transaction.commit().expect("LMDB commits");
    }

    fn sync(&mut self) {
        self.env.force_sync().expect("LMDB syncs");
    }

    fn get(&mut self, key: &[u8], found: &mut dyn FnMut(&[u8])) -> bool {
        let transaction = self.env.read_txn().expect("LMDB reads");
        match self.pairs.get(&transaction, key).expect("LMDB reads") {
            Some(value) => {
                found(value);
                true
            }
            None => false,
        }
    }

    fn scan_prefix(&mut self, prefix: &[u8], count_max: usize, each: &mut dyn FnMut(&[u8], &[u8])) {
        let transaction = self.env.read_txn().expect("LMDB reads");
        let pairs = self.pairs.prefix_iter(&transaction, prefix);
        for pair in pairs.expect("LMDB reads").take(count_max) {
            let (key, value) = pair.expect("LMDB reads");
            each(key, value);
        }
    }

    fn settle(&mut self) -> Duration {
        // Nothing goes on in the background.
        self.sync();
        Duration::ZERO
    }
}
