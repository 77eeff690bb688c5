//! A disk in memory that tells durable bytes from others, and can be crashed, filled, slowed down,
//! broken and damaged.
//!
//! A request takes effect when it is answered, in order for each file; those under way at a crash
//! have taken effect or not. Of bytes that were not synced a crash keeps all, nothing, or a
//! beginning with holes and wrong bytes in it: all that the contract allows.

use henge_core::rng::Rng;
use henge_core::storage::{
    FileId, FileKind, OperationId, StorageAnswer, StorageFault, StorageRequest, StoredFile,
};
use henge_core::time::{Duration, Instant};
use std::collections::{BTreeMap, BTreeSet};

/// How long a disk takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskSettings {
    /// A request takes this long at least, in microseconds.
    pub micros_min: u64,
    /// And up to so much more.
    pub micros_spread: u64,
    /// How many of a thousand requests take longer than that.
    pub slow_permille: u16,
    /// Up to how much longer, in microseconds.
    pub slow_micros: u64,
}

impl DiskSettings {
    /// A disk that always takes 300 microseconds.
    pub const CALM: Self = Self {
        micros_min: 300,
        micros_spread: 0,
        slow_permille: 0,
        slow_micros: 0,
    };
}

/// The files of one seat.
#[derive(Clone, Debug)]
pub struct Disk {
    files: BTreeMap<FileId, File>,
    /// In the order in which they were given out.
    under_way: Vec<(OperationId, StorageRequest)>,
    /// Until when each file has something to do.
    busy: BTreeMap<FileId, Instant>,
    rng: Rng,
    settings: DiskSettings,
    /// Whether appends find no room.
    pub is_full: bool,
    /// Whether syncs fail.
    pub is_broken: bool,
    /// What every request takes on top of the settings, in microseconds.
    pub extra_micros: u64,
}

#[derive(Clone, Debug, Default)]
struct File {
    bytes: Vec<u8>,
    durable: usize,
}

impl Disk {
    pub(crate) const fn new(settings: DiskSettings, seed: u64) -> Self {
        Self {
            files: BTreeMap::new(),
            under_way: Vec::new(),
            busy: BTreeMap::new(),
            rng: Rng::new(seed),
            settings,
            is_full: false,
            is_broken: false,
            extra_micros: 0,
        }
    }

    /// The files and their lengths.
    #[must_use]
    pub fn files(&self) -> Vec<StoredFile> {
        let stored = |(file, held): (&FileId, &File)| StoredFile {
            file: *file,
            length: held.bytes.len() as u64,
        };
        self.files.iter().map(stored).collect()
    }

    /// The bytes of `file`.
    pub fn bytes(&mut self, file: FileId) -> &mut Vec<u8> {
        &mut self.files.entry(file).or_default().bytes
    }

    /// Power is lost: requests under way have taken effect or not, and what was not synced is
    /// there in part.
    pub fn crash(&mut self) {
        let mut stopped = BTreeSet::new();
        for (_, request) in std::mem::take(&mut self.under_way) {
            let file = request.file();
            if stopped.contains(&file) || self.rng.below(2) == 0 {
                stopped.insert(file);
            } else {
                // Nobody hears of a fault any more.
                let _ = self.carry_out(request);
            }
        }
        self.busy.clear();
        let last_log = self.files.keys().rfind(|file| file.kind == FileKind::Log);
        let last_log = last_log.copied();
        for (id, file) in &mut self.files {
            file.tear(&mut self.rng);
            if Some(*id) == last_log && self.rng.below(4) == 0 {
                let room = index(self.rng.below(9_000));
                file.bytes.resize(file.bytes.len() + room, 0);
            }
        }
    }

    /// Loses everything.
    pub(crate) fn wipe(&mut self) {
        self.files.clear();
        self.under_way.clear();
        self.busy.clear();
    }

    /// Turns over one bit in the durable bytes of some table; says in which, if there is one.
    pub(crate) fn damage(&mut self) -> Option<FileId> {
        let is_table =
            |(id, file): &(&FileId, &File)| id.kind == FileKind::Table && file.durable > 0;
        let tables: Vec<FileId> = self
            .files
            .iter()
            .filter(is_table)
            .map(|(id, _)| *id)
            .collect();
        let table = *tables.get(index(self.rng.below(tables.len().max(1) as u64)))?;
        let file = self.files.get_mut(&table)?;
        let at = index(self.rng.below(file.durable as u64));
        file.bytes[at] ^= 1 << self.rng.below(8);
        Some(table)
    }

    /// Takes a request in. Says when it will have been carried out.
    pub(crate) fn submit(
        &mut self,
        now: Instant,
        operation: OperationId,
        request: StorageRequest,
    ) -> Instant {
        let at = now + Duration::from_micros(self.latency());
        let busy = self.busy.entry(request.file()).or_default();
        *busy = at.max(*busy);
        let at = *busy;
        self.under_way.push((operation, request));
        at
    }

    /// Carries out what was taken in as `operation`.
    pub(crate) fn complete(
        &mut self,
        operation: OperationId,
    ) -> Result<Option<Vec<u8>>, StorageFault> {
        let at = self.under_way.iter().position(|(id, _)| *id == operation);
        let (_, request) = self.under_way.remove(at.expect("it was taken in"));
        self.carry_out(request)
    }

    fn latency(&mut self) -> u64 {
        let DiskSettings {
            micros_min,
            micros_spread,
            slow_permille,
            slow_micros,
        } = self.settings;
        let mut micros = micros_min + self.extra_micros + self.rng.below(micros_spread + 1);
        if self.rng.below(1_000) < u64::from(slow_permille) {
            micros += self.rng.below(slow_micros + 1);
        }
        micros
    }

    fn carry_out(&mut self, request: StorageRequest) -> Result<Option<Vec<u8>>, StorageFault> {
        match request {
            StorageRequest::Append { .. } | StorageRequest::Replace { .. } if self.is_full => {
                return Err(StorageFault::Full);
            }
            StorageRequest::Append {
                file,
                offset,
                bytes,
            } => {
                let held = self.files.entry(file).or_default();
                if held.bytes.len() as u64 != offset {
                    let why = format!("append at {offset} to {file} of {} bytes", held.bytes.len());
                    return Err(StorageFault::Failed(why));
                }
                held.bytes.extend_from_slice(&bytes);
            }
            StorageRequest::Sync { .. } if self.is_broken => {
                return Err(StorageFault::Failed("sync: input/output error".into()));
            }
            StorageRequest::Sync { file } => {
                let held = self.files.entry(file).or_default();
                held.durable = held.bytes.len();
            }
            StorageRequest::Read {
                file,
                offset,
                length,
            } => {
                let held = self.files.get(&file).map_or(&[][..], |held| &held.bytes);
                let from = index(offset).min(held.len());
                let to = held.len().min(from + length as usize);
                return Ok(Some(held[from..to].to_vec()));
            }
            StorageRequest::Replace { file, bytes } => {
                let durable = bytes.len();
                self.files.insert(file, File { bytes, durable });
            }
            StorageRequest::Truncate { file, length } => {
                let held = self.files.entry(file).or_default();
                held.bytes.truncate(index(length));
                held.durable = held.bytes.len();
            }
            StorageRequest::Delete { file } => {
                self.files.remove(&file);
            }
        }
        Ok(None)
    }
}

impl File {
    /// Keeps what is durable, and any part of the rest.
    fn tear(&mut self, rng: &mut Rng) {
        let loose = self.bytes.len() - self.durable;
        if loose == 0 {
            return;
        }
        match rng.below(4) {
            0 => return,
            1 => return self.bytes.truncate(self.durable),
            _ => {}
        }
        let kept = index(rng.below(loose as u64 + 1));
        self.bytes.truncate(self.durable + kept);
        if kept == 0 {
            return;
        }
        match rng.below(3) {
            0 => {}
            1 => *self.bytes.last_mut().expect("kept bytes") ^= 0xff,
            _ => {
                let from = self.durable + index(rng.below(kept as u64));
                let to = self.bytes.len().min(from + 512);
                self.bytes[from..to].fill(0);
            }
        }
    }
}

/// The answer to a node, as a node takes it.
pub(crate) fn answer(
    result: &Result<Option<Vec<u8>>, StorageFault>,
) -> Result<StorageAnswer<'_>, StorageFault> {
    match result {
        Ok(None) => Ok(StorageAnswer::Done),
        Ok(Some(bytes)) => Ok(StorageAnswer::Bytes(bytes)),
        Err(fault) => Err(fault.clone()),
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).expect("it is in memory")
}
