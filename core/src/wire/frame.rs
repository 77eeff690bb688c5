//! The fixed header: 16 bytes, little-endian, before every message.
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | 1 | protocol version |
//! | 1 | 1 | kind |
//! | 2 | 2 | partition |
//! | 4 | 4 | length of the body |
//! | 8 | 8 | xxh3-64 of bytes 0 to 7 followed by the body |
//!
//! A WebSocket message is one or more frames, back to back. A server routes a frame to the shard
//! of its partition without looking into the body.

use crate::id::PartitionId;
use crate::limits::{FRAME_BODY_BYTES_MAX, PROTOCOL_VERSION};
use alloc::vec::Vec;
use core::fmt;
use xxhash_rust::xxh3::Xxh3;

/// Length of the header.
pub const HEADER_BYTES: usize = 16;

/// What a frame's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameKind {
    /// [`super::Hello`], the first frame of whoever dials.
    Hello = 1,
    /// [`super::Welcome`], the answer that opens the connection.
    Welcome = 2,
    /// [`super::Refusal`], the answer that closes it.
    Refusal = 3,
    /// [`super::Request`] of a client.
    Request = 4,
    /// [`super::Response`] to a client.
    Response = 5,
    /// [`super::PeerMessage`] between members.
    Peer = 6,
    /// [`super::Notice`] of a server to a client.
    Notice = 7,
    /// [`super::WatchRequest`] of a client.
    Watch = 8,
    /// [`super::WatchEvents`] to a client.
    Events = 9,
}

impl FrameKind {
    const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Hello,
            2 => Self::Welcome,
            3 => Self::Refusal,
            4 => Self::Request,
            5 => Self::Response,
            6 => Self::Peer,
            7 => Self::Notice,
            8 => Self::Watch,
            9 => Self::Events,
            _ => return None,
        })
    }
}

/// A frame whose header and checksum are right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What the body is.
    pub kind: FrameKind,
    /// The partition it is about; 0 in a handshake.
    pub partition: PartitionId,
    /// The message.
    pub body: &'a [u8],
    /// Header and body as they came.
    pub bytes: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Takes one frame from the front of `bytes`, and what follows it.
    pub fn take(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), FrameError> {
        let Some((header, rest)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
            return Err(FrameError::Short {
                have: bytes.len(),
                need: HEADER_BYTES,
            });
        };
        if header[0] != PROTOCOL_VERSION {
            return Err(FrameError::Version(header[0]));
        }
        let kind = FrameKind::from_byte(header[1]).ok_or(FrameError::Kind(header[1]))?;
        let partition = PartitionId(u16::from_le_bytes([header[2], header[3]]));
        let length = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        if length > FRAME_BODY_BYTES_MAX {
            return Err(FrameError::TooLong(length));
        }
        let Some((body, rest)) = rest.split_at_checked(length) else {
            return Err(FrameError::Short {
                have: rest.len(),
                need: length,
            });
        };
        let mut sum = [0; 8];
        sum.copy_from_slice(&header[8..]);
        if u64::from_le_bytes(sum) != checksum(&header[..8], body) {
            return Err(FrameError::Checksum);
        }
        let bytes = &bytes[..HEADER_BYTES + length];
        Ok((
            Self {
                kind,
                partition,
                body,
                bytes,
            },
            rest,
        ))
    }
}

/// The frames of one WebSocket message. Stops after the first error.
#[derive(Clone, Debug)]
pub struct Frames<'a>(&'a [u8]);

impl<'a> Frames<'a> {
    /// The frames of `message`.
    #[must_use]
    pub const fn new(message: &'a [u8]) -> Self {
        Self(message)
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, FrameError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let taken = Frame::take(self.0);
        self.0 = taken.as_ref().map_or(&[], |(_, rest)| rest);
        Some(taken.map(|(frame, _)| frame))
    }
}

/// Writes one frame behind what `out` already holds.
///
/// # Panics
/// If `body` is longer than [`FRAME_BODY_BYTES_MAX`]: whoever builds a message bounds it first.
pub fn put_frame(out: &mut Vec<u8>, kind: FrameKind, partition: PartitionId, body: &[u8]) {
    assert!(
        body.len() <= FRAME_BODY_BYTES_MAX,
        "a frame body of {} bytes",
        body.len()
    );
    let length = u32::try_from(body.len()).expect("bounded above");
    let mut head = [0; 8];
    head[0] = PROTOCOL_VERSION;
    head[1] = kind as u8;
    head[2..4].copy_from_slice(&partition.0.to_le_bytes());
    head[4..].copy_from_slice(&length.to_le_bytes());
    out.reserve(HEADER_BYTES + body.len());
    out.extend_from_slice(&head);
    out.extend_from_slice(&checksum(&head, body).to_le_bytes());
    out.extend_from_slice(body);
}

fn checksum(head: &[u8], body: &[u8]) -> u64 {
    let mut hasher = Xxh3::new();
    hasher.update(head);
    hasher.update(body);
    hasher.digest()
}

/// Why bytes are not a frame. The sender is at fault; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// Fewer bytes than the header says.
    Short {
        /// Bytes that came.
        have: usize,
        /// Bytes that should have come.
        need: usize,
    },
    /// A protocol version that this build does not speak.
    Version(u8),
    /// No such kind of frame, or one that has no place here.
    Kind(u8),
    /// A body longer than allowed.
    TooLong(usize),
    /// The checksum is not that of the bytes.
    Checksum,
    /// The body is not the message that its kind promises.
    Malformed,
    /// Bytes after the message.
    TrailingBytes(usize),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short { have, need } => write!(f, "frame cut short: {have} bytes of {need}"),
            Self::Version(version) => {
                write!(
                    f,
                    "protocol version {version}, but this side speaks {PROTOCOL_VERSION}"
                )
            }
            Self::Kind(kind) => write!(f, "frame of kind {kind} has no place here"),
            Self::TooLong(length) => {
                write!(
                    f,
                    "frame body of {length} bytes; at most {FRAME_BODY_BYTES_MAX} are allowed"
                )
            }
            Self::Checksum => f.write_str("frame checksum does not match its bytes"),
            Self::Malformed => f.write_str("frame body is not the message its kind promises"),
            Self::TrailingBytes(count) => write!(f, "{count} bytes after the message in a frame"),
        }
    }
}

impl core::error::Error for FrameError {}
