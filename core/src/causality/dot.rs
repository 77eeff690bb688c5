//! The name of one write event.

use crate::id::ActorId;
use serde::{Deserialize, Serialize};

/// One write event: the `counter`-th write of one key that `actor` coordinated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Dot {
    /// Who coordinated the write.
    pub actor: ActorId,
    /// Counts up from 1 for each actor and key; no dot has 0.
    pub counter: u64,
}
