//! A disk in memory that tells durable bytes from others, and can be crashed, filled and broken.

use henge_core::rng::Rng;
use henge_core::storage::{FileId, StorageAnswer, StorageFault, StorageRequest, StoredFile};
use std::collections::BTreeMap;

/// The files of one seat.
#[derive(Debug)]
pub struct Medium {
    files: BTreeMap<FileId, File>,
    rng: Rng,
    /// Whether appends find no room.
    pub is_full: bool,
    /// Whether syncs fail.
    pub is_broken: bool,
}

#[derive(Clone, Debug, Default)]
struct File {
    bytes: Vec<u8>,
    durable: usize,
}

impl Medium {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            files: BTreeMap::new(),
            rng: Rng::new(seed),
            is_full: false,
            is_broken: false,
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

    /// Keeps what is durable, and of the rest a beginning of random length with a random byte
    /// turned over now and then.
    pub fn crash(&mut self) {
        for file in self.files.values_mut() {
            let loose = (file.bytes.len() - file.durable) as u64;
            if loose > 0 {
                let kept = usize::try_from(self.rng.below(loose + 1)).expect("below a length");
                file.bytes.truncate(file.durable + kept);
                if kept > 0 && self.rng.below(2) == 0 {
                    *file.bytes.last_mut().expect("kept bytes") ^= 0xff;
                }
            }
        }
    }

    pub(super) fn carry_out(
        &mut self,
        request: StorageRequest,
    ) -> Result<Option<Vec<u8>>, StorageFault> {
        match request {
            StorageRequest::Append { .. } if self.is_full => return Err(StorageFault::Full),
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
                let held = self.files.entry(file).or_default();
                let from = usize::try_from(offset)
                    .expect("an offset")
                    .min(held.bytes.len());
                let to = held.bytes.len().min(from + length as usize);
                return Ok(Some(held.bytes[from..to].to_vec()));
            }
            StorageRequest::Replace { file, bytes } => {
                let durable = bytes.len();
                self.files.insert(file, File { bytes, durable });
            }
            StorageRequest::Truncate { file, length } => {
                let held = self.files.entry(file).or_default();
                held.bytes
                    .truncate(usize::try_from(length).expect("a length"));
                held.durable = held.bytes.len();
            }
            StorageRequest::Delete { file } => {
                self.files.remove(&file);
            }
        }
        Ok(None)
    }
}

pub(super) fn answer(
    result: &Result<Option<Vec<u8>>, StorageFault>,
) -> Result<StorageAnswer<'_>, StorageFault> {
    match result {
        Ok(None) => Ok(StorageAnswer::Done),
        Ok(Some(bytes)) => Ok(StorageAnswer::Bytes(bytes)),
        Err(fault) => Err(fault.clone()),
    }
}
