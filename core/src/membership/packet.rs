//! The bytes: a header of ours, and behind it one of three bodies.
//!
//! ```text
//! 0   8  xxh3-64 of all that follows, little-endian
//! 8   1  version of this protocol, 1
//! 9   1  kind: 0 gossip, 1 digest, 2 state
//! 10  8  cluster, little-endian
//! 18     body
//! ```
//!
//! A gossip body is foca's: a header, the number of updates (two bytes, big-endian), the updates,
//! and broadcasts, each behind its length (two bytes, big-endian). Everything in it is postcard.

use super::error::MembershipError;
use super::identity::{Identity, WHOEVER};
use super::news::Item;
use crate::hash::hash64;
use crate::id::MemberId;
use alloc::vec::Vec;
use foca::{Codec, Header, Member, Message, PostcardCodec};
use serde::{Deserialize, Serialize};

/// Length of the header, in bytes.
pub(super) const HEADER_BYTES: usize = 18;
/// Parts that a state is compared in.
pub(super) const BUCKETS: usize = 32;

const VERSION: u8 = 1;
const GOSSIP: u8 = 0;
const DIGEST: u8 = 1;
const STATE: u8 = 2;

/// What a packet says.
#[derive(Debug)]
pub(super) enum Packet<'a> {
    /// Foca's.
    Gossip(Gossip<'a>),
    /// Tells what the sender's state looks like.
    Digest(Digest),
    /// Tells a part of the sender's state.
    State(State),
}

/// Foca's packet, taken apart.
#[derive(Debug)]
pub(super) struct Gossip<'a> {
    pub(super) header: Header<Identity>,
    pub(super) updates: Vec<Member<Identity>>,
    pub(super) items: Vec<Item>,
    /// All of it, as foca takes it.
    pub(super) bytes: &'a [u8],
}

/// What a state looks like: a hash for each part. Members and broadcasts are sorted into parts by
/// the top bits of their hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Digest {
    pub(super) from: Identity,
    pub(super) to: MemberId,
    /// Another one each time, so that two states whose hashes collide differ the next time.
    pub(super) salt: u64,
    pub(super) buckets: [[u8; 4]; BUCKETS],
}

/// A part of a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) from: Identity,
    pub(super) to: MemberId,
    /// The sender wants the receiver's state of these parts, one bit each.
    pub(super) wanted: u32,
    pub(super) members: Vec<Member<Identity>>,
    pub(super) items: Vec<Item>,
}

impl<'a> Packet<'a> {
    /// Takes `bytes` apart for a member of `cluster`.
    ///
    /// # Errors
    ///
    /// Every error but [`MembershipError::OurName`] and those about room: see there.
    pub(super) fn decode(bytes: &'a [u8], cluster: u64) -> Result<Self, MembershipError> {
        let Some((header, body)) = bytes.split_at_checked(HEADER_BYTES) else {
            let bytes = bytes.len();
            return Err(MembershipError::TooShort { bytes });
        };
        if header[..8] != hash64(&bytes[8..]).to_le_bytes() {
            return Err(MembershipError::Checksum);
        }
        if header[8] != VERSION {
            return Err(MembershipError::Version { version: header[8] });
        }
        let theirs = u64::from_le_bytes(header[10..].try_into().unwrap_or_default());
        if theirs != cluster {
            return Err(MembershipError::ForeignCluster { cluster: theirs });
        }
        match header[9] {
            GOSSIP => Gossip::decode(body).map(Packet::Gossip),
            DIGEST => whole(body).map(Packet::Digest),
            STATE => State::decode(body).map(Packet::State),
            _ => Err(MembershipError::Malformed),
        }
    }
}

impl<'a> Gossip<'a> {
    fn decode(bytes: &'a [u8]) -> Result<Self, MembershipError> {
        let malformed = |_| MembershipError::Malformed;
        let mut rest = bytes;
        let header = PostcardCodec.decode_header(&mut rest).map_err(malformed)?;
        let mut updates = Vec::new();
        if matches!(header.message, Message::Announce) && !rest.is_empty() {
            return Err(MembershipError::Malformed);
        }
        if !rest.is_empty() && !matches!(header.message, Message::Broadcast) {
            for _ in 0..length(&mut rest)? {
                updates.push(PostcardCodec.decode_member(&mut rest).map_err(malformed)?);
            }
        }
        let mut items = Vec::new();
        while !rest.is_empty() {
            let length = length(&mut rest)?;
            let (item, behind) = rest
                .split_at_checked(length)
                .ok_or(MembershipError::Malformed)?;
            items.push(whole::<Item>(item)?);
            rest = behind;
        }
        check_identities(&header, &updates)?;
        items.iter().try_for_each(Item::check)?;
        Ok(Self {
            header,
            updates,
            items,
            bytes,
        })
    }

    /// The body again, after the header or the updates were changed. Broadcasts are left out: they
    /// have been read.
    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(self.bytes.len());
        PostcardCodec.encode_header(&self.header, &mut bytes).ok()?;
        if matches!(
            self.header.message,
            Message::Announce | Message::Broadcast | Message::TurnUndead
        ) {
            return Some(bytes);
        }
        let count = u16::try_from(self.updates.len()).ok()?;
        bytes.extend_from_slice(&count.to_be_bytes());
        for update in &self.updates {
            PostcardCodec.encode_member(update, &mut bytes).ok()?;
        }
        Some(bytes)
    }
}

impl Digest {
    /// The packet of `cluster`.
    pub(super) fn encode(&self, cluster: u64) -> Option<Vec<u8>> {
        Some(seal(DIGEST, cluster, &postcard::to_allocvec(self).ok()?))
    }
}

impl State {
    fn decode(bytes: &[u8]) -> Result<Self, MembershipError> {
        let state: Self = whole(bytes)?;
        state.items.iter().try_for_each(Item::check)?;
        if state.members.iter().any(|member| member.id().id == WHOEVER) {
            return Err(MembershipError::Malformed);
        }
        Ok(state)
    }

    /// The packet of `cluster`.
    pub(super) fn encode(&self, cluster: u64) -> Option<Vec<u8>> {
        Some(seal(STATE, cluster, &postcard::to_allocvec(self).ok()?))
    }
}

/// The packet of `cluster` around foca's `body`.
pub(super) fn seal_gossip(cluster: u64, body: &[u8]) -> Vec<u8> {
    seal(GOSSIP, cluster, body)
}

/// The packet of `cluster` with which `from` tells `to` that it is taken for dead.
pub(super) fn seal_obituary(cluster: u64, from: &Identity, to: &Identity) -> Option<Vec<u8>> {
    let header = Header {
        src: from.clone(),
        // The lowest one changes nothing for whoever knows the present one.
        src_incarnation: 0,
        dst: to.clone(),
        message: Message::TurnUndead,
    };
    let mut body = Vec::new();
    PostcardCodec.encode_header(&header, &mut body).ok()?;
    Some(seal_gossip(cluster, &body))
}

fn seal(kind: u8, cluster: u64, body: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(HEADER_BYTES + body.len());
    packet.extend_from_slice(&[0; 8]);
    packet.extend_from_slice(&[VERSION, kind]);
    packet.extend_from_slice(&cluster.to_le_bytes());
    packet.extend_from_slice(body);
    let checksum = hash64(&packet[8..]);
    packet[..8].copy_from_slice(&checksum.to_le_bytes());
    packet
}

fn check_identities(
    header: &Header<Identity>,
    updates: &[Member<Identity>],
) -> Result<(), MembershipError> {
    let unnamed = |identity: &Identity| identity.id == WHOEVER;
    let third = match &header.message {
        Message::PingReq { target, .. } | Message::IndirectAck { target, .. } => Some(target),
        Message::IndirectPing { origin, .. } | Message::ForwardedAck { origin, .. } => Some(origin),
        _ => None,
    };
    if unnamed(&header.src)
        || unnamed(&header.dst) && !matches!(header.message, Message::Announce)
        || third.is_some_and(unnamed)
        || updates.iter().any(|update| unnamed(update.id()))
    {
        return Err(MembershipError::Malformed);
    }
    Ok(())
}

fn length(rest: &mut &[u8]) -> Result<usize, MembershipError> {
    let (length, behind) = rest
        .split_first_chunk::<2>()
        .ok_or(MembershipError::Malformed)?;
    *rest = behind;
    Ok(usize::from(u16::from_be_bytes(*length)))
}

fn whole<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, MembershipError> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        _ => Err(MembershipError::Malformed),
    }
}
