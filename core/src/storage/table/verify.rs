//! Goes through a whole table, block after block, and finds whatever is wrong with it: checksums,
//! the order of the keys, what the indexes name, what the filters hold, what the properties say.
//!
//! It needs nothing but the file: the blocks stand one behind the other without gaps. Behind a
//! damaged block it goes on where that block's header says that it ends, and gives up when there is
//! no good block either.

use super::block::{BLOCK_HEADER_BYTES, BlockError, BlockHeader, BlockId, BlockKind, Place};
use super::directory::{Directory, Index};
use super::entries::{Decoded, Found, Malformed};
use super::footer::{FOOTER_BYTES, Footer, Properties, TABLE_HEADER_BYTES, decode_header};
use crate::hash::hash64;
use crate::storage::key::{STORED_KEY_PREFIX_BYTES, compare};
use crate::storage::log::format::HeaderError;
use crate::storage::manifest::Table;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;

#[cfg(test)]
mod tests;

/// A table that is being gone through.
#[derive(Debug)]
pub struct TableCheck {
    number: u64,
    length: u64,
    incarnation: Option<u64>,
    /// What was read and is not done with: `buffer[start..]`, from byte `at` on.
    buffer: Vec<u8>,
    start: usize,
    at: u64,
    phase: Phase,
    decoded: Decoded,
    last: Vec<u8>,
    /// The data blocks since the last directory, and the hashes of their keys.
    run: Vec<Part>,
    hashes: Vec<u64>,
    directories: Vec<Part>,
    top: Option<BlockId>,
    properties: Option<(BlockId, Properties)>,
    /// What the properties must be, but for when the pairs were written.
    counted: Properties,
    flaws: Vec<Flaw>,
    /// The block before was damaged.
    is_in_doubt: bool,
    /// A block since the last directory was damaged.
    is_run_damaged: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Header,
    Blocks,
    End,
}

/// A block that an index must name, with the keys that it holds.
#[derive(Debug)]
struct Part {
    id: BlockId,
    first: Vec<u8>,
    last: Vec<u8>,
}

/// Something that is wrong with a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Where in the table, in bytes: the beginning of the block that it shows in.
    pub offset: u64,
    /// What it is.
    pub kind: FlawKind,
}

/// What is wrong with a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlawKind {
    /// It is shorter than any table.
    Short,
    /// The header is not what was written.
    Header,
    /// Another build wrote it.
    Version(u16),
    /// It is another table than its name says, or of another storage.
    Misplaced,
    /// The block is not what was written.
    Block(BlockError),
    /// A block that cannot stand here.
    Unexpected(BlockKind),
    /// A key that is not above the one before.
    Order,
    /// A key or a state that makes no sense.
    Pair,
    /// The index does not name the blocks that it stands for.
    Index,
    /// The filter denies a key that is there.
    Filter,
    /// The properties are not those of the pairs.
    Properties,
    /// The footer is not what was written, or leads elsewhere.
    Footer,
}

impl fmt::Display for FlawKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Short => "the table is shorter than any table can be",
            Self::Header => "the header does not match its checksum",
            Self::Version(version) => {
                return write!(
                    f,
                    "format version {version}, which this build does not read"
                );
            }
            Self::Misplaced => "the header is that of another table or of another storage",
            Self::Block(error) => return error.fmt(f),
            Self::Unexpected(kind) => return write!(f, "a {kind:?} block cannot stand here"),
            Self::Order => "a key of the block is not above the key before it",
            Self::Pair => "a key or a state in the block makes no sense",
            Self::Index => "the index does not name the blocks that it stands for",
            Self::Filter => "the bloom filter denies a key that is there",
            Self::Properties => "the properties are not those of the pairs",
            Self::Footer => "the footer does not match its checksum, or leads elsewhere",
        })
    }
}

/// What was found out about a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Everything that is wrong, in the order of the file.
    pub flaws: Vec<Flaw>,
    /// Pairs that could be read.
    pub pairs: u64,
    /// The table as its manifest must know it; `None` if anything is wrong.
    pub table: Option<Table>,
}

impl TableCheck {
    /// Begins with table `number`, of `length` bytes. `incarnation` is that of its storage, if it
    /// is known; else the header is believed.
    #[must_use]
    pub fn new(number: u64, length: u64, incarnation: Option<u64>) -> Self {
        let mut check = Self {
            number,
            length,
            incarnation,
            buffer: Vec::new(),
            start: 0,
            at: 0,
            phase: Phase::Header,
            decoded: Decoded::default(),
            last: Vec::new(),
            run: Vec::new(),
            hashes: Vec::new(),
            directories: Vec::new(),
            top: None,
            properties: None,
            counted: Properties::default(),
            flaws: Vec::new(),
            is_in_doubt: false,
            is_run_damaged: false,
        };
        if length < (TABLE_HEADER_BYTES + FOOTER_BYTES) as u64 {
            check.give_up(FlawKind::Short);
        }
        check
    }

    /// Goes on with what was fed. Each pair goes to `pair`, which says whether it makes sense.
    ///
    /// Gives where the next read begins and how much there is from there on, in bytes; `None` when
    /// the table is gone through.
    pub fn advance(
        &mut self,
        pair: &mut dyn FnMut(&[u8], Found<'_>) -> bool,
    ) -> Option<(u64, u64)> {
        while self.phase != Phase::End {
            let has_moved = match self.phase {
                Phase::Header => self.step_header(),
                _ if self.at == self.footer_at() => self.step_footer(),
                _ => self.step_block(pair),
            };
            if !has_moved {
                let from = self.at + self.unread().len() as u64;
                return Some((from, self.length - from));
            }
        }
        None
    }

    /// The bytes of that read; they may be fewer, but must be some.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..core::mem::take(&mut self.start));
        self.buffer.extend_from_slice(bytes);
    }

    /// What was found out.
    #[must_use]
    pub fn finish(self) -> Checked {
        let pairs = self.counted.entries;
        let (number, length) = (self.number, self.length);
        let whole = self.top.zip(self.properties);
        let table = whole.filter(|_| self.flaws.is_empty());
        Checked {
            flaws: self.flaws,
            pairs,
            table: table.map(|(top, (_, properties))| Table {
                number,
                length,
                top_offset: top.offset,
                top_length: top.length,
                properties,
            }),
        }
    }

    fn step_header(&mut self) -> bool {
        let Some(bytes) = self.unread().first_chunk::<TABLE_HEADER_BYTES>() else {
            return false;
        };
        let flaw = match decode_header(bytes) {
            Ok((incarnation, number)) => {
                let expected = self.incarnation.get_or_insert(incarnation);
                (number != self.number || *expected != incarnation).then_some(FlawKind::Misplaced)
            }
            Err(HeaderError::Version(version)) => Some(FlawKind::Version(version)),
            Err(HeaderError::Damaged) => Some(FlawKind::Header),
        };
        match flaw {
            // The blocks can be read all the same.
            Some(FlawKind::Header) if self.incarnation.is_some() => {
                self.note(0, FlawKind::Header);
            }
            Some(flaw) => {
                self.give_up(flaw);
                return true;
            }
            None => {}
        }
        self.consume(TABLE_HEADER_BYTES);
        self.phase = Phase::Blocks;
        true
    }

    fn step_block(&mut self, pair: &mut dyn FnMut(&[u8], Found<'_>) -> bool) -> bool {
        let place = Place {
            incarnation: self.incarnation.unwrap_or(0),
            table: self.number,
            offset: self.at,
        };
        let room = self.footer_at() - self.at;
        let unread = self.unread();
        if unread.len() < BLOCK_HEADER_BYTES && room >= BLOCK_HEADER_BYTES as u64 {
            return false;
        }
        let header = match BlockHeader::read(place, unread) {
            Ok(header) if header.length() as u64 <= room => header,
            Ok(_) => {
                self.give_up(FlawKind::Block(BlockError::Checksum));
                return true;
            }
            Err(error) => {
                self.give_up(FlawKind::Block(error));
                return true;
            }
        };
        if unread.len() < header.length() {
            return false;
        }
        let raw = header.decode(&unread[BLOCK_HEADER_BYTES..]);
        let length = u32::try_from(header.length()).unwrap_or(u32::MAX);
        let id = BlockId {
            table: self.number,
            offset: self.at,
            length,
        };
        self.consume(header.length());
        match raw {
            Ok(raw) => {
                self.is_in_doubt = false;
                self.take_block(id, header.kind, &raw, pair);
            }
            Err(error) => self.skip_block(id, error),
        }
        true
    }

    /// A damaged block is behind us: another one would mean that its length is wrong as well.
    fn skip_block(&mut self, id: BlockId, error: BlockError) {
        self.note(id.offset, FlawKind::Block(error));
        self.is_run_damaged = true;
        if core::mem::replace(&mut self.is_in_doubt, true) {
            self.phase = Phase::End;
        }
    }

    fn take_block(
        &mut self,
        id: BlockId,
        kind: BlockKind,
        raw: &[u8],
        pair: &mut dyn FnMut(&[u8], Found<'_>) -> bool,
    ) {
        let is_expected = match kind {
            BlockKind::Data => self.top.is_none(),
            BlockKind::Directory => self.top.is_none() && !self.run.is_empty(),
            BlockKind::Top => {
                self.top.is_none() && self.run.is_empty() && !self.directories.is_empty()
            }
            BlockKind::Properties => self.top.is_some() && self.properties.is_none(),
        };
        // What a damaged block has hidden is missed here too.
        if !is_expected && self.flaws.is_empty() {
            self.note(id.offset, FlawKind::Unexpected(kind));
        }
        let taken = match kind {
            BlockKind::Data => self.take_data(id, raw, pair),
            BlockKind::Directory => self.take_directory(id, raw),
            BlockKind::Top => self.take_top(id, raw),
            BlockKind::Properties => self.take_properties(id, raw),
        };
        match taken {
            Ok(None) => {}
            Ok(Some(flaw)) => self.note(id.offset, flaw),
            Err(Malformed) => self.note(id.offset, FlawKind::Block(BlockError::Malformed)),
        }
    }

    fn take_data(
        &mut self,
        id: BlockId,
        raw: &[u8],
        pair: &mut dyn FnMut(&[u8], Found<'_>) -> bool,
    ) -> Result<Option<FlawKind>, Malformed> {
        self.decoded.load(raw)?;
        let mut flaw = None;
        for index in 0..self.decoded.len() {
            let (key, found) = (self.decoded.key(index), self.decoded.found(index, raw));
            let is_first = self.counted.entries == 0;
            if !is_first && compare(&self.last, key) != Ordering::Less {
                flaw = flaw.or(Some(FlawKind::Order));
            }
            if key.len() <= STORED_KEY_PREFIX_BYTES || !pair(key, found) {
                flaw = flaw.or(Some(FlawKind::Pair));
            }
            self.hashes.push(hash64(key));
            self.counted.add(key, found.value, found.facts());
            self.last.clear();
            self.last.extend_from_slice(key);
        }
        if self.decoded.is_empty() {
            return Err(Malformed);
        }
        self.run.push(Part {
            id,
            first: self.decoded.key(0).to_vec(),
            last: self.last.clone(),
        });
        Ok(flaw)
    }

    fn take_directory(&mut self, id: BlockId, raw: &[u8]) -> Result<Option<FlawKind>, Malformed> {
        let run = core::mem::take(&mut self.run);
        let hashes = core::mem::take(&mut self.hashes);
        let is_run_damaged = core::mem::take(&mut self.is_run_damaged);
        if let (Some(first), Some(last)) = (run.first(), run.last()) {
            self.directories.push(Part {
                id,
                first: first.first.clone(),
                last: last.last.clone(),
            });
        }
        let directory = Directory::new(raw)?;
        if hashes.iter().any(|hash| !directory.may_hold(*hash)) {
            return Ok(Some(FlawKind::Filter));
        }
        if is_run_damaged || names(&directory.index, &run)? {
            return Ok(None);
        }
        Ok(Some(FlawKind::Index))
    }

    fn take_top(&mut self, id: BlockId, raw: &[u8]) -> Result<Option<FlawKind>, Malformed> {
        self.top = Some(id);
        let index = Index::new(raw)?;
        let is_right = !self.flaws.is_empty() || names(&index, &self.directories)?;
        Ok((!is_right).then_some(FlawKind::Index))
    }

    fn take_properties(&mut self, id: BlockId, raw: &[u8]) -> Result<Option<FlawKind>, Malformed> {
        let properties: Properties = postcard::from_bytes(raw).map_err(|_| Malformed)?;
        let mut expected = core::mem::take(&mut self.counted);
        expected.last.clone_from(&self.last);
        expected.oldest_ms = properties.oldest_ms;
        expected.newest_ms = properties.newest_ms;
        let is_right = properties == expected && properties.oldest_ms <= properties.newest_ms;
        self.counted = expected;
        self.properties = Some((id, properties));
        // Without the pairs of a damaged block they cannot agree.
        Ok((!is_right && self.flaws.is_empty()).then_some(FlawKind::Properties))
    }

    fn step_footer(&mut self) -> bool {
        let Some(bytes) = self.unread().first_chunk::<FOOTER_BYTES>() else {
            return false;
        };
        let footer = Footer::decode(bytes);
        let blocks = self.top.zip(self.properties.as_ref().map(|(id, _)| *id));
        let is_right = footer.is_some_and(|footer| {
            let leads = blocks.is_none_or(|blocks| blocks == (footer.top, footer.properties));
            leads && Some(footer.incarnation) == self.incarnation
        });
        if !is_right || blocks.is_none() && self.flaws.is_empty() {
            self.note(self.at, FlawKind::Footer);
        }
        self.phase = Phase::End;
        true
    }

    fn note(&mut self, offset: u64, kind: FlawKind) {
        self.flaws.push(Flaw { offset, kind });
    }

    /// What stands here cannot be told, so what follows cannot either.
    fn give_up(&mut self, kind: FlawKind) {
        self.note(self.at, kind);
        self.phase = Phase::End;
    }

    const fn footer_at(&self) -> u64 {
        self.length - FOOTER_BYTES as u64
    }

    fn unread(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    fn consume(&mut self, bytes: usize) {
        self.start += bytes;
        self.at += bytes as u64;
    }
}

/// Whether `index` names all of `parts`, and leads every key of theirs to the right one.
fn names(index: &Index<'_>, parts: &[Part]) -> Result<bool, Malformed> {
    if index.len() != parts.len() {
        return Ok(false);
    }
    for (position, part) in parts.iter().enumerate() {
        let separator = index.separator(position)?;
        let is_above = compare(separator, &part.last) != Ordering::Less;
        let next = parts.get(position + 1);
        let is_below = next.is_none_or(|next| compare(separator, &next.first) == Ordering::Less);
        if index.block(part.id.table, position)? != part.id || !is_above || !is_below {
            return Ok(false);
        }
    }
    Ok(true)
}
