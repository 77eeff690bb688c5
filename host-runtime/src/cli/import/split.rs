//! Cuts a file into records, past broken ones, without holding more than a few of them.

use super::scan::{Scan, scan};
use serde::{Deserialize, Serialize};
use std::io::{self, Read};

/// Longest record, in bytes; far beyond what a pair can hold.
const RECORD_BYTES_MAX: usize = 4 * 1_024 * 1_024;
const READ_BYTES: usize = 256 * 1_024;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A place in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Bytes before it.
    pub offset: u64,
    /// Its line, from 1.
    pub line: u64,
    /// Its column in bytes, from 1.
    pub column: u64,
}

impl Place {
    /// The first byte of a file.
    pub const START: Self = Self {
        offset: 0,
        line: 1,
        column: 1,
    };

    /// The place behind `bytes`.
    fn after(mut self, bytes: &[u8]) -> Self {
        self.offset += bytes.len() as u64;
        match bytes.iter().rposition(|&byte| byte == b'\n') {
            None => self.column += bytes.len() as u64,
            Some(last) => {
                self.line += bytes.iter().filter(|&&byte| byte == b'\n').count() as u64;
                self.column = (bytes.len() - last) as u64;
            }
        }
        self
    }
}

/// How records lie in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shape {
    /// Elements of one array.
    Array,
    /// One a line.
    Lines,
}

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// Records before it, broken ones among them.
    pub records: u64,
    /// Broken records before it.
    pub broken: u64,
    /// The place behind the last of them.
    pub place: Place,
    /// How records lie in the file; not known before the first.
    pub shape: Option<Shape>,
}

impl Start {
    /// The start of a file.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            records: 0,
            broken: 0,
            place: Place::START,
            shape: None,
        }
    }
}

impl Default for Start {
    fn default() -> Self {
        Self::new()
    }
}

/// One record as it stands in the file.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its number in the file, from 0.
    pub index: u64,
    /// Where it begins.
    pub place: Place,
    /// Where an import that has it goes on.
    pub end: Place,
    /// How records lie in the file.
    pub shape: Shape,
    /// Its bytes, or where and why it is none.
    pub content: Result<Vec<u8>, (Place, String)>,
}

/// Reads records one after the other.
pub struct Splitter<R> {
    input: R,
    window: Vec<u8>,
    /// Bytes of the window that are done.
    done: usize,
    place: Place,
    is_last: bool,
    shape: Option<Shape>,
    index: u64,
    ended: bool,
}

impl<R: Read> Splitter<R> {
    /// Reads `input`, which stands at `from`.
    pub fn new(input: R, from: Start) -> Self {
        Self {
            input,
            window: Vec::new(),
            done: 0,
            place: from.place,
            is_last: false,
            shape: from.shape,
            index: from.records,
            ended: false,
        }
    }

    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn next_piece(&mut self) -> io::Result<Option<Piece>> {
        if self.ended {
            return Ok(None);
        }
        let shape = match self.shape {
            Some(shape) => shape,
            None => match self.find_shape()? {
                Ok(shape) => shape,
                Err(why) => {
                    self.ended = true;
                    return Ok(Some(self.piece(
                        Shape::Lines,
                        self.place,
                        Err((self.place, why)),
                    )));
                }
            },
        };
        self.shape = Some(shape);
        match shape {
            Shape::Array => self.next_of_array(),
            Shape::Lines => self.next_line(),
        }
    }

    fn find_shape(&mut self) -> io::Result<Result<Shape, String>> {
        self.want(BYTE_ORDER_MARK.len())?;
        if self.rest().starts_with(BYTE_ORDER_MARK) {
            self.take(BYTE_ORDER_MARK.len());
        }
        Ok(match self.skip(u8::is_ascii_whitespace)? {
            Some(b'[') => {
                self.take(1);
                Ok(Shape::Array)
            }
            Some(b'{') => Ok(Shape::Lines),
            Some(_) => Err("a JSON array or one JSON object a line was expected here".into()),
            None => Err("the file is empty".into()),
        })
    }

    fn next_of_array(&mut self) -> io::Result<Option<Piece>> {
        let is_between = |byte: &u8| *byte == b',' || byte.is_ascii_whitespace();
        match self.skip(is_between)? {
            None => {
                self.ended = true;
                let why = "the file ends inside of the array; it may be cut short".to_owned();
                Ok(Some(self.piece(
                    Shape::Array,
                    self.place,
                    Err((self.place, why)),
                )))
            }
            Some(b']') => {
                self.take(1);
                self.ended = true;
                let rest = self.skip(u8::is_ascii_whitespace)?;
                let why = "something follows after the end of the array".to_owned();
                let fault =
                    rest.map(|_| self.piece(Shape::Array, self.place, Err((self.place, why))));
                Ok(fault)
            }
            Some(_) => self.element().map(Some),
        }
    }

    fn element(&mut self) -> io::Result<Piece> {
        let start = self.place;
        loop {
            let (at, why) = match scan(self.rest(), self.is_last) {
                Scan::Value(length) if length > 0 => {
                    let bytes = self.rest()[..length].to_vec();
                    self.take(length);
                    return Ok(self.piece(Shape::Array, start, Ok(bytes)));
                }
                Scan::NeedMore if self.rest().len() <= RECORD_BYTES_MAX => {
                    self.read_more()?;
                    continue;
                }
                Scan::NeedMore => (0, "this record does not end, or is far too long"),
                Scan::Value(_) => (0, "this is no record"),
                Scan::Bad { at, why } => (at, why),
            };
            let place = start.after(&self.rest()[..at]);
            self.skip_broken(start)?;
            return Ok(self.piece(Shape::Array, start, Err((place, why.to_owned()))));
        }
    }

    /// Goes on to where the next record most likely begins: a line that begins with a brace in the
    /// column of the broken one, or else, in a file without lines, the next `},{`.
    fn skip_broken(&mut self, start: Place) -> io::Result<()> {
        self.take(1);
        loop {
            match next_start(self.rest(), start.column) {
                Some(length) => {
                    self.take(length);
                    return Ok(());
                }
                None if self.is_last => {
                    // The closing bracket of the array stays, if it is there.
                    let end = self.rest().trim_ascii_end();
                    self.take(end.len() - usize::from(end.ends_with(b"]")));
                    return Ok(());
                }
                None => {
                    // What cannot be a part of such a place is done with.
                    let kept = usize::try_from(start.column)
                        .unwrap_or(usize::MAX)
                        .saturating_add(64);
                    self.take(self.rest().len().saturating_sub(kept));
                    self.read_more()?;
                }
            }
        }
    }

    fn next_line(&mut self) -> io::Result<Option<Piece>> {
        if self.skip(u8::is_ascii_whitespace)?.is_none() {
            self.ended = true;
            return Ok(None);
        }
        let start = self.place;
        let mut too_long = false;
        loop {
            let end = self.rest().iter().position(|&byte| byte == b'\n');
            let length = match end {
                Some(length) => length,
                None if self.is_last => self.rest().len(),
                None => {
                    if self.rest().len() > RECORD_BYTES_MAX {
                        too_long = true;
                        self.take(self.rest().len());
                    }
                    self.read_more()?;
                    continue;
                }
            };
            let content = match too_long {
                true => Err((start, "this line is far too long for a record".to_owned())),
                false => Ok(self.rest()[..length].trim_ascii_end().to_vec()),
            };
            self.take(length);
            return Ok(Some(self.piece(Shape::Lines, start, content)));
        }
    }

    fn piece(
        &mut self,
        shape: Shape,
        place: Place,
        content: Result<Vec<u8>, (Place, String)>,
    ) -> Piece {
        let index = self.index;
        self.index += 1;
        Piece {
            index,
            place,
            end: self.place,
            shape,
            content,
        }
    }

    /// Skips bytes that are `skipped`; the byte behind them, or `None` at the end.
    fn skip(&mut self, skipped: impl Fn(&u8) -> bool) -> io::Result<Option<u8>> {
        loop {
            let length = self.rest().iter().take_while(|byte| skipped(byte)).count();
            self.take(length);
            match self.rest().first() {
                Some(&byte) => return Ok(Some(byte)),
                None if self.is_last => return Ok(None),
                None => self.read_more()?,
            }
        }
    }

    /// Tries to have `length` bytes.
    fn want(&mut self, length: usize) -> io::Result<()> {
        while self.rest().len() < length && !self.is_last {
            self.read_more()?;
        }
        Ok(())
    }

    fn rest(&self) -> &[u8] {
        &self.window[self.done..]
    }

    fn take(&mut self, length: usize) {
        self.place = self
            .place
            .after(&self.window[self.done..self.done + length]);
        self.done += length;
    }

    fn read_more(&mut self) -> io::Result<()> {
        self.window.drain(..self.done);
        self.done = 0;
        let before = self.window.len();
        self.window.resize(before + READ_BYTES, 0);
        let read = loop {
            match self.input.read(&mut self.window[before..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.window.truncate(before + *read.as_ref().unwrap_or(&0));
        self.is_last = read? == 0;
        Ok(())
    }
}

/// How far it is to a place where a record may begin.
fn next_start(bytes: &[u8], column: u64) -> Option<usize> {
    let mut line = None;
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'\n' => line = Some(at + 1),
            b'{' => {
                let begins_line = line.is_some_and(|line| {
                    let indent = &bytes[line..at];
                    indent.trim_ascii().is_empty() && indent.len() as u64 + 1 == column
                });
                let before = bytes[..at].trim_ascii_end();
                let follows = before
                    .strip_suffix(b",")
                    .is_some_and(|b| b.trim_ascii_end().ends_with(b"}"));
                if begins_line || (line.is_none() && follows) {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}
