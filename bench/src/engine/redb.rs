//! redb: a copy-on-write B-tree in one file, without compression.

use super::contender::{Contender, Durability, Engine, Pair, version_of};
use redb::{Database, ReadableDatabase, TableDefinition};
use std::path::Path;
use std::time::Duration;

pub(super) const CONTENDER: Contender = Contender {
    name: "redb",
    version: || version_of("redb"),
    settings: |memory| {
        format!(
            "cache {} MiB, no compression, one-phase commits, no thread of its own",
            memory >> 20
        )
    },
    open: |folder, memory| Box::new(Redb::open(folder, memory)),
};

const TABLE: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("pairs");

struct Redb(Database);

impl Redb {
    fn open(folder: &Path, memory_bytes: u64) -> Self {
        let database = Database::builder()
            .set_cache_size(usize::try_from(memory_bytes).expect("it fits into the memory"))
            .create(folder.join("redb"))
            .expect("redb opens an empty folder");
        Self(database)
    }
}

impl Engine for Redb {
    fn put(&mut self, pairs: &[Pair], durability: Durability) {
        let mut transaction = self.0.begin_write().expect("redb writes");
        transaction
            .set_durability(match durability {
                Durability::Later => redb::Durability::None,
                Durability::Now => redb::Durability::Immediate,
            })
            .expect("only one process has it open");
        {
            let mut table = transaction.open_table(TABLE).expect("redb writes");
            for pair in pairs {
                table
                    .insert(pair.key.as_slice(), pair.value.as_slice())
                    .expect("redb writes");
            }
        }
        transaction.commit().expect("redb commits");
    }

    fn sync(&mut self) {
        // A commit that is durable makes those before it durable.
        let transaction = self.0.begin_write().expect("redb writes");
        transaction.commit().expect("redb commits");
    }

    fn get(&mut self, key: &[u8], found: &mut dyn FnMut(&[u8])) -> bool {
        let transaction = self.0.begin_read().expect("redb reads");
        let table = transaction.open_table(TABLE).expect("the table is there");
        match table.get(key).expect("redb reads") {
            Some(value) => {
                found(value.value());
                true
            }
            None => false,
        }
    }

    fn scan_prefix(&mut self, prefix: &[u8], count_max: usize, each: &mut dyn FnMut(&[u8], &[u8])) {
        let transaction = self.0.begin_read().expect("redb reads");
        let table = transaction.open_table(TABLE).expect("the table is there");
        for pair in table.range(prefix..).expect("redb reads").take(count_max) {
            let (key, value) = pair.expect("redb reads");
            if !key.value().starts_with(prefix) {
                break;
            }
            each(key.value(), value.value());
        }
    }

    fn settle(&mut self) -> Duration {
        // Nothing goes on in the background.
        self.sync();
        Duration::ZERO
    }
}
