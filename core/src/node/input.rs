//! Everything that can happen to a node.

use crate::cluster::{Change, ClusterState};
use crate::id::MemberId;
use crate::storage::{OperationId, StorageAnswer, StorageFault, StoredFile};
use crate::wire::ClientId;
use alloc::boxed::Box;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// One thing that happened. The driver hands over all that are ready, then drains the outputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input<'a> {
    /// The storage is open and holds these files. The first input, and only once.
    Opened(Vec<StoredFile>),
    /// A storage operation has ended.
    StorageDone {
        /// Which one.
        operation: OperationId,
        /// How.
        #[serde(borrow)]
        result: Result<StorageAnswer<'a>, StorageFault>,
    },
    /// Frames can be sent to this member from now on.
    PeerUp(MemberId),
    /// Frames to this member will not arrive for now.
    PeerDown(MemberId),
    /// One whole frame of kind `Peer`.
    Peer {
        /// Who sent it.
        from: MemberId,
        /// Header and body.
        #[serde(borrow, with = "serde_bytes")]
        frame: &'a [u8],
    },
    /// One whole frame of kind `Request` or `Watch`.
    Client {
        /// Whose connection.
        client: ClientId,
        /// Header and body.
        #[serde(borrow, with = "serde_bytes")]
        frame: &'a [u8],
    },
    /// Another shard of this member goes by this state of the cluster.
    Cluster(Box<ClusterState>),
    /// Somebody who may say so wants the state of the cluster changed: people, or another shard of
    /// this member.
    Wish(Change),
    /// The time of `poll_timeout` has come.
    Timeout,
    /// Asks for a [`super::Report`].
    Inspect(u64),
    /// A client's connection is gone.
    ClientGone(ClientId),
}
