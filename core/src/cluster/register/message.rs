//! What registers say to each other and want done.

use crate::cluster::{Change, ClusterState};
use crate::id::MemberId;
use alloc::boxed::Box;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// The number of a proposal; unique, because it ends with its proposer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ballot {
    pub(super) round: u64,
    pub(super) proposer: u64,
}

/// What members say to agree. Each belongs to the epoch that is to be followed by the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegisterMessage {
    /// Promise to take nothing below this ballot, and say what you have taken.
    Prepare {
        /// The epoch.
        epoch: u64,
        /// The ballot.
        ballot: Ballot,
    },
    /// The answer to [`Self::Prepare`].
    Promise {
        /// The epoch.
        epoch: u64,
        /// The ballot.
        ballot: Ballot,
        /// What was taken under the highest ballot so far.
        accepted: Option<(Ballot, ClusterState)>,
    },
    /// Take this state, unless you have promised otherwise.
    Accept {
        /// The epoch.
        epoch: u64,
        /// The ballot.
        ballot: Ballot,
        /// The state that is to follow.
        state: ClusterState,
    },
    /// The answer to [`Self::Accept`].
    Accepted {
        /// The epoch.
        epoch: u64,
        /// The ballot.
        ballot: Ballot,
    },
    /// Something higher was promised.
    Refused {
        /// The epoch.
        epoch: u64,
        /// What was promised.
        promised: Ballot,
    },
    /// This state is agreed on.
    Decided(ClusterState),
    /// Tell me the state if it is newer than that of this epoch, or else how far yours is.
    Want {
        /// The asker's epoch.
        epoch: u64,
    },
    /// So far is my state.
    Status {
        /// The epoch.
        epoch: u64,
        /// What part the sender has in the agreement.
        voice: Voice,
    },
    /// See to it that these changes become part of the state.
    Wish(Vec<Change>),
}

/// What part a member has in the agreement on the next state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Voice {
    /// None: another shard of the member has it.
    Shadow,
    /// None yet, and nothing promised as far as it knows.
    Fresh,
    /// A vote, and nothing promised yet since the cluster began.
    Ready,
    /// A vote.
    Bound,
}

/// What a register wants done, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegisterOutput {
    /// Make these bytes durable **before** anything that follows is done.
    Persist(Vec<u8>),
    /// Say this to a member. It may be lost.
    Send {
        /// To whom.
        to: MemberId,
        /// What.
        message: RegisterMessage,
    },
    /// The cluster is in this state now.
    Decided(Box<ClusterState>),
    /// Hand this to the register that has a part in the agreement. Only from shadows.
    Wish(Change),
}
