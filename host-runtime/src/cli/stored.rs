//! Files of a storage as commands read them: in pieces, and never written.

use henge_core::causality::VersionSet;
use henge_core::limits::MANIFEST_BYTES_MAX;
use henge_core::storage::log::recovery::Damage;
use henge_core::storage::manifest::format::MANIFEST_HEADER_BYTES;
use henge_core::storage::table::entries::Found;
use henge_core::storage::table::verify::FlawKind;
use henge_core::storage::{StorageRequest, StoredKey};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Most bytes of a table that are read at a time.
const READ_BYTES: u64 = 1_024 * 1_024;

const MANIFEST_LENGTH_MAX: u64 = (MANIFEST_HEADER_BYTES + MANIFEST_BYTES_MAX) as u64;

/// A file that is read.
pub(super) struct Source {
    file: File,
    /// Its length in bytes when it was opened.
    pub(super) length: u64,
}

impl Source {
    /// Opens the file at `path`.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(Self { file, length })
    }

    /// At most [`READ_BYTES`] of the `length` bytes at `offset`, all of which must be there.
    pub(super) fn piece(&self, (offset, length): (u64, u64)) -> io::Result<Vec<u8>> {
        self.read(offset, length.min(READ_BYTES))
    }

    /// All of it, if it is not longer than any manifest.
    pub(super) fn manifest(&self) -> io::Result<Vec<u8>> {
        if self.length > MANIFEST_LENGTH_MAX {
            let long = format!("{} bytes are more than any manifest has", self.length);
            return Err(io::Error::other(long));
        }
        self.read(0, self.length)
    }

    /// What recovery asks for; less at the end of the file.
    pub(super) fn answer(&self, request: &StorageRequest) -> io::Result<Vec<u8>> {
        let StorageRequest::Read { offset, length, .. } = request else {
            return Err(io::Error::other("only reads are asked of a file"));
        };
        let there = self.length.saturating_sub(*offset);
        self.read(*offset, there.min(u64::from(*length)))
    }

    fn read(&self, offset: u64, length: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }
}

/// Whether a pair of a table makes sense: its state is a version set of which the block says the
/// right things.
pub(super) fn is_pair(key: &[u8], found: Found<'_>) -> bool {
    let says = |set: VersionSet| {
        let facts = set.facts();
        (facts.is_tombstone, facts.expires_at_ms) == (found.is_tombstone, found.expires_at_ms)
    };
    StoredKey::from_bytes(key).is_some() && VersionSet::decode(found.value).is_ok_and(says)
}

/// Whether a state of the log makes sense.
pub(super) fn is_state(key: &[u8], set: &[u8]) -> bool {
    StoredKey::from_bytes(key).is_some() && VersionSet::decode(set).is_ok()
}

/// What is wrong with a log segment, without its name.
pub(super) fn what_is_wrong(why: Damage) -> String {
    match why {
        Damage::Missing => "the segment is missing although a later one is there".into(),
        Damage::Misplaced => "the header is that of another segment or of another storage".into(),
        Damage::Checksum => "durable data does not match its checksum".into(),
        Damage::Short => "the medium gives nothing although the segment goes on".into(),
        Damage::Record => "a record of the batch makes no sense".into(),
        Damage::Version(version) => FlawKind::Version(version).to_string(),
    }
}
