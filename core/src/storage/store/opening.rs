//! Opening: the manifest says which tables and segments count; the log is replayed.

use super::writing::Commit;
use super::{Phase, Store, StoreEvent};
use crate::id::PartitionId;
use crate::sorted::Map;
use crate::storage::contract::{
    FileId, FileKind, OperationId, StorageAnswer, StorageFault, StorageRequest, StoredFile,
};
use crate::storage::facts::Reading;
use crate::storage::key::StoredKey;
use crate::storage::log::{LogWriter, Record, Recovered, Recovery};
use crate::storage::manifest::Manifest;
use crate::storage::memtable::{Memtable, Slot};
use crate::storage::store::BatchNumber;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::vec::Vec;

/// What was replayed counts as written with this batch, which is always durable.
const REPLAYED: BatchNumber = BatchNumber(0);

/// The manifest's file.
pub(super) const MANIFEST: FileId = FileId {
    kind: FileKind::Manifest,
    number: 0,
};

/// A record of the log, as it is handed on.
#[derive(Clone, Copy, Debug)]
pub enum Replayed<'a> {
    /// A state, which counts if no later one comes.
    State {
        /// Its key.
        key: &'a StoredKey,
        /// What was written.
        set: &'a [u8],
        /// The segment of the log that it stands in.
        segment: u64,
    },
    /// What was given to `rotate`: it stands for all that came before.
    Note(&'a [u8]),
}

/// What is being read.
#[derive(Debug)]
pub(super) enum Opening {
    Manifest {
        files: Vec<StoredFile>,
        read: OperationId,
    },
    Log {
        recovery: Recovery,
        read: OperationId,
    },
}

impl Store {
    /// Begins to open what `files` hold. Records of the log go to `replay` as they are read, there
    /// and in `handle_done`; it says whether a record makes sense.
    pub fn open(&mut self, files: &[StoredFile], replay: &mut dyn FnMut(Replayed<'_>) -> bool) {
        let Some(manifest) = files.iter().find(|stored| stored.file == MANIFEST) else {
            return self.open_log(files, None, replay);
        };
        let Ok(length) = u32::try_from(manifest.length) else {
            return self.fail(&format!("{MANIFEST} is {} bytes long", manifest.length));
        };
        let read = self.request(StorageRequest::Read {
            file: MANIFEST,
            offset: 0,
            length,
        });
        let files = files.to_vec();
        self.phase = Phase::Opening(Opening::Manifest { files, read });
    }

    pub(super) fn opening_done(
        &mut self,
        operation: OperationId,
        result: Result<StorageAnswer<'_>, StorageFault>,
        replay: &mut dyn FnMut(Replayed<'_>) -> bool,
    ) {
        match core::mem::replace(&mut self.phase, Phase::Failed) {
            Phase::Opening(Opening::Manifest { files, read }) if read == operation => {
                match bytes_of(result) {
                    Ok(bytes) => self.manifest_read(bytes, &files, replay),
                    Err(fault) => self.fail(&fault),
                }
            }
            Phase::Opening(Opening::Log { mut recovery, read }) if read == operation => {
                match bytes_of(result) {
                    Ok(bytes) => match recovery.feed(bytes) {
                        Ok(()) => self.recover(recovery, replay),
                        Err(corruption) => self.fail(&corruption),
                    },
                    Err(fault) => self.fail(&fault),
                }
            }
            Phase::Settling {
                writer,
                operation: settling,
                records,
            } if settling == operation => match result {
                Ok(_) => self.opened(writer, records),
                Err(fault) => self.fail(&fault),
            },
            other => self.phase = other,
        }
    }

    fn manifest_read(
        &mut self,
        bytes: &[u8],
        files: &[StoredFile],
        replay: &mut dyn FnMut(Replayed<'_>) -> bool,
    ) {
        let manifest = match Manifest::decode(bytes) {
            Ok(manifest) => manifest,
            Err(error) => {
                return self.fail(&format!("{MANIFEST} {error}; {RESTORE}"));
            }
        };
        let stored: Map<_, _> = files.iter().map(|it| (it.file, it.length)).collect();
        for table in manifest.levels.tables() {
            let file = crate::storage::compaction::output::file(table.number);
            match stored.get(file) {
                Some(length) if *length == table.length => {}
                Some(length) => {
                    return self.fail(&format!(
                        "{file} is {length} bytes long, but {} were written; {RESTORE}",
                        table.length
                    ));
                }
                None => return self.fail(&format!("{file} is missing; {RESTORE}")),
            }
        }
        self.open_log(files, Some(manifest), replay);
    }

    fn open_log(
        &mut self,
        files: &[StoredFile],
        manifest: Option<Manifest>,
        replay: &mut dyn FnMut(Replayed<'_>) -> bool,
    ) {
        let incarnation = manifest.as_ref().map(|manifest| manifest.incarnation);
        if let Some(manifest) = manifest {
            self.planned = manifest.clone();
            self.manifest = manifest;
        }
        let log_start = self.manifest.log_start;
        self.active = Memtable::new(log_start);
        // What a crash has left between writing and installing, or between installing and deleting.
        for stored in files {
            let number = stored.file.number;
            let is_left_over = match stored.file.kind {
                FileKind::Manifest => stored.file != MANIFEST,
                FileKind::Log => number < log_start,
                FileKind::Table => !self
                    .manifest
                    .levels
                    .tables()
                    .any(|table| table.number == number),
            };
            if is_left_over {
                self.lane.push(StorageRequest::Delete { file: stored.file });
            }
            // A number is never used twice: the place of a block is part of its checksum.
            if stored.file.kind == FileKind::Table {
                self.planned.next_table = self.planned.next_table.max(number + 1);
            }
        }
        match Recovery::new(files, log_start, incarnation) {
            Ok(recovery) => self.recover(recovery, replay),
            Err(corruption) => self.fail(&corruption),
        }
    }

    fn recover(&mut self, mut recovery: Recovery, replay: &mut dyn FnMut(Replayed<'_>) -> bool) {
        let mut target = Target {
            reading: self.settings.reading,
            active: &mut self.active,
            frozen: &mut self.frozen,
            manifests: [&mut self.manifest, &mut self.planned],
        };
        let outcome = recovery.advance(self.settings.fresh, &mut |segment, record| {
            target.replay(segment, record, replay)
        });
        match outcome {
            Err(corruption) => self.fail(&corruption),
            Ok(Recovered::Read(request)) => {
                let read = self.request(request);
                self.phase = Phase::Opening(Opening::Log { recovery, read });
            }
            Ok(Recovered::Done {
                writer,
                tail,
                records,
            }) => {
                // What was read may not be durable yet, and is shown as if it were: a truncation
                // to its own length syncs it.
                let file = FileId {
                    kind: FileKind::Log,
                    number: writer.segment(),
                };
                let length = writer.segment_bytes();
                let operation = self.request(StorageRequest::Truncate { file, length });
                self.phase = Phase::Settling {
                    writer,
                    operation,
                    records,
                };
                let cut = tail.filter(|tail| tail.bytes > 0);
                self.events.extend(cut.map(StoreEvent::TailCut));
            }
        }
    }

    fn opened(&mut self, writer: LogWriter, records: u64) {
        // The last segment may have been begun and hold nothing yet.
        if self.active.segment() != writer.segment() {
            let next = Memtable::new(writer.segment());
            self.frozen
                .push_back(core::mem::replace(&mut self.active, next));
        }
        for manifest in [&mut self.manifest, &mut self.planned] {
            manifest.incarnation = writer.incarnation();
        }
        // A segment that was begun may have lost notes; those before it are still there then.
        let lacks_note =
            writer.segment() > 1 && (writer.segment_bytes() == 0 || !self.frozen.is_empty());
        self.phase = Phase::Open {
            writer,
            commit: Commit::default(),
        };
        self.balance();
        self.events.push_back(StoreEvent::Opened {
            records,
            lacks_note,
        });
    }
}

const RESTORE: &str = "nothing was changed. Restore the file, or move the data folder away and let \
                       the member be filled again from its replicas";

/// Where replayed records go.
struct Target<'a> {
    reading: Reading,
    active: &'a mut Memtable,
    frozen: &'a mut VecDeque<Memtable>,
    manifests: [&'a mut Manifest; 2],
}

impl Target<'_> {
    fn replay(
        &mut self,
        segment: u64,
        record: Record<'_>,
        replay: &mut dyn FnMut(Replayed<'_>) -> bool,
    ) -> bool {
        if segment != self.active.segment() {
            let next = Memtable::new(segment);
            self.frozen.push_back(core::mem::replace(self.active, next));
        }
        match record {
            Record::State { key, set, is_new } => {
                let facts = (self.reading.facts)(set);
                let (Some(key), Some(facts)) = (StoredKey::from_bytes(key), facts) else {
                    return false;
                };
                let makes_sense = replay(Replayed::State {
                    key: &key,
                    set,
                    segment,
                });
                let slot = Slot {
                    set: set.into(),
                    batch: REPLAYED,
                    facts,
                };
                self.active.insert(key, slot, is_new);
                makes_sense
            }
            Record::Note { bytes } => replay(Replayed::Note(bytes)),
            Record::Drop {
                partition,
                before_table,
            } => {
                self.drop_partition(partition, before_table);
                true
            }
        }
    }

    fn drop_partition(&mut self, partition: PartitionId, before_table: u64) {
        for memtable in self.frozen.iter_mut().chain([&mut *self.active]) {
            memtable.remove_partition(partition);
        }
        for manifest in &mut self.manifests {
            manifest.drop_partition(partition, before_table);
        }
    }
}

fn bytes_of(result: Result<StorageAnswer<'_>, StorageFault>) -> Result<&[u8], StorageFault> {
    match result {
        Ok(StorageAnswer::Bytes(bytes)) => Ok(bytes),
        Ok(StorageAnswer::Done) => Err(StorageFault::Failed("a read brought no bytes".into())),
        Err(fault) => Err(fault),
    }
}
