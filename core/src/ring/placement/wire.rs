//! A placement as it is sent and stored, and the check when it is read.

use super::{MemberIndex, Members, Placement, RingError, Vec, check_dimensions};
use serde::{Deserialize, Serialize};

/// What is sent: everything else follows from it.
#[derive(Serialize, Deserialize)]
pub(super) struct Parts {
    members: Members,
    partitions: u16,
    replicas: u8,
    table: Vec<MemberIndex>,
}

impl From<Placement> for Parts {
    fn from(placement: Placement) -> Self {
        let Placement {
            members,
            partitions,
            replicas,
            table,
            ..
        } = placement;
        Self {
            members,
            partitions,
            replicas,
            table,
        }
    }
}

impl TryFrom<Parts> for Placement {
    type Error = RingError;

    /// Checks all that the code relies on. Whether the load is even is not checked: a table
    /// from a release with another algorithm is still a table.
    fn try_from(parts: Parts) -> Result<Self, RingError> {
        let Parts {
            members,
            partitions,
            replicas,
            table,
        } = parts;
        check_dimensions(partitions, replicas)?;
        let width = members.owners().take(usize::from(replicas)).count();
        if table.len() != usize::from(partitions) * width {
            return Err(RingError::BadTable {
                reason: "it has the wrong size",
            });
        }
        let may_own = |owner: &MemberIndex| members.at(*owner).is_some_and(|m| m.capacity > 0);
        if !table.iter().all(may_own) {
            return Err(RingError::BadTable {
                reason: "an owner is not a member with capacity",
            });
        }
        let repeats = |row: &[MemberIndex]| (1..row.len()).any(|at| row[..at].contains(&row[at]));
        if table.chunks(width).any(repeats) {
            return Err(RingError::BadTable {
                reason: "a member owns a partition twice",
            });
        }
        let width = u8::try_from(width).map_or(replicas, |width| width.min(replicas));
        Ok(Self {
            members,
            partitions,
            replicas,
            width,
            table,
        })
    }
}
