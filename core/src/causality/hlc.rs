//! Hybrid logical clocks: Kulkarni, Demirbas, Madappa, Avva, Leone, "Logical Physical Clocks and
//! Consistent Snapshots in Globally Distributed Databases", OPODIS 2014.

use crate::time::{Duration, Instant};
use core::error::Error;
use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Serialize};

/// A hybrid timestamp: 48 bits of milliseconds since the Unix epoch, then 16 bits that count
/// events within one millisecond.
///
/// Shown and parsed as 16 hexadecimal digits, which sort as the timestamps do.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Hlc(u64);

impl Hlc {
    /// The timestamp whose 64 bits are `bits`; every value is one.
    #[must_use]
    pub const fn from_u64(bits: u64) -> Self {
        Self(bits)
    }

    /// The 64 bits: milliseconds in the upper 48, the logical count in the lower 16.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn physical_ms(self) -> u64 {
        self.0 >> LOGICAL_BITS
    }

    /// The least timestamp after this one; a full logical count carries into the milliseconds.
    ///
    /// The last timestamp there is (in the year 10889) has no successor and gives itself.
    #[must_use]
    pub(super) const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The first timestamp of `now`'s millisecond.
    const fn at(now: Instant) -> Self {
        let ms = now.as_millis();
        Self(if ms > PHYSICAL_MS_MAX {
            u64::MAX
        } else {
            ms << LOGICAL_BITS
        })
    }
}

impl fmt::Display for Hlc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for Hlc {
    type Err = ParseHlcError;

    fn from_str(text: &str) -> Result<Self, ParseHlcError> {
        let is_hex = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_hex {
            return Err(ParseHlcError);
        }
        u64::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| ParseHlcError)
    }
}

/// The text is not 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseHlcError;

impl fmt::Display for ParseHlcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a timestamp is exactly 16 hexadecimal digits; pass one on as it was received")
    }
}

impl Error for ParseHlcError {}

/// One node's hybrid clock.
#[derive(Clone, Debug)]
pub struct Clock {
    last: Hlc,
    skew_max: Duration,
}

impl Clock {
    /// A clock that has seen `last` and accepts peers that are up to `skew_max` ahead of its own
    /// physical time.
    #[must_use]
    pub const fn new(last: Hlc, skew_max: Duration) -> Self {
        Self { last, skew_max }
    }

    /// The newest timestamp given out, observed or restored.
    #[must_use]
    pub const fn newest(&self) -> Hlc {
        self.last
    }

    /// A timestamp for an event of this node at `now`: strictly after every one that this clock
    /// has given out, observed or restored.
    pub fn tick(&mut self, now: Instant) -> Hlc {
        self.last = Hlc::at(now).max(self.last.next());
        self.last
    }

    /// Takes note of a peer's timestamp, so that later ticks come after it.
    ///
    /// # Errors
    ///
    /// [`ClockError::FarFuture`] if `remote` is further ahead of `now` than this clock accepts.
    /// The clock is unchanged, and what carried the timestamp must be refused with it.
    pub fn observe(&mut self, now: Instant, remote: Hlc) -> Result<(), ClockError> {
        let ahead_ms = remote.physical_ms().saturating_sub(now.as_millis());
        let allowed_ms = self.skew_max.as_millis();
        if ahead_ms > allowed_ms {
            return Err(ClockError::FarFuture {
                ahead_ms,
                allowed_ms,
            });
        }
        self.last = self.last.max(remote);
        Ok(())
    }

    /// The latest timestamp that this clock has given out or seen.
    #[must_use]
    pub const fn last(&self) -> Hlc {
        self.last
    }

    /// Takes note of a timestamp from this node's own recovered log, however far ahead it is: the
    /// write that carries it was accepted once and is kept.
    pub fn restore(&mut self, seen: Hlc) {
        self.last = self.last.max(seen);
    }
}

/// Why a timestamp was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockError {
    /// The peer's clock is too far ahead of this node's.
    FarFuture {
        /// How far the timestamp lies ahead of this node's physical time, in milliseconds.
        ahead_ms: u64,
        /// How far ahead it may lie, in milliseconds.
        allowed_ms: u64,
    },
}

impl fmt::Display for ClockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::FarFuture {
            ahead_ms,
            allowed_ms,
        } = self;
        write!(
            f,
            "the peer's timestamp is {ahead_ms} ms ahead of this node's clock and at most \
             {allowed_ms} ms is accepted; set the clocks of both nodes right (NTP) and send it again"
        )
    }
}

impl Error for ClockError {}

const LOGICAL_BITS: u32 = 16;
const PHYSICAL_MS_MAX: u64 = u64::MAX >> LOGICAL_BITS;
