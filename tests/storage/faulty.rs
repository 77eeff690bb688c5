//! A disk of which one I/O goes wrong.

use henge_core::rng::Rng;
use henge_core::storage::{FileId, StorageFault, StorageRequest};
use henge_tests::storage::Disk;
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// One bit of what a read gives is another.
    Flip,
    /// A read gives only half.
    Short,
    /// A read gives nothing.
    Nothing,
    /// A read gives bytes from elsewhere in the file.
    OtherOffset,
    /// A read gives bytes of another file of its kind, or of any other if there is none.
    OtherFile,
    /// A request fails; of an append half is written, after a sync nothing of what it was for is
    /// left.
    Failed,
    /// For a while nothing more fits.
    Full,
}

pub(crate) const KINDS: [Kind; 7] = [
    Kind::Flip,
    Kind::Short,
    Kind::Nothing,
    Kind::OtherOffset,
    Kind::OtherFile,
    Kind::Failed,
    Kind::Full,
];

impl Kind {
    pub(crate) const fn fits(self, request: &StorageRequest) -> bool {
        match (self, request) {
            (Self::Failed, _) => true,
            (
                Self::Full,
                StorageRequest::Append { .. }
                | StorageRequest::Replace { .. }
                | StorageRequest::Sync { .. },
            ) => true,
            (Self::Full, _) => false,
            (_, request) => matches!(request, StorageRequest::Read { .. }),
        }
    }
}

/// How many requests of those that need room a full disk refuses.
pub(crate) const REFUSALS: u32 = 5;

/// A disk of which one I/O goes wrong.
pub(crate) struct Faulty {
    kind: Kind,
    /// Which I/O.
    at: usize,
    /// I/Os so far.
    count: usize,
    /// Which requests there were, if they are to be known.
    pub(crate) seen: Option<Vec<StorageRequest>>,
    /// Where each file is not durable from.
    unsynced: BTreeMap<FileId, usize>,
    refusals: u32,
    /// The request that went wrong.
    pub(crate) hit: Option<StorageRequest>,
    /// What a read gave was not what is there.
    pub(crate) is_corrupt: bool,
}

impl Faulty {
    pub(crate) const fn new(kind: Kind, at: usize) -> Self {
        Self {
            kind,
            at,
            count: 0,
            seen: None,
            unsynced: BTreeMap::new(),
            refusals: 0,
            hit: None,
            is_corrupt: false,
        }
    }

    pub(crate) fn answer(
        &mut self,
        disk: &mut Disk,
        request: StorageRequest,
    ) -> Result<Option<Vec<u8>>, StorageFault> {
        let index = self.count;
        self.count += 1;
        self.seen
            .iter_mut()
            .for_each(|seen| seen.push(request.clone()));
        if self.refusals > 0 && Kind::Full.fits(&request) {
            self.refusals -= 1;
            return Err(StorageFault::Full);
        }
        match &request {
            StorageRequest::Append { file, offset, .. } => {
                let from = usize::try_from(*offset).unwrap();
                self.unsynced.entry(*file).or_insert(from);
            }
            StorageRequest::Sync { file } if index != self.at => {
                self.unsynced.remove(file);
            }
            _ => {}
        }
        if index != self.at || !self.kind.fits(&request) {
            return disk.carry_out(request);
        }
        self.hit = Some(request.clone());
        match self.kind {
            Kind::Full => {
                self.refusals = REFUSALS;
                Err(StorageFault::Full)
            }
            Kind::Failed => Err(self.fail(disk, request)),
            _ => self.misread(disk, &request),
        }
    }

    fn fail(&self, disk: &mut Disk, request: StorageRequest) -> StorageFault {
        let file = request.file();
        match request {
            StorageRequest::Append {
                file,
                offset,
                mut bytes,
            } => {
                bytes.truncate(bytes.len() / 2);
                let half = StorageRequest::Append {
                    file,
                    offset,
                    bytes,
                };
                disk.carry_out(half).unwrap();
            }
            StorageRequest::Sync { file } => {
                let durable = self.unsynced.get(&file).copied().unwrap_or(usize::MAX);
                disk.files().entry(file).or_default().truncate(durable);
            }
            _ => {}
        }
        StorageFault::Failed(format!("{file}: input/output error"))
    }

    fn misread(
        &mut self,
        disk: &mut Disk,
        request: &StorageRequest,
    ) -> Result<Option<Vec<u8>>, StorageFault> {
        let StorageRequest::Read {
            file,
            offset,
            length,
        } = request.clone()
        else {
            unreachable!("only reads are misread");
        };
        let right = disk.carry_out(request.clone())?.unwrap();
        let mut given = right.clone();
        match self.kind {
            Kind::Flip if !given.is_empty() => {
                let bit = Rng::new(self.at as u64).below(given.len() as u64 * 8);
                given[usize::try_from(bit / 8).unwrap()] ^= 1 << (bit % 8);
            }
            Kind::Short => given.truncate(given.len() / 2),
            Kind::Nothing => given.clear(),
            Kind::OtherOffset => {
                let all = disk.files()[&file].len() as u64;
                let offset = (offset + all / 3) % all;
                let other = StorageRequest::Read {
                    file,
                    offset,
                    length,
                };
                given = disk.carry_out(other)?.unwrap();
            }
            _ => {
                let others = disk.list();
                let is_other = |same: bool| {
                    others
                        .iter()
                        .map(|stored| stored.file)
                        .find(|other| *other != file && (!same || other.kind == file.kind))
                };
                if let Some(other) = is_other(true).or_else(|| is_other(false)) {
                    let read = StorageRequest::Read {
                        file: other,
                        offset,
                        length,
                    };
                    given = disk.carry_out(read)?.unwrap();
                }
            }
        }
        self.is_corrupt = given != right;
        Ok(Some(given))
    }
}
