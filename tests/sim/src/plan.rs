//! Everything that a seed does, drawn before it is done: so it can be cut down.

use crate::setup::Setup;
use crate::world::{LinkSettings, Seat};
use henge_core::replication::Level;
use std::fmt;

/// What is done to one cluster.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The small randomness of network and disks follows from it.
    pub seed: u64,
    /// The cluster.
    pub setup: Setup,
    /// Faults and load, several times; after each of them all is healed and checked.
    pub rounds: Vec<Round>,
}

/// Faults and load for a while.
#[derive(Clone, Debug, Default)]
pub struct Round {
    /// What happens, in order of time.
    pub actions: Vec<Timed>,
    /// Whether all that is deleted at its end was forgotten by all.
    pub forgets: bool,
}

/// Something that happens.
#[derive(Clone, Debug)]
pub struct Timed {
    /// When, in microseconds after the round has begun.
    pub at_micros: u64,
    /// What.
    pub action: Action,
}

/// What can happen.
#[derive(Clone, Debug)]
pub enum Action {
    /// Something fails, or works again.
    Fault(Fault),
    /// A client wants something.
    Call(Call),
}

/// Something fails, or works again. What makes no sense when its time comes is passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The power of a seat goes.
    Crash(Seat),
    /// And comes back; one that is not a member yet joins.
    Start(Seat),
    /// Somebody wants this member to leave.
    Leave(Seat),
    /// Somebody wants the second bucket to be made, and tells this seat.
    Bucket(Seat),
    /// A seat crashes and loses its disk; only where all that is on it is elsewhere too.
    Wipe(Seat),
    /// What one seat sends to another is lost.
    Cut(Seat, Seat),
    /// It no longer is.
    Join(Seat, Seat),
    /// These seats on one side, the others on the other.
    Partition(Vec<Seat>),
    /// All links are joined.
    Mend,
    /// What one seat sends to another waits.
    Clog(Seat, Seat),
    /// It goes on.
    Unclog(Seat, Seat),
    /// A link gets other settings.
    Harsh(Seat, Seat, LinkSettings),
    /// It gets its first settings back.
    Gentle(Seat, Seat),
    /// A seat hears that another is gone and back, though it never was.
    Flap(Seat, Seat),
    /// A disk is full.
    Full(Seat),
    /// It no longer is.
    Room(Seat),
    /// Every request to a disk takes so many microseconds more.
    Slow(Seat, u64),
    /// The next sync fails.
    Break(Seat),
    /// One bit of a table turns over.
    Damage(Seat),
    /// A clock is set wrong by so many microseconds, from the seat's next start on.
    Offset(Seat, i64),
}

/// Something that a client wants.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its number in the plan: also that of the value it writes.
    pub id: u32,
    /// Whose it is.
    pub client: u8,
    /// Through which seat.
    pub seat: Seat,
    /// Which key.
    pub key: u16,
    /// What.
    pub kind: CallKind,
    /// How many replicas.
    pub level: Option<Level>,
    /// How long the client waits, in milliseconds.
    pub timeout_ms: u32,
    /// Through which seats it tries again.
    pub retries: Vec<Seat>,
}

/// What a client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// Read.
    Get,
    /// Write a value.
    Put {
        /// Of so many bytes at least.
        bytes: u32,
        /// For so many milliseconds.
        ttl_ms: Option<u64>,
        /// With the context of what the client has read of the key last.
        with_context: bool,
    },
    /// Delete.
    Delete {
        /// With that context.
        with_context: bool,
    },
}

impl Plan {
    /// Whether frames may arrive twice.
    #[must_use]
    pub fn duplicates(&self) -> bool {
        let is_harsh = |timed: &Timed| match &timed.action {
            Action::Fault(Fault::Harsh(_, _, links)) => links.duplicate_permille > 0,
            _ => false,
        };
        let mut actions = self.rounds.iter().flat_map(|round| &round.actions);
        self.setup.links.duplicate_permille > 0 || actions.any(is_harsh)
    }

    /// How many things happen.
    #[must_use]
    pub fn actions(&self) -> usize {
        self.rounds.iter().map(|round| round.actions.len()).sum()
    }
}

impl Fault {
    /// The highest seat that it names.
    #[must_use]
    pub fn last_seat(&self) -> Seat {
        match self {
            Self::Crash(seat)
            | Self::Start(seat)
            | Self::Leave(seat)
            | Self::Bucket(seat)
            | Self::Wipe(seat)
            | Self::Full(seat)
            | Self::Room(seat)
            | Self::Slow(seat, _)
            | Self::Break(seat)
            | Self::Damage(seat)
            | Self::Offset(seat, _) => *seat,
            Self::Cut(a, b)
            | Self::Join(a, b)
            | Self::Clog(a, b)
            | Self::Unclog(a, b)
            | Self::Harsh(a, b, _)
            | Self::Gentle(a, b)
            | Self::Flap(a, b) => *a.max(b),
            Self::Partition(side) => side.iter().copied().max().unwrap_or(0),
            Self::Mend => 0,
        }
    }
}

impl Call {
    /// The key's text.
    #[must_use]
    pub fn key_text(&self) -> String {
        key_text(self.key)
    }
}

/// The text of key `number`.
#[must_use]
pub fn key_text(number: u16) -> String {
    format!("k{number}")
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) => write!(f, "{fault:?}"),
            Self::Call(call) => call.fmt(f),
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, client, seat) = (self.id, self.client, self.seat);
        write!(f, "client {client} through seat {seat}: ")?;
        match self.kind {
            CallKind::Get => write!(f, "get {}", self.key_text())?,
            CallKind::Put { ttl_ms, .. } => {
                write!(f, "put {} = w{id}", self.key_text())?;
                if let Some(ttl_ms) = ttl_ms {
                    write!(f, " for {ttl_ms} ms")?;
                }
            }
            CallKind::Delete { .. } => write!(f, "delete {} (w{id})", self.key_text())?,
        }
        let with_context = match self.kind {
            CallKind::Get => false,
            CallKind::Put { with_context, .. } | CallKind::Delete { with_context } => with_context,
        };
        if with_context {
            f.write_str(" with context")?;
        }
        match self.level {
            None => write!(f, ", level default"),
            Some(level) => write!(f, ", level {level}"),
        }
    }
}
