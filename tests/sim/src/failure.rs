//! What a checker has found.

use std::fmt;

/// Which law was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Checker {
    /// What was acknowledged or shown is there, or was superseded.
    Loss,
    /// A read shows what was acknowledged before it began.
    Reads,
    /// A session reads its own writes and never goes back in time.
    Session,
    /// Only what was written is read, and not after its time.
    Values,
    /// The owners of a key agree once all is quiet.
    Convergence,
    /// A write is applied once.
    Once,
    /// What can be answered is answered.
    Liveness,
    /// Owners are spread over zones.
    Placement,
    /// All know who lives and who does not.
    Membership,
    /// Nothing is left over.
    Bounded,
    /// Nodes refuse nothing that their peers say.
    Frames,
    /// A storage that has done no wrong opens again.
    Storage,
    /// No timestamp is from the far future.
    Clocks,
    /// No node panics.
    Panic,
}

impl Checker {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Reads => "reads",
            Self::Session => "session",
            Self::Values => "values",
            Self::Convergence => "convergence",
            Self::Once => "once",
            Self::Liveness => "liveness",
            Self::Placement => "placement",
            Self::Membership => "membership",
            Self::Bounded => "bounded",
            Self::Frames => "frames",
            Self::Storage => "storage",
            Self::Clocks => "clocks",
            Self::Panic => "panic",
        }
    }
}

/// A broken law.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which.
    pub checker: Checker,
    /// How.
    pub message: String,
}

impl Failure {
    /// `checker` was broken as `message` says.
    pub(crate) fn new(checker: Checker, message: impl Into<String>) -> Self {
        Self {
            checker,
            message: message.into(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.checker.name(), self.message)
    }
}
